//! The query string that every call carries: sdkappid, identifier, usersig, random, contenttype.

use super::code::Code;
use super::ids::SdkAppId;
use super::reply::{CallError, CallLogInfo};
use memchr::memchr;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use std::borrow::Cow;
use std::str::Utf8Error;

/// A longer value is not written down: no UserID or number is that long, and a UserSig may stand in
/// the wrong place.
const LONGEST_VALUE: usize = 40;

/// The query, read and well-formed. Nothing in it is verified yet.
///
/// Names and values are case-sensitive; the order is free; unknown parameters are ignored; of a
/// repeated one the first counts (GUESS). Percent escapes are decoded, and a literal `+` stays
/// `+`, so that a UserSig in the standard base64 alphabet survives.
pub struct CommonQuery<'a> {
    /// The app that is called.
    pub sdkappid: SdkAppId,
    /// Who calls: the UserID of an app admin.
    pub identifier: Cow<'a, str>,
    /// The identifier's signature.
    pub usersig: Cow<'a, str>,
    /// `random`, where it is not the decimal in 0..=4294967295 that the page asks for (or is not
    /// there at all): accepted, because published clients in production send such.
    pub odd_random: Option<Cow<'a, str>>,
}

impl<'a> CommonQuery<'a> {
    /// Reads a raw query string. `strict` refuses an odd `random`.
    ///
    /// # Precedence
    /// A missing sdkappid, then each parameter in the order of the page.
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
            return Err(bad("random", "is not a number in 0..4294967295"));
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

    /// What the log should know of the query. Nothing of the UserSig is.
    pub fn notes(&self) -> CallLogInfo {
        let odd_random = self.odd_random.as_deref();
        let shown = |random| if is_long(random) { "***" } else { random };
        CallLogInfo {
            app: Some(self.sdkappid),
            odd_random: odd_random.map(|random| shown(random).into()),
            ..CallLogInfo::default()
        }
    }
}

/// The app that a raw query names, whatever else is wrong with it.
pub fn named_app(raw: &str) -> Option<SdkAppId> {
    let [sdkappid, ..] = find(raw);
    SdkAppId::parse(&unescape(sdkappid?).ok()?)
}

/// A longer name is none: a UserSig may stand where one was expected.
const LONGEST_NAME: usize = 16;

/// No more of a query is written down.
const LONGEST: usize = 2048;

/// A raw query as it may be written down: of whatever may be a UserSig, only the name.
pub fn redact_query(raw: &str) -> String {
    let mut redacted = String::with_capacity(raw.len().min(LONGEST));
    for pair in pairs(&raw[..raw.floor_char_boundary(LONGEST)]) {
        if !redacted.is_empty() {
            redacted.push('&');
        }
        let (name, value) = split_at(pair, b'=');
        if is_plain(name, value.unwrap_or_default()) {
            redacted.push_str(pair);
            continue;
        }
        // A name that is misspelt may still be a UserSig's.
        let name = unescape_lossy(name);
        if name.len() <= LONGEST_NAME {
            redacted.push_str(&name);
            redacted.push_str("=***");
        } else {
            redacted.push_str("***");
        }
    }
    redacted
}

/// Whether nothing in a pair can be a UserSig, or the name of one that went astray.
fn is_plain(name: &str, value: &str) -> bool {
    let names_a_sig = |text: &str| {
        let mut places = text.as_bytes().windows(3);
        places.any(|place| place.eq_ignore_ascii_case(b"sig"))
    };
    place(name).is_some_and(|place| NAMES[place] != "usersig")
        // Unescaped, it only gets shorter.
        && !(is_long(value) && is_long(&unescape_lossy(value)))
        && !names_a_sig(value)
}

fn is_long(value: &str) -> bool {
    value.len() > LONGEST_VALUE
}

const NAMES: [&str; 5] = ["sdkappid", "identifier", "usersig", "random", "contenttype"];

/// The query as the page has it, for documents. What is read is more lenient about `random`.
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "it only describes")]
pub struct QueryParameters {
    /// SDKAppID assigned when the app was created.
    sdkappid: SdkAppId,
    /// An app admin.
    identifier: String,
    /// The admin's UserSig.
    usersig: String,
    /// A random 32-bit unsigned integer. Anything else is accepted as well, with a warning in the
    /// log and the journal, unless `strict_query` is on.
    random: u32,
    /// Always `json`.
    #[schemars(extend("const" = "json"))]
    contenttype: String,
}

/// The values of the parameters, as they stand in the query.
fn find(raw: &str) -> [Option<&str>; 5] {
    let mut found = [None; 5];
    for (name, value) in pairs(raw).map(|pair| split_at(pair, b'=')) {
        if let Some(value) = value
            && let Some(place) = place(name)
        {
            found[place].get_or_insert(value);
        }
    }
    found
}

