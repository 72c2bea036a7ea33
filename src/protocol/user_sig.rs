//! UserSig (TLSSigAPIv2): sign and verify.
//!
//! A UserSig is a ticket: JSON, compressed with zlib, in base64 with `*-_` instead of `+/=`. Its
//! `TLS.sig` is an HMAC-SHA256 of a text made of the other fields, so the spelling of the JSON does
//! not matter. The format is known from Tencent's generators
//! (github.com/tencentyun/tls-sig-api-v2-*). They differ in key order, spacing, escapes, zlib level
//! and omitted zeros; all of these are accepted.

use super::code::Code;
use super::ids::{SdkAppId, UnixTime};
use super::object::Object;
use super::reply::CallError;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};
use flate2::{Decompress, FlushDecompress, Status};
use hmac::{Hmac, KeyInit, Mac};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use sha2::Sha256;
use std::fmt;
use std::io::Write;

/// The maximum size of an unpacked ticket, in bytes. The longest of the test vectors has 400 bytes.
const MAX_UNPACKED_BYTES: usize = 4096;

const VERSION: &str = "2.0";

/// Base64 as Tencent's decoders accept it: with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An app's secret key: the text that the console shows, not hex-decoded.
///
/// It is never printed. Only signatures are compared, in constant time, never keys.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("minLength" = 1, "maxLength" = 1024))]
pub struct SecretKey(Box<str>);

impl SecretKey {
    /// `None` if the text is empty: everybody can sign with an empty key.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// A random key of 64 hexadecimal digits, like Tencent's keys.
    pub(crate) fn random() -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the system provides random bytes");
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        Self(digits.collect())
    }

    /// The key in clear text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn hmac(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(self.0.as_bytes()).expect("HMAC takes a key of any length")
    }
}

impl TryFrom<String> for SecretKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text).ok_or("should not be empty")
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(***)")
    }
}

/// The default validity of a UserSig: 180 days, as in Tencent's generators.
pub const EXPIRE_SECONDS: i64 = 180 * 86_400;

/// Makes a UserSig that is valid for `expire` seconds from `time`.
pub fn sign(
    key: &SecretKey,
    sdkappid: SdkAppId,
    identifier: &str,
    time: UnixTime,
    expire: i64,
) -> String {
    let mut ticket = Ticket {
        version: VERSION.to_owned(),
        identifier: identifier.to_owned(),
        sdkappid: i64::from(sdkappid.get()),
        time: time.0,
        expire,
        userbuf: None,
        sig: String::new(),
    };
    ticket.sig = BASE64.encode(ticket.hmac(key).finalize().into_bytes());
    let json = serde_json::to_vec(&ticket).expect("strings and numbers serialise");
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    let packed = zlib
        .write_all(&json)
        .and_then(|()| zlib.finish())
        .expect("writing to a Vec cannot fail");
    BASE64
        .encode(packed)
        .replace('+', "*")
        .replace('/', "-")
        .replace('=', "_")
}

/// A UserSig with a valid signature. It may have expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The last second of its validity: `TLS.time` + `TLS.expire`.
    pub expires_at: UnixTime,
}

impl Verified {
    /// Fails if the UserSig has expired at `now`. It is still valid in its last second.
    pub fn check_expiry(&self, now: UnixTime) -> Result<(), CallError> {
        if now <= self.expires_at {
            return Ok(());
        }
        let (code, end) = (Code::SigExpired, self.expires_at.0);
        let what = format!("it expired at {end}, and the time is {}", now.0);
        Err(CallError::because(code, code.info(), &what))
    }
}

/// Checks that `usersig` was made with `key` for this app and identifier. It never panics, and it
/// unpacks at most 4 KiB.
///
/// # Precedence
/// Unreadable (70003), another app (70014), another identifier (70013), another key (70009). The
/// fields come before the HMAC, because 70014 was seen for a ticket with another key.
pub fn verify(
    usersig: &str,
    key: &SecretKey,
    sdkappid: SdkAppId,
    identifier: &str,
) -> Result<Verified, CallError> {
    let illegal = |why: String| CallError {
        detail: why.into(),
        ..Code::SigIllegal.into()
    };
    let ticket = Ticket::decode(usersig).map_err(illegal)?;
    let sig = BASE64
        .decode(&ticket.sig)
        .map_err(|error| illegal(format!("TLS.sig is not base64: {}", without_bytes(error))))?;
    let mismatch = |code, what, called: &dyn fmt::Display, signed: &dyn fmt::Display| {
        let info = format!(
            "The requested {what}({called}) does not match the Usersig({signed}). You can run a self-checking with the assistant tool on the console."
        );
        Err(CallError::with_info(code, info))
    };
    if ticket.sdkappid != i64::from(sdkappid.get()) {
        return mismatch(Code::SigSdkAppId, "SDKAppID", &sdkappid, &ticket.sdkappid);
    }
    if ticket.identifier != identifier {
        return mismatch(
            Code::SigIdentifier,
            "UserID",
            &identifier,
            &ticket.identifier,
        );
    }
    ticket
        .hmac(key)
        .verify_slice(&sig)
        .map_err(|_| Code::SigKey)?;
    Ok(Verified {
        expires_at: UnixTime(ticket.time.saturating_add(ticket.expire)),
    })
}

