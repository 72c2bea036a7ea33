//! `openapi.json` in the tests: the request and the answers of each operation.

use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The document.
pub(crate) struct Document {
    pub(crate) json: Value,
    pub(crate) operations: Vec<Operation>,
}

/// A method and a path, with its answers.
pub(crate) struct Operation {
    pub(crate) method: String,
    /// The path, with `{names}` of parameters.
    pub(crate) path: String,
    pub(crate) json: Value,
    /// The schemas of the JSON answers, by status: a number, or a class such as `4XX`.
    answers: HashMap<String, Validator>,
}

impl Document {
    pub(crate) fn of(json: Value) -> Self {
        let mut operations = Vec::new();
        let schemas = closed(json["components"]["schemas"].clone());
        for (path, methods) in pairs(&json["paths"]) {
            for (method, operation) in pairs(methods) {
                operations.push(Operation::of(&json, &schemas, method, path, operation));
            }
        }
        Self { json, operations }
    }

    /// The operation that serves a path; the path has no query.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<&Operation> {
        let of_method = || {
            self.operations
                .iter()
                .filter(|known| known.method == method)
        };
        // An exact path has priority over a path with `{name}`.
        let mut exact = of_method().filter(|known| known.path == path);
        exact
            .next()
            .or_else(|| of_method().find(|known| known.serves(path)))
    }
}

impl Operation {
    fn of(document: &Value, schemas: &Value, method: &str, path: &str, json: &Value) -> Self {
        let mut answers = HashMap::new();
        for (status, response) in pairs(&json["responses"]) {
            let reference = response["$ref"].as_str();
            let there = reference.map(|reference| document.pointer(&reference[1..]));
            let response = there.map_or(response, |there| there.expect("it points somewhere"));
            for (media_type, content) in pairs(&response["content"]) {
                if media_type.ends_with("json") {
                    let schema = closed(content["schema"].clone());
                    answers.insert(status.clone(), validator(schemas, &schema));
                }
            }
        }
        Self {
            method: method.to_uppercase(),
            path: path.to_owned(),
            json: json.clone(),
            answers,
        }
    }

    fn serves(&self, path: &str) -> bool {
        let (known, parts): (Vec<_>, Vec<_>) =
            (self.path.split('/').collect(), path.split('/').collect());
        let is = |(known, part): (&&str, &&str)| known.starts_with('{') || known == part;
        known.len() == parts.len() && known.iter().zip(&parts).all(is)
    }

    /// Asserts that an answer matches the document.
    #[track_caller]
    pub(crate) fn check(&self, status: u16, answer: &Value) {
        let names = [status.to_string(), format!("{}XX", status / 100)];
        let responses = &self.json["responses"];
        let documented = names.iter().find(|name| !responses[name].is_null());
        assert!(
            documented.is_some(),
            "{} {} {status}",
            self.method,
            self.path
        );
        let errors = documented
            .and_then(|name| self.answers.get(name))
            .into_iter()
            .flat_map(|known| known.iter_errors(answer));
        let errors: Vec<_> = errors
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(
            errors.is_empty(),
            "{} {} {status} is not as openapi.json says: {errors:#?}\n{answer}",
            self.method,
            self.path
        );
    }
}

/// The schema, but objects must not have fields that it does not name.
fn closed(mut schema: Value) -> Value {
    close(&mut schema);
    schema
}

/// A validator of a schema that refers to the document's schemas.
pub(crate) fn validator(schemas: &Value, schema: &Value) -> Validator {
    let mut schema = schema.clone();
    schema["components"]["schemas"] = schemas.clone();
    jsonschema::draft202012::new(&schema).expect("it is a schema")
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(close);
            if fields.get("properties").is_some_and(Value::is_object) {
                fields.insert("unevaluatedProperties".to_owned(), json!(false));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The fields of an object; empty for other values.
pub(crate) fn pairs(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
