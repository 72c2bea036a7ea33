//! Others' tools, which `tests/install` installs.

use crate::fixture::text;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of `tests/install`.
pub(crate) fn tools() -> PathBuf {
    let home = std::env::var_os("HOME").expect("HOME is set");
    Path::new(&home).join(".cache/tencent-chat-emulator-tests")
}

/// A tool. It does not reach the emulator through a proxy, and reports nothing to its makers.
pub(crate) fn tool(name: &str) -> Command {
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
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().expect("the tool starts");
    let printed = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{command:?}: {printed}");
    printed
}
