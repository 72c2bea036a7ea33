//! UserSigs of Tencent's generators, and forged UserSigs.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

const KEY: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";
const APP: &str = "1400000000";
const ADMIN: &str = "administrator";
const TIME: UnixTime = UnixTime(1_700_000_000);
const EXPIRE: i64 = 15_552_000;

/// UserSigs made by the Python, Node and PHP generators, and invalid ones. The file's "about" says how.
fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/user_sig.json"))
        .expect("the vectors are JSON")
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().expect(field)
}

fn key() -> SecretKey {
    SecretKey::new(KEY).expect("a key")
}

fn app() -> SdkAppId {
    SdkAppId::parse(APP).expect("an SDKAppID")
}

fn verify_admin(usersig: &str) -> Result<Verified, CallError> {
    verify(usersig, &key(), app(), ADMIN)
}

fn number(result: Result<Verified, CallError>) -> u32 {
    result.map_or_else(|error| error.code.number(), |_| 0)
}

fn unpack(usersig: &str) -> Vec<u8> {
    let standard = usersig
        .replace('*', "+")
        .replace('-', "/")
        .replace('_', "=");
    inflate(&BASE64.decode(standard).expect("base64")).expect("zlib")
}

fn pack(json: &[u8], level: u32) -> String {
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
    zlib.write_all(json).expect("a Vec takes all");
    let packed = zlib.finish().expect("a Vec takes all");
    BASE64
        .encode(packed)
        .replace('+', "*")
        .replace('/', "-")
        .replace('=', "_")
}

/// The `TLS.sig` of these fields, made as documented and not by `Ticket`.
fn tls_sig(identifier: &str, time: i64, expire: i64, userbuf: Option<&str>) -> String {
    let mut text = format!(
        "TLS.identifier:{identifier}\nTLS.sdkappid:{APP}\nTLS.time:{time}\nTLS.expire:{expire}\n"
    );
    if let Some(userbuf) = userbuf {
        text += &format!("TLS.userbuf:{userbuf}\n");
    }
    let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes())
        .expect("any length")
        .chain_update(text);
    BASE64.encode(mac.finalize().into_bytes())
}

#[test]
fn every_vector_of_tencents_generators_verifies_and_expires_when_it_says() {
    let vectors = vectors();
    let positives = vectors["vectors"].as_array().expect("a list");
    assert!(positives.len() >= 21);
    for vector in positives {
        let sdkappid = SdkAppId::parse(&vector["sdkappid"].to_string()).expect("an SDKAppID");
        let key = SecretKey::new(text(vector, "key")).expect("a key");
        let end = vector["time"].as_i64().expect("a time")
            + vector["expire"].as_i64().expect("a duration");

        let verified = verify(
            text(vector, "usersig"),
            &key,
            sdkappid,
            text(vector, "identifier"),
        );

        let id = text(vector, "id");
        let verified = verified.unwrap_or_else(|error| panic!("{id}: {error:?}"));
        assert_eq!(verified.expires_at, UnixTime(end), "{id}");
        assert!(
            verified.check_expiry(UnixTime(end)).is_ok(),
            "{id}: the last second counts"
        );
        let late = verified.check_expiry(UnixTime(end + 1)).expect_err(id);
        assert_eq!(late.code, Code::SigExpired);
    }
}

#[test]
fn every_negative_vector_gets_its_documented_code() {
    let vectors = vectors();
    for vector in vectors["negative"].as_array().expect("a list") {
        let code = number(verify_admin(text(vector, "usersig")));
        let name = text(vector, "name");
        let expected: &[u32] = match name {
            // The gateway rejects an empty usersig before it is decoded; decoding fails, too.
            "empty" => &[70003],
            // Numbers written as strings are accepted.
            "string_sdkappid" => &[0],
            _ => &serde_json::from_value::<Vec<u32>>(vector["suggested_error_code"].clone())
                .expect("numbers"),
        };
        assert!(
            expected.contains(&code),
            "{name}: {code} is not one of {expected:?}"
        );
    }
}

#[test]
fn what_we_sign_is_what_the_node_generator_signs() {
    let vectors = vectors();
    let node = vectors["vectors"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|vector| {
            text(vector, "generator").starts_with("npm") && vector["userbuf_hex"].is_null()
        });
    let mut checked = 0;
    for vector in node {
        let expire = vector["expire"].as_i64().expect("a duration");
        let ours = sign(&key(), app(), text(vector, "identifier"), TIME, expire);
        assert_eq!(
            String::from_utf8(unpack(&ours)).expect("UTF-8"),
            text(vector, "decoded_json")
        );
        checked += 1;
    }
    assert!(checked >= 2);
}