/// Which of the parameters has this name, which may have escapes.
fn place(name: &str) -> Option<usize> {
    let place = |name: &str| NAMES.iter().position(|known| *known == name);
    place(name).or_else(|| place(&unescape(name).ok()?))
}

fn pairs(raw: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(raw);
    std::iter::from_fn(move || {
        let (pair, behind) = split_at(rest?, b'&');
        rest = behind;
        Some(pair)
    })
}

/// What is before the first such byte of ASCII, and what is behind it, if it is there.
fn split_at(text: &str, byte: u8) -> (&str, Option<&str>) {
    match memchr(byte, text.as_bytes()) {
        Some(place) => (&text[..place], Some(&text[place + 1..])),
        None => (text, None),
    }
}

fn required<'a>(name: &str, value: Option<&'a str>) -> Result<Cow<'a, str>, CallError> {
    decode(name, value)?.ok_or_else(|| bad(name, "is missing or empty"))
}

/// `None` when there is no value, or an empty one.
fn decode<'a>(name: &str, value: Option<&'a str>) -> Result<Option<Cow<'a, str>>, CallError> {
    let decoded = value.map(unescape).transpose();
    let decoded = decoded.map_err(|_| bad(name, "is not UTF-8"))?;
    Ok(decoded.filter(|value| !value.is_empty()))
}

/// Most names and values have no escapes, and are not looked at twice.
fn unescape(text: &str) -> Result<Cow<'_, str>, Utf8Error> {
    if memchr(b'%', text.as_bytes()).is_some() {
        percent_decode_str(text).decode_utf8()
    } else {
        Ok(Cow::Borrowed(text))
    }
}

/// The same, where something has to be shown in any case.
fn unescape_lossy(text: &str) -> Cow<'_, str> {
    let decode = |_| percent_decode_str(text).decode_utf8_lossy();
    unescape(text).unwrap_or_else(decode)
}

fn is_documented_random(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u32>().is_ok()
}

fn bad(name: &str, what: &str) -> CallError {
    CallError::with_info(
        Code::BadParameter,
        format!("{}: {name} {what}", Code::BadParameter.info()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "sdkappid=88888888&identifier=admin&usersig=a*b-_&random=99999999&contenttype=json";

    fn fault(raw: &str) -> (u32, String) {
        let error = CommonQuery::parse(raw, false).err().expect(raw);
        (error.code.number(), error.info.into_owned())
    }

    #[test]
    fn of_what_may_be_a_usersig_only_the_name_is_written_down() {
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
    fn the_pages_own_query_is_read() {
        let query = CommonQuery::parse(GOOD, true).expect("good");
        assert_eq!(query.sdkappid.get(), 88_888_888);
        assert_eq!((&*query.identifier, &*query.usersig), ("admin", "a*b-_"));
        assert!(query.odd_random.is_none());
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
                let (number, info) = fault(&raw);
                assert_eq!(number, 60025);
                assert!(info.contains(name), "{info}");
            }
        }
        // The table's text says it all.
        assert_eq!(fault(""), (60012, String::new()));
        assert_eq!(fault(&GOOD.replace("88888888", "")), (60012, String::new()));
    }

    #[test]
    fn names_and_values_are_case_sensitive() {
        assert_eq!(fault(&GOOD.replace("sdkappid", "SdkAppid")).0, 60012);
        assert_eq!(fault(&GOOD.replace("json", "JSON")).0, 60025);
    }

    #[test]
    fn of_a_repeated_parameter_the_first_counts() {
        let raw = format!("{GOOD}&sdkappid=1&contenttype=xml");
        assert_eq!(
            CommonQuery::parse(&raw, false)
                .expect("good")
                .sdkappid
                .get(),
            88_888_888
        );
    }

    #[test]
    fn what_is_not_utf8_is_named_not_mangled() {
        let (number, info) = fault(&GOOD.replace("=admin", "=%ff"));
        assert_eq!(number, 60025);
        assert!(info.contains("identifier"), "{info}");
    }

    #[test]
    fn an_odd_random_is_accepted_with_a_remark_or_refused_when_strict() {
        let odd = [
            "",
            "-1",
            "+1",
            "4294967296",
            "123456789012345678901",
            "0f8fad5bd9cb469fa16570867728950e",
        ];
        for random in odd {
            let raw = GOOD.replace("99999999", random);
            let query = CommonQuery::parse(&raw, false).expect("accepted");
            assert_eq!(query.odd_random.as_deref(), Some(random));
            let refused = CommonQuery::parse(&raw, true).err().expect("strict");
            assert!(refused.info.contains("random"), "{}", refused.info);
        }
        let absent = GOOD.replace("random", "nonce");
        assert_eq!(
            CommonQuery::parse(&absent, false)
                .expect("accepted")
                .odd_random
                .as_deref(),
            Some("")
        );
        for plain in ["0", "4294967295", "0099"] {
            assert!(
                CommonQuery::parse(&GOOD.replace("99999999", plain), true).is_ok(),
                "{plain}"
            );
        }
    }
}
