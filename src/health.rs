//! `tencent-chat-emulator health`: a health check for images without curl.

use crate::cli::HealthArgs;
use crate::control_client::{ControlClient, HINT, reachable};
use hyper::StatusCode;
use std::path::PathBuf;
use std::time::Duration;
use tencent_chat_emulator::config::Config;

/// The deadline for connecting and for the answer's head.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);

/// Gets `/healthz` from the configured address.
pub(crate) fn check(arguments: &HealthArgs, file: Option<PathBuf>) -> Result<(), String> {
    let config = arguments.address.load(file)?;
    probe(&config, "/healthz", TIMEOUT)
}

/// Gets the path of a probe from the configured address.
pub(crate) fn probe(config: &Config, path: &str, timeout: Duration) -> Result<(), String> {
    let status = ControlClient::new(config, timeout).status(path)?;
    if status == StatusCode::OK {
        return Ok(());
    }
    let addr = reachable(config.listen);
    Err(format!(
        "the server at {addr} is not a healthy emulator; {HINT}"
    ))
}
