//! The commands user-sig and health, help, and errors of the command line.

use crate::fixture::{ADMIN, APP, GOOD_BODY, Server, post, program, run, text};
use std::process::Output;

fn sign(arguments: &[&str]) -> Output {
    run(&[&["user-sig"], arguments].concat())
}

/// A call as `identifier` with this UserSig.
fn code(server: &Server, identifier: &str, usersig: &str) -> u64 {
    let query = format!(
        "sdkappid={APP}&identifier={identifier}&usersig={usersig}&random=1&contenttype=json"
    );
    let answer = server.connect().call(&post(&query, GOOD_BODY));
    answer["ErrorCode"].as_u64().expect("a code")
}

#[test]
fn user_sig_prints_what_the_server_accepts_for_that_identifier_alone() {
    let server = Server::start();

    for (identifier, expected) in [(ADMIN, 0), ("admin", 0), ("id", 30004), ("nobody", 30004)] {
        let output = sign(&["--sdkappid", APP, "--identifier", identifier]);

        assert!(output.status.success());
        assert_eq!(text(&output.stderr), "");
        let stdout = text(&output.stdout);
        let usersig = stdout.strip_suffix('\n').expect("a line");
        assert!(!usersig.contains('\n'), "alone on its line");
        assert_eq!(code(&server, identifier, usersig), expected, "{identifier}");
        assert_eq!(code(&server, "somebody", usersig), 70013);
    }
}

#[test]
fn user_sig_signs_with_the_key_of_the_configuration() {
    let dir = tempfile::tempdir().expect("a place for files");
    let path = dir.path().join("emulator.toml");
    let app = format!("[apps.{APP}]\nsecret_key = \"another\"\nadmins = [\"{ADMIN}\"]\n");
    std::fs::write(&path, app).expect("it can be written");
    let path = path.to_str().expect("UTF-8");
    let server = Server::start();

    let output = sign(&["--sdkappid", APP, "--identifier", ADMIN, "--config", path]);

    let usersig = text(&output.stdout);
    assert_eq!(code(&server, ADMIN, usersig.trim_end()), 70009);
}

#[test]
fn user_sig_names_the_apps_it_knows() {
    for unknown in ["1400000000", "0", "x", "-1"] {
        let output = sign(&[&format!("--sdkappid={unknown}"), "--identifier", ADMIN]);

        assert_eq!(output.status.code(), Some(1), "{unknown}");
        assert_eq!(text(&output.stdout), "");
        let stderr = text(&output.stderr);
        assert!(stderr.contains(unknown) && stderr.contains(APP), "{stderr}");
    }
}

#[test]
fn user_sig_takes_no_time_at_all_and_no_time_before_now() {
    let arguments = ["--sdkappid", APP, "--identifier", ADMIN];

    let zero = sign(&[&arguments[..], &["--expire", "0"]].concat());
    let longest = sign(&[&arguments[..], &["--expire", &i64::MAX.to_string()]].concat());

    assert!(zero.status.success());
    assert_eq!(
        code(&Server::start(), ADMIN, text(&longest.stdout).trim_end()),
        0
    );
    for bad in [
        "--expire=-1",
        "--expire=x",
        "--expire=",
        "--expire=9223372036854775808",
    ] {
        let output = sign(&[&arguments[..], &[bad]].concat());
        assert_eq!(output.status.code(), Some(2), "{bad}");
        assert_eq!(text(&output.stdout), "");
        assert!(text(&output.stderr).contains("--expire"), "{bad}");
    }
}

