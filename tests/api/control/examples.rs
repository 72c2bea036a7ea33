//! The examples of `openapi.json`: each is sent to an emulator, and gets the answer that the document
//! shows.

use super::client::{Control, document};
use super::document::{Document, Operation, pairs, validator};
use crate::harness::{ConfigExt, TestApp};
use jsonschema::Validator;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// The most entries of a list, or of a long map, in the example of an answer.
const MAX_ENTRIES: usize = 3;

/// An object with more fields is a long map.
const MAX_FIELDS: usize = 30;

/// The most lines of a text.
const MAX_LINES: usize = 12;

const WRITE: &str = "EMULATOR_WRITE_EXAMPLES=1 cargo test --test api examples writes it";

/// Fields of faults: each is optional, but a fault needs one of several.
const ONE_OF: [&str; 2] = ["/result_code", "/0/http_status"];

/// A call.
#[derive(Deserialize, Serialize)]
struct Example {
    operation: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    parameters: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
    /// Missing until it is written.
    answer: Option<Answer>,
}

/// The answer to a call.
#[derive(Deserialize, Serialize)]
struct Answer {
    status: u16,
    media_type: String,
    body: Value,
}

impl Example {
    /// The body, if the call is one that succeeds.
    fn good_body(&self) -> Option<&Value> {
        let is_good = self
            .answer
            .as_ref()
            .is_some_and(|answer| answer.status < 300);
        self.body.as_ref().filter(|_| is_good)
    }
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/control/examples.json")
}

fn examples() -> Vec<Example> {
    let text = std::fs::read(file()).expect("the examples are there");
    serde_json::from_slice(&text).expect("they are a list of examples")
}

/// An emulator with the built-in configuration, to which the examples are sent.
struct Server {
    app: TestApp,
    control: Control,
    document: &'static Document,
}

impl Answer {
    /// Whether the call succeeded, by its HTTP status and by Tencent's ErrorCode.
    fn is_success(&self) -> bool {
        let error_code = self.body.get("ErrorCode");
        self.status < 300 && error_code.is_none_or(|code| *code == 0)
    }

    /// How many items failed.
    fn failed_items(&self) -> usize {
        let failed = self
            .body
            .get("Fail_Account")
            .or(self.body.get("FailAccounts"));
        failed.and_then(Value::as_array).map_or(0, Vec::len)
    }
}

impl Server {
    async fn start() -> Self {
        let app = TestApp::start_with(|config| config.app().calls_per_second = None).await;
        let control = app.control();
        let document = document(&control).await;
        Self {
            app,
            control,
            document,
        }
    }

    fn operation(&self, example: &Example) -> &'static Operation {
        let mut operations = self.document.operations.iter();
        let operation = operations.find(|known| known.json["operationId"] == *example.operation);
        operation.unwrap_or_else(|| panic!("there is no operation {}", example.operation))
    }

    /// The good body of an example, and the schema of bodies. Sends an example without a good body, because
    /// later examples build on it.
    async fn body_and_schema<'a>(&self, example: &'a Example) -> Option<(&'a Value, Validator)> {
        let Some(body) = example.good_body() else {
            self.send(example, None).await;
            return None;
        };
        let schemas = &self.document.json["components"]["schemas"];
        let content = &self.operation(example).json["requestBody"]["content"];
        let schema = validator(schemas, &content["application/json"]["schema"]);
        Some((body, schema))
    }

    /// Sends the example, with this body.
    async fn send(&self, example: &Example, body: Option<&Value>) -> Answer {
        let Operation { path, method, .. } = self.operation(example);
        let mut path = path.clone();
        let mut query: Vec<_> = Vec::new();
        for (name, value) in &example.parameters {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            match path.contains(&format!("{{{name}}}")) {
                true => path = path.replace(&format!("{{{name}}}"), &value),
                false => query.push(format!("{name}={value}")),
            }
        }
        if path.starts_with("/v4/") {
            query.push(self.app.query());
        }
        let url = self.control.outside(&format!("{path}?{}", query.join("&")));
        let method: Method = method.parse().expect("a method");
        let mut request = self.control.request(method, &url);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let mut response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let media_type = response.headers()["content-type"]
            .to_str()
            .expect("ASCII")
            .to_owned();
        let mut text = String::new();
        // A stream of events does not end, so only its first event is read.
        while !(media_type == "text/event-stream" && text.contains("\n\n"))
            && let Some(chunk) = response.chunk().await.expect("a body")
        {
            text += std::str::from_utf8(&chunk).expect("UTF-8");
        }
        let body = match media_type.ends_with("json") {
            true => serde_json::from_str(&text).expect("JSON"),
            false => text.into(),
        };
        Answer {
            status,
            media_type,
            body,
        }
    }
}

