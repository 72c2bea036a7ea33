//! The log: one line for each call on standard error, without secrets.

use crate::fixture::{ADMIN, APP, GOOD_BODY, Server, post, program, run, text, wait_for};
use serde_json::Value;
use std::fs::File;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::process::Stdio;
use tencent_chat_emulator::protocol::code::Code;

/// Part of every request text that the log must not quote.
const PRIVATE: &str = "PrivateText";

/// The built-in app's key.
const KEY: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";

/// Makes some good and bad calls. Returns their number and their UserSigs.
fn make_calls(server: &Server) -> (usize, Vec<String>) {
    let query = Server::query();
    let good = Server::user_sig();
    let output = run(&["user-sig", "--sdkappid", APP, "--identifier", "id"]);
    let of_user = text(&output.stdout).trim_end().to_owned();
    let not_admin = query
        .replace(&good, &of_user)
        .replace(&format!("identifier={ADMIN}"), "identifier=id");
    let damaged = format!("{}x{}", &good[..20], &good[21..]);
    let private_body = format!(
        r#"{{"From_Account":"id","AddFriendItem":[{{"To_Account":"{PRIVATE}","Remark":"{PRIVATE}","GroupName":"{PRIVATE}","AddWording":"{PRIVATE}"}}]}}"#
    );
    let wrong_source = format!(
        r#"{{"From_Account":"{PRIVATE}","AddFriendItem":[{{"To_Account":"id1","AddSource":"{PRIVATE}"}}]}}"#
    );
    let comment = format!("{{ // {PRIVATE}");
    let calls = [
        (query.clone(), GOOD_BODY),
        (query.clone(), &private_body),
        (query.clone(), &wrong_source),
        (query.clone(), &comment),
        (query.clone(), PRIVATE),
        (query.clone(), ""),
        (query.replace(&good, &damaged), GOOD_BODY),
        (query.replace(&good, PRIVATE), GOOD_BODY),
        (query.replace(ADMIN, "somebody"), GOOD_BODY),
        (
            query.replace("99999999", "-1%0aINFO%1b%20made%20up"),
            GOOD_BODY,
        ),
        (not_admin, &private_body),
        (String::new(), GOOD_BODY),
    ];
    let mut client = server.connect();
    for (query, body) in &calls {
        client.call(&post(query, body));
    }
    // Wrong characters in place of the question mark.
    let mistakes = ["&", "%3F", "%3f", ";"];
    for mistake in mistakes {
        let call = text(&post(&query, GOOD_BODY)).replacen('?', mistake, 1);
        client.call(call.as_bytes());
    }
    (calls.len() + mistakes.len(), vec![good, of_user, damaged])
}

#[track_caller]
fn assert_nothing_private(stderr: &str, user_sigs: &[String]) {
    for secret in user_sigs.iter().map(String::as_str).chain([KEY, PRIVATE]) {
        assert!(!stderr.contains(secret), "{secret} is in {stderr}");
        assert!(
            !stderr.contains(&secret[..10]),
            "the beginning of {secret} is in {stderr}"
        );
    }
}

#[test]
fn a_call_is_one_line_of_text_with_its_fields() {
    let server = Server::start();
    let (calls, user_sigs) = make_calls(&server);

    let stderr = server.stop();

    assert_eq!(stderr.lines().count(), calls, "{stderr}");
    for line in stderr.lines() {
        assert!(!line.contains(char::is_control), "{line:?}");
        for field in ["sns.command=sns/friend_add", "error.code=", "duration_ms="] {
            assert!(line.contains(field), "{field}: {line}");
        }
        assert!(line.contains(" INFO "), "{line}");
    }
    let first = stderr.lines().next().expect("a line");
    assert!(
        first.contains("error.code=0") && first.contains(&format!("app.id={APP}")),
        "{first}"
    );
    assert_nothing_private(&stderr, &user_sigs);
}

