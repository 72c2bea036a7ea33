//! The messages about invalid requests: every field of every route, with every kind of invalid value.

use super::client::document;
use super::document::{Document, Operation, pairs};
use crate::harness::{APP, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

/// Words that only Rust programmers know, and the validator's own phrases.
const RUST: [&str; 30] = [
    "untagged",
    "variant",
    "struct",
    "tuple",
    "enum",
    "usize",
    "isize",
    "u8",
    "u16",
    "u32",
    "u64",
    "i8",
    "i16",
    "i32",
    "i64",
    "f32",
    "f64",
    "Some",
    "None",
    "Os",
    "serde",
    "sequence",
    "map",
    "unit",
    "deserialize",
    "NonZero",
    "instance",
    "schema",
    "was expected",
    "floating point",
];

/// The longest message.
const MAX_LENGTH: usize = 200;

/// An invalid value of a field, and a part of its message.
struct Case {
    /// The JSON pointer to the field in the body, or the name of a parameter.
    pointer: String,
    value: Value,
    says: Vec<String>,
}

#[track_caller]
fn assert_plain(message: &str, context: &str) {
    for word in RUST {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let is_word = message.match_indices(word).any(|(at, _)| {
            !message[..at].ends_with(is_part) && !message[at + word.len()..].starts_with(is_part)
        });
        assert!(!is_word, "{context}: {word}: {message}");
    }
    assert!(message.len() <= MAX_LENGTH, "{context}: {message}");
}

/// The schema that a `$ref` points to.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => {
            let there = document
                .pointer(&reference[1..])
                .expect("it points somewhere");
            resolved(document, there)
        }
        None => schema,
    }
}

/// The schema, or its alternatives.
fn alternatives<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let schema = resolved(document, schema);
    let lists = ["oneOf", "anyOf", "allOf"].map(|name| schema[name].as_array());
    let nested = lists.into_iter().flatten().flatten();
    let nested = nested.flat_map(|schema| alternatives(document, schema));
    std::iter::once(schema).chain(nested).collect()
}

/// The types that a schema accepts.
fn types<'a>(alternatives: &[&'a Value]) -> Vec<&'a str> {
    let types = alternatives.iter().flat_map(|schema| {
        let (one, several) = (schema["type"].as_str(), schema["type"].as_array());
        let several = several.into_iter().flatten().filter_map(Value::as_str);
        one.into_iter().chain(several)
    });
    types.collect()
}

/// The values that a schema lists.
fn choices<'a>(alternatives: &[&'a Value]) -> Vec<&'a Value> {
    let choices = alternatives.iter().flat_map(|schema| {
        let several = schema["enum"].as_array().into_iter().flatten();
        schema.get("const").into_iter().chain(several)
    });
    choices.filter(|choice| !choice.is_null()).collect()
}

