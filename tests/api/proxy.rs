//! The proxy: it answers for Tencent's hosts, and refuses all other hosts.

use crate::harness::{Reply, TestApp};
use crate::https::{HTTP1, HTTP2, client, trusting};
use crate::wire::{Answer, Wire};
use reqwest::{Client, Proxy};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tencent_chat_emulator::config::{Config, ControlToken, OtherHosts};
use tencent_chat_emulator::protocol::hosts::HOSTS;
use tencent_chat_emulator::protocol::user_sig::SecretKey;
use tokio::net::TcpListener;
use tokio::time::timeout;

const BODY: &str = r#"{"From_Account":"id","AddFriendItem":[{"To_Account":"nobody"}]}"#;

/// The answer to a request of these lines.
async fn ask(addr: SocketAddr, lines: &str) -> (Answer, Wire) {
    let mut wire = Wire::connect(addr).await;
    let lines = lines.replace('\n', "\r\n");
    wire.send(format!("{lines}\r\n\r\n").as_bytes()).await;
    (wire.read_response().await, wire)
}

async fn connect(app: &TestApp, target: &str) -> Answer {
    let lines = format!("CONNECT {target} HTTP/1.1\nHost: {target}");
    ask(app.emulator.addr(), &lines).await.0
}

/// A call in absolute form.
async fn post(app: &TestApp, base: &str, header: &str) -> Answer {
    let (query, length) = (app.query(), BODY.len());
    let lines = format!(
        "POST {base}/v4/sns/friend_add?{query} HTTP/1.1\nHost: x\nContent-Length: {length}{header}\n\n{BODY}"
    );
    let mut wire = Wire::connect(app.emulator.addr()).await;
    wire.send(lines.replace('\n', "\r\n").as_bytes()).await;
    wire.read_response().await
}

fn is_friend_add(answer: &Answer) -> bool {
    answer.status == 200 && answer.body.contains(r#""ResultCode":30003"#)
}

/// A client of the proxy that trusts the emulator's CA.
fn through_proxy(app: &TestApp, proxy: &str, protocols: &[&[u8]]) -> Client {
    let ca = app.emulator.ca().expect("a CA").expect("its own");
    let tls = trusting(&ca, protocols, rustls::ALL_VERSIONS);
    let proxy = Proxy::all(proxy).expect("a URL");
    client(tls).proxy(proxy).build().expect("a client")
}

async fn call(app: &TestApp, client: &Client, host: &str) -> reqwest::Result<Reply> {
    let url = format!("https://{host}/v4/sns/friend_add?{}", app.query());
    let answer = client.post(url).body(BODY).send().await?;
    Ok(Reply::check(answer).await)
}

fn with_token(config: &mut Config) {
    let token = SecretKey::new("a-token").expect("not empty");
    config.control.token = ControlToken::Given(token);
}

fn tunnels(config: &mut Config) {
    config.proxy.others = OtherHosts::Tunnel;
}

#[tokio::test]
async fn https_and_http_calls_of_each_of_tencents_hosts_are_answered_here() {
    let app = TestApp::start().await;
    let http1 = through_proxy(&app, &app.emulator.url(), &[HTTP1]);
    let http2 = through_proxy(&app, &app.emulator.url(), &[HTTP2]);
    for host in HOSTS {
        for client in [&http1, &http2] {
            let reply = call(&app, client, host).await.expect(host);
            assert_eq!(reply.codes(), [30003], "{host}");
        }
        // Some clients send the whole URL for https, too.
        for base in [format!("http://{host}"), format!("https://{host}:443")] {
            let answer = post(&app, &base, "").await;
            assert!(is_friend_add(&answer), "{base}: {}", answer.body);
        }
    }
    let shouted = connect(&app, "CONSOLE.tim.qq.COM.:443").await;
    assert_eq!(shouted.status, 200);
}

#[tokio::test]
async fn configured_hosts_are_answered_here_too() {
    let app = TestApp::start_with(|config| config.proxy.hosts = vec!["Chat.example.com".into()]);
    let app = app.await;
    let client = through_proxy(&app, &app.emulator.url(), &[HTTP1]);
    let reply = call(&app, &client, "chat.example.com").await;
    assert_eq!(reply.expect("an answer").codes(), [30003]);
    let answer = post(&app, "http://chat.example.com", "").await;
    assert!(is_friend_add(&answer), "{}", answer.body);
}

/// Spellings of places that a proxy must not lead to.
fn forbidden(port: u16) -> Vec<String> {
    let hosts = [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:1]",
        "127.9.9.9",
        "169.254.169.254",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "224.0.0.1",
        "255.255.255.255",
        "console.tim.qq.com@127.0.0.1",
        "127.0.0.1#console.tim.qq.com",
    ];
    hosts.map(|host| format!("{host}:{port}")).to_vec()
}

