//! `openapi.json` in the hands of others' tools, which `tests/install` installs: a client is generated
//! from it, and its style is checked.

use crate::fixture::{Server, text};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The folder of `tests/install`.
fn tools() -> PathBuf {
    let home = std::env::var_os("HOME").expect("HOME is set");
    Path::new(&home).join(".cache/tencent-chat-emulator-tests")
}

/// A tool. It does not reach the emulator through a proxy, and reports nothing to its makers.
fn tool(name: &str) -> Command {
    let tools = tools();
    let mut path = vec![tools.join("python/bin"), tools.join("node_modules/.bin")];
    path.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    let found = path
        .iter()
        .map(|dir| dir.join(name))
        .find(|file| file.exists());
    let mut command = Command::new(found.unwrap_or_else(|| panic!("no {name}: run tests/install")));
    command
        .env(
            "PATH",
            std::env::join_paths(path).expect("no path has a colon"),
        )
        .env("NO_PROXY", "*")
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    command
}

/// Runs the tool to its end, and returns what it prints. Asserts that it succeeds.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().expect("the tool starts");
    let printed = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{command:?}: {printed}");
    printed
}

fn document(server: &Server) -> String {
    format!("{}/_emulator/v1/openapi.json", server.url)
}

/// The client calls friend_add and the control API: see `client.py`.
#[test]
fn a_generated_python_client_works() {
    let server = Server::start();
    let dir = TempDir::new().expect("a place for files");
    let generated = dir.path().join("emulator_client");

    let printed = run(tool("openapi-python-client")
        .args([
            "generate",
            "--meta",
            "none",
            "--url",
            &document(&server),
            "--output-path",
        ])
        .arg(&generated));
    let called = run(tool("python")
        .args([
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/process/client.py"),
            &server.url,
        ])
        .env("PYTHONPATH", dir.path()));

    // The generator leaves out what it does not understand: only the media type of the metrics.
    assert_eq!(printed.matches("WARNING").count(), 1, "{printed}");
    assert!(
        printed.contains("WARNING parsing GET /metrics"),
        "{printed}"
    );
    assert!(!printed.contains("Unable to"), "{printed}");
    assert_eq!(called, "done\n");
}

#[test]
fn redocly_finds_no_error() {
    let server = Server::start();
    let printed =
        run(tool("redocly").args(["lint", "--extends", "recommended", &document(&server)]));
    assert!(
        printed.contains("Your API description is valid"),
        "{printed}"
    );
}
