//! Hostile clients of the TLS port.

use super::{HTTP2, Https, client, trusting};
use crate::wire::Wire;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Much longer than a refusal takes.
const PATIENCE: Duration = Duration::from_secs(5);

/// The beginning of a ClientHello of 512 bytes.
const HALF_HANDSHAKE: &[u8] = &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];

#[tokio::test]
async fn plain_http_gets_a_plain_400_that_says_so() {
    let https = Https::start().await;
    let body = "x".repeat(200_000);
    let post = format!(
        "POST /v4/sns/friend_add HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n{body}"
    );
    for request in ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "G", &post] {
        let mut wire = Wire::connect(https.addr()).await;
        wire.send(request.as_bytes()).await;
        let answer = wire.read_response().await;
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.body,
            "This port serves HTTPS: use https:// in the URL.\n"
        );
    }
    https.still_serves().await;
}

/// It is kept for two seconds, in which it can read the answer.
#[tokio::test]
async fn a_client_of_plain_http_that_goes_on_sending_is_not_kept() {
    let https = Https::start().await;
    let mut stream = TcpStream::connect(https.addr()).await.expect("it listens");
    stream.write_all(b"GET").await.expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 400 "));
    let closed = async {
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(PATIENCE, closed).await.is_ok(), "it is open");
}

#[tokio::test]
async fn bytes_that_are_no_handshake_end_the_connection() {
    let https = Https::start().await;
    let mut oversized = vec![0x16, 3, 1, 0xff, 0xff];
    oversized.resize(70_000, 0);
    let mut random = fastrand::Rng::with_seed(16);
    let noise: Vec<u8> = (0..4096).map(|_| random.u8(..)).collect();
    for garbage in [
        &[0_u8; 100][..],
        &[0xff; 100],
        b"\x16\x03\x01\x00\x02\xff\xff",
        // An alert, application data and a change of the cipher before any handshake.
        &[0x15, 3, 3, 0, 2, 2, 40],
        &[0x17, 3, 3, 0, 5, 1, 2, 3, 4, 5],
        &[0x14, 3, 3, 0, 1, 1],
        // SSL 2.
        &[0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10],
        &oversized,
        &noise,
    ] {
        let mut stream = TcpStream::connect(https.addr()).await.expect("it listens");
        // The server may close before it has read all.
        let _ = stream.write_all(garbage).await;
        let _ = stream.shutdown().await;
        let mut rest = Vec::new();
        let ended = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{:?} is open", &garbage[..5]);
    }
    https.still_serves().await;
}

#[tokio::test]
async fn a_thousand_half_handshakes_keep_it_from_neither_serving_nor_stopping() {
    let https = Https::start().await;
    let mut open = Vec::new();
    for number in 0..1000 {
        let mut stream = TcpStream::connect(https.addr()).await.expect("it listens");
        if number % 2 == 0 {
            stream.write_all(HALF_HANDSHAKE).await.expect("it reads");
        }
        open.push(stream);
    }
    https.still_serves().await;
    let stopped = timeout(Duration::from_secs(1), https.app.emulator.stop()).await;
    assert!(stopped.is_ok(), "half handshakes hold up the stop");
}

#[tokio::test]
async fn a_handshake_has_a_deadline_of_ten_seconds() {
    let https = Https::start().await;
    let mut silent = TcpStream::connect(https.addr()).await.expect("it listens");
    let mut half = TcpStream::connect(https.addr()).await.expect("it listens");
    half.write_all(HALF_HANDSHAKE).await.expect("it reads");
    let mut rest = [0];
    let ends = async { tokio::join!(silent.read(&mut rest), half.read_u8()) };
    let ended = timeout(Duration::from_secs(15), ends).await;
    let (silent, half) = ended.expect("both have ended");
    assert_eq!(silent.expect("in order"), 0);
    assert!(half.is_err());
}

#[tokio::test]
async fn another_sni_gets_a_certificate_that_its_client_refuses() {
    let https = Https::start().await;
    for host in ["example.com", "tim.qq.com", "a.localhost"] {
        let client = https.client(host, &[HTTP2]);
        let error = https.call(&client, host).await.expect_err(host);
        let error = format!("{error:?}");
        assert!(error.contains("NotValidForName"), "{host}: {error}");
    }
    https.still_serves().await;
}

#[tokio::test]
async fn a_client_that_offers_only_other_protocols_is_refused() {
    let https = Https::start().await;
    let tls = trusting(&https.ca, &[b"spdy/3"], rustls::ALL_VERSIONS);
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(tls));
    let stream = TcpStream::connect(https.addr()).await.expect("it listens");
    let name = "localhost".try_into().expect("a name");
    let error = connector
        .connect(name, stream)
        .await
        .expect_err("no protocol");
    assert!(
        error.to_string().contains("NoApplicationProtocol"),
        "{error}"
    );
    https.still_serves().await;
}

#[tokio::test]
async fn a_long_head_over_http2_is_refused_and_the_connection_goes_on() {
    let https = Https::start().await;
    let tls = trusting(&https.ca, &[HTTP2], rustls::ALL_VERSIONS);
    let client = client(tls).resolve("localhost", https.addr());
    let client = client.build().expect("a client");
    let long = "x".repeat(200_000);
    let call = client.get(https.control("health")).header("x-long", &long);
    match call.send().await {
        Ok(answer) => assert_eq!(answer.status(), 431),
        Err(error) => assert!(!error.is_timeout(), "{error:?}"),
    }
    assert!(https.call(&client, "localhost").await.is_ok());
}

#[tokio::test]
async fn an_http2_connection_without_calls_is_closed() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const EMPTY_SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    let https = Https::start_with(|config| config.read_timeout = Duration::from_secs(1)).await;
    let whole = [PREFACE, EMPTY_SETTINGS].concat();
    for sent in [&b""[..], &PREFACE[..9], PREFACE, &whole] {
        let mut stream = https.connect(HTTP2).await;
        stream.write_all(sent).await.expect("it reads");
        stream.flush().await.expect("it reads");
        let mut rest = Vec::new();
        let ended = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{} bytes", sent.len());
    }
}

/// Each lasts longer than the timeout of an idle connection.
#[tokio::test]
async fn a_call_in_flight_and_a_stream_of_events_keep_an_http2_connection() {
    let https = Https::start_with(|config| config.read_timeout = Duration::from_secs(1)).await;
    let client = https.client("localhost", &[HTTP2]);
    let events = client.get(https.control("events")).send().await;
    let mut events = events.expect("an answer");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let delay = serde_json::json!({"delay_ms": 3000});
    https.app.control().post("/faults", delay).await.ok();
    assert!(https.call(&client, "localhost").await.is_ok());
    let event = timeout(PATIENCE, events.chunk()).await.expect("an event");
    assert!(event.expect("an open stream").is_some());
}

#[tokio::test]
async fn a_wait_whose_http2_client_cancels_it_ends() {
    let https = Https::start().await;
    let client = https.client("localhost", &[HTTP2]);
    assert!(https.call(&client, "localhost").await.is_ok());
    // The emulator runs on this runtime.
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let wait = https.control("requests/wait?count=99&timeout_ms=60000");
    for _ in 0..50 {
        let call = client.get(&wait).send();
        let cut = timeout(Duration::from_millis(20), call).await;
        assert!(cut.is_err(), "it did not wait");
    }
    let ended = async {
        while tasks() > before + 5 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(PATIENCE, ended).await.is_ok(), "{} tasks", tasks());
    assert!(https.call(&client, "localhost").await.is_ok());
}