#[test]
fn a_call_is_one_json_object_with_its_fields() {
    let server = Server::start_with(&[], &[("EMULATOR__LOG__FORMAT", "json")]);
    let (calls, user_sigs) = make_calls(&server);

    let stderr = server.stop();

    let lines: Vec<Value> = stderr
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), calls, "{stderr}");
    for line in &lines {
        assert_eq!(line["sns.command"], "sns/friend_add", "{line}");
        assert!(line["error.code"].is_u64(), "{line}");
        assert!(line["duration_ms"].is_f64(), "{line}");
    }
    assert_eq!(lines[0]["app.id"].to_string(), APP);
    let warned: Vec<_> = lines
        .iter()
        .filter_map(|line| line["warning"].as_str())
        .collect();
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].contains("random"), "{warned:?}");
    assert_nothing_private(&stderr, &user_sigs);
}

/// The answer says only SNS_DECODE_ERR.
#[test]
fn the_line_of_a_body_that_does_not_decode_names_the_field() {
    let server = Server::start_with(&[], &[("EMULATOR__LOG__FORMAT", "json")]);
    let call = post(&Server::query(), r#"{"From_Account":"id"}"#);
    let answer = server.connect().call(&call);
    assert_eq!(answer["ErrorInfo"], "SNS_DECODE_ERR");

    let line: Value = serde_json::from_str(&server.stop()).expect("one line of JSON");

    assert_eq!(line["error.code"], 30001);
    let hint = line["hint"].as_str().expect("a text");
    assert!(
        hint.starts_with("missing field `AddFriendItem`; correct "),
        "{hint}"
    );
}

/// A reader of the log knows Tencent's codes, and not the names of our outcomes.
#[test]
fn the_line_of_a_call_that_failed_has_its_code_and_hint_and_no_name_of_ours() {
    let server = Server::start_with(&[], &[("EMULATOR__LOG__FORMAT", "json")]);
    let (good, mut expected) = (Server::query(), Vec::new());
    for query in [
        good.replace(APP, "7"),
        good.replace("json", "xml"),
        good.replace("usersig=", "usersig=x"),
        good.replace("identifier=administrator", "identifier=somebody"),
        String::new(),
    ] {
        let answer = server.connect().call(&post(&query, GOOD_BODY));
        expected.push(answer["ErrorCode"].as_u64().expect("a code"));
    }

    let stderr = server.stop();

    let lines = stderr
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    for (line, code) in lines.zip(&expected) {
        assert_eq!(line["error.code"], *code);
        assert_eq!(line["message"], format!("sns/friend_add: error {code}"));
        assert!(line["hint"].is_string(), "{line}");
        for name in Code::ALL
            .iter()
            .map(|code| code.name())
            .filter(|name| name.len() > 5)
        {
            assert!(!line.to_string().contains(name), "{name}: {line}");
        }
    }
    assert_eq!(expected, [70020, 60025, 70003, 70013, 60012]);
}

#[test]
fn a_refused_call_names_its_app_too() {
    let server = Server::start_with(&[], &[("EMULATOR__LOG__FORMAT", "json")]);
    let query = Server::query().replace(&Server::user_sig(), "x");
    server.connect().call(&post(&query, GOOD_BODY));

    let stderr = server.stop();

    let line: Value = serde_json::from_str(&stderr).expect("one line");
    assert_eq!(line["app.id"].to_string(), APP, "{line}");
}

#[test]
fn a_value_of_a_wrong_type_is_not_quoted() {
    let server = Server::start();
    let query = Server::query();
    let good: Value = serde_json::from_str(GOOD_BODY).expect("JSON");
    for field in ["AddFriendItem", "ForceAddFlags"] {
        let mut body = good.clone();
        body[field] = PRIVATE.into();
        server.connect().call(&post(&query, &body.to_string()));
    }

    let stderr = server.stop();

    assert_nothing_private(&stderr, &[]);
}

#[test]
fn a_line_does_not_grow_with_what_was_sent() {
    let server = Server::start();
    let query = Server::query();
    let long = "x".repeat(40_000);
    let body = format!(r#"{{"From_Account":"id","AddFriendItem":[],"ForceAddFlags":"{long}"}}"#);
    for (query, body) in [
        (query.clone(), &*body),
        (query.replace(ADMIN, &long), GOOD_BODY),
        (query.replace("99999999", &long), GOOD_BODY),
    ] {
        server.connect().call(&post(&query, body));
    }

    let stderr = server.stop();

    for line in stderr.lines() {
        assert!(line.len() < 2_000, "{} bytes: {line:.200}", line.len());
    }
}

#[test]
fn more_detail_quotes_nothing_private_either() {
    let server = Server::start_with(&[], &[("EMULATOR__LOG__LEVEL", "debug")]);
    let (calls, user_sigs) = make_calls(&server);
    // At this level, requests that are not HTTP are logged, but not quoted.
    server
        .connect()
        .send(format!("{PRIVATE} {}\r\n\r\n", user_sigs[0]).as_bytes());
    server.still_serves();

    let stderr = server.stop();

    assert!(stderr.lines().count() > calls, "{stderr}");
    assert_nothing_private(&stderr, &user_sigs);
}

#[test]
fn a_terminal_gets_the_same_lines() {
    use rustix::fs::{Mode, OFlags, open};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).expect("it is ours");
    unlockpt(&terminal).expect("it is ours");
    let name = ptsname(&terminal, Vec::new()).expect("it has a name");
    let side = open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other side");
    let mut server =
        Server::spawn_logging_to(program(&["--listen", "127.0.0.1:0"]), Some(side.into()));
    server.connect().call(&post(&Server::query(), GOOD_BODY));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));

    let mut lines = Vec::new();
    // Reading ends with an error after the process has closed the terminal.
    let _ = File::from(terminal).read_to_end(&mut lines);

    let lines = text(&lines);
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert!(
        lines.contains(" INFO sns/friend_add: 1 items, 0 refused sns.command="),
        "{lines}"
    );
}

