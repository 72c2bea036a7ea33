//! The messages about invalid fields: what a field should be, in words that need no knowledge of Rust or
//! of JSON Schema.

use super::near::unknown;
use super::{InvalidField, MAX_ERRORS, check, join, types};
use crate::protocol::ids::UserId;
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::{Map, Value};

/// The longest value that a message repeats, in bytes.
const MAX_SHOWN: usize = 20;

/// The largest integer that all JSON readers keep exactly: 2^53. A bound beyond it is the type's.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Adds the invalid fields of a validator's error to `invalid`.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other kinds are handled alike"
)]
pub(super) fn report(error: &ValidationError<'_>, schema: &Value, invalid: &mut Vec<InvalidField>) {
    let at = error.instance_path().as_str().to_owned();
    let keyword = error.schema_path().as_str();
    let rule = keyword.rsplit_once('/').map_or("", |(rule, _)| rule);
    let rule = schema.pointer(rule).unwrap_or(schema);
    let mut add = |pointer: String, detail: String| {
        invalid.push(InvalidField::new(None, pointer, detail));
    };
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => {
            let patterns = rule["patternProperties"].as_object();
            let pattern = patterns.and_then(|patterns| patterns.keys().next());
            for name in unexpected.iter().take(MAX_ERRORS) {
                let known = rule["properties"].as_object().into_iter();
                let known = known.flat_map(Map::keys).map(String::as_str);
                let detail = match pattern.map(String::as_str) {
                    Some(UserId::PATTERN) => format!("should be {}", UserId::EXPECTED),
                    Some(pattern) => format!("should be a name that matches {pattern}"),
                    None => unknown(name, known),
                };
                add(join(&at, name), detail);
            }
        }
        Kind::PropertyNames { error } => {
            let name = error.instance().as_str().unwrap_or_default();
            let expected = expected(rule.get("propertyNames").unwrap_or(rule));
            let expected = expected.unwrap_or_else(|| "another name".to_owned());
            add(join(&at, name), format!("should be {expected}"));
        }
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            add(join(&at, name), "is missing".to_owned());
        }
        Kind::Custom { message, .. } => {
            let (below, problem) = check::parts(message);
            add(at + below, problem.to_owned());
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } if expected(rule).is_none() => {
            let has_other_type =
                |errors: &Vec<_>| errors.iter().any(|error| is_other_type(error, &at));
            if context.iter().all(has_other_type) {
                add(at.clone(), should_be(rule, error.instance()));
                return;
            }
            // The alternative whose error is deepest in the value is probably the intended one.
            let place = |error: &ValidationError<'_>| error.instance_path().as_str().len();
            let depth = |errors: &&Vec<ValidationError<'static>>| {
                let deepest = errors.iter().map(place).max();
                (!has_other_type(errors), deepest)
            };
            for error in context.iter().max_by_key(depth).into_iter().flatten() {
                report(error, schema, invalid);
            }
        }
        // The keyword for bytes has its own message.
        Kind::MaxLength { .. } if rule.get(check::MAX_BYTES).is_some() => {}
        // The bounds of a type of 64 bits are in no other message.
        Kind::Minimum { limit } if limit.as_f64() <= Some(-MAX_EXACT) => {
            add(at, format!("should be an integer of at least {limit}"));
        }
        Kind::Maximum { limit } if limit.as_f64() >= Some(MAX_EXACT) => {
            add(at, format!("should be an integer of at most {limit}"));
        }
        kind => add(
            at,
            limit(kind).unwrap_or_else(|| should_be(rule, error.instance())),
        ),
    }
}

/// Whether an error says that the value at `at` has another type.
fn is_other_type(error: &ValidationError<'_>, at: &str) -> bool {
    matches!(error.kind(), Kind::Type { .. }) && error.instance_path().as_str() == at
}

/// The message about a length.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other kinds are not about a length"
)]
fn limit(kind: &Kind) -> Option<String> {
    Some(match kind {
        Kind::MinItems { limit: 1 }
        | Kind::MinLength { limit: 1 }
        | Kind::MinProperties { limit: 1 } => "should not be empty".to_owned(),
        Kind::MinItems { limit } => format!("should have at least {limit} entries"),
        Kind::MinLength { limit } => format!("should have at least {limit} characters"),
        Kind::MaxItems { limit } => format!("should have at most {limit} entries"),
        Kind::MaxLength { limit } => format!("should have at most {limit} characters"),
        _ => return None,
    })
}

/// What a value should be, and how to write it if only its type is wrong.
pub(super) fn should_be(rule: &Value, value: &Value) -> String {
    let expected = expected(rule).unwrap_or_else(|| types_in_words(rule));
    let advice = advice(rule, value).unwrap_or_default();
    format!("should be {expected}{advice}")
}

