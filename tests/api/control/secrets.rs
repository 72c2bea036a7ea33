//! The journal, the metrics and the configuration show no UserSig and no key.

use super::calls::body_of;
use crate::harness::{ADMIN, APP, TestApp, app_id};
use std::time::Duration;
use tencent_chat_emulator::config::{Config, Sources};

const KEY: &str = "a-secret-key-that-nobody-else-has";
const WEBHOOK_TOKEN: &str = "a-webhook-token-that-nobody-else-has";
const CONTROL_TOKEN: &str = "a-control-token-that-nobody-else-has";

/// The length of a piece of a UserSig that must not be shown.
const PIECE: usize = 41;

async fn start() -> TestApp {
    let app = format!("EMULATOR__APPS__{APP}");
    let env = [
        (format!("{app}__SECRET_KEY"), KEY),
        (format!("{app}__WEBHOOK__URL"), "http://127.0.0.1:9/"),
        (format!("{app}__WEBHOOK__TOKEN"), WEBHOOK_TOKEN),
        ("EMULATOR__CONTROL__TOKEN".to_owned(), CONTROL_TOKEN),
    ];
    let env = env
        .map(|(name, value)| (name.into(), value.into()))
        .to_vec();
    let sources = Sources {
        env,
        ..Sources::default()
    };
    TestApp::start_with(|config| {
        *config = Config::load(&sources).expect("it is good");
        config.listen = "127.0.0.1:0".parse().expect("an address");
    })
    .await
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Calls with the UserSig in the right place and in wrong places.
fn calls(sig: &str) -> Vec<(String, String)> {
    let path = "/v4/sns/friend_add";
    let query = |pairs: &str| (path.to_owned(), pairs.to_owned());
    let rest = format!("sdkappid={APP}&identifier={ADMIN}&random=1&contenttype=json");
    let mut calls = Vec::new();
    for name in [
        "usersig",
        "UserSig",
        "usersg",
        "user_sig",
        "sig",
        "token",
        "%75sersig",
        "user%73ig",
        "u",
        "",
        "random",
        "identifier",
        "sdkappid",
        "contenttype",
    ] {
        for value in [
            sig.to_owned(),
            escaped(sig),
            escaped(&escaped(sig)),
            format!("x{sig}"),
        ] {
            calls.push(query(&format!("{name}={value}&{rest}")));
            calls.push(query(&format!("{rest}&{name}={value}")));
        }
    }
    // Values are swapped, joined, or separated by a wrong character.
    calls.push(query(&format!(
        "sdkappid={APP}&identifier={sig}&usersig={ADMIN}&contenttype=json"
    )));
    calls.push(query(&format!(
        "sdkappid={APP}&identifier={ADMIN}&usersig={sig}&random={sig}&contenttype=json"
    )));
    for sign in [";", "?", "%26", "&amp;", ",", " ", "="] {
        let sign = sign.replace(' ', "%20");
        calls.push(query(&format!("sdkappid={APP}{sign}user%73ig={sig}")));
        calls.push(query(&format!("{sig}{sign}{rest}")));
    }
    calls.push(query(sig));
    for before in [
        "/v4/sns/friend_add/",
        "/v4/sns/friend_add&usersig=",
        "/v4/sns/friend_add%3Fusersig=",
        "/v4/sns/",
        "/v4/",
        "/",
        "/v4/sns/friend_add;",
    ] {
        for value in [sig.to_owned(), escaped(sig), format!("{sig}/x")] {
            calls.push((format!("{before}{value}"), rest.clone()));
        }
    }
    calls
}

/// A UserSig that begins with letters and digits, so that no other rule of paths hides it.
fn plain_sig(app: &TestApp) -> String {
    let is_plain = |sig: &String| {
        sig.bytes()
            .take(60)
            .all(|byte| byte.is_ascii_alphanumeric())
    };
    let sign = |expire| app.emulator.user_sig(app_id(APP), ADMIN, expire);
    let mut sigs = (86_400..96_400).filter_map(sign);
    sigs.find(is_plain).expect("one in seven is")
}

#[tokio::test]
async fn no_usersig_and_no_key_is_shown_wherever_it_was_put() {
    let app = start().await;
    let sig = plain_sig(&app);
    let calls = calls(&sig);
    for (path, query) in &calls {
        let call = app.client.post(app.url(path, query)).body(body_of("id"));
        app.send(call).await;
    }

    let mut texts = Vec::new();
    for path in [
        "/requests?limit=100000",
        "/requests/count",
        "/requests/rate",
        "/config",
        "/health",
        "/faults",
    ] {
        let request = app.control().request(reqwest::Method::GET, path);
        let answer = request
            .bearer_auth(CONTROL_TOKEN)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        texts.push(answer.text().await.expect("a body"));
    }
    let request = app
        .control()
        .request(reqwest::Method::GET, "/events?since=0");
    let mut events = request
        .bearer_auth(CONTROL_TOKEN)
        .send()
        .await
        .expect("an answer");
    let last = format!("id: {}\n", calls.len());
    let mut told = String::new();
    while !told.contains(&last) {
        let chunk = tokio::time::timeout(Duration::from_secs(20), events.chunk()).await;
        let chunk = chunk.expect("it goes on").expect("a chunk").expect("more");
        told.push_str(std::str::from_utf8(&chunk).expect("text"));
    }
    texts.push(told);

    assert_eq!(texts[0].matches("\"id\":").count(), calls.len());
    let pieces: Vec<_> = (0..=sig.len() - PIECE)
        .map(|at| &sig[at..at + PIECE])
        .collect();
    for text in &texts {
        let plain = percent_decoded(text);
        for text in [text, &plain, &percent_decoded(&plain)] {
            for secret in [KEY, WEBHOOK_TOKEN, CONTROL_TOKEN].iter().chain(&pieces) {
                if let Some(at) = text.find(secret) {
                    panic!(
                        "{secret}: {}",
                        &text[at.saturating_sub(300)..at + secret.len()]
                    );
                }
            }
        }
    }
    // The checked text is this emulator's configuration, with redacted values.
    assert!(
        texts[3].contains("webhook.token") && texts[3].contains("EMULATOR__CONTROL__TOKEN"),
        "{}",
        texts[3]
    );
}

fn percent_decoded(text: &str) -> String {
    let mut plain = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let escape = bytes
            .get(at + 1..at + 3)
            .and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = escape.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte.filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                plain.push(byte);
                at += 3;
            }
            None => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}