/// The invalid values of a field, and of the fields in it.
fn cases(document: &Value, pointer: &str, schema: &Value, cases_found: &mut Vec<Case>) {
    let all = alternatives(document, schema);
    let (types, choices) = (types(&all), choices(&all));
    let mut case = |value: Value, says: &[&str]| {
        cases_found.push(Case {
            pointer: pointer.to_owned(),
            value,
            says: says.iter().map(|part| (*part).to_owned()).collect(),
        });
    };
    let accepts = |name: &str| types.contains(&name);
    let has = |name: &str| all.iter().any(|schema| schema.get(name).is_some());
    if !choices.is_empty() {
        let names: Vec<_> = choices.iter().map(|choice| choice.to_string()).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        for value in [
            json!("no such value"),
            json!(""),
            json!(-7),
            json!([]),
            json!({}),
        ] {
            case(value, &names);
        }
    } else if !types.is_empty() {
        let wrong = [
            ("boolean", json!(true)),
            ("array", json!([])),
            ("object", json!({"x": 1})),
            ("string", json!("x")),
        ];
        for (name, value) in wrong {
            if !accepts(name) {
                case(value, &["should be "]);
            }
        }
        let is_number = accepts("integer") || accepts("number");
        match is_number {
            false => {
                let plain = accepts("string") && !has("pattern");
                let says = if plain { "in quotes" } else { "should be " };
                case(json!(7), &[says]);
                case(json!(1e300), &["should be "]);
            }
            true if !accepts("string") => {
                case(json!("7"), &["give the number 7 without quotes"]);
                case(json!("7x"), &["should be "]);
            }
            true => {}
        }
        if accepts("boolean") {
            case(json!("true"), &["give true without quotes"]);
        }
        if accepts("integer") && !accepts("number") {
            for value in [json!(1.5), json!(7.0), json!(1e300), json!(-1e300)] {
                case(value, &["should be "]);
            }
        }
        for schema in &all {
            if let Some(max) = schema["maximum"].as_f64() {
                case(json!(max + 1.0), &["should be "]);
            }
            if let Some(min) = schema["minimum"].as_f64() {
                case(json!(min - 1.0), &["should be "]);
            }
            if let Some(max) = schema["maxLength"].as_u64() {
                case(
                    json!("é".repeat(max as usize + 1)),
                    &["should have at most "],
                );
            }
            if schema["minLength"] == 1 {
                case(json!(""), &["should "]);
            }
            if let Some(max) = schema["maxItems"].as_u64().filter(|max| *max <= 1000) {
                let list = vec![json!("x"); max as usize + 1];
                case(json!(list), &["should "]);
            }
            if schema.get("pattern").is_some() {
                case(json!("\u{7f}"), &["should be "]);
            }
        }
    }
    for schema in all {
        for (name, field) in pairs(&schema["properties"]) {
            cases(document, &format!("{pointer}/{name}"), field, cases_found);
        }
        if let Some((_, field)) = pairs(&schema["patternProperties"]).next() {
            cases(document, &format!("{pointer}/a"), field, cases_found);
            cases_found.push(Case {
                pointer: format!("{pointer}/\u{7f}"),
                value: json!(1),
                says: vec!["should be a UserID, 1 to 32 bytes of printable ASCII".to_owned()],
            });
        } else if schema["additionalProperties"] == false {
            let pointer = format!("{pointer}/no_such_key");
            let says = vec!["is unknown".to_owned()];
            cases_found.push(Case {
                pointer,
                value: json!(1),
                says,
            });
        }
        if schema["additionalProperties"].is_object() {
            let name = match schema["propertyNames"]["pattern"].as_str() {
                Some(pattern) if pattern.contains("}/[") => "openim~1x",
                Some(pattern) if pattern.starts_with("^[1-9]") => APP,
                _ => "7",
            };
            let pointer = format!("{pointer}/{name}");
            cases(
                document,
                &pointer,
                &schema["additionalProperties"],
                cases_found,
            );
        }
        if schema.get("items").is_some() {
            cases(
                document,
                &format!("{pointer}/0"),
                &schema["items"],
                cases_found,
            );
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().expect("a name");
            // The value goes into the parent: an object without the field.
            cases_found.push(Case {
                pointer: format!("{pointer}/{name}"),
                value: Value::Null,
                says: vec!["is missing".to_owned()],
            });
        }
    }
}

/// A body with a value at a pointer. For a missing field, only its parent.
fn body(case: &Case) -> Value {
    let is_missing = case.says == ["is missing"];
    let mut parts: Vec<_> = case.pointer.split('/').skip(1).collect();
    let mut value = case.value.clone();
    if is_missing {
        parts.pop();
        value = json!({});
    }
    for part in parts.into_iter().rev() {
        value = match part {
            "0" => json!([value]),
            name => json!({ name.replace("~1", "/"): value }),
        };
    }
    value
}

fn control_operations(document: &Document) -> impl Iterator<Item = (&Operation, String)> {
    let operations = document.operations.iter();
    operations.filter_map(|operation| {
        let path = operation.path.strip_prefix("/_emulator/v1")?;
        let path = path
            .replace("{sdkappid}", "88888888")
            .replace("{user}", "id");
        let path = path
            .replace("{service}", "openim")
            .replace("{command}", "x");
        Some((operation, path.replace("{id}", "1").replace(['{', '}'], "")))
    })
}

