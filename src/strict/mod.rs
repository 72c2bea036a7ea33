//! The strict reader of the control API's requests and of the configuration. It checks a JSON value
//! against the JSON schema of the target type, which finds all invalid fields at once.
//! `openapi.json` shows the same schemas.

mod check;
mod message;
mod near;

pub(crate) use check::Check;
pub(crate) use message::plain_words;
pub(crate) use near::{listed, nearest, unknown_in_list};

use jsonschema::{Draft, Validator};
use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashSet;
use std::marker::PhantomData;

/// The maximum number of invalid fields that are reported at once.
pub(crate) const MAX_ERRORS: usize = 100;

/// The largest document in which all invalid fields are reported. In a larger one only the first is
/// reported, because to find all takes much time and memory.
const MAX_BYTES_FOR_ALL_ERRORS: usize = 1 << 20;

/// The maximum number of invalid fields that are reported of a document of this size.
pub(crate) fn max_errors(document_bytes: usize) -> usize {
    match document_bytes <= MAX_BYTES_FOR_ALL_ERRORS {
        true => MAX_ERRORS,
        false => 1,
    }
}

/// An invalid field of a request or of the configuration.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct InvalidField {
    /// The part of the request that has the field.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub(crate) part: Option<Part>,
    /// A JSON pointer (RFC 6901) to the field.
    pub(crate) pointer: String,
    /// The problem, such as `is missing`.
    pub(crate) detail: String,
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Part {
    Path,
    Query,
    Body,
}

impl Part {
    /// The part's name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Body => "body",
        }
    }
}

/// A type that can be read strictly. If the type rejects unknown keys, its schema does, too.
pub(crate) trait StrictRead: DeserializeOwned + JsonSchema + Send + 'static {}

impl<T: DeserializeOwned + JsonSchema + Send + 'static> StrictRead for T {}

/// Makes JSON schemas for OpenAPI 3.1. `settings` selects schemas of requests or of answers.
pub(crate) fn generator(
    settings: impl FnOnce(SchemaSettings) -> SchemaSettings,
) -> SchemaGenerator {
    let mut all = SchemaSettings::draft2020_12();
    all.inline_subschemas = true;
    all.meta_schema = None;
    settings(all).into_generator()
}

/// The schema of JSON that is read as a `T`.
pub(crate) fn schema_of<T: StrictRead>() -> Value {
    let generator = generator(SchemaSettings::for_deserialize);
    generator.into_root_schema_for::<T>().to_value()
}

/// Reads JSON as a `T`. Creating a reader is slow, because it compiles the schema.
pub(crate) struct Reader<T> {
    pub(crate) schema: Value,
    validator: Validator,
    becomes: PhantomData<fn() -> T>,
}

impl<T: StrictRead> Reader<T> {
    /// `checks` are all checks that the schema names.
    pub(crate) fn new(checks: &'static [Check]) -> Self {
        let mut schema = schema_of::<T>();
        check::bound_integers(&mut schema);
        // Our schemas mean the same in draft 7, whose meta-schema takes 0.5 MiB less memory.
        let options = check::options(checks).with_draft(Draft::Draft7);
        let validator = options.build(&schema).expect("derived schemas are schemas");
        Self {
            schema,
            validator,
            becomes: PhantomData,
        }
    }

    /// Reads JSON, or returns at most `max_errors` invalid fields. A small maximum saves time.
    pub(crate) fn read(&self, value: Value, max_errors: usize) -> Result<T, Vec<InvalidField>> {
        let invalid = self.invalid_fields(&value, max_errors);
        if !invalid.is_empty() {
            return Err(invalid);
        }
        // A value can match the schema and still fail to deserialize.
        serde_path_to_error::deserialize(value).map_err(|error| {
            let pointer = pointer(error.path());
            let detail = plain_words(&error.inner().to_string());
            vec![InvalidField::new(None, pointer, detail)]
        })
    }