#[test]
fn what_we_sign_we_verify() {
    let longest = "x".repeat(32);
    for identifier in [
        ADMIN,
        "a",
        "用户-测试_🙂",
        r#"q" \ / <x>&'é "#,
        longest.as_str(),
    ] {
        for expire in [0, 1, EXPIRE, 50 * 365 * 86_400] {
            let usersig = sign(&key(), app(), identifier, TIME, expire);
            let verified = verify(&usersig, &key(), app(), identifier).expect("our own signature");
            assert_eq!(verified.expires_at, UnixTime(TIME.0 + expire));
            assert!(
                usersig
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"*-_".contains(&byte)),
                "{usersig}"
            );
        }
    }
}

/// The formats of the generators that have no test vectors.
#[test]
fn the_go_cpp_java_and_csharp_spellings_verify() {
    let sig = |userbuf| tls_sig(ADMIN, TIME.0, EXPIRE, userbuf);
    let go = format!(
        "{{\"TLS.ver\":\"2.0\",\"TLS.identifier\":\"{ADMIN}\",\"TLS.sdkappid\":{APP},\"TLS.expire\":{EXPIRE},\"TLS.time\":{},\"TLS.sig\":\"{}\"}}\n",
        TIME.0,
        sig(None)
    );
    let cpp = format!(
        r#"{{"TLS.ver":"2.0","TLS.sdkappid":{APP},"TLS.identifier":"{ADMIN}","TLS.time":{},"TLS.expire":{EXPIRE},"TLS.sig":"{}"}}"#,
        TIME.0,
        sig(None)
    );
    let java = format!(
        r#"{{"TLS.sig":"{}","TLS.expire":{EXPIRE},"TLS.ver":"2.0","TLS.time":{},"TLS.sdkappid":{APP},"TLS.identifier":"{ADMIN}"}}"#,
        sig(None).replace('/', r"\/"),
        TIME.0
    );
    let csharp = format!(
        r#"{{"TLS.ver":"2.0","TLS.identifier":"{ADMIN}","TLS.sdkappid":{APP},"TLS.expire":{EXPIRE},"TLS.time":{},"TLS.sig":"{}","TLS.userbuf":"YWJj"}}"#,
        TIME.0,
        sig(Some("YWJj"))
    );
    let spaced = format!(" \t{cpp}\r\n ");
    let strings = cpp
        .replace(APP, &format!("\"{APP}\""))
        .replace(&EXPIRE.to_string(), &format!("\"{EXPIRE}\""));
    for json in [go, cpp, java, csharp, spaced, strings] {
        for level in [0, 1, 6, 9] {
            assert_eq!(
                number(verify_admin(&pack(json.as_bytes(), level))),
                0,
                "level {level}: {json}"
            );
        }
    }
}

#[test]
fn a_zero_that_go_leaves_out_is_signed_as_zero() {
    let sig = tls_sig(ADMIN, 0, 0, None);
    let json = format!(
        r#"{{"TLS.ver":"2.0","TLS.identifier":"{ADMIN}","TLS.sdkappid":{APP},"TLS.sig":"{sig}"}}"#
    );
    let verified = verify_admin(&pack(json.as_bytes(), 0)).expect("zeros are signed");
    assert_eq!(verified.expires_at, UnixTime(0));
}

#[test]
fn the_standard_alphabet_and_absent_padding_are_taken() {
    for identifier in ["administrator", "a", "ab", "abc", "abcd"] {
        let usersig = sign(&key(), app(), identifier, TIME, EXPIRE);
        let standard = usersig
            .replace('*', "+")
            .replace('-', "/")
            .replace('_', "=");
        for spelling in [standard.clone(), standard.trim_end_matches('=').to_owned()] {
            assert!(
                verify(&spelling, &key(), app(), identifier).is_ok(),
                "{spelling}"
            );
        }
    }
}

#[test]
fn end_times_beyond_32_and_64_bits_neither_wrap_nor_panic() {
    for (time, expire) in [
        (TIME.0, i64::from(u32::MAX)),
        (i64::MAX, i64::MAX),
        (i64::MIN, -1),
    ] {
        let usersig = sign(&key(), app(), ADMIN, UnixTime(time), expire);
        let verified = verify_admin(&usersig).expect("a good signature");
        assert_eq!(verified.expires_at, UnixTime(time.saturating_add(expire)));
    }
}

