//! `tencent-chat-emulator export` and `import`: the accounts of a running emulator to a file and back. The file
//! has the format of the state file.

use crate::cli::TransferArgs;
use crate::control_client::{ControlClient, successful};
use hyper::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tencent_chat_emulator::atomic_file;
use tencent_chat_emulator::config::os_reason;

/// The deadline for the transfer of a large state.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Writes the accounts to the file. The file is replaced atomically.
pub(crate) fn export(arguments: &TransferArgs, config: Option<PathBuf>) -> Result<(), String> {
    let client = ControlClient::new(&arguments.address.load(config)?, TIMEOUT);
    let state = successful(client.get("/state")?)?;
    // An emulator without the control API answers otherwise, and none can report an error in the middle of its
    // answer.
    serde_json::from_slice::<Exported>(&state).map_err(not_ours)?;
    let written = match arguments.path() {
        Some(path) => atomic_file::follow_links(path).and_then(|path| {
            atomic_file::replace(&path, |file| file.write_all(&state))?;
            atomic_file::flush_directory(&path)
        }),
        None => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&state).and_then(|()| stdout.flush())
        }
    };
    written.map_err(|error| {
        let name = arguments.path().unwrap_or(Path::new("standard output"));
        format!("cannot write {}: {}", name.display(), os_reason(&error))
    })
}

fn not_ours(error: serde_json::Error) -> String {
    format!("the answer is not that of an emulator whose control API is enabled: {error}")
}

/// The beginning of an export.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it is only checked")]
struct Exported {
    version: u32,
    apps: IgnoredAny,
}

/// The size of an app's accounts after an import.
#[derive(Deserialize)]
struct Imported {
    sdkappid: u32,
    accounts: u64,
    friendships: u64,
}

/// Replaces the accounts of the apps that the file has.
pub(crate) fn import(arguments: &TransferArgs, config: Option<PathBuf>) -> Result<(), String> {
    let client = ControlClient::new(&arguments.address.load(config)?, TIMEOUT);
    let mut state = Vec::new();
    let read = match arguments.path() {
        Some(path) => std::fs::read(path).map(|bytes| state = bytes),
        None => io::stdin().lock().read_to_end(&mut state).map(drop),
    };
    let name = arguments.path().unwrap_or(Path::new("standard input"));
    let name = name.display();
    read.map_err(|error| format!("cannot read {name}: {}", os_reason(&error)))?;
    if state.is_empty() {
        return Err(format!("{name} is empty"));
    }
    let answer = successful(client.send(Method::PUT, "/state", state.into())?);
    let answer = answer.map_err(|problem| format!("{name} was not imported: {problem}"))?;
    let imported: Vec<Imported> = serde_json::from_slice(&answer).map_err(not_ours)?;
    let mut out = io::stdout().lock();
    for Imported {
        sdkappid,
        accounts,
        friendships,
    } in imported
    {
        // Standard output may be closed.
        let _ = writeln!(
            out,
            "{sdkappid}: {}, {}",
            counted(accounts, "account"),
            counted(friendships, "friendship")
        );
    }
    Ok(())
}

/// A number and its noun.
fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
