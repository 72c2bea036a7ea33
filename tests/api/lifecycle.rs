//! The start of an emulator on its own threads, and its end.

use crate::harness::{ADMIN, APP, TestApp, app_id};
use crate::wire::Wire;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tencent_chat_emulator::Emulator;
use tencent_chat_emulator::config::{Config, Sources};
use tokio::time::timeout;

/// Much longer than a connection takes to end.
const PATIENCE: Duration = Duration::from_secs(20);

const HELD_CALL: &str =
    "GET /_emulator/v1/requests/wait?count=99&timeout_ms=60000 HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A good account_check call, as bytes.
fn account_check(emulator: &Emulator) -> String {
    let usersig = emulator.user_sig(app_id(APP), ADMIN, 86_400);
    let usersig = usersig.expect("the app exists");
    let body = r#"{"CheckItem":[{"UserID":"nobody"}]}"#;
    format!(
        "POST /v4/im_open_login_svc/account_check?sdkappid={APP}&identifier={ADMIN}&usersig={usersig}&random=1&contenttype=json HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn dropped_it_ends_open_connections_delayed_calls_and_waits() {
    let app = TestApp::start().await;
    let control = app.control();
    let mut idle = Wire::connect(app.emulator.addr()).await;
    idle.send(account_check(&app.emulator).as_bytes()).await;
    assert_eq!(idle.read_response().await.status, 200);
    control
        .post("/faults", json!({"delay_ms": 600_000}))
        .await
        .ok();
    let mut delayed = Wire::connect(app.emulator.addr()).await;
    delayed.send(account_check(&app.emulator).as_bytes()).await;
    let mut waiting = Wire::connect(app.emulator.addr()).await;
    waiting.send(HELD_CALL.as_bytes()).await;
    // The server runs on this thread. When later calls have been answered, these calls have begun.
    for _ in 0..20 {
        control.get("/health").await.ok();
    }

    drop(app.emulator);

    let answers = async {
        let answers = tokio::join!(delayed.read_response(), waiting.read_response());
        assert_eq!((answers.0.status, answers.1.status), (200, 503));
        for mut wire in [idle, delayed, waiting] {
            assert!(wire.is_closed().await);
        }
    };
    timeout(PATIENCE, answers).await.expect("all end at once");
}

/// A connection that has made a call.
fn connect(emulator: &Emulator) -> TcpStream {
    let mut stream = TcpStream::connect(emulator.addr()).expect("it listens");
    let timeout = stream.set_read_timeout(Some(PATIENCE));
    timeout.expect("a socket");
    let call = stream.write_all(account_check(emulator).as_bytes());
    call.expect("it reads");
    let mut head = [0; 12];
    stream.read_exact(&mut head).expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 200");
    stream
}

#[test]
fn run_serves_while_its_body_blocks_and_ends_all_connections_afterwards() {
    let mut config = Config::load(&Sources::default()).expect("the defaults are good");
    config.listen = "127.0.0.1:0".parse().expect("an address");

    let result = Emulator::run(config, async |emulator| {
        let connections = [(); 4].map(|()| connect(emulator));
        (emulator.addr(), connections)
    });

    let (addr, connections) = result.expect("a port is free");
    for mut connection in connections {
        let end = connection.read_to_end(&mut Vec::new());
        end.expect("it was closed in order");
    }
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn run_names_the_error_of_an_address_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let mut config = Config::load(&Sources::default()).expect("the defaults are good");
    config.listen = taken.local_addr().expect("an address");

    let result = Emulator::run(config, async |_| ());

    let error = result.expect_err("it cannot be bound");
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}
