//! The strict reader of the control API's requests and of the configuration. It checks a JSON value
//! against the JSON schema of the target type, which finds all invalid fields at once.
//! `openapi.json` shows the same schemas.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::marker::PhantomData;

/// The minimum Jaro-Winkler similarity, 0 to 1, of a suggested name to the unknown name.
const MIN_SIMILARITY: f64 = 0.6;

/// The maximum number of invalid fields that are reported at once.
pub(crate) const MAX_ERRORS: usize = 100;

/// The longest message, in characters: some of the validator's messages quote the value.
const MAX_DETAIL: usize = 200;

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
    pub(crate) fn new() -> Self {
        let schema = schema_of::<T>();
        // Our schemas mean the same in draft 7, whose meta-schema takes 0.5 MiB less memory.
        let validator = jsonschema::draft7::new(&schema).expect("derived schemas are schemas");
        Self {
            schema,
            validator,
            becomes: PhantomData,
        }
    }

    /// Reads JSON, or returns at most `max_errors` invalid fields. A small maximum saves time.
    pub(crate) fn read(&self, value: Value, max_errors: usize) -> Result<T, Vec<InvalidField>> {
        let mut invalid = Vec::new();
        for error in self.validator.iter_errors(&value).take(max_errors) {
            report(&error, &self.schema, &mut invalid);
        }
        if !invalid.is_empty() {
            invalid.truncate(max_errors);
            return Err(invalid);
        }
        // A value can match the schema and still fail to deserialize.
        serde_path_to_error::deserialize(value).map_err(|error| {
            let (pointer, detail) = (pointer(error.path()), error.inner().to_string());
            vec![InvalidField::new(None, pointer, detail)]
        })
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

/// Adds the invalid fields of a validator's error to `invalid`.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other kinds are handled alike"
)]
fn report(error: &ValidationError<'_>, schema: &Value, invalid: &mut Vec<InvalidField>) {
    let at = error.instance_path().as_str().to_owned();
    let keyword = error.schema_path().as_str();
    let rule = keyword.rsplit_once('/').map_or("", |(rule, _)| rule);
    let rule = schema.pointer(rule).unwrap_or(schema);
    let mut add = |pointer: String, detail: String| {
        invalid.push(InvalidField::new(None, pointer, detail));
    };
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let patterns = rule["patternProperties"].as_object();
            let pattern = patterns.and_then(|patterns| patterns.keys().next());
            for name in unexpected.iter().take(MAX_ERRORS) {
                let known = rule["properties"].as_object().into_iter();
                let known = known.flat_map(Map::keys).map(String::as_str);
                let detail = match pattern {
                    Some(pattern) => format!("should be a name that matches {pattern}"),
                    None => unknown(name, known),
                };
                add(join(&at, name), detail);
            }
        }
        ValidationErrorKind::PropertyNames { error } => {
            let name = error.instance().as_str().unwrap_or_default();
            let expected = expected(rule.get("propertyNames").unwrap_or(rule));
            let expected = expected.unwrap_or_else(|| "another name".to_owned());
            add(join(&at, name), format!("should be {expected}"));
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            add(join(&at, name), "is missing".to_owned());
        }
        ValidationErrorKind::MaxItems { limit } => {
            add(at, format!("should have at most {limit} entries"));
        }
        ValidationErrorKind::MinItems { limit: 1 }
        | ValidationErrorKind::MinLength { limit: 1 }
        | ValidationErrorKind::MinProperties { limit: 1 } => {
            add(at, "should not be empty".to_owned());
        }
        ValidationErrorKind::MaxLength { limit } => {
            add(at, format!("should have at most {limit} characters"));
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }
            if expected(rule).is_none() =>
        {
            // The alternative whose error is deepest in the value is probably the intended one.
            let depth = |errors: &&Vec<ValidationError<'static>>| {
                let place = |error: &ValidationError<'_>| error.instance_path().as_str().len();
                let is_other_type = |error: &ValidationError<'_>| {
                    matches!(error.kind(), ValidationErrorKind::Type { .. })
                        && place(error) == at.len()
                };
                (
                    !errors.iter().any(is_other_type),
                    errors.iter().map(place).max(),
                )
            };
            for error in context.iter().max_by_key(depth).into_iter().flatten() {
                report(error, schema, invalid);
            }
        }
        kind => {
            let detail = match (expected(rule), kind) {
                (Some(expected), _) => format!("should be {expected}"),
                (None, ValidationErrorKind::Type { .. }) => {
                    format!("should be {}", types_in_words(rule))
                }
                (None, _) => error.to_string().chars().take(MAX_DETAIL).collect(),
            };
            add(at, detail);
        }
    }
}

/// What a schema accepts, in words: its `x-expected`, its choices, or its range of integers.
fn expected(schema: &Value) -> Option<String> {
    if let Some(text) = schema["x-expected"].as_str() {
        return Some(text.to_owned());
    }
    if let Some(choices) = choices(schema) {
        let choices: Vec<_> = choices.into_iter().map(Value::to_string).collect();
        return Some(format!("one of {}", choices.join(", ")));
    }
    let types = types(schema);
    let (min, max) = (schema.get("minimum"), schema.get("maximum"));
    if types.contains(&"array") && schema["items"]["type"] == "string" {
        return Some("a list of strings".to_owned());
    }
    match (types.contains(&"integer"), min, max) {
        (true, Some(min), Some(max)) => Some(format!("an integer from {min} to {max}")),
        (true, Some(min), None) => Some(format!("an integer of at least {min}")),
        _ => None,
    }
}

/// The values that a schema lists, except null.
fn choices(schema: &Value) -> Option<Vec<&Value>> {
    if schema["type"] == "null" {
        return Some(Vec::new());
    }
    if let Some(value) = schema.get("const") {
        return Some(vec![value]);
    }
    if let Some(values) = schema["enum"].as_array() {
        return Some(values.iter().filter(|value| !value.is_null()).collect());
    }
    let alternatives = schema.get("oneOf").or_else(|| schema.get("anyOf"))?;
    let choices = alternatives.as_array()?.iter().map(choices);
    Some(choices.collect::<Option<Vec<_>>>()?.concat())
}

fn types_in_words(schema: &Value) -> String {
    let types = types(schema).into_iter().filter(|name| *name != "null");
    let words = types.map(|name| match name {
        "array" => "a list",
        "boolean" => "true or false",
        "integer" => "an integer",
        "number" => "a number",
        "object" => "an object",
        _ => "a string",
    });
    words.collect::<Vec<_>>().join(" or ")
}

/// Says that a name is unknown, and suggests the nearest valid one.
pub(crate) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, known) {
        Some(near) => format!("is unknown; did you mean {near}?"),
        None => "is unknown".to_owned(),
    }
}

/// The known name that is most similar to `name`, if it is similar enough.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let similarity = |other: &'a str| (strsim::jaro_winkler(name, other), other);
    let similar = known
        .map(similarity)
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY);
    Some(
        similar
            .max_by(|(one, _), (other, _)| one.total_cmp(other))?
            .1,
    )
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
