//! The memory that a large app needs while its graph is read, compared and kept in snapshots.

use crate::fixture::{APP, Server};
use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The accounts of the large app, each of which has all the others as friends: 302,500 friendships.
const ACCOUNTS: usize = 550;

/// Makes every account a friend of all others, at this time. Each account is put by its own call, so that
/// the bodies leave little unused memory in the process.
fn befriend_all(server: &Server, add_time: u32) {
    let mut client = server.connect();
    for from in 0..ACCOUNTS {
        let friends = (0..ACCOUNTS).filter(|to| *to != from);
        let friends = friends.map(|to| format!(r#"{{"to":"u{to}","add_time":{add_time}}}"#));
        let friends: Vec<_> = friends.collect();
        let body = format!(r#"{{"friends":[{}]}}"#, friends.join(","));
        let length = body.len();
        let path = format!("/_emulator/v1/apps/{APP}/accounts/u{from}");
        let put = format!(
            "PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        client.call(put.as_bytes());
    }
}

fn curl(server: &Server, method: &str, path: &str) -> Command {
    let mut curl = Command::new("curl");
    let url = format!("{}/_emulator/v1/apps/{APP}{path}", server.url);
    curl.args([
        "--silent",
        "--show-error",
        "--fail",
        "--request",
        method,
        &url,
    ]);
    curl.args(["--header", "Content-Type: application/json"]);
    curl.stdout(Stdio::null());
    curl
}

#[track_caller]
fn done(curl: &mut Command) {
    assert!(curl.status().expect("curl is there").success());
}

/// Starts `VmHWM` anew at the present memory.
fn forget_highest(server: &Server) {
    let path = format!("/proc/{}/clear_refs", server.pid());
    std::fs::write(path, "5").expect("it is our process");
}

#[test]
fn a_large_graph_is_read_compared_and_kept_in_little_memory() {
    let server = Server::start_with(&[], &[("EMULATOR__LOG__LEVEL", "warn")]);
    let start = server.kib("VmRSS");
    befriend_all(&server, 1);

    // Snapshots of a graph that does not change.
    let before = server.kib("VmRSS");
    for number in 0..100 {
        done(&mut curl(&server, "POST", &format!("/snapshots/s{number}")));
    }
    let app = before - start;
    let grown = server.kib("VmRSS").saturating_sub(before);
    assert!(grown < app, "100 snapshots took {grown} KiB, the app {app}");

    // Every friendship differs from the snapshots, which keep the old ones.
    befriend_all(&server, 2);
    forget_highest(&server);
    let both = server.kib("VmRSS");
    for path in [
        "/snapshots/s0/diff",
        "/state",
        "/state?format=dot",
        "/state?format=mermaid",
    ] {
        let mut readers =
            [(); 2].map(|()| curl(&server, "GET", path).spawn().expect("curl is there"));
        for reader in &mut readers {
            assert!(reader.wait().expect("it ends").success(), "{path}");
        }
        let highest = server.kib("VmHWM");
        assert!(
            2 * highest < 3 * both,
            "{path}: {highest} KiB, before {both}"
        );
    }
}

/// A file with the graph in which every account is a friend of all others, as curl takes it, and its size.
fn graph_file(server: &Server) -> (String, usize) {
    let accounts = (0..ACCOUNTS).map(|from| {
        let friends = (0..ACCOUNTS).filter(|to| *to != from);
        let friends: Vec<_> = friends.map(|to| format!(r#""u{to}""#)).collect();
        format!(r#""u{from}":{{"friends":[{}]}}"#, friends.join(","))
    });
    let accounts = accounts.collect::<Vec<_>>().join(",");
    let body = format!(r#"{{"version":1,"accounts":{{{accounts}}}}}"#);
    let file = server.file("state.json");
    std::fs::write(&file, &body).expect("a new file");
    (format!("@{}", file.display()), body.len())
}

/// The allocator keeps memory that was freed, but the next app gets it.
#[test]
fn the_memory_of_apps_that_are_gone_is_used_again() {
    let server = Server::start_with(&[], &[("EMULATOR__LOG__LEVEL", "warn")]);
    let (file, _) = graph_file(&server);
    let mut rounds = Vec::new();
    for _ in 0..8 {
        done(curl(&server, "PUT", "/state").args(["--data-binary", &file]));
        done(&mut curl(&server, "POST", "/reset"));
        rounds.push(server.kib("VmRSS"));
    }
    // Once in a while a round gets memory of its own, because another thread serves it. If the memory were lost,
    // each round would.
    let grows = |pair: &&[u64]| 20 * pair[1] > 21 * pair[0];
    let grown = rounds[3..].windows(2).filter(grows).count();
    assert!(grown <= 2, "{rounds:?} KiB");
}

/// The accounts are read one after the other, so nothing holds the whole parsed body.
#[test]
fn putting_a_large_graph_takes_little_more_memory_than_the_body_and_the_graph() {
    let server = Server::start_with(&[], &[("EMULATOR__LOG__LEVEL", "warn")]);
    let (file, length) = graph_file(&server);
    done(&mut curl(&server, "GET", "/state"));
    forget_highest(&server);
    let before = server.kib("VmRSS");

    done(curl(&server, "PUT", "/state").args(["--data-binary", &file]));

    let (highest, after) = (server.kib("VmHWM"), server.kib("VmRSS"));
    let body = length as u64 / 1024;
    let graph = after.saturating_sub(before).saturating_sub(body);
    let grown = highest - before;
    assert!(
        2 * grown < 3 * (graph + body),
        "{grown} KiB, the graph {graph}, the body {body}"
    );
}

/// Sends the head of a call and as much of its body as the server reads, up to the last byte.
fn send_half(server: &Server, head: &str, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(server.addr).expect("it listens");
    stream
        .set_write_timeout(Some(Duration::from_millis(50)))
        .expect("a timeout");
    let head = format!("{head}Host: localhost\r\nContent-Length: {length}\r\n\r\n");
    stream
        .write_all(head.as_bytes())
        .expect("it reads the head");
    let body = vec![b' '; length - 1];
    // An error means that the server does not read on.
    let _ = stream.write_all(&body);
    stream
}

#[test]
fn half_received_bodies_take_no_more_than_their_budget_and_short_calls_pass() {
    const BUDGET_KIB: u64 = 16 * 1024;
    let bytes = (BUDGET_KIB * 1024).to_string();
    let server = Server::start_with(&[], &[("EMULATOR__MAX_BODIES_BYTES", &bytes)]);
    let before = server.kib("VmRSS");
    let call = format!("POST /v4/sns/friend_add?{} HTTP/1.1\r\n", Server::query());
    let control = format!(
        "PUT /_emulator/v1/apps/{APP}/state HTTP/1.1\r\nContent-Type: application/json\r\n"
    );

    let mut clients = Vec::new();
    for _ in 0..40 {
        clients.push(send_half(&server, &call, 29 << 17));
        clients.push(send_half(&server, &control, 15 << 20));
        server.still_serves();
    }

    // 40 bodies of 3.6 MiB and 40 of 15 MiB: 744 MiB.
    let grown = server.kib("VmRSS").saturating_sub(before);
    assert!(grown < BUDGET_KIB + 64 * 1024, "{grown} KiB");
}
