//! A body's bytes, understood as a command's request, or what is wrong with them.

use crate::gateway::body::Received;
use crate::protocol::code::Code;
use crate::protocol::object::Object;
use crate::protocol::reply::CallError;
use crate::protocol::service::Service;
use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer, IgnoredAny};
use std::fmt;

/// The fields that hold an account, which has a code of its own when it is not a string.
const ACCOUNT_FIELDS: [&str; 5] = [
    "From_Account",
    "To_Account",
    "UserID",
    "Identifier",
    "Accounts",
];

/// Reads a body as JSON, whatever its Content-Type says: published clients send none, or
/// `text/plain`, or `application/x-www-form-urlencoded`.
///
/// # Precedence
/// A body that is not JSON, then one that is not this command's.
pub(super) fn decode<T: DeserializeOwned>(
    body: &Received,
    service: Service,
) -> Result<T, CallError> {
    let body = match body {
        Received::Whole(body) => body,
        Received::TooLong => return Err(not_json("it is longer than this server takes")),
        Received::Cut => return Err(Code::RequestFormat.into()),
    };
    if body.is_empty() {
        return Err(not_json("it is empty, and should be {} at least"));
    }
    let text = std::str::from_utf8(body)
        .map_err(|error| not_json(&format!("it is not UTF-8: {error}")))?;
    match serde_json::from_str(text) {
        Ok(Object(request)) => Ok(request),
        Err(error) => Err(explain::<T>(text, error, service)),
    }
}

/// What is wrong with a body that could not be decoded. Only failures pay for a second look.
fn explain<T: DeserializeOwned>(
    text: &str,
    error: serde_json::Error,
    service: Service,
) -> CallError {
    if !error.is_data() {
        return syntax(text, &error);
    }
    // A field is wrong; but what follows it may not even be JSON.
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return syntax(text, &error);
    }
    let deserializer = &mut serde_json::Deserializer::from_str(text);
    let path = match serde_path_to_error::deserialize::<_, Object<T>>(deserializer) {
        Err(error) => error.path().to_string(),
        Ok(_) => String::new(),
    };
    let field = path.split('.').next_back().unwrap_or_default();
    let field = field.split('[').next().unwrap_or_default();
    let fault = without_values(&error.to_string());
    let what = if path.is_empty() || path == "." {
        fault.clone()
    } else {
        format!("{path}: {fault}")
    };
    let wants_text = fault == "invalid type, expected a string";
    if wants_text && ACCOUNT_FIELDS.contains(&field) {
        let code = Code::AccountNotAString;
        return CallError::because(code, code.info(), &what);
    }
    bad_field(service, &what)
}

/// serde's message about a field, less the place (its path says more) and less the value: it may be
/// long, and it is nobody's but the client's.
///
/// `invalid type: string "x", expected an integer at line 1 column 9` becomes `invalid type,
/// expected an integer`.
fn without_values(message: &str) -> String {
    let message = message
        .rsplit_once(" at line ")
        .map_or(message, |(message, _)| message);
    match (message.split_once(": "), message.rsplit_once(", expected ")) {
        (Some((kind, _)), Some((_, expected))) => format!("{kind}, expected {expected}"),
        _ => message.to_owned(),
    }
}

/// The service's own code for a field that is missing or wrong; `what` names it.
pub(super) fn bad_field(service: Service, what: &str) -> CallError {
    let code = service.bad_body();
    CallError::because(code, code.info(), what)
}

fn syntax(text: &str, error: &serde_json::Error) -> CallError {
    let mut what = error.to_string();
    let line = text
        .lines()
        .nth(error.line().saturating_sub(1))
        .unwrap_or_default();
    if line.as_bytes().get(error.column().saturating_sub(1)) == Some(&b'/') {
        what += "; comments as in the documentation's samples are not JSON";
    }
    not_json(&what)
}

fn not_json(what: &str) -> CallError {
    CallError::because(Code::NotJson, Code::NotJson.info(), what)
}

/// A list of JSON objects.
pub(super) fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(objects.into_iter().map(|Object(object)| object).collect())
}

/// The same, optional: `null` and nothing at all are an empty list.
pub(super) fn optional_objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let objects = Option::<Vec<Object<T>>>::deserialize(deserializer)?;
    let objects = objects.unwrap_or_default().into_iter();
    Ok(objects.map(|Object(object)| object).collect())
}

/// An optional text. `null` is the same as none; so is `""`, to whoever reads the text.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()))
}

/// An optional list of names; one that comes alone is a list of one. `null` and `""` are the same
/// as none.
pub(super) fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Names;

    impl<'de> de::Visitor<'de> for Names {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of strings")
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(de::value::SeqAccessDeserializer::new(list))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            let one = (!text.is_empty()).then(|| text.to_owned());
            Ok(Vec::from_iter(one))
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }
    }

    deserializer.deserialize_any(Names)
}

/// An optional integer, which some published clients spell as a string. `null` and `""` are the
/// same as none.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_any(Integer { takes_digits: true })
}

/// An optional integer. `null` and `""` are the same as none.
pub(super) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_any(Integer {
        takes_digits: false,
    })
}

struct Integer {
    /// Whether a string of digits is one as well.
    takes_digits: bool,
}

impl de::Visitor<'_> for Integer {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        i64::try_from(number)
            .map(Some)
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let number = text.parse().ok().filter(|_| self.takes_digits);
        if number.is_some() || text.is_empty() {
            return Ok(number);
        }
        Err(E::invalid_type(de::Unexpected::Str(text), &self))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
