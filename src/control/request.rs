//! A control call's path, query and body, read strictly: against the JSON schema of the type they
//! become, which is the one that the OpenAPI document shows. So the document cannot say anything
//! else than what is accepted, and all faults are found at once.

use super::problem::{InvalidField, Part};
use dashmap::DashMap;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::any::TypeId;
use std::sync::{Arc, LazyLock};

/// The nearest valid name is offered when it is at least this like the unknown one.
const LIKENESS: f64 = 0.6;

/// More faults are not worth anybody's reading.
const MOST_FAULTS: usize = 100;

/// Nor is more of a message, in characters.
const LONGEST: usize = 200;

/// What a part of a request becomes.
pub(super) trait Fields: DeserializeOwned + JsonSchema + Send + 'static {}

impl<T: DeserializeOwned + JsonSchema + Send + 'static> Fields for T {}

/// A schema and what checks values against it, each made once.
struct Checked {
    schema: Value,
    validator: Validator,
}

static CHECKED: LazyLock<DashMap<TypeId, Arc<Checked>>> = LazyLock::new(DashMap::new);

/// Makes JSON schemas of types, as OpenAPI 3.1 takes them: what is read, or what is answered.
pub(super) fn generator(
    settings: impl FnOnce(SchemaSettings) -> SchemaSettings,
) -> SchemaGenerator {
    let mut all = SchemaSettings::draft2020_12();
    all.inline_subschemas = true;
    all.meta_schema = None;
    settings(all).into_generator()
}

/// The schema of what is read as a `T`.
pub(super) fn schema_of<T: Fields>() -> Value {
    checked::<T>().schema.clone()
}

fn checked<T: Fields>() -> Arc<Checked> {
    let make = || {
        let generator = generator(SchemaSettings::for_deserialize);
        let schema = generator.into_root_schema_for::<T>().to_value();
        let validator = jsonschema::draft202012::new(&schema).expect("derived schemas are schemas");
        Arc::new(Checked { schema, validator })
    };
    Arc::clone(&CHECKED.entry(TypeId::of::<T>()).or_insert_with(make))
}

/// Reads JSON, and goes no further than the first fault.
pub(super) fn read_or_first_fault<T: Fields>(
    part: Part,
    value: Value,
) -> Result<T, Vec<InvalidField>> {
    let checked = checked::<T>();
    let mut faults = Vec::new();
    if let Err(error) = checked.validator.validate(&value) {
        explain(part, &error, &checked.schema, &mut faults);
        faults.truncate(1);
        return Err(faults);
    }
    deserialize_validated(part, value)
}

/// Reads JSON.
pub(super) fn read<T: Fields>(part: Part, value: Value) -> Result<T, Vec<InvalidField>> {
    let checked = checked::<T>();
    let mut faults = Vec::new();
    for error in checked.validator.iter_errors(&value).take(MOST_FAULTS) {
        explain(part, &error, &checked.schema, &mut faults);
        faults.truncate(MOST_FAULTS);
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    deserialize_validated(part, value)
}

/// What the schema lets through may still be nothing that can be.
fn deserialize_validated<T: Fields>(part: Part, value: Value) -> Result<T, Vec<InvalidField>> {
    let deserialized = serde_path_to_error::deserialize(value);
    deserialized.map_err(|error| {
        let fault = InvalidField {
            part: Some(part),
            pointer: pointer(error.path()),
            detail: error.inner().to_string(),
        };
        vec![fault]
    })
}

/// Reads names and values that were text, as the schema's types say. Of a repeated name, the last
/// value counts.
pub(super) fn read_texts<T: Fields>(
    part: Part,
    texts: impl Iterator<Item = (String, String)>,
) -> Result<T, Vec<InvalidField>> {
    let checked = checked::<T>();
    let typed = |(name, text): (String, String)| {
        let value = typed(&checked.schema["properties"][&name], text);
        (name, value)
    };
    read(part, Value::Object(texts.map(typed).collect::<Map<_, _>>()))
}

fn typed(schema: &Value, text: String) -> Value {
    let kind = &schema["type"];
    let is = |name: &str| {
        let kinds = kind.as_array().into_iter().flatten();
        kind == name || kinds.into_iter().any(|kind| kind == name)
    };
    let number = is("integer").then(|| text.parse::<serde_json::Number>().ok());
    let boolean = is("boolean").then(|| text.parse::<bool>().ok());
    match (number.flatten(), boolean.flatten()) {
        (Some(number), _) => Value::Number(number),
        (_, Some(boolean)) => Value::Bool(boolean),
        (None, None) => Value::String(text),
    }
}

/// What is wrong, in words; and where.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other kinds speak for themselves"
)]
fn explain(
    part: Part,
    error: &ValidationError<'_>,
    schema: &Value,
    faults: &mut Vec<InvalidField>,
) {
    let at = error.instance_path().as_str().to_owned();
    let mut add = |pointer: String, detail: String| {
        faults.push(InvalidField {
            part: Some(part),
            pointer,
            detail,
        });
    };
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let keyword = error.schema_path().as_str();
            let of = keyword.rsplit_once('/').map_or("", |(object, _)| object);
            let known = schema.pointer(of).unwrap_or(schema)["properties"].as_object();
            for name in unexpected.iter().take(MOST_FAULTS) {
                let names = known.into_iter().flat_map(Map::keys).map(String::as_str);
                add(join(&at, name), unknown(name, names));
            }
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            add(join(&at, name), "is missing".to_owned());
        }
        ValidationErrorKind::Type { kind } => add(at, format!("should be {}", in_words(kind))),
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            // The alternative that came furthest is the one that was meant.
            let depth = |errors: &&Vec<ValidationError<'static>>| {
                let depths = errors
                    .iter()
                    .map(|error| error.instance_path().as_str().len());
                let is_other_type = errors.iter().any(|error| {
                    matches!(error.kind(), ValidationErrorKind::Type { .. })
                        && error.instance_path().as_str() == at
                });
                (!is_other_type, depths.max())
            };
            for error in context.iter().max_by_key(depth).into_iter().flatten() {
                explain(part, error, schema, faults);
            }
        }
        // These messages quote the value, which may be long.
        _ => add(at, error.to_string().chars().take(LONGEST).collect()),
    }
}

