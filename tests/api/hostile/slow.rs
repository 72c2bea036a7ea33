//! Silent and slow clients: the server does not wait for them without limit.

use super::socket::Socket;
use super::{GOOD_BODY, Target, head, post};
use std::time::Duration;

async fn impatient() -> Target {
    Target::start_with(|config| config.read_timeout = Duration::from_millis(400)).await
}

/// Sends byte by byte with pauses, until the server answers or closes the connection. Good calls
/// work meanwhile.
async fn drip(target: &Target, socket: &mut Socket, bytes: &[u8]) -> usize {
    let mut sent = 0;
    for byte in bytes {
        if socket.try_send(&[*byte]).is_err() {
            break;
        }
        sent += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
        if sent % 4 == 0 {
            target.still_serves().await;
        }
    }
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_connection_that_says_nothing_is_closed() {
    let target = impatient().await;
    let mut silent = target.open();

    target.still_serves().await;

    silent.expect_end();
    target.still_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_connection_that_says_nothing_after_its_call_is_closed() {
    let target = impatient().await;
    let mut socket = target.open();

    target.good_call(&mut socket).await;

    socket.expect_end();
    target.still_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_head_that_drips_is_not_waited_for() {
    let target = impatient().await;
    let mut socket = target.open();
    let request = target.good();

    let sent = drip(&target, &mut socket, &request[..100]).await;

    assert!(sent < 100, "5 s is far more than 400 ms");
    target.still_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn half_a_head_is_not_waited_for() {
    let target = impatient().await;
    let request = target.good();

    for length in [1, 4, 30, 300] {
        let mut socket = target.open();
        socket.send(&request[..length]);

        socket.expect_end_at_last();
    }
    target.still_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_that_does_not_come_is_answered_60008_and_hung_up_on() {
    let target = impatient().await;
    let request = target.good();
    let chunked = [
        &head(&target.query, "Transfer-Encoding: chunked\r\n")[..],
        b"5\r\n{",
    ]
    .concat();

    for half in [
        &request[..request.len() - 1],
        &request[..request.len() - GOOD_BODY.len()],
        &chunked,
    ] {
        let mut socket = target.open();
        socket.send(half);
        target.still_serves().await;

        let reply = socket.reply().await;

        assert_eq!(reply.error_code(), 60008, "{}", reply.text);
        socket.expect_end();
    }
    target.still_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_that_drips_is_not_waited_for() {
    let target = impatient().await;
    let mut socket = target.open();
    socket.send(&head(&target.query, "Content-Length: 100\r\n"));

    let sent = drip(&target, &mut socket, &[b' '; 99]).await;

    assert!(sent < 99, "5 s is far more than 400 ms");
    target.still_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_never_reads_its_answers_harms_nobody_else() {
    let target = Target::start().await;
    let mut deaf: Vec<_> = (0..4).map(|_| target.open()).collect();

    for socket in &mut deaf {
        send_and_never_read(&target, socket);
    }

    target.still_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_never_reads_its_answers_does_not_keep_it_from_stopping() {
    let target = impatient().await;
    let mut deaf = target.open();
    send_and_never_read(&target, &mut deaf);
    target.still_serves().await;

    stops_soon(target).await;
}

/// Requests answers of 1.5 MB each and reads none, until the system accepts no more requests.
fn send_and_never_read(target: &Target, socket: &mut Socket) {
    let long_id = "x".repeat(1_500_000);
    let body = format!(r#"{{"From_Account":"id","AddFriendItem":[{{"To_Account":"{long_id}"}}]}}"#);
    let request = post(&target.query, body);
    socket.give_up_sending_after(Duration::from_millis(500));
    for _ in 0..20 {
        if socket.try_send(&request).is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn two_hundred_silent_connections_keep_it_from_neither_serving_nor_stopping() {
    let target = Target::start().await;
    let mut open: Vec<_> = (0..200).map(|_| target.open()).collect();
    for socket in open.iter_mut().step_by(2) {
        target.good_call(socket).await;
    }

    target.still_serves().await;

    stops_soon(target).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn half_a_head_does_not_keep_it_from_stopping() {
    let target = Target::start().await;
    let mut socket = target.open();
    socket.send(b"POST / HTTP/1.1\r\nHost: localhost\r\n");
    target.still_serves().await;

    stops_soon(target).await;
}

async fn stops_soon(target: Target) {
    let stopped = tokio::time::timeout(Duration::from_secs(5), target.app.emulator.stop()).await;
    assert!(stopped.is_ok(), "no call is in flight");
}