#[test]
fn user_sig_makes_a_wrong_one_on_purpose() {
    let server = Server::start();
    for (flaw, expected) in [
        ("expired", 70001),
        ("other_key", 70009),
        ("other_app", 70014),
        ("other_identifier", 70013),
        ("truncated", 70003),
    ] {
        let output = sign(&["--sdkappid", APP, "--identifier", ADMIN, "--flaw", flaw]);
        assert!(output.status.success(), "{flaw}");
        assert_eq!(
            code(&server, ADMIN, text(&output.stdout).trim_end()),
            expected
        );
    }
    let output = sign(&["--sdkappid", APP, "--identifier", ADMIN, "--flaw", "late"]);
    assert_eq!(output.status.code(), Some(2));
    let names = "expired, other_key, other_app, other_identifier, truncated";
    assert!(
        text(&output.stderr).contains(names),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn help_names_every_flag_of_every_verb() {
    for (verb, flags) in [
        (
            None,
            &["--config", "--listen", "--ready-file", "--state"][..],
        ),
        (
            Some("serve"),
            &["--config", "--listen", "--ready-file", "--state"],
        ),
        (Some("export"), &["--config", "--listen"]),
        (Some("import"), &["--config", "--listen"]),
        (
            Some("user-sig"),
            &[
                "--sdkappid",
                "--identifier",
                "--expire",
                "--flaw",
                "--config",
            ],
        ),
        (Some("health"), &["--config", "--listen"]),
        (Some("wait"), &["--config", "--listen", "--timeout"]),
        (
            Some("exec"),
            &[
                "--config",
                "--listen",
                "--tls-listen",
                "--app",
                "--intercept",
                "--no-verify",
            ],
        ),
        (
            Some("env"),
            &["--config", "--listen", "--app", "--intercept"],
        ),
    ] {
        for flag in ["--help", "-h"] {
            let arguments: Vec<_> = verb.into_iter().chain([flag]).collect();
            let output = run(&arguments);

            assert!(output.status.success());
            let stdout = text(&output.stdout);
            for flag in flags {
                assert!(stdout.contains(flag), "{verb:?} {flag}: {stdout}");
            }
            for verb in [
                "serve", "user-sig", "health", "export", "import", "wait", "exec", "env", "tls",
            ] {
                let is_root = !stdout.contains("Commands:");
                assert!(is_root || stdout.contains(verb), "{stdout}");
            }
        }
    }
}

#[test]
fn help_says_what_the_address_and_the_file_are() {
    let running =
        "The address of the running emulator, or its base URL [default: TENCENT_CHAT_EMULATOR_URL,";
    for (verb, expected) in [
        (
            "serve",
            "The address to listen on [default: 127.0.0.1:8080]; port 0",
        ),
        ("health", running),
        ("wait", running),
        ("env", running),
        ("export", running),
        ("import", running),
        ("export", "[default: standard output]"),
        ("import", "[default: standard input]"),
    ] {
        let help = text(&run(&[verb, "--help"]).stdout);
        assert!(help.contains(expected), "{verb}: {help}");
    }
}

#[test]
fn the_version_is_the_packages() {
    let output = run(&["--version"]);
    assert_eq!(
        text(&output.stdout),
        format!("tencent-chat-emulator {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_command_line_that_makes_no_sense_exits_2() {
    for arguments in [
        &["--nope"][..],
        &["nope"],
        &["serve", "--nope"],
        &["health", "--ready-file", "x"],
        &["exec", "--ready-file", "x", "--", "true"],
        &["exec", "--app", "--", "true"],
        &["exec", "true"],
        &["env", "--no-verify"],
        &["--listen", "127.0.0.1:0", "env"],
        &["--listen", "127.0.0.1:0", "exec", "--", "true"],
        &["tls"],
        &["tls", "ca", "--compose"],
        &["user-sig", "--listen", "127.0.0.1:0"],
        &["user-sig"],
        &["user-sig", "--sdkappid", APP],
        &["--listen"],
        &["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"],
        &["--listen", "127.0.0.1:0", "health"],
        &["--ready-file", "x", "serve"],
        &["--config", "a", "--config", "b"],
    ] {
        let output = run(arguments);

        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        // A shell evaluates what env prints.
        let failing = if arguments.contains(&"env") {
            "false\n"
        } else {
            ""
        };
        assert_eq!(text(&output.stdout), failing, "{arguments:?}");
        assert_ne!(text(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn health_tells_a_running_server_from_none() {
    let server = Server::start();
    let addr = server.addr.to_string();
    let by_env = || {
        let mut command = program(&["health"]);
        command.env("EMULATOR__LISTEN", &addr);
        command.output().expect("the program starts")
    };
    let by_flag = || run(&["health", "--listen", &addr]);

    for output in [by_flag(), by_env()] {
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "");
    }
    server.stop();

    for output in [by_flag(), by_env()] {
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(
            stderr,
            format!(
                "no emulator answers at {addr}: Connection refused; if the emulator listens elsewhere, name its address with --listen\n"
            )
        );
    }
}

#[test]
fn health_reaches_on_loopback_who_listens_everywhere() {
    let server = Server::spawn(program(&["--listen", "0.0.0.0:0"]));
    let everywhere = format!("0.0.0.0:{}", server.addr.port());

    let output = run(&["health", "--listen", &everywhere]);

    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn health_takes_no_stranger_for_an_emulator() {
    use std::io::{Read, Write};
    let stranger = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = stranger.local_addr().expect("an address").to_string();
    let answering = std::thread::spawn(move || {
        for answer in ["HTTP/1.1 404 Not Found\r\n\r\n", "SSH-2.0-x\r\n", ""] {
            let (mut stream, _) = stranger.accept().expect("somebody asks");
            let _ = stream.read(&mut [0; 1024]).expect("a question");
            stream.write_all(answer.as_bytes()).expect("it listens");
        }
    });

    for _ in 0..3 {
        let output = run(&["health", "--listen", &addr]);
        assert_eq!(output.status.code(), Some(1));
        let stderr = text(&output.stderr);
        assert!(stderr.contains(&addr), "{stderr}");
        assert!(!stderr.contains("no emulator answers"), "{stderr}");
    }
    answering.join().expect("it was asked three times");
}

#[test]
fn the_file_can_be_named_before_and_after_the_command() {
    let dir = tempfile::tempdir().expect("a place for files");
    let path = dir.path().join("emulator.toml");
    let app =
        "[apps.1400000001]\nsecret_key = \"another\"\nadmins = [\"root\"]\naccounts = [\"a\"]\n";
    std::fs::write(&path, format!("listen = \"127.0.0.1:0\"\n{app}")).expect("it can be written");
    let path = path.to_str().expect("UTF-8");
    let app = ["--sdkappid", "1400000001", "--identifier", "root"];

    let before = run(&[&["--config", path, "user-sig"], &app[..]].concat());
    let after = run(&[&["user-sig", "--config", path], &app[..]].concat());
    for output in [before, after] {
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    for arguments in [
        &["--config", path][..],
        &["--config", path, "serve"],
        &["serve", "--config", path],
    ] {
        let server = Server::spawn(program(arguments));
        assert!(
            server.stdout().contains("sdkappid=1400000001"),
            "{arguments:?}"
        );
    }
    // The file names port 0, at which nothing answers; without the file it would be 8080.
    for arguments in [["--config", path, "health"], ["health", "--config", path]] {
        let stderr = text(&run(&arguments).stderr);
        assert!(
            stderr.contains("no emulator answers at 127.0.0.1:0: "),
            "{stderr}"
        );
    }
}

#[test]
fn a_flag_in_the_wrong_place_is_told_the_right_one() {
    let stderr = text(&run(&["--listen", "127.0.0.1:0", "health"]).stderr);
    assert!(
        stderr.contains("--listen must be after the command"),
        "{stderr}"
    );
}