    /// Reads what is left of a value without its invalid fields, so that further checks can name more of
    /// them. `None` if that is not possible.
    pub(crate) fn read_rest(&self, mut value: Value, invalid: &[InvalidField]) -> Option<T> {
        for field in invalid {
            let (parent, name) = field.pointer.rsplit_once('/')?;
            let name = name.replace("~1", "/").replace("~0", "~");
            if let Some(parent) = value.pointer_mut(parent).and_then(Value::as_object_mut) {
                parent.remove(&name);
            }
        }
        self.read(value, 1).ok()
    }

    fn invalid_fields(&self, value: &Value, max_errors: usize) -> Vec<InvalidField> {
        let mut invalid = Vec::new();
        for error in self.validator.iter_errors(value).take(max_errors) {
            message::report(&error, &self.schema, &mut invalid);
        }
        // Two rules can have the same message.
        let mut seen = HashSet::new();
        invalid.retain(|field| seen.insert((field.pointer.clone(), field.detail.clone())));
        invalid.truncate(max_errors);
        invalid
    }
}

/// The schema of a field, from the schema of its object.
pub(crate) fn field_schema<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let any = schema.get("additionalProperties");
    let named = schema["properties"].get(name);
    named.or(any.filter(|any| any.is_object())).or_else(|| {
        let mut alternatives = schema["anyOf"].as_array()?.iter();
        alternatives.find_map(|schema| field_schema(schema, name))
    })
}

/// Converts text from a query, a path, the environment or a flag to the type in the schema. Commas
/// separate the entries of a list. Text of another type stays a string.
pub(crate) fn typed(schema: Option<&Value>, text: &str) -> Value {
    let schema = schema.unwrap_or(&Value::Null);
    let types = types(schema);
    if types.contains(&"array") {
        let texts = text.split(',').map(str::trim);
        let texts = texts.filter(|text| !text.is_empty());
        return texts.map(|text| typed(schema.get("items"), text)).collect();
    }
    let is_number = types.contains(&"integer") || types.contains(&"number");
    let is_wanted = |value: &Value| match value.is_boolean() {
        true => types.contains(&"boolean"),
        false => is_number,
    };
    let number = text.parse().ok().map(Value::Number);
    let value = number.or_else(|| text.parse().ok().map(Value::Bool));
    let choices = schema["enum"].as_array();
    let is_choice = |value: &Value| choices.is_some_and(|choices| choices.contains(value));
    value
        .filter(|value| is_wanted(value) || is_choice(value))
        .unwrap_or_else(|| text.into())
}

fn types(schema: &Value) -> Vec<&str> {
    let one = schema["type"].as_str().into_iter();
    let several = schema["type"].as_array().into_iter().flatten();
    one.chain(several.filter_map(Value::as_str)).collect()
}

impl InvalidField {
    pub(crate) fn new(
        part: Option<Part>,
        pointer: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            part,
            pointer: pointer.into(),
            detail: detail.into(),
        }
    }
}

/// The JSON pointer to a field of the value that `at` points to.
pub(crate) fn join(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .fold(String::new(), |at, segment| match segment {
            Segment::Seq { index } => join(&at, &index.to_string()),
            Segment::Map { key } => join(&at, key),
            Segment::Enum { .. } | Segment::Unknown => at,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_becomes_the_type_that_the_schema_wants() {
        let schema = json!({"properties": {
            "text": {"type": "string"}, "number": {"type": ["integer", "null"]},
            "flag": {"type": "boolean"}, "list": {"type": "array", "items": {"type": "string"}},
            "choice": {"enum": ["a", 1]},
        }});
        for (name, text, value) in [
            ("text", "7", json!("7")),
            ("number", "7", json!(7)),
            ("number", "x", json!("x")),
            ("flag", "true", json!(true)),
            ("flag", "1", json!("1")),
            ("list", "a, 1,", json!(["a", "1"])),
            ("choice", "1", json!(1)),
            ("choice", "a", json!("a")),
            ("unknown", "1", json!("1")),
        ] {
            let schema = field_schema(&schema, name);
            assert_eq!(typed(schema, text), value, "{name} {text}");
        }
    }
}
