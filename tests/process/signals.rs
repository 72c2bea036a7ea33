//! Signals: the first stops the process gracefully, a second one at once.

use crate::fixture::{Client, GOOD_BODY, Server, post, wait_for};
use serde_json::Value;
use std::time::Duration;
use tencent_chat_emulator::clock::SystemMoment;

/// A connection with a call in flight: all but its last bytes have been sent.
fn call_in_flight(server: &Server) -> (Client, &'static [u8]) {
    let request = post(&Server::query(), GOOD_BODY);
    let (first, rest) = request.split_at(request.len() - 10);
    let mut client = server.connect();
    client.send(first);
    // The server has read later calls, so it has read these bytes, too.
    server.still_serves();
    server.still_serves();
    let end = &GOOD_BODY.as_bytes()[GOOD_BODY.len() - 10..];
    assert_eq!(rest, end);
    (client, end)
}

fn wait_until_it_refuses(server: &Server) {
    wait_for("the end of listening", || {
        Client::connect(server.addr).is_err().then_some(())
    });
}

#[test]
fn a_call_in_flight_is_finished_while_new_connections_are_refused() {
    for name in ["TERM", "INT"] {
        let mut server = Server::start();
        let (mut client, rest) = call_in_flight(&server);

        server.signal(name);
        wait_until_it_refuses(&server);
        client.send(rest);

        let answer: Value = serde_json::from_str(&client.body()).expect("JSON");
        assert_eq!(answer["ErrorCode"], 0, "{name}: {answer}");
        assert_eq!(server.wait().code(), Some(0), "{name}");
    }
}

#[test]
fn a_second_signal_ends_it_at_once_with_130() {
    for (first, second) in [("TERM", "TERM"), ("INT", "INT"), ("TERM", "INT")] {
        let mut server = Server::start();
        let (_client, _rest) = call_in_flight(&server);

        server.signal(first);
        wait_until_it_refuses(&server);
        server.signal(second);

        assert_eq!(server.wait().code(), Some(130), "{first}, {second}");
    }
}

#[test]
fn idle_connections_do_not_keep_it_from_ending() {
    let mut server = Server::start();
    let mut used = server.connect();
    let _unused = server.connect();
    used.call(&post(&Server::query(), GOOD_BODY));

    server.signal("TERM");

    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn half_a_head_does_not_keep_it_from_ending() {
    let mut server = Server::start();
    let mut client = server.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\n");
    server.still_serves();
    server.still_serves();

    server.signal("TERM");

    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn half_a_body_does_not_keep_it_from_ending() {
    let good = post(&Server::query(), GOOD_BODY);
    let unsigned = post("sdkappid=88888888", GOOD_BODY);
    let control = b"POST /_emulator/v1/apps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    let chunked = format!(
        "POST /v4/sns/friend_add?{} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{{\"Fro",
        Server::query()
    );
    let half = |whole: &[u8]| whole[..whole.len() - 10].to_vec();
    let requests = [
        half(&good),
        half(&unsigned),
        control.to_vec(),
        chunked.into_bytes(),
    ];
    // A half head besides, whose deadline must not come after that of the half body.
    for request in &requests {
        let mut server = Server::start();
        let mut half_head = server.connect();
        half_head.send(b"POST /v4/sns/friend_add HT");
        let mut client = server.connect();
        client.send(request);
        server.still_serves();
        let asked = SystemMoment::now();

        server.signal("TERM");

        let text = String::from_utf8_lossy(request);
        assert_eq!(server.wait().code(), Some(0), "{text}");
        assert!(asked.elapsed() < Duration::from_secs(3), "{text}");
    }
}
