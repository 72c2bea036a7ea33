//! UserSig (TLSSigAPIv2): sign and verify.
//!
//! A ticket is JSON, deflated (zlib), in base64 with `+/=` written `*-_`. Its `TLS.sig` is an
//! HMAC-SHA256 over a text made of the other fields, so how the JSON is spelt does not matter.
//! Known from Tencent's generators (github.com/tencentyun/tls-sig-api-v2-*), which differ in key
//! order, spacing, escapes, zlib level and omitted zeros: a verifier must take them all.

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

/// A ticket longer than this, unpacked, is refused. The longest of the vectors has 400 bytes.
const MAX_UNPACKED_BYTES: usize = 4096;

const VERSION: &str = "2.0";

/// Base64 as Tencent's decoders take it: padding as it comes.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An app's secret key: the text the console shows, used as text (not hex-decoded).
///
/// It is never printed, and two keys are never compared; only signatures are, in constant time.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("minLength" = 1, "maxLength" = 1024))]
pub struct SecretKey(Box<str>);

impl SecretKey {
    /// `None` when the text is empty: an empty key would let everybody in.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// A random key of 64 hexadecimal digits, as Tencent's own keys are.
    pub(crate) fn random() -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the system has randomness");
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        Self(digits.collect())
    }

    /// The text, for whatever else is signed with it.
    pub(crate) fn as_str(&self) -> &str {
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

/// Makes a UserSig that is valid from `time` on for `expire` seconds.
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

/// A UserSig whose signature is good. Whether its time is over depends on when one asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The last second in which it is valid: `TLS.time` + `TLS.expire`.
    pub expires_at: UnixTime,
}

impl Verified {
    /// Whether the ticket is still good at `now`; its last second counts.
    pub fn check_expiry(&self, now: UnixTime) -> Result<(), CallError> {
        if now <= self.expires_at {
            return Ok(());
        }
        let info = format!(
            "{}: it expired at {}, and the time is {}",
            Code::SigExpired.info(),
            self.expires_at.0,
            now.0
        );
        Err(CallError::with_info(Code::SigExpired, info))
    }
}

/// Checks that `usersig` was made with `key` for this app and identifier. No bytes make it panic,
/// and none make it unpack more than 4 KiB.
///
/// # Precedence
/// Unreadable (70003), another app's (70014), another identifier's (70013), another key's (70009):
/// what the ticket says of itself comes before the HMAC, because 70014 was seen for a ticket whose
/// key could not have matched.
pub fn verify(
    usersig: &str,
    key: &SecretKey,
    sdkappid: SdkAppId,
    identifier: &str,
) -> Result<Verified, CallError> {
    let illegal = |why: String| CallError::with_detail(Code::SigIllegal, why);
    let ticket = Ticket::decode(usersig).map_err(illegal)?;
    let sig = BASE64
        .decode(&ticket.sig)
        .map_err(|error| illegal(format!("TLS.sig is not base64: {}", without_bytes(error))))?;
    if ticket.sdkappid != i64::from(sdkappid.get()) {
        let info = format!(
            "The requested SDKAppID({sdkappid}) does not match the Usersig({}). You can run a self-checking with the assistant tool on the console.",
            ticket.sdkappid
        );
        return Err(CallError::with_info(Code::SigSdkAppId, info));
    }
    if ticket.identifier != identifier {
        let info = format!(
            "The requested UserID({identifier}) does not match the Usersig({}). You can run a self-checking with the assistant tool on the console.",
            ticket.identifier
        );
        return Err(CallError::with_info(Code::SigIdentifier, info));
    }
    ticket
        .hmac(key)
        .verify_slice(&sig)
        .map_err(|_| Code::SigKey)?;
    Ok(Verified {
        expires_at: UnixTime(ticket.time.saturating_add(ticket.expire)),
    })
}

/// What a UserSig begins with: the base64 of a zlib header.
const BEGINNING: &str = "eJ";

