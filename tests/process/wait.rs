//! The command wait.

use crate::fixture::{Server, program, run, text, wait_for};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;
use tencent_chat_emulator::clock::SystemMoment;

/// An address where nothing listens.
fn free_addr() -> String {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    free.local_addr().expect("an address").to_string()
}

#[test]
fn it_returns_at_once_when_an_emulator_is_ready() {
    let server = Server::start();

    let output = run(&[
        "wait",
        "--timeout",
        "0",
        "--listen",
        &server.addr.to_string(),
    ]);

    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!((output.stdout.len(), output.stderr.len()), (0, 0));
}

#[test]
fn it_waits_for_an_emulator_that_starts_later() {
    let addr = free_addr();
    let mut command = program(&["wait", "--listen", &addr]);
    let mut waiting = command.stderr(Stdio::piped()).spawn().expect("it starts");
    std::thread::sleep(Duration::from_millis(200));
    assert!(waiting.try_wait().expect("a child").is_none(), "it waits");

    let mut command = program(&["--listen", &addr]);
    command.env("EMULATOR__LOG__LEVEL", "error");
    let _server = Server::spawn(command);

    let status = wait_for("its end", || waiting.try_wait().expect("a child"));
    assert_eq!(status.code(), Some(0));
}

#[test]
fn it_says_why_it_gave_up() {
    let addr = free_addr();
    for seconds in ["0", "1"] {
        let output = run(&["wait", "--timeout", seconds, "--listen", &addr]);

        assert_eq!(output.status.code(), Some(1));
        let message = format!(
            "not ready after {seconds} s: no emulator answers at {addr}: Connection refused; if the emulator \
             listens elsewhere, name its address with --listen\n"
        );
        assert_eq!(text(&output.stderr), message);
    }
    for timeout in ["-1", "x", "4294967296"] {
        let output = run(&["wait", &format!("--timeout={timeout}")]);
        assert_eq!(output.status.code(), Some(2), "{timeout}");
    }
}

#[test]
fn a_server_that_answers_slowly_does_not_extend_the_time() {
    let slow = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = slow.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        // Another test can look for its emulator at this port.
        for stream in slow.incoming() {
            std::thread::spawn(move || {
                let mut stream = stream.expect("a call");
                // An error means that the client has gone.
                while stream.write_all(b"HTTP/1.1 200 OK\r\nName: ").is_ok() {
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
        }
    });
    let start = SystemMoment::now();

    let output = run(&["wait", "--timeout", "1", "--listen", &addr]);

    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "not ready after 1 s: the call to the emulator at {addr} failed: no answer within "
    );
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with(&expected), "{stderr}");
}

#[test]
fn another_server_is_not_taken_for_an_emulator() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = other.local_addr().expect("an address").to_string();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().expect("a call");
        let _ = stream.read(&mut [0; 1024]).expect("a request");
        let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).expect("it listens");
    });

    let output = run(&["wait", "--timeout", "0", "--listen", &addr]);

    answering.join().expect("it was called once");
    assert_eq!(output.status.code(), Some(1));
    let expected = format!("not ready after 0 s: the server at {addr} is not a healthy emulator; ");
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with(&expected), "{stderr}");
}
