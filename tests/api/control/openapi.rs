//! `openapi.json` is a valid OpenAPI document, and it matches what the server does.

use super::client::document;
use super::document::{Document, Operation, pairs};
use crate::harness::TestApp;
use jsonschema::draft202012;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// JSON Schema's keywords that draft 7 lacks or treats differently.
const NEW_KEYWORDS: [&str; 7] = [
    "$dynamicRef",
    "dependentRequired",
    "dependentSchemas",
    "maxContains",
    "minContains",
    "prefixItems",
    "unevaluated",
];

/// OpenAPI's schema does not check the values of `schema`; JSON Schema's meta-schema does.
#[tokio::test]
async fn it_is_an_openapi_document_and_its_schemas_are_schemas() {
    let app = TestApp::start().await;
    let document = document(&app.control()).await;

    let official = include_str!("../../vectors/openapi/3.1.json");
    let official: Value = serde_json::from_str(official).expect("it is JSON");
    let official = draft202012::new(&official).expect("it is a schema");
    let errors: Vec<_> = official
        .iter_errors(&document.json)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let mut schemas: Vec<_> = pairs(&document.json["components"]["schemas"])
        .map(|(_, schema)| schema)
        .collect();
    collect(&document.json, &mut schemas);
    assert!(schemas.len() > 100, "{}", schemas.len());
    for schema in schemas {
        assert!(draft202012::meta::is_valid(schema), "{schema}");
        // The server checks requests by draft 7.
        let text = schema.to_string();
        let new = NEW_KEYWORDS.map(|keyword| format!("\"{keyword}"));
        assert!(!new.iter().any(|keyword| text.contains(keyword)), "{text}");
    }
}

/// What generators of clients do not understand, or turn into bad names.
#[tokio::test]
async fn its_schemas_have_good_names_and_are_simple() {
    let app = TestApp::start().await;
    let document = document(&app.control()).await;
    let schemas = &document.json["components"]["schemas"];

    for name in ["FriendAddRequest", "FriendAddResponse", "NewApp", "AppInfo"] {
        assert!(schemas[name].is_object(), "{name}");
    }
    let mut references = BTreeSet::new();
    collect_references(&document.json, &mut references);
    for (name, schema) in pairs(schemas) {
        let is_type = |c: char| c.is_ascii_alphabetic();
        assert!(name.starts_with(|c: char| c.is_ascii_uppercase()), "{name}");
        // The second type of a name would have a 2 at its end.
        assert!(name.chars().all(is_type), "{name}");
        let reference = format!("#/components/schemas/{name}");
        assert!(references.contains(&*reference), "{name} is not used");
        assert_is_simple(schema, name);
    }
    for operation in &document.operations {
        let json = &operation.json;
        assert_is_simple(json, &operation.path);
        let request = &json["requestBody"]["content"]["application/json"]["schema"];
        let is_named = request["$ref"].is_string();
        assert!(is_named || request.is_null(), "{}", operation.path);
    }
    for reference in references {
        let there = document.json.pointer(&reference[1..]);
        assert!(there.is_some(), "{reference}");
    }
}

/// No boolean is a schema, no default is null, each list has `items`, and each map a schema.
fn assert_is_simple(value: &Value, at: &str) {
    if let Some(list) = value.as_array() {
        for element in list {
            assert_is_simple(element, at);
        }
    }
    assert!(value.get("default") != Some(&Value::Null), "{at}: {value}");
    let lacks_items = value["type"] == "array" && !value["items"].is_object();
    assert!(!lacks_items, "{at}: {value}");
    assert!(value.get("patternProperties").is_none(), "{at}: {value}");
    for (name, field) in pairs(&value["properties"]) {
        assert!(field.is_object(), "{at} {name}: {field}");
    }
    for (name, inner) in pairs(value) {
        let is_schema = ["schema", "items", "propertyNames", "not"].contains(&&**name);
        assert!(!(is_schema && inner.is_boolean()), "{at} {name}: {value}");
        if !["example", "default", "enum"].contains(&&**name) {
            assert_is_simple(inner, at);
        }
    }
}

fn collect_references<'a>(value: &'a Value, references: &mut BTreeSet<&'a str>) {
    references.extend(value["$ref"].as_str());
    for (_, inner) in pairs(value) {
        collect_references(inner, references);
    }
    for inner in value.as_array().into_iter().flatten() {
        collect_references(inner, references);
    }
}

fn collect<'a>(value: &'a Value, schemas: &mut Vec<&'a Value>) {
    if let Some(schema) = value.get("schema") {
        schemas.push(schema);
    }
    for (_, inner) in pairs(value) {
        collect(inner, schemas);
    }
    for inner in value.as_array().into_iter().flatten() {
        collect(inner, schemas);
    }
}

