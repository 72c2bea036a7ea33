//! Redacts UserSigs and keys in recorded bodies, because a client may have put one in the wrong place. A
//! body without a secret is shown as it arrived.

use crate::protocol::redact::redact_text;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

const REDACTED: &str = "***";

/// The redacted body: JSON, or a JSON string if the body is not JSON; `None` if it is empty.
pub(crate) fn redact_body(bytes: &[u8]) -> Option<Box<RawValue>> {
    if bytes.is_empty() {
        return None;
    }
    // A client's strict parser would reject our whole answer for an unpaired surrogate or a number
    // out of range. So a body with such a value is shown as a string.
    let Ok(mut json) = serde_json::from_slice::<Value>(bytes) else {
        return to_raw_value(&redact_broken_json(&String::from_utf8_lossy(bytes))).ok();
    };
    if redact(&mut json) {
        return to_raw_value(&json).ok();
    }
    serde_json::from_slice(bytes).ok()
}

/// Like [`redact_body`], as a text. A body without a secret keeps its numbers, spaces and repeated fields.
pub(super) fn redacted_text(bytes: &[u8]) -> Option<String> {
    let redacted = redact_body(bytes)?;
    match serde_json::from_slice::<Value>(bytes) {
        Ok(_) => Some(redacted.get().to_owned()),
        Err(_) => serde_json::from_str(redacted.get()).ok(),
    }
}

/// Redacts a text that may be broken JSON. A secret in one of its strings can have escapes, which end a
/// secret for [`redact_text`]; if there is one, the escapes are replaced by what they stand for.
fn redact_broken_json(text: &str) -> String {
    let plain = text
        .replace("\\/", "/")
        .replace("\\n", "\n")
        .replace("\\r", "\r")
        .replace("\\t", "\t");
    let redacted = redact_text(&plain);
    match redacted == plain {
        true => redact_text(text),
        false => redacted,
    }
}

/// Redacts in place, and returns whether anything was redacted.
fn redact(json: &mut Value) -> bool {
    match json {
        Value::String(text) => {
            let redacted = redact_text(text);
            let is_changed = redacted != *text;
            *text = redacted;
            is_changed
        }
        Value::Array(list) => list.iter_mut().fold(false, |any, item| redact(item) | any),
        Value::Object(fields) => {
            let mut is_changed = false;
            let redacted = std::mem::take(fields).into_iter().map(|(name, mut field)| {
                if names_a_secret(&name) {
                    field = REDACTED.into();
                    is_changed = true;
                } else {
                    is_changed |= redact(&mut field);
                }
                let redacted = redact_text(&name);
                is_changed |= redacted != name;
                (redacted, field)
            });
            fields.extend(redacted);
            is_changed
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a field with this name has a UserSig or a key, whatever the value looks like.
fn names_a_secret(name: &str) -> bool {
    let mut name = name.to_ascii_lowercase();
    name.retain(|c| c != '_' && c != '-');
    ["usersig", "secretkey"]
        .iter()
        .any(|secret| name.contains(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_as(body: &str) -> String {
        redact_body(body.as_bytes())
            .expect("it is not empty")
            .to_string()
    }

    #[test]
    fn a_usersig_is_redacted_wherever_it_stands_and_all_else_is_as_it_arrived() {
        let sig = format!("eJw{}_", "x".repeat(80));
        for (body, shown) in [
            (
                r#"{"b": 1, "a":[true ,null]}"#.to_owned(),
                r#"{"b": 1, "a":[true ,null]}"#,
            ),
            (format!(r#"{{"x":["{sig}"]}}"#), r#"{"x":["***"]}"#),
            (r#"{"UserSig":"short"}"#.to_owned(), r#"{"UserSig":"***"}"#),
            (r#"{"my_usersig":7}"#.to_owned(), r#"{"my_usersig":"***"}"#),
            (r#"{"user-sig":[1]}"#.to_owned(), r#"{"user-sig":"***"}"#),
            (
                r#"{"secret_key":"s"}"#.to_owned(),
                r#"{"secret_key":"***"}"#,
            ),
            (
                format!(r#"{{"{sig}":{{"{sig}":1}}}}"#),
                r#"{"***":{"***":1}}"#,
            ),
            (format!("usersig={sig}&x"), r#""usersig=***&x""#),
            (
                format!("usersig={}&x", sig.replace('_', "%5F")),
                r#""usersig=***&x""#,
            ),
            (format!("{{ {sig}"), r#""{ ***""#),
            ("eJust text".to_owned(), r#""eJust text""#),
            (r#""\ud800""#.to_owned(), r#""\"\\ud800\"""#),
            (
                format!(r#"{{"a":"{sig}\n{sig}\n{sig}",}}"#),
                r#""{\"a\":\"***\",}""#,
            ),
            (
                format!(r#"{{"a":"{}",}}"#, sig.replace("xx", r"\/x")),
                r#""{\"a\":\"***\",}""#,
            ),
        ] {
            assert_eq!(shown_as(&body), shown, "{body}");
        }
    }
}
