//! `tencent-chat-emulator wait`: returns when an emulator is ready for calls.

use crate::cli::WaitArgs;
use crate::health::probe;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;
use tencent_chat_emulator::clock::SystemMoment;

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// Gets `/readyz` from the configured address until the answer is 200.
pub(crate) fn until_ready(arguments: &WaitArgs, file: Option<PathBuf>) -> Result<(), String> {
    let listen = arguments.listen.load(file)?.listen;
    let timeout = Duration::from_secs(arguments.timeout.into());
    let start = SystemMoment::now();
    loop {
        let Err(problem) = probe(listen, "/readyz") else {
            return Ok(());
        };
        if start.elapsed() >= timeout {
            let seconds = arguments.timeout;
            return Err(format!("not ready after {seconds} s: {problem}"));
        }
        sleep(PAUSE);
    }
}