#[test]
fn nothing_is_written_when_nothing_is_wanted() {
    for level in ["off", "error", "warn"] {
        let server = Server::start_with(&[], &[("EMULATOR__LOG__LEVEL", level)]);
        make_calls(&server);

        assert_eq!(server.stop(), "", "{level}");
    }
}

#[test]
fn probes_are_no_calls() {
    let server = Server::start();
    for path in ["/healthz", "/readyz"] {
        let mut client = server.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes());
        assert_eq!(client.body(), "ok\n");
    }

    assert_eq!(server.stop(), "");
}

#[test]
fn a_log_that_is_full_or_closed_delays_no_call() {
    for close in [false, true] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let log = Some(Stdio::from(writer));
        let mut command = program(&["--listen", "127.0.0.1:0"]);
        command.env("EMULATOR__APPS__88888888__CALLS_PER_SECOND", "0");
        let mut server = Server::spawn_logging_to(command, log);
        let reader = (!close).then_some(reader);
        let request = post(&Server::query(), GOOD_BODY);
        let mut client = server.connect();

        // Many more lines than a pipe holds.
        for _ in 0..3000 {
            assert_eq!(client.call(&request)["ErrorCode"], 0);
        }

        server.signal("TERM");
        assert_eq!(server.wait().code(), Some(0));
        drop(reader);
    }
}

/// The value of `emulator_log_lines_dropped_total` in `/metrics`.
#[cfg(target_os = "linux")]
fn dropped_lines(server: &Server) -> u64 {
    let mut client = server.connect();
    client.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let metrics = client.body();
    let value = metrics
        .lines()
        .find_map(|line| line.strip_prefix("emulator_log_lines_dropped_total "));
    value.expect("the metric").parse().expect("a number")
}

