//! A body's bytes, understood as a command's request, or what is wrong with them.

use crate::middleware::body::{ReceivedBody, TooLong};
use crate::protocol::code::Code;
use crate::protocol::reply::CallError;
use crate::protocol::service::Service;
use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer, IgnoredAny};
use std::fmt;
use std::marker::PhantomData;

/// The fields that hold an account, which has a code of its own when it is not a string.
const ACCOUNT_FIELDS: [&str; 2] = ["From_Account", "To_Account"];

/// Reads a body as JSON, whatever its Content-Type says: published clients send none, or
/// `text/plain`, or `application/x-www-form-urlencoded`.
///
/// # Precedence
/// A body that is not JSON, then one that is not this command's.
pub(super) fn decode<T: DeserializeOwned>(
    ReceivedBody(body): ReceivedBody,
    service: Service,
) -> Result<T, CallError> {
    let body = body.map_err(|TooLong| not_json("it is longer than this server takes"))?;
    if body.is_empty() {
        return Err(not_json("it is empty, and should be {} at least"));
    }
    let text = std::str::from_utf8(&body)
        .map_err(|error| not_json(&format!("it is not UTF-8: {error}")))?;
    match serde_json::from_str(text) {
        Ok(Object(request)) => Ok(request),
        Err(_) => Err(explain::<T>(text, service)),
    }
}

/// What is wrong with a body that could not be decoded. Only failures pay for the second look.
fn explain<T: DeserializeOwned>(text: &str, service: Service) -> CallError {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return syntax(text, &error);
    }
    let error = match serde_path_to_error::deserialize::<_, Object<T>>(
        &mut serde_json::Deserializer::from_str(text),
    ) {
        Ok(_) => return bad_field(service, "the body cannot be read"),
        Err(error) => error,
    };
    let path = error.path().to_string();
    let is_account = ACCOUNT_FIELDS.iter().any(|field| path.ends_with(field));
    // "invalid type: ..., expected ... at line 1 column 9": the place is for syntax errors.
    let fault = error.inner().to_string();
    let fault = fault.split(" at line ").next().unwrap_or_default();
    let what = if path == "." {
        fault.to_owned()
    } else {
        format!("{path}: {fault}")
    };
    if is_account && fault.starts_with("invalid type") {
        return CallError::with_info(
            Code::AccountNotAString,
            format!("{}: {what}", Code::AccountNotAString.info()),
        );
    }
    bad_field(service, &what)
}

/// The command's own code for a field that is missing or wrong; `what` names it.
pub(super) fn bad_field(service: Service, what: &str) -> CallError {
    let code = service.bad_body();
    CallError::with_info(code, format!("{}: {what}", code.info()))
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
    CallError::with_info(Code::NotJson, format!("{}: {what}", Code::NotJson.info()))
}

/// A JSON object. serde's derived types would take an array for one, too.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// A list of JSON objects.
pub(super) fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(objects.into_iter().map(|Object(object)| object).collect())
}

/// An optional text. `null` is the same as none; so is `""`, to whoever reads the text.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()))
}

/// An optional integer. `null` and `""` are the same as none.
pub(super) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    struct Integer;

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
            if text.is_empty() {
                Ok(None)
            } else {
                Err(E::invalid_type(de::Unexpected::Str(text), &self))
            }
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }

    deserializer.deserialize_any(Integer)
}
