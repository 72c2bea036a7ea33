//! Calls over HTTPS get the same answers as over HTTP.

use super::{HTTP1, HTTP2, Https, client, trusting};
use crate::harness::APP;
use reqwest::{StatusCode, Version};
use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::time::Duration;
use tencent_chat_emulator::protocol::hosts::HOSTS;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Much longer than an event takes.
const PATIENCE: Duration = Duration::from_secs(5);

/// The body of a friend_add call.
const BODY: &str = r#"{"From_Account":"id","AddFriendItem":[{"To_Account":"id1"}]}"#;

#[tokio::test]
async fn a_call_is_answered_by_each_version_of_tls_and_http() {
    let https = Https::start().await;
    for tls in [&TLS12, &TLS13] {
        for (protocols, version) in [
            (&[HTTP1][..], Version::HTTP_11),
            (&[HTTP2], Version::HTTP_2),
            (&[HTTP2, HTTP1], Version::HTTP_2),
            (&[], Version::HTTP_11),
        ] {
            let client = client(trusting(&https.ca, protocols, &[tls]));
            let client = client.resolve("localhost", https.addr());
            let client = client.build().expect("a client");

            let reply = https.call(&client, "localhost").await.expect("an answer");
            assert_eq!(reply.codes(), [30003], "{tls:?} {version:?}");

            let health = client.get(https.control("health")).send().await;
            assert_eq!(health.expect("an answer").version(), version, "{tls:?}");
        }
    }
}

#[tokio::test]
async fn the_certificate_is_good_for_each_host_of_tencent_and_for_loopback() {
    let https = Https::start().await;
    let (v4, v6) = ("127.0.0.1", "[::1]");
    for host in HOSTS.into_iter().chain(["localhost", v4]) {
        let client = https.client(host, &[HTTP2, HTTP1]);
        let reply = https.call(&client, host).await.expect(host);
        assert_eq!(reply.codes(), [30003], "{host}");
    }

    let on_v6 = |config: &mut tencent_chat_emulator::config::Config| {
        config.tls.listen = Some("[::1]:0".parse().expect("an address"));
    };
    let https = Https::start_with(on_v6).await;
    let client = https.client(v6, &[HTTP1]);
    assert!(https.call(&client, v6).await.is_ok());
}

#[tokio::test]
async fn configured_names_and_addresses_are_in_the_certificate_too() {
    let https = Https::start_with(|config| {
        config.tls.names = vec!["Emulator".to_owned(), "192.0.2.7".to_owned()];
        config.proxy.hosts = vec!["chat.example.com".to_owned()];
    });
    let https = https.await;
    for host in ["emulator", "chat.example.com"] {
        let client = https.client(host, &[HTTP1]);
        assert!(https.call(&client, host).await.is_ok(), "{host}");
    }
    let client = https.client("example.com", &[HTTP1]);
    assert!(https.call(&client, "example.com").await.is_err());
}

#[tokio::test]
async fn health_and_the_url_name_the_address() {
    let https = Https::start().await;
    let health: Value = https.app.control().get("/health").await.ok();
    assert_eq!(health["tls_listen"], https.addr().to_string());

    let plain = crate::harness::TestApp::start().await;
    assert_eq!(plain.emulator.tls_url(), None);
    let health: Value = plain.control().get("/health").await.ok();
    assert_eq!(health["tls_listen"], Value::Null);
}

#[tokio::test]
async fn faults_on_the_wire_fail_calls_over_https() {
    let https = Https::start().await;
    let faults = [json!({"close": true}), json!({"truncate": true})];
    for protocols in [&[HTTP1][..], &[HTTP2]] {
        let client = https.client("localhost", protocols);
        for mut fault in faults.clone() {
            fault["times"] = json!(1);
            https
                .app
                .control()
                .post("/faults", fault.clone())
                .await
                .ok();
            let call = client.post(https.url()).body(BODY);
            let failed = match call.send().await {
                Ok(answer) => answer.bytes().await.is_err(),
                Err(_) => true,
            };
            assert!(failed, "{fault} {protocols:?}");
            let reply = https.call(&client, "localhost").await.expect("an answer");
            assert_eq!(reply.codes(), [30003]);
        }
    }
}

