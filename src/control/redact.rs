//! Redacts UserSigs in recorded bodies, because a client may have put one in the wrong place. A
//! body without a UserSig is shown as it arrived.

use crate::protocol::user_sig::redact_text;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

const REDACTED: &str = "***";

/// The redacted body: JSON, or a JSON string if the body is not JSON; `None` if it is empty.
pub(super) fn redact_body(bytes: &[u8]) -> Option<Box<RawValue>> {
    if bytes.is_empty() {
        return None;
    }
    // A client's strict parser would reject our whole answer for an unpaired surrogate or a number
    // out of range. So a body with such a value is shown as a string.
    let Ok(mut json) = serde_json::from_slice::<Value>(bytes) else {
        return to_raw_value(&redact_text(&String::from_utf8_lossy(bytes))).ok();
    };
    if redact(&mut json) {
        return to_raw_value(&json).ok();
    }
    serde_json::from_slice(bytes).ok()
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
        Value::Object(fields) => fields.iter_mut().fold(false, |any, (name, field)| {
            if name.to_ascii_lowercase().contains("usersig") {
                *field = REDACTED.into();
                return true;
            }
            redact(field) | any
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
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
            (format!("usersig={sig}&x"), r#""usersig=***&x""#),
            (format!("{{ {sig}"), r#""{ ***""#),
            ("eJust text".to_owned(), r#""eJust text""#),
            (r#""\ud800""#.to_owned(), r#""\"\\ud800\"""#),
        ] {
            assert_eq!(shown_as(&body), shown, "{body}");
        }
    }
}