#[tokio::test]
async fn connect_needs_a_host_and_a_port() {
    let app = TestApp::start_with(tunnels).await;
    for target in [
        "console.tim.qq.com",
        "console.tim.qq.com:",
        "console.tim.qq.com:65536",
        "console.tim.qq.com:-1",
        "user@console.tim.qq.com:443",
        "example.com:",
    ] {
        assert_eq!(connect(&app, target).await.status, 400, "{target}");
    }
}

/// Asserts that nobody has connected to a listener.
async fn expect_nobody(listener: &TcpListener) {
    let connected = timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(
        connected.is_err(),
        "a connection has come through the proxy"
    );
}

#[tokio::test]
async fn it_is_no_open_proxy() {
    let inside = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = inside.local_addr().expect("an address").port();
    for tunnels in [false, true] {
        let app = TestApp::start_with(|config| {
            if tunnels {
                self::tunnels(config);
            }
        });
        let app = app.await;
        let mut targets = forbidden(port);
        if !tunnels {
            targets.extend(["example.com:443", "8.8.8.8:53"].map(str::to_owned));
        }
        // Only https is answered for Tencent's hosts.
        let ports = ["console.tim.qq.com:80", "console.tim.qq.com:22"];
        targets.extend(ports.map(str::to_owned));
        for target in targets {
            let answer = connect(&app, &target).await;
            assert!(
                [400, 403, 502].contains(&answer.status),
                "{target}: {}",
                answer.status
            );
            // Without CONNECT, only the emulator answers.
            let answer = post(&app, &format!("http://{target}"), "").await;
            let status = answer.status;
            assert!([200, 400, 403].contains(&status), "{target}: {status}");
            expect_nobody(&inside).await;
        }
    }
}

