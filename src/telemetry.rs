//! Where log lines go: standard error, as text or as JSON.

use crate::config::{LogConfig, LogFormat};
use std::io::{self, BufWriter, Write};
use std::time::Duration;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

/// Lines that may wait for whoever reads standard error; those beyond are dropped.
const WAITING_LINES: usize = 10_000;

/// How long the writing thread rests after a batch of lines.
const REST: Duration = Duration::from_millis(5);

/// Starts logging for the whole process, as long as the guard lives; dropped, it writes what still
/// waits. In a process that has a subscriber of its own, that one stays.
///
/// Lines are written by a thread of their own: a parent that has closed our standard error, or
/// never reads it, must not hold up calls.
pub fn start(config: LogConfig) -> WorkerGuard {
    let lines = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING_LINES)
        .thread_name("log");
    let (writer, guard) = lines.finish(Batches(BufWriter::new(io::stderr())));
    let builder = tracing_subscriber::fmt()
        .with_max_level(config.level)
        .with_target(false)
        .log_internal_errors(false)
        .with_writer(writer);
    let started = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    drop(started);
    guard
}

/// Writes, and rests: whoever logs meanwhile need not wake this thread, which costs more than the
/// line. A line that comes alone is written at once.
struct Batches<W>(W);

impl<W: Write> Write for Batches<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    /// Called once all lines are written that are there.
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        std::thread::sleep(REST);
        Ok(())
    }
}
