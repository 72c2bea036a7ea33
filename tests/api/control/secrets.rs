//! The journal, the metrics and the configuration show no UserSig and no key.

use super::calls::body_of;
use crate::harness::{ADMIN, APP, TestApp, app_id};
use reqwest::Method;
use serde_json::{Value, json};
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

/// A secret key like Tencent's, which is no key of this emulator.
const FOREIGN_KEY: &str = "7c1d0a5be3f24968b7c0d1e2f3a4958671605f4e3d2c1b0a99887766554433ee";

/// The secret as clients may spell it by mistake, as the inside of a JSON string.
fn spellings(secret: &str) -> Vec<String> {
    let lines: Vec<_> = secret.as_bytes().chunks(32).collect();
    let lines = lines
        .iter()
        .map(|line| std::str::from_utf8(line).expect("ASCII"));
    let lines: Vec<_> = lines.collect();
    let mut spellings = vec![
        secret.to_owned(),
        secret.replace(['*', '-', '_'], "%2D"),
        escaped(secret),
        escaped(&escaped(secret)),
        format!("x{secret}"),
        format!("Bearer {secret}"),
    ];
    spellings.extend([" ", "\\n", "\\r\\n", "\\t", "%20", "%0A"].map(|white| lines.join(white)));
    spellings
}

