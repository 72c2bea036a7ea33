//! Where log lines go: standard error, as text or as JSON.

use crate::config::{LogConfig, LogFormat};
use std::io::{self, IsTerminal, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Lines are written when the first of them is this old. Nobody who watches notices; a busy
/// server saves a system call for each line, and calls never wait for a slow reader.
const DELAY: Duration = Duration::from_millis(20);

/// Beyond this many waiting bytes, whoever logs writes them itself: memory stays bounded.
const WAITING_BYTES: usize = 1 << 20;

/// Logging for the whole process, as long as this lives; dropped, it writes what still waits.
#[derive(Debug)]
pub struct Telemetry {
    lines: Arc<Lines>,
    writer: Option<JoinHandle<()>>,
}

/// Starts logging. In a process that has a subscriber of its own, that one stays.
pub fn start(config: LogConfig) -> Telemetry {
    let lines = Arc::new(Lines::default());
    let writer = {
        let lines = Arc::clone(&lines);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || lines.write_until_closed())
    };
    let make_writer = {
        let lines = Arc::clone(&lines);
        move || Line(Arc::clone(&lines))
    };
    let builder = tracing_subscriber::fmt()
        .with_max_level(config.level)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(make_writer);
    let started = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    drop(started);
    Telemetry {
        lines,
        writer: writer.ok(),
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.lines.lock().closed = true;
        self.lines.filled.notify_one();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has nothing more to write.
            let _ = writer.join();
        }
    }
}

/// The lines that wait to be written.
#[derive(Debug, Default)]
struct Lines {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    closed: bool,
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: &[u8]) {
        let mut waiting = self.lock();
        let was_empty = waiting.bytes.is_empty();
        waiting.bytes.extend_from_slice(line);
        if waiting.bytes.len() > WAITING_BYTES || waiting.closed {
            write(&mem::take(&mut waiting.bytes));
        }
        drop(waiting);
        if was_empty {
            self.filled.notify_one();
        }
    }

    fn write_until_closed(&self) {
        let mut written = Vec::new();
        loop {
            let waiting = self.filled.wait_while(self.lock(), |waiting| {
                waiting.bytes.is_empty() && !waiting.closed
            });
            let closed = waiting.unwrap_or_else(PoisonError::into_inner).closed;
            if !closed {
                std::thread::sleep(DELAY);
            }
            mem::swap(&mut self.lock().bytes, &mut written);
            write(&written);
            written.clear();
            if closed {
                return;
            }
        }
    }
}

/// That nobody reads is no fault.
fn write(bytes: &[u8]) {
    let _ = io::stderr().lock().write_all(bytes);
}

/// One line on its way.
struct Line(Arc<Lines>);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
