//! The messages about invalid requests: every field of every route, with every kind of invalid value.

use super::client::{Control, document};
use super::document::{Document, Operation, pairs};
use crate::harness::TestApp;
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

/// The text of a problem.
async fn detail(control: &Control, method: Method, path: &str, body: Option<Value>) -> String {
    let answer = control.send(method, path, body).await;
    answer.json["detail"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn a_field_in_the_wrong_part_of_a_call_is_told_the_right_one() {
    let app = TestApp::start().await;
    let control = app.control();
    let fault = json!({"code": 30006});
    for (method, path, body, says) in [
        (
            Method::POST,
            "/faults?sdkappid=88888888",
            Some(fault.clone()),
            "the query parameter \"sdkappid\" is unknown here; it belongs in the body",
        ),
        (
            Method::PUT,
            "/faults?command=friend_add",
            Some(json!([])),
            "the query parameter \"command\" is unknown here; it belongs in the body",
        ),
        (
            Method::POST,
            "/clock/advance?seconds=1",
            None,
            "the query parameter \"seconds\" is unknown here; it belongs in the body (`errors` has 1 more)",
        ),
        (
            Method::GET,
            "/requests",
            Some(json!({"limit": 1})),
            "/limit is unknown here; it belongs in the query",
        ),
        (
            Method::POST,
            "/apps/88888888/user_sig",
            Some(json!({"identifier": "a", "sdkappid": 1})),
            "/sdkappid is unknown here; it belongs in the path",
        ),
        (
            Method::POST,
            "/faults?nothing=1",
            Some(fault),
            "the query parameter \"nothing\" is unknown",
        ),
    ] {
        assert_eq!(detail(&control, method, path, body).await, says, "{path}");
    }
    assert_eq!(control.get("/faults").await.ok(), json!([]));
}

#[tokio::test]
async fn the_invalid_fields_of_all_parts_and_of_all_checks_are_named_together() {
    let app = TestApp::start().await;
    let control = app.control();
    let places = async |method: Method, path: &str, body: Value| {
        let answer = control.send(method, path, Some(body)).await;
        let mut places: Vec<_> = answer.faults(422).into_iter().map(|(at, _)| at).collect();
        places.sort();
        places
    };

    let new_app = json!({
        "unknown": 1, "admins": "x", "webhook": {"url": "ftp://x", "tokn": "x"},
        "stubs": {
            "openim/a": {"answer": {"A": "{{ x", "B": ["{{ now", 1]}, "calls_per_second": -1},
            "openim/friend_add": {},
        },
    });
    assert_eq!(
        places(Method::POST, "/apps", new_app).await,
        [
            "/admins",
            "/stubs/openim~1a/answer/A",
            "/stubs/openim~1a/answer/B/0",
            "/stubs/openim~1a/calls_per_second",
            "/stubs/openim~1friend_add",
            "/unknown",
            "/webhook/tokn",
            "/webhook/url",
        ]
    );
    let fault = json!({"command": "friend_ad", "tmes": 1, "sdkappid": 7, "code": 12345});
    let wrong = ["/code", "/command", "/sdkappid", "/tmes"];
    assert_eq!(places(Method::POST, "/faults", fault.clone()).await, wrong);
    assert_eq!(
        places(Method::PUT, "/faults?x=1&sdkappid=y", json!([{}, fault])).await,
        ["/1/tmes", "/sdkappid", "/x"]
    );
    assert_eq!(
        places(Method::PUT, "/faults", json!([{}, fault])).await,
        ["/1/code", "/1/command", "/1/sdkappid", "/1/tmes"]
    );
    assert_eq!(
        places(
            Method::PUT,
            "/apps/x/limits?y=1",
            json!({"friend_add": "1"})
        )
        .await,
        ["/friend_add", "/sdkappid", "/y"]
    );
}

#[tokio::test]
async fn a_404_lists_what_there_is() {
    let app = TestApp::start().await;
    let control = app.control();
    let get = async |path: &str| detail(&control, Method::GET, path, None).await;
    let delete = async |path: &str| detail(&control, Method::DELETE, path, None).await;
    let here = "/apps/88888888";

    assert_eq!(get("/apps/1").await, "there is no app 1; there is 88888888");
    assert_eq!(
        get(&format!("{here}/accounts/nobody")).await,
        "there is no account nobody; there are admin, administrator, id, id1, id2, id3"
    );
    assert_eq!(
        delete("/faults/7").await,
        "there is no fault 7; none exists"
    );
    assert_eq!(
        delete(&format!("{here}/snapshots/s")).await,
        "there is no snapshot s; none exists"
    );
    assert_eq!(
        delete(&format!("{here}/stubs/openim/x")).await,
        "app 88888888 has no stub openim/x of its own; none exists"
    );
    for number in 0..20 {
        control
            .put(&format!("{here}/accounts/u{number:02}"), json!({}))
            .await
            .ok();
    }
    let fault = control.post("/faults", json!({"close": true})).await.ok();
    control
        .post(&format!("{here}/snapshots/s1"), json!({}))
        .await
        .ok();
    control
        .put(&format!("{here}/stubs/openim/y"), json!({}))
        .await
        .ok();
    let sent = json!({"sent": ["id1"]});
    control.put(&format!("{here}/accounts/id"), sent).await.ok();

    let answer = get(&format!("{here}/accounts/nobody")).await;
    assert!(answer.ends_with("id3, u00, u01 (and 18 more)"), "{answer}");
    let id = &fault["id"];
    let answer = delete("/faults/77").await;
    assert_eq!(answer, format!("there is no fault 77; there is {id}"));
    let answer = get(&format!("{here}/snapshots/s/diff")).await;
    assert_eq!(answer, "there is no snapshot s; there is s1");
    let answer = delete(&format!("{here}/stubs/openim/x")).await;
    assert!(answer.ends_with("; there is openim/y"), "{answer}");
    let path = format!("{here}/pending/id/id2");
    let answer = detail(
        &control,
        Method::POST,
        &path,
        Some(json!({"action": "agree"})),
    )
    .await;
    assert_eq!(
        answer,
        "there is no pending request from id to id2; of the requests of id there is id1"
    );
    let answer = control
        .post("/faults", json!({"close": true, "sdkappid": 1}))
        .await;
    assert_eq!(
        answer.faults(422)[0].1,
        "is not an existing app; there is 88888888"
    );
}

#[tokio::test]
async fn a_405_has_the_methods_of_its_path() {
    let app = TestApp::start().await;
    let control = app.control();
    for (method, path, allowed) in [
        (
            Method::PATCH,
            "/_emulator/v1/faults",
            "GET, HEAD, PUT, POST, DELETE",
        ),
        (Method::GET, "/_emulator/v1/clock/hold", "POST"),
        (Method::POST, "/_emulator/v1/apps/7", "GET, HEAD, DELETE"),
        (
            Method::PUT,
            "/_emulator/v1/apps/7/snapshots/a/diff",
            "GET, HEAD",
        ),
        (Method::POST, "/metrics", "GET, HEAD"),
        (Method::POST, "/healthz", "GET, HEAD"),
    ] {
        let request = control.request(method.clone(), &control.outside(path));
        let answer = request.send().await.expect("an answer");

        assert_eq!(answer.status(), 405, "{path}");
        let headers: Vec<_> = answer.headers().get_all("allow").iter().collect();
        assert_eq!(headers, [allowed], "{path}");
        let text = answer.text().await.expect("a body");
        let says = format!("{path} does not support {method}; it supports {allowed}");
        assert!(text.contains(&says), "{text}");
    }
}

#[tokio::test]
async fn a_415_has_the_header_to_send_and_the_one_that_came() {
    let app = TestApp::start().await;
    let control = app.control();
    for (came, says) in [
        (
            Some("text/plain; charset=utf-8"),
            "the body came with text/plain",
        ),
        (
            Some("application/x-www-form-urlencoded"),
            "with application/x-www-form-urlencoded",
        ),
        (None, "the body came without this header"),
    ] {
        let mut request = control.request(Method::POST, "/reset").body("{}");
        if let Some(came) = came {
            request = request.header("content-type", came);
        }
        let answer = request.send().await.expect("an answer");

        assert_eq!(answer.status(), 415);
        let text = answer.text().await.expect("a body");
        assert!(
            text.contains("send the header `Content-Type: application/json`; "),
            "{text}"
        );
        assert!(text.contains(says), "{text}");
    }
}
