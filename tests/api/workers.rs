//! A server of several runtimes: where its connections are served, and how it stops.

use crate::harness::{ADMIN, APP, app_id};
use crate::wire::Wire;
use std::thread;
use std::time::Duration;
use tencent_chat_emulator::Emulator;
use tencent_chat_emulator::config::{Config, Sources};
use tokio::runtime::{Builder, Handle};
use tokio::time::{sleep, timeout};

/// Far longer than a connection takes to begin or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A runtime on a thread of its own.
fn runtime() -> Handle {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let handle = runtime.handle().clone();
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    handle
}

async fn start(runtimes: &[Handle]) -> Emulator {
    let mut config = Config::load(&Sources::default()).expect("the defaults are good");
    config.listen = "127.0.0.1:0".parse().expect("an address");
    let emulator = Emulator::start_on(config, runtimes.to_vec()).await;
    emulator.expect("a port is free")
}

/// A connection that has made a call, and stays.
async fn connection(emulator: &Emulator) -> Wire {
    let mut wire = Wire::connect(emulator.addr()).await;
    let usersig = emulator.user_sig(app_id(APP), ADMIN, 86_400);
    let usersig = usersig.expect("the app exists");
    let body = r#"{"CheckItem":[{"UserID":"nobody"}]}"#;
    let call = format!(
        "POST /v4/im_open_login_svc/account_check?sdkappid={APP}&identifier={ADMIN}&usersig={usersig}&random=1&contenttype=json HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    wire.send(call.as_bytes()).await;
    let answer = wire.read_response().await;
    assert!(answer.body.contains(r#""ErrorCode":0"#), "{answer:?}");
    wire
}

/// How many connections each runtime has.
fn served(runtimes: &[Handle]) -> Vec<usize> {
    let tasks = |runtime: &Handle| runtime.metrics().num_alive_tasks();
    runtimes.iter().map(tasks).collect()
}

async fn wait_until(runtimes: &[Handle], expected: &[usize]) {
    let reached = async {
        while served(runtimes) != expected {
            sleep(Duration::from_millis(1)).await;
        }
    };
    let reached = timeout(PATIENCE, reached).await;
    assert!(reached.is_ok(), "{:?}, not {expected:?}", served(runtimes));
}

#[tokio::test]
async fn a_connection_is_served_where_the_fewest_are() {
    let runtimes = [runtime(), runtime()];
    let emulator = start(&runtimes).await;
    let first = connection(&emulator).await;
    assert_eq!(served(&runtimes), [1, 0]);
    let _second = connection(&emulator).await;
    assert_eq!(served(&runtimes), [1, 1]);
    let third = connection(&emulator).await;
    assert_eq!(served(&runtimes), [2, 1]);
    // In turns, the next would go to the second.
    drop((first, third));
    wait_until(&runtimes, &[0, 1]).await;
    let _fourth = connection(&emulator).await;
    assert_eq!(served(&runtimes), [1, 1]);
}

#[tokio::test]
async fn it_stops_in_every_runtime() {
    let runtimes = [runtime(), runtime()];
    let emulator = start(&runtimes).await;
    let mut connections = [connection(&emulator).await, connection(&emulator).await];
    timeout(PATIENCE, emulator.stop()).await.expect("it stops");
    for connection in &mut connections {
        assert!(connection.is_closed().await);
    }
    wait_until(&runtimes, &[0, 0]).await;
}

#[tokio::test]
async fn dropped_it_stops_in_every_runtime() {
    let runtimes = [runtime(), runtime()];
    let emulator = start(&runtimes).await;
    let _connections = [connection(&emulator).await, connection(&emulator).await];
    drop(emulator);
    wait_until(&runtimes, &[0, 0]).await;
}
