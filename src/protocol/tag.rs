//! `Tag` and `Value`: a field of a profile or of a friend.

use schemars::JsonSchema;
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A field: its Tag and its Value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct TagItem {
    /// The field's name, such as `Tag_Profile_IM_Nick`.
    pub tag: Cow<'static, str>,
    /// The field's value.
    pub value: TagValue,
}

/// A field's value. Answers have no other kinds of values, because published clients cannot read them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum TagValue {
    /// A string.
    Text(Arc<str>),
    /// An integer, 0 or more.
    Number(u64),
    /// A list of strings, only in `Tag_SNS_IM_Group`.
    Texts(Vec<Arc<str>>),
}

impl TagValue {
    /// The text; `None` for other kinds.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) | Self::Texts(_) => None,
        }
    }

    /// The number. A string of digits is accepted, because some published clients send only strings.
    pub fn as_number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            Self::Texts(_) => None,
        }
    }
}

impl From<&str> for TagValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl<'de> Deserialize<'de> for TagValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;

        impl<'de> de::Visitor<'de> for Value {
            type Value = TagValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, an integer of at least 0, or a list of strings")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<TagValue, E> {
                Ok(TagValue::from(text))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<TagValue, E> {
                Ok(TagValue::Number(number))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<TagValue, A::Error> {
                let list = de::value::SeqAccessDeserializer::new(list);
                let texts = Vec::<String>::deserialize(list)?;
                Ok(TagValue::Texts(texts.into_iter().map(Arc::from).collect()))
            }
        }

        deserializer.deserialize_any(Value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_back_as_written_and_no_other_kind_is_taken() {
        for good in [
            r#""""#,
            r#""x""#,
            "0",
            "18446744073709551615",
            "[]",
            r#"["a","b"]"#,
        ] {
            let value: TagValue = serde_json::from_str(good).expect(good);
            assert_eq!(serde_json::to_string(&value).expect(good), good);
        }
        for bad in ["null", "true", "-1", "1.5", "{}", "[1]", "[null]", "[[]]"] {
            assert!(serde_json::from_str::<TagValue>(bad).is_err(), "{bad}");
        }
    }
}