#[tokio::test]
async fn a_connection_that_a_fault_closes_is_reset_under_tls_too() {
    let https = Https::start().await;
    let fault = json!({"close": true, "times": 1});
    https.app.control().post("/faults", fault).await.ok();
    let mut stream = https.connect(HTTP1).await;
    let call = format!(
        "POST /v4/sns/friend_add?{} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{BODY}",
        https.app.query(),
        BODY.len()
    );
    stream.write_all(call.as_bytes()).await.expect("it reads");

    let ended = stream.read_to_end(&mut Vec::new()).await;

    let error = ended.expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
}

/// Other calls share the connection.
#[tokio::test]
async fn a_fault_that_closes_the_connection_ends_only_its_own_call_over_http2() {
    let https = Https::start().await;
    let client = https.client("localhost", &[HTTP2]);
    let events = client.get(https.control("events")).send().await;
    let mut events = events.expect("an answer");
    let fault = json!({"close": true, "times": 1});
    https.app.control().post("/faults", fault).await.ok();

    let error = https.call(&client, "localhost").await;

    assert!(error.is_err());
    let event = tokio::time::timeout(PATIENCE, events.chunk()).await;
    let event = event.expect("an event").expect("an open stream");
    assert!(event.is_some(), "the stream has ended");
}

#[tokio::test]
async fn stopping_ends_idle_http2_connections_and_finishes_the_calls_of_others() {
    let https = Https::start().await;
    let [idle, busy] = [(); 2].map(|()| https.client("localhost", &[HTTP2]));
    assert!(https.call(&idle, "localhost").await.is_ok());
    let delay = json!({"delay_ms": 300, "times": 1});
    https.app.control().post("/faults", delay).await.ok();
    let call = tokio::spawn(busy.post(https.url()).body(BODY).send());
    while https.app.control().get("/faults").await.ok()[0]["hits"] == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let stopped = tokio::time::timeout(Duration::from_secs(2), https.app.emulator.stop()).await;

    assert!(stopped.is_ok(), "a connection holds up the stop");
    let answer = call.await.expect("no panic").expect("an answer");
    let text = answer.text().await.expect("a whole answer");
    assert!(text.contains(r#""ActionStatus":"OK""#), "{text}");
}

/// hyper drops the future of a call whose HTTP/2 stream is cancelled.
#[tokio::test]
async fn a_call_over_http2_runs_to_completion_although_its_client_cancels_it() {
    let https = Https::start().await;
    let client = https.client("localhost", &[HTTP2]);
    let delay = json!({"delay_ms": 300, "times": 1});
    https.app.control().post("/faults", delay).await.ok();
    let call = client.post(https.url()).body(BODY).send();
    let cut = tokio::time::timeout(Duration::from_millis(100), call).await;
    assert!(cut.is_err(), "the call was not delayed");

    let wait = "/requests/wait?command=friend_add&count=1&timeout_ms=20000";
    https.app.control().get(wait).await.ok();

    assert_eq!(https.friends("id").await[0]["to"], "id1");
}

/// Over HTTP/2, many calls share a connection.
#[tokio::test]
async fn calls_on_one_http2_connection_run_at_the_same_time() {
    let https = Https::start().await;
    let client = https.client("localhost", &[HTTP2]);
    let path = format!("requests/wait?sdkappid={APP}&count=1&timeout_ms=20000");
    let waiting = client.get(https.control(&path)).send();
    let calls = async {
        for _ in 0..20 {
            client.get(https.control("health")).send().await?;
        }
        https.call(&client, "localhost").await
    };

    let (waited, called) = tokio::join!(waiting, calls);

    assert_eq!(called.expect("an answer").codes(), [30003]);
    assert_eq!(waited.expect("an answer").status(), StatusCode::OK);
}

#[tokio::test]
async fn the_control_api_refuses_other_origins_and_tencents_hosts_over_https() {
    let https = Https::start().await;
    let port = https.addr().port();
    for protocols in [&[HTTP1][..], &[HTTP2]] {
        let client = https.client("localhost", protocols);
        let own = format!("https://localhost:{port}");
        for (origin, status) in [(own.as_str(), 200), ("https://example.com", 403)] {
            let call = client.get(https.control("health")).header("Origin", origin);
            let answer = call.send().await.expect("an answer");
            assert_eq!(answer.status(), status, "{origin} {protocols:?}");
        }
        let host = "console.tim.qq.com";
        let client = https.client(host, protocols);
        let url = format!("https://{host}:{port}/_emulator/v1/health");
        let answer = client.get(url).send().await.expect("an answer");
        assert_eq!(answer.status(), 403, "{protocols:?}");
    }
}