/// The contents of a UserSig, verified or not. The keys have the order of Tencent's Node generator.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ticket {
    #[serde(rename = "TLS.ver")]
    version: String,
    #[serde(rename = "TLS.identifier")]
    pub(crate) identifier: String,
    /// The app, which may not exist.
    #[serde(rename = "TLS.sdkappid", deserialize_with = "lenient_integer")]
    pub(crate) sdkappid: i64,
    /// When it was made, in Unix seconds. The Go generator leaves out a zero.
    #[serde(rename = "TLS.time", default, deserialize_with = "lenient_integer")]
    pub(crate) time: i64,
    /// How long it is valid, in seconds. The Go generator leaves out a zero.
    #[serde(rename = "TLS.expire", default, deserialize_with = "lenient_integer")]
    pub(crate) expire: i64,
    /// The privateMapKey of a TRTC room, in base64; it is signed, too.
    #[serde(
        rename = "TLS.userbuf",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) userbuf: Option<String>,
    #[serde(rename = "TLS.sig")]
    sig: String,
}

impl Ticket {
    /// Reads a UserSig without a key. The error names the step that failed, for our log, and never
    /// quotes the ticket.
    pub(crate) fn decode(usersig: &str) -> Result<Self, String> {
        let standard: Vec<u8> = usersig
            .bytes()
            .map(|byte| match byte {
                b'*' => b'+',
                b'-' => b'/',
                b'_' => b'=',
                other => other,
            })
            .collect();
        let packed = BASE64
            .decode(standard)
            .map_err(|error| format!("not base64: {}", without_bytes(error)))?;
        let json = inflate(&packed)?;
        match serde_json::from_slice(&json) {
            Ok(Object(Self { version, .. })) if version != VERSION => {
                Err("TLS.ver is not 2.0".to_owned())
            }
            Ok(Object(ticket)) => Ok(ticket),
            Err(error) => Err(json_problem(&json, &error)),
        }
    }

    /// Whether it is signed with this key.
    pub(crate) fn is_signed_with(&self, key: &SecretKey) -> bool {
        let sig = BASE64.decode(&self.sig).unwrap_or_default();
        self.hmac(key).verify_slice(&sig).is_ok()
    }

    fn hmac(&self, key: &SecretKey) -> Hmac<Sha256> {
        let Self {
            identifier,
            sdkappid,
            time,
            expire,
            ..
        } = self;
        let mut text = format!(
            "TLS.identifier:{identifier}\nTLS.sdkappid:{sdkappid}\nTLS.time:{time}\nTLS.expire:{expire}\n"
        );
        if let Some(userbuf) = &self.userbuf {
            text += &format!("TLS.userbuf:{userbuf}\n");
        }
        key.hmac().chain_update(text)
    }
}

fn without_bytes(error: base64::DecodeError) -> &'static str {
    match error {
        base64::DecodeError::InvalidByte(..) => "a character outside the alphabet",
        base64::DecodeError::InvalidLength(_) => "the length is wrong",
        base64::DecodeError::InvalidLastSymbol { .. } => "the last character is wrong",
        base64::DecodeError::InvalidPadding => "the padding is wrong",
    }
}

fn inflate(packed: &[u8]) -> Result<Vec<u8>, String> {
    let mut json = Vec::with_capacity(MAX_UNPACKED_BYTES);
    match Decompress::new(true).decompress_vec(packed, &mut json, FlushDecompress::Finish) {
        Ok(Status::StreamEnd) => Ok(json),
        Ok(_) if json.len() == json.capacity() => {
            Err(format!("unpacks to more than {MAX_UNPACKED_BYTES} bytes"))
        }
        Ok(_) => Err("the zlib data is cut short".to_owned()),
        Err(_) => Err("not zlib".to_owned()),
    }
}

fn json_problem(json: &[u8], error: &serde_json::Error) -> String {
    if !error.is_data() {
        return "not JSON".to_owned();
    }
    // Only v1 tickets have this field.
    let json = serde_json::from_slice::<serde_json::Value>(json);
    if json.is_ok_and(|json| json.get("TLS.sdk_appid").is_some()) {
        return "a v1 ticket (ECDSA), which only apps made before 2019-07-19 may use".to_owned();
    }
    "a field is missing or of a wrong type".to_owned()
}

/// An integer, or a decimal string, which some generators write.
fn lenient_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Integer {
        Number(i64),
        Text(String),
    }
    match Integer::deserialize(deserializer)? {
        Integer::Number(number) => Ok(number),
        Integer::Text(text) => text.parse().map_err(de::Error::custom),
    }
}

#[cfg(test)]
#[path = "user_sig_tests.rs"]
mod tests;
