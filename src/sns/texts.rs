//! The texts of the relationship chain, each with its documented limit. Limits are in UTF-8 bytes
//! (contacts model, doc 1047/33521).

use crate::protocol::code::Code;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

/// A keyword of 1 to 8 ASCII letters: the part of an AddSource or of a custom field's Tag after the
/// prefix.
///
/// It is stored in 8 bytes, padded with NUL, so that it needs no allocation. The first letter is the
/// highest byte, so that keywords sort like their texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[A-Za-z]{1,8}$", "x-expected" = "1 to 8 letters"))]
pub struct Keyword(NonZeroU64);

impl TryFrom<String> for Keyword {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a keyword is 1 to 8 letters")
    }
}

impl Keyword {
    /// `None` if `text` is not 1 to 8 letters.
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.as_bytes();
        if letters.len() > 8 || !letters.iter().all(u8::is_ascii_alphabetic) {
            return None;
        }
        let mut padded = [0; 8];
        padded[..letters.len()].copy_from_slice(letters);
        NonZeroU64::new(u64::from_be_bytes(padded)).map(Self)
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let padded = self.0.get().to_be_bytes();
        let letters = padded.split(|byte| *byte == 0).next().unwrap_or_default();
        f.write_str(std::str::from_utf8(letters).expect("parse lets only letters in"))
    }
}

/// The source of a friend: `AddSource_Type_` and a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(inline, extend(
    "pattern" = "^AddSource_Type_[A-Za-z]{1,8}$",
    "x-expected" = "AddSource_Type_ and 1 to 8 letters",
))]
pub struct AddSource(Keyword);

impl From<AddSource> for String {
    fn from(source: AddSource) -> Self {
        source.to_text()
    }
}

impl TryFrom<String> for AddSource {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("is not AddSource_Type_ and 1 to 8 letters")
    }
}

impl AddSource {
    const PREFIX: &str = "AddSource_Type_";

    /// `None` if the prefix is missing or the keyword is not 1 to 8 letters.
    pub fn parse(text: &str) -> Option<Self> {
        Keyword::parse(text.strip_prefix(Self::PREFIX)?).map(Self)
    }

    /// The text that was parsed.
    pub fn to_text(self) -> String {
        format!("{}{}", Self::PREFIX, self.0)
    }
}

macro_rules! bounded_text {
    ($( $( #[$doc:meta] )* $name:ident: $max:literal; )*) => { $(
        $( #[$doc] )*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "Arc<str>")]
        #[schemars(inline, extend("maxLength" = $max, "x-max-bytes" = $max))]
        pub struct $name(Arc<str>);

        impl $name {
            /// The longest text, in UTF-8 bytes.
            pub const MAX_BYTES: usize = $max;

            /// `None` if `text` is longer than `MAX_BYTES`.
            pub fn parse(text: &str) -> Option<Self> {
                (text.len() <= Self::MAX_BYTES).then(|| Self(text.into()))
            }

            /// The text that was parsed.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, without a copy.
            pub fn to_shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }
        }

        impl TryFrom<Arc<str>> for $name {
            type Error = &'static str;

            fn try_from(text: Arc<str>) -> Result<Self, Self::Error> {
                let is_short = text.len() <= Self::MAX_BYTES;
                is_short.then_some(Self(text)).ok_or(concat!("is longer than ", $max, " bytes"))
            }
        }
    )* };
}

bounded_text! {
    /// From_Account's name for To_Account: at most 96 bytes.
    Remark: 96;
    /// The name of one of an account's groups of friends (the English page calls them "friend
    /// lists"): at most 30 bytes.
    GroupName: 30;
    /// The text of a friend request: at most 256 bytes.
    AddWording: 256;
}

/// Parses an optional text. An empty text is the same as `None`; an invalid text gives `code`.
pub(super) fn given<T>(
    text: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
    code: Code,
) -> Result<Option<T>, Code> {
    text.filter(|text| !text.is_empty())
        .map(|text| parse(text).ok_or(code))
        .transpose()
}

/// Parses GroupNames, without duplicates and without empty names: at most `max`.
pub(super) fn group_names<'a>(
    names: impl Iterator<Item = &'a str>,
    max: u32,
) -> Result<Vec<GroupName>, Code> {
    let mut groups = Vec::new();
    for name in names.filter(|name| !name.is_empty()) {
        let group = GroupName::parse(name).ok_or(Code::GroupNameTooLong)?;
        if !groups.contains(&group) {
            groups.push(group);
        }
        if groups.len() > max as usize {
            return Err(Code::GroupsFull);
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_add_source_is_the_prefix_and_1_to_8_letters_and_reads_back_as_written() {
        for good in [
            "AddSource_Type_A",
            "AddSource_Type_XXXXXXXX",
            "AddSource_Type_Android",
        ] {
            assert_eq!(AddSource::parse(good).expect(good).to_text(), good);
        }
        for bad in [
            "",
            "AddSource_Type_",
            "AddSource_Type_XXXXXXXXX",
            "AddSource_Type_a1",
            "AddSource_Type_é",
            "Android",
            "addsource_type_Web",
            "AddSource_Type_a\0",
            " AddSource_Type_Web",
            "AddSource_Type_Web ",
        ] {
            assert!(AddSource::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn texts_are_bounded_in_bytes_not_characters() {
        for (length, fits) in [(0, true), (10, true), (11, false)] {
            assert_eq!(
                GroupName::parse(&"组".repeat(length)).is_some(),
                fits,
                "{length} characters of 3 bytes"
            );
        }
        assert!(
            Remark::parse(&"x".repeat(96)).is_some() && Remark::parse(&"x".repeat(97)).is_none()
        );
        assert!(
            AddWording::parse(&"x".repeat(256)).is_some()
                && AddWording::parse(&"x".repeat(257)).is_none()
        );
    }
}