/// With `EMULATOR_WRITE_EXAMPLES=1`, it writes the answers into the file.
#[tokio::test]
async fn each_example_gets_the_answer_that_the_document_shows() {
    let server = Server::start().await;
    let is_written = std::env::var_os("EMULATOR_WRITE_EXAMPLES").is_some();
    let mut examples = examples();

    for example in &mut examples {
        let (name, operation) = (&example.operation, server.operation(example));
        let mut answer = server.send(example, example.body.as_ref()).await;
        if is_written {
            if name == "getOpenapiJson" {
                // Else the document would contain itself.
                answer.body =
                    json!({ "openapi": answer.body["openapi"], "info": answer.body["info"] });
            }
            answer.body = shortened(answer.body);
            example.answer = Some(answer);
            continue;
        }
        let shown = example.answer.as_ref();
        let shown = shown.unwrap_or_else(|| panic!("{name} has no answer; {WRITE}"));
        let is_same = (answer.status, &answer.media_type) == (shown.status, &shown.media_type)
            && has_the_form_of(&answer.body, &shown.body);
        assert!(
            is_same,
            "{name} answers {} {:#}\n{WRITE}",
            answer.status, answer.body
        );
        if answer.media_type.ends_with("json") {
            operation.check(answer.status, &answer.body);
            operation.check(answer.status, &shown.body);
        }
    }

    if is_written {
        let text = serde_json::to_string_pretty(&examples).expect("it is JSON") + "\n";
        std::fs::write(file(), text).expect("the file can be written");
    }
}

