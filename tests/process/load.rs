//! Many connections and many calls: all are served, and no memory leaks.

use crate::fixture::{Client, GOOD_BODY, Server, post};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tencent_chat_emulator::clock::SystemMoment;

/// No rate limit, no log lines for calls, and a journal that is full after a few hundred calls.
const QUIET: [(&str, &str); 3] = [
    ("EMULATOR__APPS__88888888__CALLS_PER_SECOND", "0"),
    ("EMULATOR__JOURNAL__BYTES", "262144"),
    ("EMULATOR__LOG__LEVEL", "warn"),
];

/// The number of idle connections: a little below the usual limit of 1024 file descriptors.
const IDLE: usize = 1_000;

/// The allowed growth of memory: more than allocators and runtimes keep, but less than a leak of
/// 200 bytes for each call.
#[cfg(target_os = "linux")]
const SLACK_KIB: u64 = 4 * 1024;

/// Makes calls over two keep-alive connections at once.
fn make_good_calls(server: &Server, calls: usize) {
    let request = post(&Server::query(), GOOD_BODY);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = server.connect();
                for _ in 0..calls / 2 {
                    let answer = client.call(&request);
                    assert_eq!(answer["ErrorCode"], 0, "{answer}");
                }
            });
        }
    });
}

#[test]
fn a_thousand_idle_connections_are_held_while_good_calls_are_served() {
    let server = Server::start_with(&[], &QUIET);
    let request = post(&Server::query(), GOOD_BODY);

    let mut idle: Vec<Client> = (0..IDLE).map(|_| server.connect()).collect();

    make_good_calls(&server, 100);
    // No idle connection was closed.
    for client in &mut idle {
        assert_eq!(client.call(&request)["ErrorCode"], 0);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn twenty_thousand_calls_leave_nothing_behind() {
    let server = Server::start_with(&[], &QUIET);
    make_good_calls(&server, 2_000);
    let before = server.kib("VmRSS");

    make_good_calls(&server, 20_000);

    let after = server.kib("VmRSS");
    assert!(
        after <= before + SLACK_KIB,
        "it grew from {before} to {after} KiB"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn malformed_connections_leave_nothing_behind() {
    let server = Server::start_with(&[], &QUIET);
    let large_header = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(50_000));
    let bad_calls: [&[u8]; 5] = [
        b"",
        b"garbage\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"POST /v4/sns/friend_add HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n{",
        large_header.as_bytes(),
    ];
    let hang_up_on = |times: usize| {
        for _ in 0..times {
            for bytes in bad_calls {
                server.connect().send(bytes);
            }
        }
        make_good_calls(&server, 100);
    };
    hang_up_on(20);
    let before = server.kib("VmRSS");

    hang_up_on(100);

    let after = server.kib("VmRSS");
    assert!(
        after <= before + SLACK_KIB,
        "it grew from {before} to {after} KiB"
    );
}

/// The journal is filtered and its calls are written as JSON on the control API's own threads, so a call
/// waits only for a processor. The bound is generous because tests run in parallel, without optimisation.
#[test]
fn streams_of_the_whole_journal_delay_no_call() {
    const STREAMS: usize = 20;
    let bytes = (16 << 20).to_string();
    let server = Server::start_with(
        &[],
        &[QUIET[0], ("EMULATOR__JOURNAL__BYTES", &bytes), QUIET[2]],
    );
    let items = (0..1000).map(|number| format!(r#"{{"To_Account":"nobody{number}"}}"#));
    let items = items.collect::<Vec<_>>().join(",");
    let long = format!(r#"{{"From_Account":"id","AddFriendItem":[{items}]}}"#);
    let query = Server::query();
    let (long, short) = (post(&query, &long), post(&query, GOOD_BODY));
    let mut client = server.connect();
    for _ in 0..100 {
        client.call(&long);
    }

    let get =
        "GET /_emulator/v1/events?since=0&from_account=id HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let streams = (0..STREAMS).map(|_| {
        let mut stream = TcpStream::connect(server.addr).expect("it listens");
        stream.write_all(get.as_bytes()).expect("it reads");
        stream.read_exact(&mut [0; 12]).expect("a head");
        stream
    });
    let mut streams: Vec<_> = streams.collect();
    // Half of the clients read on; the others do not.
    for mut stream in streams.split_off(STREAMS / 2) {
        std::thread::spawn(move || io::copy(&mut stream, &mut io::sink()));
    }
    let durations = (0..200).map(|_| {
        let clock = SystemMoment::now();
        assert_eq!(client.call(&short)["ErrorCode"], 0);
        clock.elapsed()
    });
    let slowest = durations.max().expect("there are calls");

    assert!(slowest < Duration::from_millis(1000), "{slowest:?}");
}
