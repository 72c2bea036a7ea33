//! The start of the process: its output, the ready file, and errors.

use crate::fixture::{Client, GOOD_BODY, Running, Server, post, program, run, text, wait_for};
use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};

/// The answer of the friend_add page to its basic request.
const ONE_ADDED: &str = r#"{"ResultItem":[{"To_Account":"id1","ResultCode":0,"ResultInfo":""}],"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#;

#[test]
fn the_printed_line_works_as_it_stands_and_gets_the_pages_answer() {
    let server = Server::start();

    let stdout = server.stdout();

    assert!(
        stdout
            .lines()
            .next()
            .expect("a line")
            .ends_with(&server.url),
        "{stdout}"
    );
    let curl = stdout
        .lines()
        .find(|line| line.starts_with("curl "))
        .expect("a line to try");
    let pasted = Command::new("sh").args(["-c", curl]).output();
    let pasted = pasted.expect("a shell is there");
    assert_eq!(text(&pasted.stdout), ONE_ADDED, "{}", text(&pasted.stderr));
}

#[test]
fn the_ready_file_appears_whole_when_calls_are_served_and_nothing_is_left_beside_it() {
    // The fixture connects once, as soon as the file exists.
    for _ in 0..10 {
        let server = Server::start();

        server.still_serves();

        let content = std::fs::read_to_string(server.file("ready")).expect("it is there");
        assert_eq!(content, format!("{}\n", server.url));
        let dir = server
            .file("ready")
            .parent()
            .expect("a directory")
            .to_owned();
        let mut names: Vec<_> = std::fs::read_dir(dir)
            .expect("it is there")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["ready", "stderr", "stdout"]);
    }
}

#[test]
fn that_nobody_reads_what_it_says_keeps_no_call_waiting() {
    let (_unread, mut full) = std::io::pipe().expect("a pipe");
    rustix::io::ioctl_fionbio(&full, true).expect("it need not block");
    while full.write(&[0; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&full, false).expect("it may block");
    let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = free.local_addr().expect("an address");
    drop(free);
    let mut command = program(&["--listen", &addr.to_string()]);
    let _running = Running::spawn(command.stdout(full).stderr(Stdio::null()));

    let mut client = wait_for("the port", || Client::connect(addr).ok());

    let answer = client.call(&post(&Server::query(), GOOD_BODY));
    assert_eq!(answer["ErrorCode"], 0, "{answer}");
}

#[test]
fn a_ready_file_that_cannot_be_written_ends_the_start() {
    let dir = tempfile::tempdir().expect("a place for files");
    let path = dir.path().join("no such directory").join("ready");
    let path = path.to_str().expect("UTF-8");

    let output = run(&["--listen", "127.0.0.1:0", "--ready-file", path]);

    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("ready file") && stderr.contains(path),
        "{stderr}"
    );
    let left = std::fs::read_dir(dir.path()).expect("it is there").count();
    assert_eq!(left, 0);
}

#[test]
fn the_ready_file_of_an_earlier_run_is_removed_even_if_the_start_fails() {
    let dir = tempfile::tempdir().expect("a place for files");
    let (ready, link) = (dir.path().join("ready"), dir.path().join("link"));
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = taken.local_addr().expect("an address").to_string();
    for path in [&ready, &link] {
        std::fs::write(&ready, "http://127.0.0.1:1\n").expect("it can be written");
        if path == &link {
            std::os::unix::fs::symlink(&ready, &link).expect("a link");
        }
        let mut command = program(&["--listen", &addr, "--ready-file"]);

        let output = command.arg(path).output().expect("it starts");

        assert_eq!(output.status.code(), Some(1));
        assert!(!path.exists(), "{}", text(&output.stderr));
    }
}

#[test]
fn the_ready_file_is_removed_when_the_emulator_stops() {
    for name in ["TERM", "INT"] {
        let mut server = Server::start();
        assert!(server.file("ready").exists());

        server.signal(name);

        assert_eq!(server.wait().code(), Some(0));
        assert!(!server.file("ready").exists());
    }
}

#[test]
fn a_ready_file_never_takes_the_place_of_something_else() {
    let dir = tempfile::tempdir().expect("a place for files");
    let (folder, fifo) = (dir.path().join("folder"), dir.path().join("fifo"));
    std::fs::create_dir(&folder).expect("a folder");
    let made = Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("mkfifo is there").success());
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&fifo, &link).expect("a link");
    for path in ["/dev/full".into(), "/dev/null".into(), folder, fifo, link] {
        let before = std::fs::symlink_metadata(&path).expect("it is there");
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let addr = taken.local_addr().expect("an address").to_string();
        let mut command = program(&["--listen", &addr, "--ready-file"]);

        let output = command.arg(&path).output().expect("it starts");

        // The address is taken, but it is not tried.
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr.contains("is not a regular file"), "{stderr}");
        let after = std::fs::symlink_metadata(&path).expect("it is still there");
        assert_eq!(after.file_type(), before.file_type(), "{}", path.display());
    }
}

#[test]
fn loopback_addresses_of_every_form_serve_calls_and_the_control_api() {
    for listen in ["[::1]:0", "localhost:0", "0"] {
        let server = Server::spawn(program(&["--listen", listen]));

        server.still_serves();

        let mut health = Command::new("curl");
        health.args(["--silent", "--fail"]);
        let url = format!("{}/_emulator/v1/health", server.url);
        let answer = health.arg(url).output().expect("curl is there");
        assert!(answer.status.success(), "{listen}: {answer:?}");
    }
}

