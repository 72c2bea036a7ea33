//! The query string of every call: sdkappid, identifier, usersig, random, contenttype.
//!
//! No crate does this: `form_urlencoded` and the crates on top of it decode `+` as a space, which
//! damages a UserSig in the standard base64 alphabet. Also, names have to be case-sensitive, the first
//! of repeated values counts, and values without escapes are borrowed.

use super::code::Code;
use super::ids::SdkAppId;
use super::reply::CallError;
use memchr::memchr;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use std::borrow::Cow;
use std::str::Utf8Error;

/// A longer value is redacted: it may be a UserSig. UserIDs and numbers are shorter.
const MAX_VALUE_BYTES: usize = 40;

/// A well-formed query. Nothing in it is verified yet.
///
/// Names and values are case-sensitive, the order is free, and unknown parameters are ignored. If a
/// parameter is repeated, the first value counts (GUESS). Percent escapes are decoded; a literal `+`
/// stays `+`, because it can be part of a UserSig.
pub struct CommonQuery<'a> {
    /// The app of the call.
    pub sdkappid: SdkAppId,
    /// The UserID of the caller, who has to be an app admin.
    pub identifier: Cow<'a, str>,
    /// The identifier's UserSig.
    pub usersig: Cow<'a, str>,
    /// `random`, if it is not a decimal in 0..=4294967295, as the documentation requires; empty if
    /// it is missing. It is accepted, because published clients send such values.
    pub odd_random: Option<Cow<'a, str>>,
}

impl<'a> CommonQuery<'a> {
    /// Parses a raw query string. `strict` rejects a `random` that is missing or not as documented.
    ///
    /// # Precedence
    /// A missing sdkappid, then each parameter in the order of the documentation.
    pub fn parse(raw: &'a str, strict: bool) -> Result<Self, CallError> {
        let [sdkappid, identifier, usersig, random, contenttype] = find(raw);
        let sdkappid = decode("sdkappid", sdkappid)?.ok_or(Code::NoSdkAppId)?;
        let sdkappid = SdkAppId::parse(&sdkappid)
            .ok_or_else(|| bad("sdkappid", "is not a number in 1..4294967295"))?;
        let identifier = required("identifier", identifier)?;
        let usersig = required("usersig", usersig)?;
        let random = unescape_lossy(random.unwrap_or_default());
        let odd_random = (!is_documented_random(&random)).then_some(random);
        if strict && odd_random.is_some() {
            return Err(bad("random", "is not a number from 0 to 4294967295"));
        }
        if required("contenttype", contenttype)? != "json" {
            return Err(bad("contenttype", "is not json"));
        }
        Ok(Self {
            sdkappid,
            identifier,
            usersig,
            odd_random,
        })
    }

    /// `odd_random` for the log: a long value is redacted, because it may be a UserSig.
    pub fn odd_random_for_log(&self) -> Option<&str> {
        let random = self.odd_random.as_deref()?;
        Some(if is_long(random) { "***" } else { random })
    }
}

/// The app that a raw query names, even if the rest of the query is invalid.
pub fn named_app(raw: &str) -> Option<SdkAppId> {
    let [sdkappid, ..] = find(raw);
    SdkAppId::parse(&unescape(sdkappid?).ok()?)
}

/// A longer name is redacted: it may be a UserSig in the wrong place.
const MAX_NAME_BYTES: usize = 16;

/// A query is logged up to this many bytes.
const MAX_LOGGED_BYTES: usize = 2048;

/// A raw query for the log: any value that may be a UserSig is replaced by `***`.
pub fn redact_query(raw: &str) -> String {
    let mut redacted = String::with_capacity(raw.len().min(MAX_LOGGED_BYTES));
    for pair in pairs(&raw[..raw.floor_char_boundary(MAX_LOGGED_BYTES)]) {
        if !redacted.is_empty() {
            redacted.push('&');
        }
        let (name, value) = split_at(pair, b'=');
        if is_plain(name, value.unwrap_or_default()) {
            redacted.push_str(pair);
            continue;
        }
        // An unknown name may be a misspelt `usersig`, so its value is redacted.
        let name = unescape_lossy(name);
        if name.len() <= MAX_NAME_BYTES {
            redacted.push_str(&name);
            redacted.push_str("=***");
        } else {
            redacted.push_str("***");
        }
    }
    redacted
}

/// Whether a pair can be logged: it contains neither a UserSig nor, in its value, the name of one.
fn is_plain(name: &str, value: &str) -> bool {
    let names_a_sig = |text: &str| {
        let mut windows = text.as_bytes().windows(3);
        windows.any(|window| window.eq_ignore_ascii_case(b"sig"))
    };
    index(name).is_some_and(|index| NAMES[index] != "usersig")
        // Decoding can only shorten a value.
        && !(is_long(value) && is_long(&unescape_lossy(value)))
        && !names_a_sig(value)
}

fn is_long(value: &str) -> bool {
    value.len() > MAX_VALUE_BYTES
}

const NAMES: [&str; 5] = ["sdkappid", "identifier", "usersig", "random", "contenttype"];

/// The query as documented, for the OpenAPI document. `CommonQuery` is more lenient about `random`.
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "it only describes the query")]
pub struct QueryParameters {
    /// SDKAppID assigned when the app was created.
    sdkappid: SdkAppId,
    /// An app admin.
    identifier: String,
    /// The admin's UserSig.
    usersig: String,
    /// A random 32-bit unsigned integer. Unless `strict_query` is on, other values are accepted with a
    /// warning in the log and the journal.
    random: u32,
    /// Always `json`.
    #[schemars(extend("const" = "json"))]
    contenttype: String,
}

