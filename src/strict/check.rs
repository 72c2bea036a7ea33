//! Keywords of our own in JSON schemas, for rules that JSON Schema cannot express. With them the
//! validator finds all invalid fields at once; a deserializer ends at the first.

use jsonschema::{Keyword, ValidationError, ValidationOptions};
use serde_json::{Value, json};

/// A check that a schema names with `x-check`: its name, and a function that returns the problems of a
/// value. Each has its place, a JSON pointer from the value.
pub(crate) type Check = (&'static str, fn(&Value) -> Vec<(String, String)>);

/// The keyword for integers that are written with a fraction, such as 1.0: JSON Schema accepts them as
/// integers, and serde does not.
const WHOLE: &str = "x-whole";

/// The keyword for the longest text in UTF-8 bytes; `maxLength` counts characters.
pub(super) const MAX_BYTES: &str = "x-max-bytes";

/// The ranges of Rust's integers, by their `format` in a schema.
fn range_of(format: &str) -> Option<(Value, Value)> {
    Some(match format {
        "uint8" => (json!(0), json!(u8::MAX)),
        "uint16" => (json!(0), json!(u16::MAX)),
        "uint32" => (json!(0), json!(u32::MAX)),
        "uint" | "uint64" => (json!(0), json!(u64::MAX)),
        "int32" => (json!(i32::MIN), json!(i32::MAX)),
        "int" | "int64" => (json!(i64::MIN), json!(i64::MAX)),
        _ => return None,
    })
}

/// Adds to each integer in a schema the rules that serde has: the range of its type, and no fraction.
pub(super) fn bound_integers(schema: &mut Value) {
    let is_integer = super::types(schema).contains(&"integer");
    match schema {
        Value::Object(rules) => {
            let format = rules.get("format").and_then(Value::as_str);
            if let Some((min, max)) = format.and_then(range_of) {
                rules.entry("minimum").or_insert(min);
                rules.entry("maximum").or_insert(max);
            }
            if is_integer {
                rules.insert(WHOLE.to_owned(), json!(true));
            }
            rules.values_mut().for_each(bound_integers);
        }
        Value::Array(list) => list.iter_mut().for_each(bound_integers),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The options of a validator that knows our keywords.
pub(super) fn options(checks: &'static [Check]) -> ValidationOptions<'static> {
    jsonschema::options()
        .with_keyword("x-check", move |_, name, _| {
            let check = checks.iter().find(|(known, _)| name == known);
            let (_, check) = check.expect("a schema names only checks that exist");
            Ok(Box::new(Checked(*check)))
        })
        .with_keyword(WHOLE, |_, _, _| Ok(Box::new(Checked(check_whole))))
        .with_keyword(MAX_BYTES, |_, max, _| {
            Ok(Box::new(MaxBytes(max.as_u64().unwrap_or_default())))
        })
}

/// A keyword's error: the JSON pointer from the value to the problem, a line break, and the problem. An
/// error of the validator has no other field for the pointer.
fn error(pointer: &str, problem: &str) -> ValidationError<'static> {
    ValidationError::custom(format!("{pointer}\n{problem}"))
}

/// The pointer and the problem of a keyword's error.
pub(super) fn parts(message: &str) -> (&str, &str) {
    message.split_once('\n').unwrap_or(("", message))
}

struct Checked(fn(&Value) -> Vec<(String, String)>);

impl Keyword for Checked {
    fn validate<'i>(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        match self.iter_errors(value).next() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn is_valid(&self, value: &Value) -> bool {
        (self.0)(value).is_empty()
    }

    fn iter_errors<'i>(
        &self,
        value: &'i Value,
    ) -> Box<dyn Iterator<Item = ValidationError<'i>> + 'i> {
        let problems = (self.0)(value).into_iter();
        Box::new(problems.map(|(pointer, problem)| error(&pointer, &problem)))
    }
}

fn check_whole(value: &Value) -> Vec<(String, String)> {
    let number = value.as_f64().filter(|_| value.is_f64());
    let whole = number.filter(|number| number.fract() == 0.0 && number.abs() < 1e15);
    let problem = |number| format!("should be an integer; give {number:.0}");
    Vec::from_iter(whole.map(|number| (String::new(), problem(number))))
}

struct MaxBytes(u64);

impl Keyword for MaxBytes {
    fn validate<'i>(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(value) {
            return Ok(());
        }
        let Self(max) = self;
        Err(error(
            "",
            &format!("should have at most {max} bytes of UTF-8"),
        ))
    }

    fn is_valid(&self, value: &Value) -> bool {
        value
            .as_str()
            .is_none_or(|text| text.len() as u64 <= self.0)
    }
}