#[test]
fn a_variable_whose_value_is_not_utf_8_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let value = std::ffi::OsStr::from_bytes(b"to\xffken");
    let mut command = program(&["--listen", "127.0.0.1:0"]);
    let output = command.env("EMULATOR__CONTROL__TOKEN", value).output();

    let output = output.expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert_eq!(
        stderr,
        "environment variable EMULATOR__CONTROL__TOKEN: is not UTF-8\n"
    );
}

#[test]
fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = taken.local_addr().expect("an address").to_string();

    let output = run(&["--listen", &addr]);

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let stderr = text(&output.stderr);
    assert_eq!(
        stderr,
        format!(
            "cannot serve on {addr}: Address already in use; stop the other process, or choose another address (--listen, --tls-listen): port 0 means a free port\n"
        )
    );
}

#[test]
fn all_faults_of_a_configuration_are_named_at_once_with_file_and_line() {
    let dir = tempfile::tempdir().expect("a place for files");
    let path = dir.path().join("emulator.toml");
    let faulty = "listen = 5\n\n# comment\ncolour = \"red\"\n[sns]\nmax_friends = \"many\"\n";
    std::fs::write(&path, faulty).expect("it can be written");
    let path = path.to_str().expect("UTF-8");

    for verb in [&[][..], &["serve"], &["health"]] {
        let output = run(&[verb, &["--config", path]].concat());

        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(text(&output.stdout), "");
        for (line, key) in [(1, "listen"), (4, "colour"), (6, "sns.max_friends")] {
            let place = format!("{path}:{line}: ");
            let named = stderr
                .lines()
                .any(|fault| fault.starts_with(&place) && fault.contains(key));
            assert!(named, "{place}{key}: {stderr}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_or_is_no_toml_is_named() {
    let dir = tempfile::tempdir().expect("a place for files");
    let file = |name: &str, content: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).expect("it can be written");
        path
    };
    let paths = [
        dir.path().join("missing.toml"),
        dir.path().to_owned(),
        file("no.toml", b"listen = = 1\n"),
        file("latin.toml", b"listen = \"\xff\"\n"),
    ];

    for path in paths {
        let path = path.to_str().expect("UTF-8");
        let output = run(&["--config", path]);

        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert_eq!(text(&output.stdout), "");
        assert!(stderr.contains(path), "{stderr}");
    }
}

#[test]
fn the_environment_wins_over_the_file_and_the_flag_over_both() {
    let dir = tempfile::tempdir().expect("a place for files");
    let path = dir.path().join("emulator.toml");
    std::fs::write(&path, "listen = \"192.0.2.1:1\"\n[sns]\nmax_items = 2\n").expect("a file");
    let path = path.to_str().expect("UTF-8");
    let two =
        r#"{"From_Account":"id","AddFriendItem":[{"To_Account":"id1"},{"To_Account":"id2"}]}"#;
    let code = |server: &Server, body: &str| {
        server.connect().call(&post(&Server::query(), body))["ErrorCode"].clone()
    };

    let of_file = Server::start_with(&["--config", path], &[]);
    let of_env = Server::start_with(
        &["--config", path],
        &[
            ("EMULATOR__SNS__MAX_ITEMS", "1"),
            ("EMULATOR__LISTEN", "192.0.2.1:2"),
        ],
    );

    assert_eq!(code(&of_file, two), 0);
    assert_eq!(code(&of_env, two), 30001);
    assert_eq!(code(&of_env, GOOD_BODY), 0);
}

#[test]
fn the_environment_alone_says_where_to_listen() {
    let mut command = program(&["serve"]);
    command.env("EMULATOR__LISTEN", "127.0.0.1:0");

    let server = Server::spawn(command);

    assert_ne!(server.addr.port(), 0);
    server.still_serves();
}

#[test]
fn an_unknown_variable_is_named() {
    for (name, value) in [
        ("EMULATOR__COLOUR", "red"),
        ("EMULATOR__SNS__MAX_FRIENDS", "many"),
    ] {
        let mut command = program(&["--listen", "127.0.0.1:0"]);
        let output = command.env(name, value).output().expect("it starts");

        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(text(&output.stdout), "");
        assert!(stderr.contains(name), "{stderr}");
    }
}

#[test]
fn a_variable_with_one_underscore_is_named_in_the_log_without_its_value() {
    let server = Server::start_with(
        &[],
        &[
            ("EMULATOR_SNS__MAX_FRIENDS", "PrivateText"),
            ("EMULATOR_LISTEN", "PrivateText"),
        ],
    );

    server.still_serves();

    let stderr = server.stop();
    for (name, meant) in [
        ("EMULATOR_SNS__MAX_FRIENDS", "EMULATOR__SNS__MAX_FRIENDS"),
        ("EMULATOR_LISTEN", "EMULATOR__LISTEN"),
    ] {
        let says = format!("the environment variable {name} is not used; did you mean {meant}?");
        assert_eq!(stderr.matches(&says).count(), 1, "{stderr}");
    }
    assert!(!stderr.contains("PrivateText"), "{stderr}");
}