#[tokio::test]
async fn a_refusal_names_what_is_served() {
    let app = TestApp::start_with(|config| config.proxy.hosts = vec!["chat.example.com".into()]);
    let app = app.await;
    let answers = [
        connect(&app, "example.com:443").await,
        post(&app, "http://example.com", "").await,
    ];
    for answer in answers {
        assert_eq!(answer.status, 403);
        // Some clients wait until the connection is closed.
        assert_eq!(answer.header("connection"), ["close"]);
        for part in ["console.tim.qq.com", "chat.example.com", "proxy.others"] {
            assert!(answer.body.contains(part), "{}", answer.body);
        }
    }
    let answer = {
        let app = TestApp::start_with(tunnels).await;
        connect(&app, "127.0.0.1:1").await
    };
    assert_eq!(answer.status, 403);
    assert!(
        answer.body.contains("no tunnel leads there"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_a_bad_gateway() {
    let app = TestApp::start_with(tunnels).await;
    let answer = connect(&app, "nowhere.invalid:443").await;
    assert_eq!(answer.status, 502);
    assert!(
        answer.body.starts_with("nowhere.invalid: "),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn where_the_control_api_requires_a_token_the_proxy_does_too() {
    let app = TestApp::start_with(with_token).await;
    let target = "console.tim.qq.com:443";
    // "emulator:a-token" and "emulator:other".
    let (right, wrong) = ("ZW11bGF0b3I6YS10b2tlbg==", "ZW11bGF0b3I6b3RoZXI=");
    for (header, status) in [
        (String::new(), 407),
        (format!("Basic {wrong}"), 407),
        ("Basic a-token".to_owned(), 407),
        ("Bearer other".to_owned(), 407),
        ("Basic".to_owned(), 407),
        (format!("basic {right}"), 200),
        ("Bearer a-token".to_owned(), 200),
    ] {
        let header = format!("\nProxy-Authorization: {header}");
        let lines = format!("CONNECT {target} HTTP/1.1\nHost: {target}{header}");
        let (answer, _) = ask(app.emulator.addr(), &lines).await;
        assert_eq!(answer.status, status, "{header}");
        let answer = post(&app, "http://console.tim.qq.com", &header).await;
        assert_eq!(answer.status, status, "{header}");
        if status == 407 {
            let scheme = (
                "proxy-authenticate".to_owned(),
                "Basic realm=\"tencent-chat-emulator\"".to_owned(),
            );
            assert!(answer.headers.contains(&scheme), "{:?}", answer.headers);
        }
    }

    // As clients give it: in the URL of the proxy.
    let proxy = app
        .emulator
        .url()
        .replace("http://", "http://emulator:a-token@");
    let client = through_proxy(&app, &proxy, &[HTTP1]);
    let reply = call(&app, &client, "console.tim.qq.com").await;
    assert_eq!(reply.expect("an answer").codes(), [30003]);
    // An ordinary call needs no token.
    assert_eq!(app.add("id", &["nobody"]).await, [30003]);
}

#[tokio::test]
async fn it_can_be_turned_off() {
    let app = TestApp::start_with(|config| config.proxy.enabled = false).await;
    assert_eq!(connect(&app, "console.tim.qq.com:443").await.status, 400);
    // The whole URL in place of the path is legal for any server.
    for host in ["console.tim.qq.com", "example.com"] {
        let answer = post(&app, &format!("http://{host}"), "").await;
        assert!(is_friend_add(&answer), "{}", answer.body);
    }
}

#[tokio::test]
async fn without_a_certificate_connect_says_why() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let file = directory.path().join("file");
    std::fs::write(&file, "").expect("writable");
    let app = TestApp::start_with(|config| config.tls.ca_directory = Some(file)).await;
    let answer = connect(&app, "console.tim.qq.com:443").await;
    assert_eq!(answer.status, 502);
    assert!(answer.body.contains("/file: "), "{}", answer.body);
}

/// In absolute form, too, it is a call of this server.
#[tokio::test]
async fn the_servers_own_names_are_not_proxied() {
    let app = TestApp::start_with(|config| {
        config.control.hosts = vec!["emulator.example.com".to_owned()];
        config.tls.names = vec!["tls.example.com".to_owned()];
    });
    let app = app.await;
    for host in [
        "localhost",
        "emulator",
        "127.0.0.1:1",
        "emulator.example.com",
        "TLS.example.com",
    ] {
        let answer = post(&app, &format!("http://{host}"), "").await;
        assert!(is_friend_add(&answer), "{host}: {}", answer.body);
    }
}

/// A client may send its ClientHello without waiting for the answer to CONNECT.
#[tokio::test]
async fn bytes_that_follow_connect_at_once_are_not_lost() {
    let app = TestApp::start().await;
    let ca = app.emulator.ca().expect("a CA").expect("its own");
    let tls = trusting(&ca, &[HTTP1], rustls::ALL_VERSIONS);
    let name = "console.tim.qq.com".try_into().expect("a name");
    let mut tls = rustls::ClientConnection::new(std::sync::Arc::new(tls), name).expect("good");
    let mut bytes = b"CONNECT console.tim.qq.com:443 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec();
    tls.write_tls(&mut bytes).expect("in memory");

    let mut wire = Wire::connect(app.emulator.addr()).await;
    wire.send(&bytes).await;

    assert_eq!(wire.read_response().await.status, 200);
    let hello = timeout(Duration::from_secs(5), wire.first_byte()).await;
    assert_eq!(hello.expect("an answer"), 0x16, "a record of a handshake");
}

#[tokio::test]
async fn stopping_ends_open_tunnels_and_finishes_their_calls() {
    let app = TestApp::start().await;
    let client = through_proxy(&app, &app.emulator.url(), &[HTTP1]);
    call(&app, &client, "console.tim.qq.com")
        .await
        .expect("an answer");
    let (answer, _half) = ask(
        app.emulator.addr(),
        "CONNECT console.tim.qq.com:443 HTTP/1.1\nHost: x",
    )
    .await;
    assert_eq!(answer.status, 200);
    let delay = json!({"delay_ms": 300, "times": 1});
    app.control().post("/faults", delay).await.ok();
    let url = format!(
        "https://console.tim.qq.com/v4/sns/friend_add?{}",
        app.query()
    );
    let call = tokio::spawn(client.post(url).body(BODY).send());
    while app.control().get("/faults").await.ok()[0]["hits"] == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let stopped = timeout(Duration::from_secs(2), app.emulator.stop()).await;

    assert!(stopped.is_ok(), "a tunnel holds up the stop");
    let answer = call.await.expect("no panic").expect("an answer");
    let text = answer.text().await.expect("a whole answer");
    assert!(text.contains(r#""ResultCode":30003"#), "{text}");
}

/// What the proxy refuses is in the log, not in the journal: it is no call.
#[tokio::test]
async fn refused_hosts_are_no_calls() {
    let app = TestApp::start().await;
    connect(&app, "example.com:443").await;
    post(&app, "http://example.com", "").await;
    assert_eq!(app.control().get("/requests/count").await.ok()["count"], 0);
}