#[test]
fn the_log_is_told_which_step_failed() {
    let good = json!({"TLS.ver": "2.0", "TLS.identifier": ADMIN, "TLS.sdkappid": 1_400_000_000, "TLS.sig": "AAAA"});
    let with = |field: &str, value: Value| {
        let mut ticket = good.clone();
        ticket[field] = value;
        pack(ticket.to_string().as_bytes(), 6)
    };
    let v1 = json!({"TLS.account_type": "0", "TLS.identifier": ADMIN, "TLS.sdk_appid": APP, "TLS.sig": "AAAA"});
    // A JSON array in the order of the fields, with a valid signature.
    let sig = tls_sig(ADMIN, TIME.0, EXPIRE, None);
    let as_list = json!(["2.0", ADMIN, 1_400_000_000, TIME.0, EXPIRE, null, sig]).to_string();
    let cases = [
        ("!!!!".to_owned(), "alphabet"),
        ("AAAAA".to_owned(), "base64"),
        (BASE64.encode("no zlib here"), "not zlib"),
        (pack(b"{\"TLS.ver\"", 6), "not JSON"),
        (pack(b"[]", 6), "missing or of a wrong type"),
        (pack(as_list.as_bytes(), 6), "missing or of a wrong type"),
        (
            with("TLS.identifier", json!(7)),
            "missing or of a wrong type",
        ),
        (
            with("TLS.sdkappid", json!("x")),
            "missing or of a wrong type",
        ),
        (with("TLS.time", json!(1.5)), "missing or of a wrong type"),
        (with("TLS.time", json!(null)), "missing or of a wrong type"),
        (with("TLS.sig", json!("*")), "TLS.sig is not base64"),
        (with("TLS.ver", json!("1.0")), "TLS.ver"),
        (pack(v1.to_string().as_bytes(), 6), "v1 ticket"),
        (
            pack(&vec![b' '; MAX_UNPACKED_BYTES + 1], 6),
            "more than 4096",
        ),
    ];
    for (usersig, step) in cases {
        let error = verify_admin(&usersig).expect_err(step);
        assert_eq!(error.code, Code::SigIllegal, "{step}");
        assert!(
            error.detail.contains(step),
            "{:?} should say {step:?}",
            error.detail
        );
        assert!(
            error.info.is_empty(),
            "the caller is told no more than the table says"
        );
    }
}

#[test]
fn every_byte_flipped_in_every_way_is_refused_or_changes_nothing() {
    let usersig = sign(&key(), app(), ADMIN, TIME, EXPIRE);
    let json = unpack(&usersig);
    let mut refused = 0;
    for position in 0..usersig.len() {
        for byte in (0x20..0x7f).filter(|byte| *byte != usersig.as_bytes()[position]) {
            let mut flipped = usersig.clone().into_bytes();
            flipped[position] = byte;
            let flipped = String::from_utf8(flipped).expect("ASCII");
            match verify_admin(&flipped) {
                // Unused bits of base64 and the zlib level can change without changing the ticket.
                Ok(_) => assert_eq!(unpack(&flipped), json, "{flipped}"),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > usersig.len() * 90, "{refused}");
}

#[test]
fn every_field_changed_in_the_ticket_is_refused() {
    let ticket: Value =
        serde_json::from_slice(&unpack(&sign(&key(), app(), ADMIN, TIME, EXPIRE))).expect("JSON");
    let changes = [
        ("TLS.time", json!(TIME.0 + 1)),
        ("TLS.expire", json!(EXPIRE + 1)),
        ("TLS.userbuf", json!("")),
        ("TLS.userbuf", json!("YWJj")),
        ("TLS.sig", json!("")),
        ("TLS.sig", json!(BASE64.encode([0; 32]))),
        ("TLS.sig", json!(BASE64.encode([0; 33]))),
    ];
    for (field, value) in changes {
        let mut changed = ticket.clone();
        changed[field] = value;
        let usersig = pack(changed.to_string().as_bytes(), 6);
        assert_eq!(number(verify_admin(&usersig)), 70009, "{field}");
    }
}

#[test]
fn a_key_is_never_empty_and_never_printed() {
    assert!(SecretKey::new("").is_none());
    assert_eq!(format!("{:?}", key()), "SecretKey(***)");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(junk in any::<Vec<u8>>(), text in ".{0,300}") {
        prop_assert!(verify_admin(&text).is_err());
        prop_assert!(verify_admin(&BASE64.encode(&junk)).is_err());
        prop_assert!(verify_admin(&pack(&junk, 6)).is_err());
    }
}