/// How to write a value of the wrong type, if its text is of the right one.
fn advice(rule: &Value, value: &Value) -> Option<String> {
    let wants = |name: &str| accepts(rule, name);
    if value.is_number() && wants("string") && may_be_digits(rule) {
        return Some(format!("; give \"{value}\", in quotes"));
    }
    let text = value.as_str().filter(|text| text.len() <= MAX_SHOWN)?;
    let parsed: Value = serde_json::from_str(text).ok()?;
    if parsed.is_number() && (wants("integer") || wants("number")) {
        return Some(format!("; give the number {parsed} without quotes"));
    }
    let is_wanted = parsed.is_boolean() && wants("boolean");
    is_wanted.then(|| format!("; give {parsed} without quotes"))
}

/// Whether a schema, or one of its alternatives, accepts values of a type.
fn accepts(schema: &Value, name: &str) -> bool {
    types(schema).contains(&name)
        || alternatives(schema).any(|alternative| accepts(alternative, name))
}

/// Whether a text of digits can match a schema: its pattern, if it has one, and not a list of names.
fn may_be_digits(schema: &Value) -> bool {
    if choices(schema).is_some() {
        return false;
    }
    let classes = ["0-9", " -~", "!-~"];
    let pattern = schema["pattern"].as_str();
    pattern.is_none_or(|pattern| classes.iter().any(|class| pattern.contains(class)))
}

fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["oneOf", "anyOf"].map(|name| schema[name].as_array());
    lists.into_iter().flatten().flatten()
}

/// What a schema accepts, in words: its `x-expected`, its choices, or its range of numbers.
fn expected(schema: &Value) -> Option<String> {
    if let Some(text) = schema["x-expected"].as_str() {
        return Some(text.to_owned());
    }
    if let Some(choices) = choices(schema) {
        let choices: Vec<_> = choices.into_iter().map(Value::to_string).collect();
        return Some(match &choices[..] {
            [one] => one.clone(),
            several => format!("one of {}", several.join(", ")),
        });
    }
    let types = types(schema);
    if types.contains(&"array") && schema["items"]["type"] == "string" {
        return Some("a list of strings".to_owned());
    }
    let number = match (types.contains(&"integer"), types.contains(&"number")) {
        (true, _) => "an integer",
        (_, true) => "a number",
        _ => return None,
    };
    let bound = |name: &str| {
        let bound = schema.get(name)?.as_f64()?;
        (bound.abs() < MAX_EXACT).then_some(bound)
    };
    Some(match (bound("minimum"), bound("maximum")) {
        (Some(min), Some(max)) if min >= max => max.to_string(),
        (Some(min), Some(max)) => format!("{number} from {min} to {max}"),
        (Some(min), None) => format!("{number} of at least {min}"),
        (None, Some(max)) => format!("{number} of at most {max}"),
        (None, None) => number.to_owned(),
    })
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

/// The types that a schema accepts, in words.
fn types_in_words(schema: &Value) -> String {
    let mut words = Vec::new();
    let expected_of = |alternative: &Value| {
        let words = expected(alternative).unwrap_or_else(|| types_in_words(alternative));
        (alternative["type"] != "null").then_some(words)
    };
    words.extend(alternatives(schema).filter_map(expected_of));
    let types = types(schema).into_iter().filter(|name| *name != "null");
    words.extend(types.map(|name| {
        let word = match name {
            "array" => "a list",
            "boolean" => "true or false",
            "integer" => "an integer",
            "number" => "a number",
            "object" => "an object",
            _ => "a string",
        };
        word.to_owned()
    }));
    match words.is_empty() {
        true => "another value".to_owned(),
        false if words.iter().any(|word| word.contains(',')) => words.join(", or "),
        false => words.join(" or "),
    }
}

/// A message of serde without words of Rust: `invalid type, expected a sequence` becomes `invalid type,
/// expected a list`.
pub(crate) fn plain_words(message: &str) -> String {
    const WORDS: [(&str, &str); 4] = [
        ("a sequence", "a list"),
        ("a map", "an object"),
        ("a boolean", "true or false"),
        ("unit", "null"),
    ];
    const INTEGERS: [&str; 10] = [
        "u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize",
    ];
    let Some((problem, expected)) = message.rsplit_once("expected ") else {
        return match message.contains("untagged enum") {
            true => "invalid value".to_owned(),
            false => message.to_owned(),
        };
    };
    let word = WORDS.iter().find(|(word, _)| *word == expected);
    let is_struct = ["struct ", "tuple ", "enum "]
        .iter()
        .any(|kind| expected.starts_with(kind));
    let expected = match word {
        Some((_, word)) => word,
        None if INTEGERS.contains(&expected) => "an integer",
        None if ["f32", "f64"].contains(&expected) => "a number",
        None if is_struct => "an object",
        None => expected,
    };
    format!("{problem}expected {expected}")
}