/// The values of the known parameters, not decoded yet.
fn find(raw: &str) -> [Option<&str>; 5] {
    let mut found = [None; 5];
    for (name, value) in pairs(raw).map(|pair| split_at(pair, b'=')) {
        if let Some(value) = value
            && let Some(index) = index(name)
        {
            found[index].get_or_insert(value);
        }
    }
    found
}

/// The index of the parameter with this name, which may have escapes.
fn index(name: &str) -> Option<usize> {
    let index = |name: &str| NAMES.iter().position(|known| *known == name);
    index(name).or_else(|| index(&unescape(name).ok()?))
}

fn pairs(raw: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(raw);
    std::iter::from_fn(move || {
        let (pair, behind) = split_at(rest?, b'&');
        rest = behind;
        Some(pair)
    })
}

/// The text before the first occurrence of an ASCII byte, and the text after it.
fn split_at(text: &str, byte: u8) -> (&str, Option<&str>) {
    match memchr(byte, text.as_bytes()) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

fn required<'a>(name: &str, value: Option<&'a str>) -> Result<Cow<'a, str>, CallError> {
    decode(name, value)?.ok_or_else(|| bad(name, "is missing or empty"))
}

/// `None` if the value is missing or empty.
fn decode<'a>(name: &str, value: Option<&'a str>) -> Result<Option<Cow<'a, str>>, CallError> {
    let decoded = value.map(unescape).transpose();
    let decoded = decoded.map_err(|_| bad(name, "is not UTF-8"))?;
    Ok(decoded.filter(|value| !value.is_empty()))
}

/// Decodes percent escapes. Text without escapes, the usual case, is borrowed.
fn unescape(text: &str) -> Result<Cow<'_, str>, Utf8Error> {
    if memchr(b'%', text.as_bytes()).is_some() {
        percent_decode_str(text).decode_utf8()
    } else {
        Ok(Cow::Borrowed(text))
    }
}

/// Like [`unescape`], but replaces bytes that are not UTF-8.
fn unescape_lossy(text: &str) -> Cow<'_, str> {
    let decode = |_| percent_decode_str(text).decode_utf8_lossy();
    unescape(text).unwrap_or_else(decode)
}

fn is_documented_random(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u32>().is_ok()
}

fn bad(name: &str, what: &str) -> CallError {
    let code = Code::BadParameter;
    CallError::because(code, code.info(), &format!("{name} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "sdkappid=88888888&identifier=admin&usersig=a*b-_&random=99999999&contenttype=json";

    fn error(raw: &str) -> (u32, String) {
        let error = CommonQuery::parse(raw, false).err().expect(raw);
        (error.code.number(), error.info.into_owned())
    }

    #[test]
    fn only_the_name_of_a_possible_usersig_is_logged() {
        for (raw, written) in [
            (
                "sdkappid=1&usersig=eJw&random=7",
                "sdkappid=1&usersig=***&random=7",
            ),
            ("%75sersig=eJw&UserSig=eJw", "usersig=***&UserSig=***"),
            ("sdkappid=1?usersig=eJw", "sdkappid=***"),
            ("sdkappid=1&eJxFjssOgjAQRf*laym", "sdkappid=1&***"),
            ("nonce=1&contenttype=json", "nonce=***&contenttype=json"),
            (
                "identifier=eJxFjssOgjAQRf*laymZFjssOgjAQRf*laymZFjss&usersig=admin",
                "identifier=***&usersig=***",
            ),
        ] {
            assert_eq!(redact_query(raw), written);
        }
    }

    #[test]
    fn order_is_free_escapes_are_decoded_and_a_plus_stays_a_plus() {
        let raw =
            "contenttype=json&&x&y=%zz&usersig=a%2Ab+%2b&sdkappid=%38&identifier=%E7%94%A8%20x";
        let query = CommonQuery::parse(raw, false).expect("good");
        assert_eq!(
            (&*query.usersig, query.sdkappid.get(), &*query.identifier),
            ("a*b++", 8, "用 x")
        );
    }

    #[test]
    fn each_missing_or_empty_parameter_is_named() {
        for name in ["identifier", "usersig", "contenttype"] {
            let missing = GOOD.replace(&format!("{name}="), "other=");
            let pairs = GOOD.split('&').map(|pair| {
                if pair.starts_with(name) {
                    &pair[..=name.len()]
                } else {
                    pair
                }
            });
            let empty = pairs.collect::<Vec<_>>().join("&");
            for raw in [missing, empty] {
                let (number, info) = error(&raw);
                assert_eq!(number, 60025);
                assert!(info.contains(name), "{info}");
            }
        }
        // The text of the code table is complete.
        assert_eq!(error(""), (60012, String::new()));
        assert_eq!(error(&GOOD.replace("88888888", "")), (60012, String::new()));
    }

    #[test]
    fn names_and_values_are_case_sensitive() {
        assert_eq!(error(&GOOD.replace("sdkappid", "SdkAppid")).0, 60012);
        assert_eq!(error(&GOOD.replace("json", "JSON")).0, 60025);
    }

    #[test]
    fn a_value_that_is_not_utf8_is_rejected_by_name() {
        let (number, info) = error(&GOOD.replace("=admin", "=%ff"));
        assert_eq!(number, 60025);
        assert!(info.contains("identifier"), "{info}");
    }
}