#[tokio::test]
async fn every_invalid_field_of_every_body_is_named_in_plain_words() {
    let app = TestApp::start().await;
    let control = app.control();
    let document = document(&control).await;
    let mut tested = 0;
    for (operation, path) in control_operations(document) {
        let schema = &operation.json["requestBody"]["content"]["application/json"]["schema"];
        let (method, mut found) = (&operation.method, Vec::new());
        if schema.is_null() || path.ends_with("/explain") {
            continue;
        }
        cases(&document.json, "", schema, &mut found);
        for case in found {
            let Case { pointer, says, .. } = &case;
            let body = body(&case);
            let context = format!("{method} {path} {body:.200}");
            let answer = control.send(method.parse().expect("a method"), &path, Some(body));
            let answer = answer.await;
            let faults = answer.faults(422);
            let of_field: Vec<_> = faults.iter().filter(|(at, _)| at == pointer).collect();
            assert!(
                !of_field.is_empty(),
                "{context}: {pointer}: {}",
                answer.text
            );
            let says_all =
                |(_, detail): &&(String, String)| says.iter().all(|part| detail.contains(part));
            assert!(
                of_field.into_iter().any(|fault| says_all(&fault)),
                "{context}: {says:?}: {}",
                answer.text
            );
            for (_, detail) in &faults {
                assert_plain(detail, &context);
            }
            let detail = answer.json["detail"].as_str().expect("a text");
            assert_plain(detail, &context);
            tested += 1;
        }
    }
    assert!(tested > 500, "{tested}");
}

/// Each parameter of a query and of a path is named as a parameter.
#[tokio::test]
async fn every_invalid_parameter_is_named_as_one() {
    let app = TestApp::start().await;
    let control = app.control();
    let document = document(&control).await;
    let mut tested = 0;
    for (operation, path) in control_operations(document) {
        let method: Method = operation.method.parse().expect("a method");
        if path.ends_with("z") {
            // The probes ignore their query.
            continue;
        }
        let answer = control
            .send(method.clone(), &format!("{path}?no_such=1"), None)
            .await;
        let says = "the query parameter \"no_such\" is unknown";
        let detail = answer.json["detail"].as_str().expect("a text");
        assert!(detail.starts_with(says), "{method} {path}: {detail}");
        let parameters = operation.json["parameters"].as_array().expect("a list");
        for parameter in parameters.iter().filter(|known| known["in"] == "query") {
            let name = parameter["name"].as_str().expect("a name");
            let mut found = Vec::new();
            cases(&document.json, "", &parameter["schema"], &mut found);
            for Case { value, says, .. } in found {
                // All text is a string of digits or letters in a query.
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                if says.iter().any(|part| part.contains("quotes")) || !value.is_string() {
                    continue;
                }
                let text = text.replace('\u{7f}', "%7f").replace('"', "%22");
                let url = format!("{path}?{name}={text}");
                let answer = control.send(method.clone(), &url, None).await;
                let faults = answer.faults(422);
                let detail = answer.json["detail"].as_str().expect("a text");
                let named = format!("the query parameter \"{name}\" should be ");
                assert!(detail.starts_with(&named), "{method} {url}: {detail}");
                assert!(
                    says.iter().all(|part| detail.contains(part)),
                    "{url}: {says:?} {detail}"
                );
                assert_eq!(faults[0].0, format!("/{name}"));
                assert_eq!(answer.json["errors"][0]["in"], "query");
                assert_plain(detail, &url);
                tested += 1;
            }
        }
    }
    assert!(tested > 30, "{tested}");
    let answer = control.get("/apps/x/limits").await;
    assert_eq!(
        answer.json["detail"],
        "the path parameter \"sdkappid\" should be an integer from 1 to 4294967295"
    );
}
