//! Decodes a body as a command's request.

use crate::gateway::body::Received;
use crate::protocol::code::Code;
use crate::protocol::object::Object;
use crate::protocol::redact::redact_beginning;
use crate::protocol::reply::CallError;
use crate::protocol::service::Service;
use crate::strict::{generator, plain_words};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_json::value::RawValue;
use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The fields that have an account. An account that is not a string gets its own code.
pub(super) const ACCOUNT_FIELDS: [&str; 5] = [
    "From_Account",
    "To_Account",
    "UserID",
    "Identifier",
    "Accounts",
];

/// The most unknown fields of a body that are named.
const MAX_UNKNOWN: usize = 10;

/// The longest path of an unknown field, in bytes.
const MAX_PATH: usize = 60;

/// Decodes a JSON body. Its Content-Type does not matter: published clients send none, `text/plain` or
/// `application/x-www-form-urlencoded`.
///
/// # Precedence
/// A body that is not JSON, then a body that is not a request of this command.
pub(super) fn decode<T: DeserializeOwned>(
    body: &Received,
    service: Service,
) -> Result<T, CallError> {
    let body = match body {
        Received::Whole(body, _) => body,
        Received::TooLong => {
            return Err(not_json(service, "it is longer than this server accepts"));
        }
        Received::Cut => {
            let detail = "the body was cut off, or did not arrive in time";
            return Err(CallError::with_detail(Code::RequestFormat, detail));
        }
        Received::NoRoom => {
            let detail = "other bodies use up `max_bodies_bytes`";
            return Err(CallError::with_detail(Code::RequestFormat, detail));
        }
    };
    if body.is_empty() {
        return Err(not_json(service, "it is empty; it should be at least {}"));
    }
    let text = std::str::from_utf8(body)
        .map_err(|error| not_json(service, &format!("it is not UTF-8: {error}")))?;
    match serde_json::from_str(text) {
        Ok(Object(request)) => Ok(request),
        Err(error) => Err(explain::<T>(text, error, service)),
    }
}

/// The error for a body that could not be decoded. To find the place of the error, it is parsed again.
fn explain<T: DeserializeOwned>(
    text: &str,
    error: serde_json::Error,
    service: Service,
) -> CallError {
    if !error.is_data() {
        return syntax(service, text, &error);
    }
    // A field is invalid, but the rest of the body may not be JSON.
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return syntax(service, text, &error);
    }
    let deserializer = &mut serde_json::Deserializer::from_str(text);
    let path = match serde_path_to_error::deserialize::<_, Object<T>>(deserializer) {
        Err(error) => error.path().to_string(),
        Ok(_) => String::new(),
    };
    let field = path.split('.').next_back().unwrap_or_default();
    let field = field.split('[').next().unwrap_or_default();
    let problem = without_values(&error.to_string());
    let what = if path.is_empty() || path == "." {
        problem.clone()
    } else {
        format!("{path}: {problem}")
    };
    let wants_text = problem == "invalid type, expected a string";
    if wants_text && ACCOUNT_FIELDS.contains(&field) {
        let code = Code::AccountNotAString;
        return CallError::because(code, code.info(), &what);
    }
    bad_field(service, &what)
}

/// serde's message about a field without the position, because the path says more, and without the
/// value, because it may be long or private.
///
/// `invalid type: string "x", expected an integer at line 1 column 9` becomes `invalid type,
/// expected an integer`.
fn without_values(message: &str) -> String {
    let message = message
        .rsplit_once(" at line ")
        .map_or(message, |(message, _)| message);
    match (message.split_once(": "), message.rsplit_once(", expected ")) {
        (Some((kind, _)), Some((_, expected))) => {
            plain_words(&format!("{kind}, expected {expected}"))
        }
        _ => plain_words(message),
    }
}

/// The fields of a body that are not in a command's request, such as `AddFriendItem[0].Foo`: at most
/// [`MAX_UNKNOWN`], each without secrets and cut to [`MAX_PATH`] bytes. Empty if the body is not JSON.
///
/// The body is parsed a second time, so this is only for calls that failed, or if `strict_body` is on.
pub(super) fn unknown_fields<T: JsonSchema + 'static>(body: &[u8]) -> Vec<String> {
    static SCHEMAS: Mutex<BTreeMap<TypeId, Arc<Value>>> = Mutex::new(BTreeMap::new());
    let new = || {
        let generator = generator(SchemaSettings::for_deserialize);
        Arc::new(generator.into_root_schema_for::<T>().to_value())
    };
    let schema = {
        let mut schemas = SCHEMAS.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(schemas.entry(TypeId::of::<T>()).or_insert_with(new))
    };
    let mut fields = Vec::new();
    if let Ok(body) = serde_json::from_slice(body) {
        add_unknown("", body, &schema, &mut fields);
    }
    fields
}

/// Adds the fields of a value that its schema does not have. A value that the schema says nothing about is
/// not parsed: it may be one that no type can hold, such as 1e999.
fn add_unknown(at: &str, value: &RawValue, schema: &Value, unknown: &mut Vec<String>) {
    let text = value.get();
    if let Some(known) = schema["properties"].as_object()
        && let Ok(fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text)
    {
        for (name, field) in fields {
            let path = match at {
                "" => name.clone(),
                at => format!("{at}.{name}"),
            };
            match known.get(&name) {
                Some(schema) => add_unknown(&path, field, schema, unknown),
                None if unknown.len() < MAX_UNKNOWN => {
                    unknown.push(redact_beginning(&path, MAX_PATH));
                }
                None => return,
            }
        }
    }
    if let Some(schema) = schema.get("items")
        && let Ok(entries) = serde_json::from_str::<Vec<&RawValue>>(text)
    {
        for (number, entry) in entries.into_iter().enumerate() {
            add_unknown(&format!("{at}[{number}]"), entry, schema, unknown);
        }
    }
}

/// Refuses a body with fields that the command's request does not have.
pub(super) fn refuse_unknown(unknown: &[String], service: Service) -> Result<(), CallError> {
    if unknown.is_empty() {
        return Ok(());
    }
    let what = format!("unknown fields (strict_body is on): {}", unknown.join(", "));
    Err(bad_field(service, &what))
}

/// The service's code for a missing or invalid field; `what` names the field.
pub(super) fn bad_field(service: Service, what: &str) -> CallError {
    let code = service.bad_body();
    if service == Service::Sns {
        // Seen: the text says no more.
        return CallError::with_detail(code, what.to_owned());
    }
    CallError::because(code, code.info(), what)
}

fn syntax(service: Service, text: &str, error: &serde_json::Error) -> CallError {
    let mut what = error.to_string();
    let line = text
        .lines()
        .nth(error.line().saturating_sub(1))
        .unwrap_or_default();
    if line.as_bytes().get(error.column().saturating_sub(1)) == Some(&b'/') {
        what += "; comments as in the documentation's samples are not JSON";
    }
    not_json(service, &what)
}

fn not_json(service: Service, what: &str) -> CallError {
    let code = service.not_json();
    if code == Code::MessageNotJson {
        // Documented: the text says no more.
        return CallError::with_detail(code, what.to_owned());
    }
    CallError::because(code, code.info(), what)
}