#[tokio::test]
async fn operations_have_names_of_their_own_and_every_part_of_a_path_is_described() {
    let app = TestApp::start().await;
    let Document { operations, .. } = document(&app.control()).await;

    let mut names: Vec<_> = operations
        .iter()
        .map(|known| known.json["operationId"].as_str())
        .collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    for operation in operations {
        let in_path = operation
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        for name in in_path {
            let described = operation.json["parameters"]
                .as_array()
                .expect("a list")
                .iter();
            let mut described = described.filter(|known| known["in"] == "path");
            assert!(
                described.any(|known| known["name"] == name),
                "{} {name}",
                operation.path
            );
        }
    }
}

/// Tries each path with each method: exactly the documented operations are served.
#[tokio::test]
async fn what_it_names_is_served_and_no_method_more() {
    let app = TestApp::start().await;
    let control = app.control();
    let Document { operations, .. } = document(&control).await;

    for Operation { path, .. } in operations {
        if path.starts_with("/v4/") || path.ends_with("/events") || path.ends_with("/wait") {
            continue;
        }
        let methods = [
            Method::GET,
            Method::PUT,
            Method::POST,
            Method::DELETE,
            Method::PATCH,
        ];
        for method in methods {
            let known = operations
                .iter()
                .any(|known| known.path == *path && known.method == method.as_str());
            let url = format!("{}{}", app.emulator.url(), path.replace(['{', '}'], ""));
            let answer = control.send(method.clone(), &url, None).await;
            let is_served = answer.status != 405;
            assert_eq!(is_served, known, "{method} {path}: {}", answer.text);
            assert!(
                !answer.text.contains("no route"),
                "{method} {path}: {}",
                answer.text
            );
        }
    }
}

/// Every operation that takes a body documents it, for generated clients.
#[tokio::test]
async fn every_body_that_is_taken_is_described_and_no_other() {
    let app = TestApp::start().await;
    let control = app.control();
    let Document { operations, .. } = document(&control).await;
    let mut described = 0;
    for Operation {
        method, path, json, ..
    } in operations
    {
        if path.starts_with("/v4/") || path.ends_with("/events") || path.ends_with("/wait") {
            continue;
        }
        let path = path.replace("{sdkappid}", "88888888").replace("{id}", "1");
        let url = format!("{}{}", app.emulator.url(), path.replace(['{', '}'], ""));
        let method: Method = method.parse().expect("a method");
        // A route without a body rejects every field as unknown.
        let answer = control
            .send(method.clone(), &url, Some(json!({"no_such_field": 1})))
            .await;
        let is_unknown = answer.text.contains("is unknown\"") && answer.status == 422;
        let body = &json["requestBody"];
        let takes_no_field = answer.text.contains("/no_such_field");
        described += usize::from(body.is_object());
        if body.is_null() {
            assert!(
                is_unknown && takes_no_field,
                "{method} {path}: {}",
                answer.text
            );
        }
    }
    assert_eq!(described, 17);
}

#[tokio::test]
async fn answers_have_the_media_types_that_it_names() {
    let app = TestApp::start().await;
    let control = app.control();
    let Document { operations, .. } = document(&control).await;
    for (path, operation) in [
        ("/metrics", "/metrics"),
        ("/healthz", "/healthz"),
        ("/_emulator/v1/clock", "/_emulator/v1/clock"),
        (
            "/_emulator/v1/apps/88888888/state?format=dot",
            "/_emulator/v1/apps/{sdkappid}/state",
        ),
        (
            "/_emulator/v1/apps/88888888/state?format=mermaid",
            "/_emulator/v1/apps/{sdkappid}/state",
        ),
        (
            "/_emulator/v1/apps/88888888/state",
            "/_emulator/v1/apps/{sdkappid}/state",
        ),
    ] {
        let url = format!("{}{path}", app.emulator.url());
        let answer = control
            .request(Method::GET, &url)
            .send()
            .await
            .expect("an answer");
        let media_type = answer.headers()["content-type"]
            .to_str()
            .expect("ASCII")
            .to_owned();
        let mut known = operations.iter().filter(|known| known.method == "GET");
        let known = known
            .find(|known| known.path == operation)
            .expect(operation);
        let content = &known.json["responses"]["200"]["content"];
        assert!(
            content.get(&media_type).is_some(),
            "{path}: {media_type}, {content}"
        );
    }
    for (path, method, status) in [
        ("/_emulator/v1/apps/%FF", Method::GET, 400),
        ("/metrics", Method::POST, 405),
        ("/healthz", Method::POST, 405),
    ] {
        let url = format!("{}{path}", app.emulator.url());
        control.send(method, &url, None).await.faults(status);
    }
}