/// Bodies with a secret in a wrong place.
fn bodies(secret: &str) -> Vec<String> {
    let good = r#""From_Account":"id","AddFriendItem":[{"To_Account":"id1"}]"#;
    let mut bodies = Vec::new();
    for secret in spellings(secret) {
        bodies.extend([
            format!(r#"{{"From_Account":"{secret}","AddFriendItem":[{{"To_Account":"id1"}}]}}"#),
            format!(r#"{{"From_Account":"id","AddFriendItem":[{{"To_Account":"{secret}"}}]}}"#),
            format!(r#"{{"From_Account":"id","AddFriendItem":[{{"To_Account":"id1","AddWording":"{secret}","{secret}":1}}]}}"#),
            format!(r#"{{{good},"usersig":"{secret}"}}"#),
            format!(r#"{{{good},"x":{{"{secret}":["{secret}",{{"y":"{secret}"}}]}}}}"#),
            format!(r#"{{{good},"AddType":"{secret}"}}"#),
            format!(r#"{{"{secret}":{{{good}}}}}"#),
            format!(r#"["{secret}"]"#),
            format!(r#""{secret}""#),
            format!(r#"{{{good},"x":"{secret}"#),
            format!("usersig={secret}&identifier=administrator"),
            format!("identifier=administrator&usersig={secret}"),
            secret.clone(),
        ]);
    }
    bodies
}

#[tokio::test]
async fn no_secret_in_a_body_is_shown() {
    let app = start().await;
    let sig = plain_sig(&app);
    for secret in [&*sig, FOREIGN_KEY] {
        for body in bodies(secret) {
            for command in ["sns/friend_add", "sns/nope"] {
                let url = app.url(&format!("/v4/{command}"), &app.query());
                app.send(app.client.post(url).body(body.clone())).await;
            }
        }
        // A Tag that is not known is named, shortened.
        for command in ["profile/portrait_get", "sns/friend_get_list"] {
            let tags = json!([format!("x{secret}")]);
            let body = json!({"From_Account": "id", "To_Account": ["id1"], "TagList": tags});
            let url = app.url(&format!("/v4/{command}"), &app.query());
            app.send(app.client.post(url).body(body.to_string())).await;
        }
    }

    let mut texts = Vec::new();
    for path in ["/requests?limit=100000", "/faults"] {
        texts.push(get(&app, path).await);
    }
    texts.push(events(&app).await);

    assert!(texts[0].matches("***").count() > 100);
    assert_hidden(&texts, &[KEY, FOREIGN_KEY], &sig);
}

#[tokio::test]
async fn no_problem_of_the_control_api_shows_a_secret() {
    let app = start().await;
    let sig = plain_sig(&app);
    let mut texts = Vec::new();
    for secret in [&*sig, FOREIGN_KEY] {
        for spelling in spellings(secret) {
            for (method, path) in [
                (Method::POST, "/faults".to_owned()),
                (Method::PUT, format!("/apps/{APP}/accounts/id")),
                (Method::POST, "/apps".to_owned()),
                (Method::PUT, format!("/apps/{APP}/limits")),
                (Method::POST, format!("/apps/{APP}/arrange")),
            ] {
                for body in [
                    format!(r#"{{"{spelling}":1}}"#),
                    format!(
                        r#"{{"command":"{spelling}","code":"{spelling}","friends":["{spelling}"]}}"#
                    ),
                    format!(r#"{{"code":"{spelling}"#),
                ] {
                    let request = app.control().request(method.clone(), &path);
                    let request = request.header("content-type", "application/json");
                    let answer = request.bearer_auth(CONTROL_TOKEN).body(body).send().await;
                    let answer = answer.expect("an answer");
                    assert!(answer.status().is_client_error(), "{path}");
                    texts.push(answer.text().await.expect("a body"));
                }
            }
        }
        for path in [
            format!("/requests?command={secret}"),
            format!("/requests?{secret}=1"),
            format!("/apps/{APP}/accounts/{secret}"),
            format!("/apps/{secret}"),
            format!("/faults/{secret}"),
            format!("/{secret}"),
        ] {
            let request = app.control().request(Method::GET, &path);
            let answer = request.bearer_auth(CONTROL_TOKEN).send().await;
            texts.push(answer.expect("an answer").text().await.expect("a body"));
        }
    }
    assert_hidden(&texts, &[KEY, FOREIGN_KEY], &sig);
}

/// The text of a control answer.
async fn get(app: &TestApp, path: &str) -> String {
    let request = app.control().request(Method::GET, path);
    let answer = request
        .bearer_auth(CONTROL_TOKEN)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200, "{path}");
    answer.text().await.expect("a body")
}

/// All events up to now.
async fn events(app: &TestApp) -> String {
    let count: Value = serde_json::from_str(&get(app, "/requests/count").await).expect("JSON");
    let last = format!("id: {}\n", count["last_id"]);
    let request = app.control().request(Method::GET, "/events?since=0");
    let mut events = request
        .bearer_auth(CONTROL_TOKEN)
        .send()
        .await
        .expect("an answer");
    let mut told = Vec::new();
    while memchr::memmem::find(&told, last.as_bytes()).is_none() {
        let chunk = tokio::time::timeout(Duration::from_secs(20), events.chunk()).await;
        let chunk = chunk.expect("it goes on").expect("a chunk").expect("more");
        told.extend_from_slice(&chunk);
    }
    String::from_utf8(told).expect("text")
}

/// Asserts that no text has one of the secrets or a piece of the UserSig, not even percent-escaped or
/// split by white space.
fn assert_hidden(texts: &[String], secrets: &[&str], sig: &str) {
    let pieces: Vec<_> = (0..=sig.len() - PIECE)
        .map(|at| &sig[at..at + PIECE])
        .collect();
    for text in texts {
        let once = percent_decoded(text);
        let twice = percent_decoded(&once);
        for text in [text, &once, &twice] {
            let mut joined = text
                .replace("\\n", "")
                .replace("\\r", "")
                .replace("\\t", "");
            joined.retain(|c| !c.is_ascii_whitespace());
            for text in [text, &joined] {
                for secret in secrets.iter().chain(&pieces) {
                    if let Some(at) = text.find(secret) {
                        let start = text.floor_char_boundary(at.saturating_sub(300));
                        panic!("{secret}: {}", &text[start..at + secret.len()]);
                    }
                }
            }
        }
    }
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
        texts.push(get(&app, path).await);
    }
    texts.push(events(&app).await);
    for id in 1..=calls.len() {
        texts.push(get(&app, &format!("/requests/{id}/explain")).await);
    }

    assert_eq!(texts[0].matches("\"id\":").count(), calls.len());
    assert_hidden(&texts, &[KEY, WEBHOOK_TOKEN, CONTROL_TOKEN], &sig);
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