/// No shorter text is a UserSig. No UserID is so long.
const SHORTEST: usize = 60;

/// A text without what may be UserSigs.
pub fn redact_text(text: &str) -> String {
    let is_outside = |c: char| !c.is_ascii_alphanumeric() && !"*-_+/=%".contains(c);
    let words = text.split_inclusive(is_outside);
    let word = |word: &str| match word.find(BEGINNING) {
        Some(start) if word.len() - start >= SHORTEST => {
            let last = word.chars().next_back().filter(|last| is_outside(*last));
            let end = last.map(String::from).unwrap_or_default();
            format!("{}***{end}", &word[..start])
        }
        _ => word.to_owned(),
    };
    words.map(word).collect()
}

/// What a UserSig says of itself, verified or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Who it is for.
    pub identifier: String,
    /// The app that it is for; it may be none that there can be.
    pub sdkappid: i64,
    /// When it was made.
    pub time: UnixTime,
    /// For how many seconds it is valid.
    pub expire: i64,
    /// Whether it carries a TRTC room's privateMapKey.
    pub has_userbuf: bool,
}

/// Reads a UserSig without any key; or says in words why it cannot be read.
pub fn contents(usersig: &str) -> Result<Contents, String> {
    let ticket = Ticket::decode(usersig)?;
    Ok(Contents {
        identifier: ticket.identifier,
        sdkappid: ticket.sdkappid,
        time: UnixTime(ticket.time),
        expire: ticket.expire,
        has_userbuf: ticket.userbuf.is_some(),
    })
}

/// A ticket's JSON. Keys are written in the order of Tencent's Node generator.
#[derive(Serialize, Deserialize)]
struct Ticket {
    #[serde(rename = "TLS.ver")]
    version: String,
    #[serde(rename = "TLS.identifier")]
    identifier: String,
    #[serde(rename = "TLS.sdkappid", deserialize_with = "lenient_integer")]
    sdkappid: i64,
    /// When it was made, in Unix seconds. The Go generator leaves a zero out.
    #[serde(rename = "TLS.time", default, deserialize_with = "lenient_integer")]
    time: i64,
    /// How long it is valid, in seconds. The Go generator leaves a zero out.
    #[serde(rename = "TLS.expire", default, deserialize_with = "lenient_integer")]
    expire: i64,
    /// A TRTC room's privateMapKey in base64: signed too, where there is one.
    #[serde(
        rename = "TLS.userbuf",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    userbuf: Option<String>,
    #[serde(rename = "TLS.sig")]
    sig: String,
}

impl Ticket {
    /// The error says which step failed, in words for our log; it quotes nothing of the ticket.
    fn decode(usersig: &str) -> Result<Self, String> {
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
        serde_json::from_slice(&json)
            .map(|Object(ticket): Object<Self>| ticket)
            .map_err(|error| explain(&json, &error))
            .and_then(|ticket| match ticket.version.as_str() {
                VERSION => Ok(ticket),
                _ => Err("TLS.ver is not 2.0".to_owned()),
            })
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
            text.push_str("TLS.userbuf:");
            text.push_str(userbuf);
            text.push('\n');
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

fn explain(json: &[u8], error: &serde_json::Error) -> String {
    /// What tells a v1 ticket, signed with ECDSA, from a v2 one.
    #[derive(Deserialize)]
    struct V1 {
        #[serde(rename = "TLS.sdk_appid")]
        _sdk_appid: de::IgnoredAny,
    }
    if !error.is_data() {
        return "not JSON".to_owned();
    }
    if serde_json::from_slice::<V1>(json).is_ok() {
        return "a v1 ticket (ECDSA), which only apps made before 2019-07-19 may use".to_owned();
    }
    "a field is missing or of a wrong type".to_owned()
}

/// An integer, or one written as a decimal string, as some home-made generators do.
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
