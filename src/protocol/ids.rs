//! `SdkAppId`, `UserId` and `UnixTime`: each is validated once, when it is parsed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use smol_str::SmolStr;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU32;

/// An app's SDKAppID: a decimal in 1..=4294967295.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(with = "u32", inline, extend("minimum" = 1, "maximum" = u32::MAX))]
pub struct SdkAppId(NonZeroU32);

impl SdkAppId {
    /// `None` for 0.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// Reads plain decimal digits; a sign, a space, 0 or more than 32 bits give `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok().map(Self)).flatten()
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for SdkAppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SdkAppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// The limit of 32 bytes is documented (Use Limits, account_import). The alphabet is the one of the
// client SDKs (code 7003), the widest of Tencent's three definitions. The text is stored inline, padded
// with NUL, so a copy needs no allocation.
/// A UserID: 1 to 32 bytes of printable ASCII, case-sensitive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "SmolStr")]
#[schemars(with = "String", inline, extend(
    "pattern" = Self::PATTERN,
    "x-expected" = Self::EXPECTED,
))]
pub struct UserId([u8; Self::MAX_BYTES]);

impl UserId {
    /// The longest UserID, in bytes.
    pub const MAX_BYTES: usize = 32;

    /// The pattern of a UserID in JSON schemas.
    pub(crate) const PATTERN: &str = "^[ -~]{1,32}$";

    /// What a UserID is, for messages.
    pub(crate) const EXPECTED: &str = "a UserID, 1 to 32 bytes of printable ASCII";

    /// `None` if `text` is empty, longer than 32 bytes, or not printable ASCII.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let printable = bytes.iter().all(|byte| (0x20..=0x7e).contains(byte));
        if bytes.is_empty() || bytes.len() > Self::MAX_BYTES || !printable {
            return None;
        }
        let mut padded = [0; Self::MAX_BYTES];
        padded[..bytes.len()].copy_from_slice(bytes);
        Some(Self(padded))
    }

    /// The text that was parsed.
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|byte| *byte == 0);
        let bytes = &self.0[..length.unwrap_or(Self::MAX_BYTES)];
        std::str::from_utf8(bytes).expect("parse accepts only ASCII")
    }
}

impl TryFrom<SmolStr> for UserId {
    type Error = &'static str;

    fn try_from(text: SmolStr) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a UserID is 1 to 32 bytes of printable ASCII")
    }
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Hashes four words, which is faster than hashing 32 bytes.
impl Hash for UserId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (words, _) = self.0.as_chunks::<8>();
        for word in words {
            state.write_u64(u64::from_ne_bytes(*word));
        }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Seconds since 1970-01-01 UTC.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// The time in answers. A time before 1970 becomes 0, because no published client accepts it.
    pub fn seconds(self) -> u64 {
        u64::try_from(self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sdkappid_is_decimal_digits_for_1_to_2_pow_32_minus_1() {
        for good in ["1", "88888888", "4294967295", "0088"] {
            assert!(SdkAppId::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "0",
            "4294967296",
            "-1",
            "+1",
            " 1",
            "1 ",
            "0x1",
            "1.0",
            "一",
            "99999999999999999999",
        ] {
            assert!(SdkAppId::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_user_id_is_1_to_32_bytes_of_printable_ascii_and_reads_back_as_written() {
        let longest = "x".repeat(32);
        for good in ["a", " ", "~", "@TGS#1-._~ ", longest.as_str()] {
            assert_eq!(UserId::parse(good).expect(good).as_str(), good);
        }
        let too_long = "x".repeat(33);
        for bad in [
            "",
            too_long.as_str(),
            "a\0",
            "a\n",
            "\u{7f}",
            "é",
            "用户",
            "🙂",
        ] {
            assert!(UserId::parse(bad).is_none(), "{bad:?}");
        }
        for byte in 0..=u8::MAX {
            let text = char::from(byte).to_string();
            assert_eq!(
                UserId::parse(&text).is_some(),
                (0x20..=0x7e).contains(&byte),
                "byte {byte}"
            );
        }
    }

    #[test]
    fn user_ids_sort_as_their_texts_do() {
        let mut texts = ["b", "a", "ab", "aa", "B", "a ", "~"];
        texts.sort_unstable();
        let ids: Vec<_> = texts
            .iter()
            .map(|text| UserId::parse(text).expect("legal"))
            .collect();
        assert!(ids.is_sorted());
    }
}
