//! `tencent-chat-emulator serve`: starts the emulator, prints its address, and waits for a signal.

use crate::cli::ServeArgs;
use std::fmt::Display;
use std::future::pending;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tencent_chat_emulator::config::{ControlToken, os_reason};
use tencent_chat_emulator::{Emulator, StateFileError, atomic_file, telemetry};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

/// The exit code after a second signal, which ends the process at once.
const STOPPED_AT_ONCE: i32 = 130;

pub(crate) fn run(arguments: &ServeArgs, file: Option<PathBuf>) -> Result<(), String> {
    let config = arguments.load(file)?;
    let ready_file = arguments.ready_file.as_deref().map(ReadyFile::prepare);
    let ready_file = ready_file.transpose()?;
    let _log = telemetry::start(config.log);
    // A configured token is not printed.
    let own_certificate = config.tls.certificate.is_some();
    let prints_token = matches!(config.control.token, ControlToken::Default);
    let until_signal = async |emulator: &Emulator| {
        // Signals are caught before the address is printed, so that no signal is lost.
        let mut signals = ServeSignals::new(own_certificate)
            .map_err(|error| format!("cannot listen for signals: {error}"))?;
        announce(emulator, prints_token);
        if let Some(file) = &ready_file {
            file.write(&emulator.url())?;
        }
        signals.next(emulator).await;
        // From now on, calls can be refused.
        if let Some(file) = &ready_file {
            file.remove();
        }
        tokio::spawn(async move {
            signals.stop().await;
            std::process::exit(STOPPED_AT_ONCE);
        });
        Ok(())
    };
    Emulator::run(config, until_signal).map_err(|error| not_started(&error))?
}

/// The message for an error of the start.
pub(crate) fn not_started(error: &io::Error) -> String {
    match error.get_ref() {
        Some(inner) if inner.is::<StateFileError>() => error.to_string(),
        _ => format!("{error}{}", hint(error.kind())),
    }
}

/// What helps against an error of the start; empty if that is not known.
fn hint(error: io::ErrorKind) -> &'static str {
    const HINTS: [(io::ErrorKind, &str); 3] = [
        (
            io::ErrorKind::AddrInUse,
            "; stop the other process, or choose another address (--listen, --tls-listen): port 0 means a free port",
        ),
        (
            io::ErrorKind::AddrNotAvailable,
            "; this machine does not have the address: choose another (--listen, --tls-listen)",
        ),
        (
            io::ErrorKind::PermissionDenied,
            "; ports below 1024 are reserved: choose another (--listen, --tls-listen)",
        ),
    ];
    let known = HINTS.iter().find(|(kind, _)| *kind == error);
    known.map_or("", |(_, hint)| hint)
}

/// Prints the address, a generated token and an example call on standard output. Write errors are
/// ignored, because standard output may be closed.
fn announce(emulator: &Emulator, prints_token: bool) {
    let mut text = format!(
        "tencent-chat-emulator {} listens on {}\n",
        env!("CARGO_PKG_VERSION"),
        emulator.url()
    );
    if let Some(url) = emulator.tls_url() {
        text += &format!("HTTPS: {url}\n");
    }
    if let Some(token) = emulator.control_token().filter(|_| prints_token) {
        text += &format!("Control token: {token}\n");
    }
    if let Some(curl) = emulator.example_call() {
        text += &format!("Try it:\n{curl}\n");
    }
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The file that says that the emulator is ready, and where.
struct ReadyFile<'a>(&'a Path);

impl<'a> ReadyFile<'a> {
    /// Removes the file of an earlier run, so that no reader takes it for ours.
    ///
    /// # Errors
    /// If the path is something other than a regular file, such as a device or a folder: it would be
    /// replaced by the file.
    fn prepare(path: &'a Path) -> Result<Self, String> {
        let file = Self(path);
        match std::fs::metadata(path) {
            Ok(found) if !found.is_file() => {
                Err(file.problem("it is there, and is not a regular file"))
            }
            Ok(_) => {
                let removed = std::fs::remove_file(path);
                removed.map_err(|error| file.problem(os_reason(&error)))?;
                Ok(file)
            }
            Err(_) => Ok(file),
        }
    }

    /// Writes the file atomically: it appears with its whole content.
    fn write(&self, url: &str) -> Result<(), String> {
        let written = atomic_file::replace(self.0, |file| writeln!(file, "{url}"));
        written.map_err(|error| self.problem(os_reason(&error)))
    }

    /// An error means that the file has gone already.
    fn remove(&self) {
        drop(std::fs::remove_file(self.0));
    }

    fn problem(&self, problem: impl Display) -> String {
        let path = self.0.display();
        format!("cannot write the ready file {path}: {problem}")
    }
}

/// The signals of the process: SIGTERM and Ctrl-C stop it. With a certificate of the user's own, SIGHUP reads it
/// again; without one, SIGHUP ends the process, as it does by default.
#[cfg(unix)]
struct ServeSignals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Option<Signal>,
}

#[cfg(unix)]
impl ServeSignals {
    fn new(own_certificate: bool) -> io::Result<Self> {
        let hang_up = own_certificate.then(|| signal(SignalKind::hangup()));
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: hang_up.transpose()?,
        })
    }

    /// Reads the certificate at each SIGHUP, until a signal stops the process.
    async fn next(&mut self, emulator: &Emulator) {
        loop {
            let Self {
                terminate,
                interrupt,
                hang_up,
            } = self;
            let hang_up = async {
                match hang_up {
                    Some(hang_up) => hang_up.recv().await,
                    None => pending().await,
                }
            };
            tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                _ = hang_up => match emulator.reload_certificate() {
                    Ok(()) => info!("tls.certificate was read again"),
                    Err(error) => warn!("{error}; the old one stays in use"),
                },
            }
        }
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The signal that stops the process: Ctrl-C.
#[cfg(not(unix))]
struct ServeSignals;

#[cfg(not(unix))]
impl ServeSignals {
    fn new(_: bool) -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self, _: &Emulator) {
        self.stop().await;
    }

    async fn stop(&mut self) {
        drop(tokio::signal::ctrl_c().await);
    }
}
