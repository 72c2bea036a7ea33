//! The commands `export` and `import`.

use super::{EAGER, accounts, add, command, has_friend, name, names, place, start};
use crate::fixture::{APP, Server, program, run, text};
use std::fs;
use std::io::Write;
use std::process::{Output, Stdio};

/// Imports standard input.
fn import(server: &Server, arguments: &[&str], input: &[u8]) -> Output {
    let addr = server.addr.to_string();
    let mut command = program(&["import", "--listen", &addr]);
    command.args(arguments).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn add_friends(server: &Server, from: &str, to: &str) {
    let answer = server.connect().call(&add(&Server::query(), from, to));
    assert_eq!(answer["ErrorCode"], 0, "{answer}");
}

#[test]
fn an_export_is_imported_and_is_a_state_file_and_a_state_file_is_imported() {
    let (dir, file) = place();
    let exported = dir.path().join("export.json");
    let server = start(&file);
    add_friends(&server, "a", "b");

    let to_file = command(&server, &["export", name(&exported)]);
    assert!(
        to_file.status.success() && to_file.stdout.is_empty(),
        "{}",
        text(&to_file.stderr)
    );
    for arguments in [&["export"][..], &["export", "-"]] {
        let output = command(&server, arguments);
        assert_eq!(output.stdout, fs::read(&exported).expect("it was written"));
    }
    server.stop();
    assert_eq!(
        fs::read(&file).expect("saved"),
        fs::read(&exported).expect("exported")
    );
    assert!(!names(&dir).iter().any(|name| name.ends_with(".tmp")));

    // Into an emulator without a file: from a file, and from standard input.
    let server = Server::start_with(&[], &EAGER);
    for way in 0..3 {
        add_friends(&server, "c", "d");
        let output = match way {
            0 => command(&server, &["import", name(&file)]),
            1 => import(&server, &[], &fs::read(&file).expect("saved")),
            _ => import(&server, &["-"], &fs::read(&file).expect("saved")),
        };
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(
            text(&output.stdout),
            format!("{APP}: 8 accounts, 2 friendships\n")
        );
        let now = command(&server, &["export"]);
        assert!(!text(&now.stdout).contains("\"c\""));
    }
    server.stop();

    start(&exported).stop();
    assert!(has_friend(&exported, "a"));
}

#[test]
fn an_import_counts_what_the_app_has_now() {
    // The admin's account always exists.
    let admin = ("EMULATOR__APPS__88888888__ADMINS", "administrator");
    let server = Server::start_with(&[], &[admin]);
    for (accounts, counts) in [
        ("{}", "1 account, 0 friendships"),
        (
            r#"{"z":{"friends":["y"]},"y":{}}"#,
            "3 accounts, 1 friendship",
        ),
    ] {
        let state = format!(r#"{{"version":1,"apps":{{"{APP}":{{"accounts":{accounts}}}}}}}"#);

        let output = import(&server, &[], state.as_bytes());

        assert_eq!(text(&output.stderr), "");
        assert_eq!(text(&output.stdout), format!("{APP}: {counts}\n"));
    }
}

#[test]
fn an_import_that_is_invalid_changes_nothing_and_names_the_fields() {
    let server = Server::start_with(&[], &EAGER);
    let before = command(&server, &["export"]).stdout;
    for (input, reason) in [
        ("", "standard input is empty"),
        (
            "{",
            "standard input was not imported: the body is not JSON: EOF while parsing an object at line 1 column 1",
        ),
        (
            r#"{"version":1,"apps":{"88888888":{"accounts":{}},"7":{"accounts":{}}}}"#,
            "standard input was not imported: /apps/7 is not an app of the configuration, so its accounts would be lost; there is 88888888",
        ),
        (
            r#"{"version":1,"apps":{"88888888":{"accounts":{"a":{"x":1},"b":{"y":1}}}}}"#,
            "standard input was not imported: /apps/88888888/accounts/a/x is unknown\n/apps/88888888/accounts/b/y is unknown",
        ),
    ] {
        let output = import(&server, &[], input.as_bytes());

        assert_eq!(output.status.code(), Some(1));
        assert_eq!(text(&output.stderr), format!("{reason}\n"));
        assert_eq!(text(&output.stdout), "");
        assert_eq!(command(&server, &["export"]).stdout, before);
    }
    let output = command(&server, &["import", "/nowhere"]);
    assert_eq!(
        text(&output.stderr),
        "cannot read /nowhere: No such file or directory\n"
    );
}

#[test]
fn an_export_that_fails_leaves_the_old_file() {
    let (dir, file) = place();
    fs::write(&file, "old").expect("it can be written");
    let server = Server::start_with(&[], &EAGER);
    let addr = server.addr.to_string();
    server.stop();

    let output = run(&["export", name(&file), "--listen", &addr]);

    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "no emulator answers at {addr}: Connection refused; if the emulator listens elsewhere, name its address with --listen\n"
    );
    assert_eq!(text(&output.stderr), expected);
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "old");
    assert_eq!(names(&dir), ["state.json"]);

    let server = Server::start_with(&[], &EAGER);
    let output = command(&server, &["export", "/nowhere/state.json"]);
    assert_eq!(
        text(&output.stderr),
        "cannot write /nowhere/state.json: No such file or directory\n"
    );
}

#[test]
fn the_configured_token_is_sent_and_never_printed() {
    let token = [("EMULATOR__CONTROL__TOKEN", "open-sesame")];
    let server = Server::start_with(&[], &token);
    let addr = server.addr.to_string();
    let export = |env: &[(&str, &str)]| {
        let mut command = program(&["export", "--listen", &addr]);
        command
            .envs(env.iter().copied())
            .output()
            .expect("it starts")
    };

    let with = export(&token);
    assert!(with.status.success() && with.stdout.starts_with(b"{\"version\":1"));
    for env in [&[][..], &[("EMULATOR__CONTROL__TOKEN", "wrong")]] {
        let without = export(env);
        assert_eq!(without.status.code(), Some(1));
        assert!(text(&without.stderr).starts_with("the control API requires"));
        assert!(!text(&without.stderr).contains("sesame"));
    }
    let off = Server::start_with(&[], &[("EMULATOR__CONTROL__ENABLED", "false")]);
    let output = command(&off, &["export"]);
    assert!(
        text(&output.stderr).contains("whose control API is enabled"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn an_imported_state_is_kept() {
    let (_dir, file) = place();
    let server = start(&file);
    let state =
        r#"{"version":1,"apps":{"88888888":{"accounts":{"z":{"friends":["id"]},"id":{}}}}}"#;
    assert!(import(&server, &[], state.as_bytes()).status.success());
    server.stop();
    assert_eq!(accounts(&file)["z"]["friends"][0]["to"], "id");
}
