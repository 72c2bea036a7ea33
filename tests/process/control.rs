//! The control API of a process: its token, clients that hang up, and open requests when it stops.

use crate::fixture::{GOOD_BODY, Server, post, program, text, wait_for};
use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;
use tencent_chat_emulator::clock::SystemMoment;

/// The HTTP status of a request for the clock on loopback.
fn status(server: &Server, token: Option<&str>) -> String {
    let url = format!("http://127.0.0.1:{}/_emulator/v1/clock", server.addr.port());
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--noproxy", "*", "--output", "/dev/null"]);
    curl.args(["--write-out", "%{http_code}", &url]);
    if let Some(token) = token {
        curl.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    text(&curl.output().expect("curl is there").stdout)
}

fn everywhere(token: Option<&str>) -> Server {
    let mut command = program(&["--listen", "0.0.0.0:0"]);
    command.envs(token.map(|token| ("EMULATOR__CONTROL__TOKEN", token)));
    Server::spawn(command)
}

/// The number of open file descriptors of the process, which includes connections.
fn open_files(server: &Server) -> usize {
    let folder = format!("/proc/{}/fd", server.pid());
    std::fs::read_dir(folder).expect("Linux").count()
}

#[test]
fn a_reader_of_events_who_hangs_up_leaves_nothing_open() {
    let server = Server::start();
    let mut reader = TcpStream::connect(server.addr).expect("it listens");
    let call = b"GET /_emulator/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    reader.write_all(call).expect("it reads");
    reader.read_exact(&mut [0; 12]).expect("a head");
    let with_it = open_files(&server);

    drop(reader);

    wait_for("the end of the connection", || {
        (open_files(&server) < with_it).then_some(())
    });
}

/// Whether the server has accepted all connections, and has read all that its clients have sent.
fn has_read_all(server: &Server) -> bool {
    let port = format!(":{:04X}", server.addr.port());
    let sockets = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    let fields = sockets
        .lines()
        .map(|line| line.split_whitespace().collect());
    let mut own = fields.filter(|fields: &Vec<_>| fields[1].ends_with(&port));
    // The field has the bytes to send and the bytes to read.
    own.all(|fields| fields[4].ends_with(":00000000"))
}

/// The waits and the delays last a minute.
#[test]
fn clients_that_hang_up_during_a_wait_or_a_delay_free_their_descriptors_at_once() {
    const CLIENTS: usize = 200;
    let server = Server::start_with(&[], &[("EMULATOR__LOG__LEVEL", "warn")]);
    let call = |line: &str, body: &str| {
        let head = format!("{line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json");
        let length = body.len();
        format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
    };
    let wait = |count| {
        let path = format!("/_emulator/v1/requests/wait?count={count}&timeout_ms=60000");
        call(&format!("GET {path}"), "")
    };
    let delay = r#"[{"command": "friend_add", "delay_ms": 60000}]"#;
    let mut control = server.connect();
    let faults = control.call(&call("PUT /_emulator/v1/faults", delay));
    assert_eq!(faults["armed"].as_array().map(Vec::len), Some(1));
    // The first wait starts the threads of the control API, which have descriptors of their own.
    assert_eq!(control.call(&wait(0))["count"], 0);
    let before = open_files(&server);

    for call in [&wait(1), &post(&Server::query(), GOOD_BODY)] {
        let clients = (0..CLIENTS).map(|_| {
            let mut client = TcpStream::connect(server.addr).expect("it listens");
            client.write_all(call).expect("it reads");
            client
        });
        let clients: Vec<_> = clients.collect();
        wait_for("all calls", || {
            let are_accepted = open_files(&server) >= before + CLIENTS;
            (are_accepted && has_read_all(&server)).then_some(())
        });
        let since_then = SystemMoment::now();

        drop(clients);

        wait_for("the end of all connections", || {
            (open_files(&server) <= before).then_some(())
        });
        let waited = since_then.elapsed();
        assert!(waited < Duration::from_secs(1), "{waited:?}");
    }
}

#[test]
fn off_loopback_a_token_is_made_at_each_start_and_printed_once() {
    let mut tokens = HashSet::new();
    for _ in 0..3 {
        let server = everywhere(None);

        let stdout = server.stdout();

        let mut printed = stdout
            .lines()
            .filter_map(|line| line.strip_prefix("Control token: "));
        let token = printed.next().expect("it is printed").to_owned();
        assert_eq!((token.len(), printed.next()), (64, None), "{stdout}");
        assert_eq!(stdout.matches(&token).count(), 1, "{stdout}");
        assert_eq!(status(&server, None), "401");
        assert_eq!(
            status(&server, Some(&token.replace(&token[..1], "x"))),
            "401"
        );
        assert_eq!(status(&server, Some(&token)), "200");
        server.still_serves();
        assert!(!server.stop().contains(&token), "it is not logged");
        tokens.insert(token);
    }
    assert_eq!(tokens.len(), 3);
}

#[test]
fn a_configured_token_is_asked_for_on_loopback_too_and_never_printed() {
    let env = [("EMULATOR__CONTROL__TOKEN", "open-sesame")];
    for server in [
        Server::start_with(&[], &env),
        everywhere(Some("open-sesame")),
    ] {
        assert_eq!(status(&server, None), "401");
        assert_eq!(status(&server, Some("open-sesame")), "200");
        assert!(!server.stdout().contains("sesame"), "{}", server.stdout());
        assert!(!server.stop().contains("sesame"));
    }
}

#[test]
fn on_loopback_or_with_none_nobody_is_asked() {
    for server in [Server::start(), everywhere(Some("none"))] {
        assert_eq!(status(&server, None), "200");
        assert!(!server.stdout().contains("token"), "{}", server.stdout());
    }
}

/// A reader of the events gets a complete answer.
#[test]
fn a_stop_waits_for_no_watcher() {
    let mut server = Server::start();
    let mut watcher = TcpStream::connect(server.addr).expect("it listens");
    let request = b"GET /_emulator/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    watcher.write_all(request).expect("it reads");
    let mut head = [0; 12];
    watcher.read_exact(&mut head).expect("the stream begins");

    server.signal("TERM");

    assert_eq!(server.wait().code(), Some(0));
    let mut rest = String::new();
    watcher.read_to_string(&mut rest).expect("it is not cut");
    assert!(
        head == *b"HTTP/1.1 200" && rest.ends_with("\r\n0\r\n\r\n"),
        "{rest}"
    );
}
