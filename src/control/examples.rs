//! The examples of `openapi.json`: one call of each operation, with its real answer.
//!
//! A new route or command needs a call in `examples.json`: `operation` (its `operationId`),
//! `parameters` and `body`, if it has them. The tests send the calls in the order of the file to one
//! emulator, so a call can use what the calls before it have created.
//! `EMULATOR_WRITE_EXAMPLES=1 cargo test --test api examples` sends them and writes the answers into
//! the file.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// A call.
#[derive(Deserialize)]
struct Example {
    operation: String,
    /// The values of the path's and the query's parameters.
    #[serde(default)]
    parameters: Map<String, Value>,
    body: Option<Value>,
    /// Missing until the tests write it.
    answer: Option<Answer>,
}

/// The answer to a call.
#[derive(Deserialize)]
struct Answer {
    status: u16,
    media_type: String,
    /// A part of the body, if the whole is long: the first entries of lists and maps.
    body: Value,
}

/// Adds the examples to the document. An error is the example of all errors.
pub(super) fn add_examples(document: &mut Value) {
    let examples: Vec<Example> =
        serde_json::from_str(include_str!("examples.json")).expect("the tests read the same file");
    let mut problem = document["components"]["responses"]["Problem"]["content"].take();
    let mut operations = HashMap::new();
    for (_, path) in document["paths"].as_object_mut().into_iter().flatten() {
        for (_, operation) in path.as_object_mut().into_iter().flatten() {
            let id = operation["operationId"].as_str().unwrap_or_default();
            operations.insert(id.to_owned(), operation);
        }
    }
    for example in examples {
        let operation = operations.get_mut(&example.operation);
        let (Some(operation), Some(answer)) = (operation, example.answer) else {
            continue;
        };
        if answer.status >= 400 {
            problem[&answer.media_type]["example"] = answer.body;
            continue;
        }
        let parameters = operation["parameters"].as_array_mut();
        for parameter in parameters.into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap_or_default();
            if let Some(value) = example.parameters.get(name) {
                parameter["example"] = value.clone();
            }
        }
        if let Some(body) = example.body {
            operation["requestBody"]["content"]["application/json"]["example"] = body;
        }
        let status = answer.status.to_string();
        operation["responses"][status]["content"][answer.media_type]["example"] = answer.body;
    }
    document["components"]["responses"]["Problem"]["content"] = problem;
}