fn in_words(kind: &TypeKind) -> String {
    let words = |name: &str| match name {
        "null" => "null".to_owned(),
        "array" => "a list".to_owned(),
        "integer" => "an integer".to_owned(),
        "object" => "an object".to_owned(),
        other => format!("a {other}"),
    };
    match kind {
        TypeKind::Single(kind) => words(&kind.to_string()),
        TypeKind::Multiple(kinds) => {
            let kinds: Vec<_> = kinds
                .iter()
                .map(|kind| kind.to_string())
                .filter(|kind| kind != "null")
                .map(|kind| words(&kind))
                .collect();
            kinds.join(" or ")
        }
    }
}

/// That a name is unknown, and the one that may have been meant.
pub(super) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, known) {
        Some(near) => format!("is unknown; did you mean {near}?"),
        None => "is unknown".to_owned(),
    }
}

/// The known name that is most like this one, if any is.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |other: &'a str| (strsim::jaro_winkler(name, other), other);
    let like = known
        .map(likeness)
        .filter(|(likeness, _)| *likeness >= LIKENESS);
    let best = like.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.map(|(_, other)| other)
}

/// A JSON pointer to a field of what is there.
pub(super) fn join(at: &str, name: &str) -> String {
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
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Sample {
        allow_type: String,
        times: Option<u32>,
        #[serde(default)]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Inner {
        remark: String,
    }

    fn faults(value: Value) -> Vec<(String, String)> {
        let faults = read::<Sample>(Part::Body, value).expect_err("it is wrong");
        let mut faults: Vec<_> = faults
            .into_iter()
            .map(|fault| (fault.pointer, fault.detail))
            .collect();
        faults.sort();
        faults
    }

    #[test]
    fn all_faults_are_named_at_once_each_with_its_place() {
        let value =
            json!({"alow_type": "x", "times": "3", "inner": [{"remark": 1, "remarc": "x"}, 7]});
        let expected = [
            ("/allow_type", "is missing"),
            ("/alow_type", "is unknown; did you mean allow_type?"),
            ("/inner/0/remarc", "is unknown; did you mean remark?"),
            ("/inner/0/remark", "should be a string"),
            ("/inner/1", "should be an object"),
            ("/times", "should be an integer"),
        ];
        let expected = expected.map(|(at, what)| (at.to_owned(), what.to_owned()));
        assert_eq!(faults(value), expected);
    }

    #[test]
    fn text_becomes_what_the_schema_says() {
        let texts = [("allow_type", "7"), ("times", "7")];
        let texts = texts.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let sample: Sample = read_texts(Part::Query, texts.into_iter()).expect("it is right");
        assert_eq!((sample.allow_type.as_str(), sample.times), ("7", Some(7)));
    }
}