/// Fills a pipe to the last byte.
#[cfg(target_os = "linux")]
fn fill(pipe: &std::io::PipeWriter) {
    use std::io::Write;
    use std::os::fd::AsRawFd;

    // The pipe is opened again, because the server shares the flags of this descriptor.
    let path = format!("/proc/self/fd/{}", pipe.as_raw_fd());
    let pipe = File::options().write(true).open(path);
    let mut pipe = pipe.expect("Linux opens a pipe anew");
    rustix::io::ioctl_fionbio(&pipe, true).expect("it need not block");
    while pipe.write(b"\n").is_ok() {}
}

#[cfg(target_os = "linux")]
#[test]
fn dropped_lines_are_counted_and_a_full_pipe_for_both_outputs_does_not_prevent_the_end() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let both = [(); 2].map(|()| Stdio::from(writer.try_clone().expect("a pipe")));
    let mut command = program(&["--listen", "127.0.0.1:0"]);
    command.env("EMULATOR__APPS__88888888__CALLS_PER_SECOND", "0");
    let mut server = Server::spawn_writing_to(command, both.map(Some));
    assert_eq!(dropped_lines(&server), 0);
    let request = post(&Server::query(), GOOD_BODY);
    let mut client = server.connect();

    // More lines than the pipe and the queue hold.
    for _ in 0..10_000 {
        client.call(&request);
    }

    assert!(dropped_lines(&server) > 0);
    fill(&writer);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    drop(reader);
}

/// The beginning of a TLS connection, as curl sends it.
const CLIENT_HELLO: [u8; 11] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];

#[test]
fn a_client_that_speaks_tls_is_named_and_cannot_flood_the_log() {
    let server = Server::start();
    const CONNECTIONS: usize = 200;
    for _ in 0..CONNECTIONS {
        let mut stream = std::net::TcpStream::connect(server.addr).expect("it listens");
        stream.write_all(&CLIENT_HELLO).expect("it reads");
        stream.shutdown(Shutdown::Write).expect("it is open");
        let mut answer = Vec::new();
        // The answer is for a client that speaks HTTP, or nothing.
        let _ = stream.read_to_end(&mut answer);
    }
    server.still_serves();

    let stderr = server.stop();

    let says = "a client spoke TLS (https) to this port, which serves plain HTTP: use http://";
    let warnings = stderr.matches(says).count();
    assert!((1..CONNECTIONS / 4).contains(&warnings), "{warnings}");
}

#[test]
fn other_bytes_than_tls_are_not_called_tls() {
    let server = Server::start();
    for bytes in [
        &b"\x16\x02"[..],
        b"\x16",
        b"SSH-2.0-x\r\n",
        b"\x00\x16\x03",
        b"",
    ] {
        let mut stream = std::net::TcpStream::connect(server.addr).expect("it listens");
        stream.write_all(bytes).expect("it reads");
        stream.shutdown(Shutdown::Write).expect("it is open");
        let _ = stream.read_to_end(&mut Vec::new());
    }

    let stderr = server.stop();

    assert!(!stderr.contains("TLS"), "{stderr}");
}

#[test]
fn a_webhook_that_fails_is_logged_in_words() {
    let key = "EMULATOR__APPS__88888888__WEBHOOK__URL";
    let server = Server::start_with(&[], &[(key, "http://127.0.0.1:1/?key=hidden")]);
    let change = r#"{"From_Account":"id","AddFriendItem":[{"To_Account":"id1"}]}"#;
    server.connect().call(&post(&Server::query(), change));

    let line = wait_for("the line", || {
        let log = server.stderr();
        let mut lines = log.lines();
        lines
            .find(|line| line.contains("webhook failed"))
            .map(str::to_owned)
    });

    assert!(line.contains("connection refused"), "{line}");
    assert!(
        !line.contains("os error") && !line.contains("Os {"),
        "{line}"
    );
    assert!(!line.contains("hidden"), "{line}");
}