/// The first lines of a long text, and the first entries of long lists and maps.
fn shortened(body: Value) -> Value {
    match body {
        Value::String(text) => text
            .split_inclusive('\n')
            .take(MAX_LINES)
            .collect::<String>()
            .into(),
        Value::Array(list) => list.into_iter().take(MAX_ENTRIES).map(shortened).collect(),
        Value::Object(fields) => {
            let is_map = fields.len() > MAX_FIELDS;
            let most = if is_map { MAX_ENTRIES } else { MAX_FIELDS };
            let fields = fields.into_iter().take(most);
            fields
                .map(|(name, value)| (name, shortened(value)))
                .collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => body,
    }
}

/// Whether the answer has each field of the example, with a value of the same type.
fn has_the_form_of(answer: &Value, example: &Value) -> bool {
    let is_same = |(answer, example)| has_the_form_of(answer, example);
    match (answer, example) {
        (Value::Object(answer), Value::Object(example)) => {
            // The emulator chooses the names of some accounts, so they differ.
            let is_named = example.keys().all(|name| answer.contains_key(name));
            let of_example =
                |(name, _): &(&String, &Value)| !is_named || example.contains_key(*name);
            let answer = answer.iter().filter(of_example).map(|(_, value)| value);
            let answer: Vec<_> = answer.collect();
            answer.len() >= example.len() && answer.into_iter().zip(example.values()).all(is_same)
        }
        (Value::Array(answer), Value::Array(example)) => {
            answer.len() >= example.len() && answer.iter().zip(example).all(is_same)
        }
        (answer, example) => std::mem::discriminant(answer) == std::mem::discriminant(example),
    }
}

/// A route or a command without an example fails here: see `src/control/examples.rs`.
#[tokio::test]
async fn every_body_and_every_answer_has_an_example() {
    let app = TestApp::start().await;
    let Document { json, operations } = document(&app.control()).await;
    let schemas = &json["components"]["schemas"];
    let mut missing = Vec::new();
    let mut check = |at: String, content: &Value| {
        for (media_type, content) in pairs(content) {
            let example = &content["example"];
            if example.is_null() {
                missing.push(format!("{at} {media_type}"));
            } else if media_type.ends_with("json") {
                let schema = validator(schemas, &content["schema"]);
                assert!(schema.is_valid(example), "{at}: {example:#}");
            }
        }
    };

    check(
        "Problem".to_owned(),
        &json["components"]["responses"]["Problem"]["content"],
    );
    for Operation { json, .. } in operations {
        let name = json["operationId"].as_str().expect("a text");
        check(format!("{name}'s body"), &json["requestBody"]["content"]);
        for (status, response) in pairs(&json["responses"]) {
            check(format!("{name}'s {status}"), &response["content"]);
        }
    }
    for Operation { json, .. } in operations {
        let parameters = json["parameters"].as_array().expect("a list").iter();
        let in_path = parameters.filter(|parameter| parameter["in"] == "path");
        for parameter in in_path.filter(|parameter| parameter["example"].is_null()) {
            missing.push(format!("{}'s {}", json["operationId"], parameter["name"]));
        }
    }
    assert!(missing.is_empty(), "these have no example: {missing:#?}");
}

#[tokio::test]
async fn a_body_without_a_required_field_is_refused() {
    let server = Server::start().await;
    let mut removed = 0;

    for example in examples() {
        let Some((body, schema)) = server.body_and_schema(&example).await else {
            continue;
        };
        for path in fields(body, "") {
            let without = without(body, &path);
            if !schema.is_valid(&without) {
                let answered = server.send(&example, Some(&without)).await;
                // The answer of the whole body can have failed items, too.
                let failed = example.answer.as_ref().map_or(0, Answer::failed_items);
                let is_refused = !answered.is_success() || answered.failed_items() > failed;
                assert!(
                    is_refused,
                    "{} {without}: {}",
                    example.operation, answered.body
                );
                removed += 1;
            }
        }
        server.send(&example, Some(body)).await;
    }
    assert!(removed > 80, "{removed}");
}

#[tokio::test]
async fn a_body_without_its_optional_fields_is_accepted() {
    let server = Server::start().await;
    let mut removed = 0;

    for example in examples() {
        let Some((body, schema)) = server.body_and_schema(&example).await else {
            continue;
        };
        let mut short = body.clone();
        for path in fields(body, "") {
            let is_there = short.pointer(&path).is_some();
            let shorter = if is_there {
                without(&short, &path)
            } else {
                continue;
            };
            if schema.is_valid(&shorter) && !ONE_OF.contains(&path.as_str()) {
                short = shorter;
                removed += 1;
            }
        }
        let answered = server.send(&example, Some(&short)).await;
        assert!(
            answered.is_success(),
            "{} {short}: {}",
            example.operation,
            answered.body
        );
    }
    assert!(removed > 40, "{removed}");
}

/// The JSON pointers of all fields of objects, the fields of a field first.
fn fields(value: &Value, at: &str) -> Vec<String> {
    let inner = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), value))
            .collect(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(at, value)| (at.to_string(), value))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let mut paths = Vec::new();
    for (name, inner) in inner {
        let path = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        paths.extend(fields(inner, &path));
        if value.is_object() {
            paths.push(path);
        }
    }
    paths
}

fn without(body: &Value, path: &str) -> Value {
    let mut body = body.clone();
    let (parent, name) = path.rsplit_once('/').expect("a path has a slash");
    let parent = body.pointer_mut(parent).and_then(Value::as_object_mut);
    parent.expect("the body has the field").remove(name);
    body
}
