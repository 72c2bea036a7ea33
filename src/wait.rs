//! `tencent-chat-emulator wait`: returns when an emulator is ready for calls.

use crate::cli::WaitArgs;
use crate::health::{TIMEOUT, probe};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;
use tencent_chat_emulator::clock::SystemMoment;

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// Gets `/readyz` from the configured address until the answer is 200.
pub(crate) fn until_ready(arguments: &WaitArgs, file: Option<PathBuf>) -> Result<(), String> {
    let config = arguments.address.load(file)?;
    let start = SystemMoment::now();
    let seconds = arguments.timeout;
    // Without a time to wait, the only attempt has the deadline of a health check.
    let timeout = match seconds {
        0 => TIMEOUT,
        seconds => Duration::from_secs(seconds.into()),
    };
    loop {
        let left = timeout.saturating_sub(start.elapsed());
        let Err(problem) = probe(&config, "/readyz", left.min(TIMEOUT)) else {
            return Ok(());
        };
        if seconds == 0 || start.elapsed() + PAUSE >= timeout {
            return Err(format!("not ready after {seconds} s: {problem}"));
        }
        sleep(PAUSE);
    }
}
