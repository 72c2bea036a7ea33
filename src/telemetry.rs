//! The log: one line for each event, on standard error, as text or as JSON.
//!
//! A background thread writes the lines, so that a full or closed standard error delays no call.

use crate::config::{LogConfig, LogFormat};
use std::io::{self, BufWriter, Stderr, Write};
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};

/// The limit of lines that wait to be written; when it is reached, new lines are dropped.
const MAX_WAITING_LINES: usize = 4096;

/// The pause of the background thread after each batch of lines.
const PAUSE: Duration = Duration::from_millis(5);

/// The deadline for writing the last lines when the process ends.
const LAST_LINES: Duration = Duration::from_secs(1);

static DROPPED_LINES: OnceLock<ErrorCounter> = OnceLock::new();

/// Starts the log of the process. The log ends when the guard is dropped. If the process already
/// has a `tracing` subscriber, that subscriber stays.
///
/// # Panics
/// When the background thread cannot be started.
pub fn start(config: LogConfig) -> LogGuard {
    let builder = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(MAX_WAITING_LINES)
        .thread_name("log");
    let (writer, guard) = builder.finish(Batches(BufWriter::new(io::stderr())));
    let dropped_lines = writer.error_counter();
    let builder = tracing_subscriber::fmt()
        .with_max_level(config.level)
        .with_target(false)
        .with_ansi(false)
        .log_internal_errors(false)
        .with_writer(writer);
    let started = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if started.is_ok() {
        let _ = DROPPED_LINES.set(dropped_lines);
    }
    LogGuard(Some(guard))
}

/// The number of log lines that were dropped because too many waited to be written.
pub(crate) fn dropped_lines() -> u64 {
    let lines = DROPPED_LINES.get().map_or(0, ErrorCounter::dropped_lines);
    u64::try_from(lines).unwrap_or(u64::MAX)
}

/// When dropped, writes the waiting lines, for at most about a second.
#[derive(Debug)]
pub struct LogGuard(Option<WorkerGuard>);

impl Drop for LogGuard {
    fn drop(&mut self) {
        let guard = self.0.take();
        let (done, is_done) = channel::<()>();
        // Dropping the appender's guard prints a message if too many lines wait. A separate thread
        // drops it, because standard output may block, too.
        let flush = move || {
            drop(guard);
            drop(done);
        };
        if thread::Builder::new().spawn(flush).is_ok() {
            let _ = is_done.recv_timeout(LAST_LINES);
        }
    }
}

/// Writes the lines in batches. The appender flushes when no line waits; without the pause, it would
/// wake its thread for nearly every line, which costs several times as much as the line itself. A single
/// line is written at once.
struct Batches(BufWriter<Stderr>);

impl Write for Batches {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.0.flush();
        thread::sleep(PAUSE);
        flushed
    }
}
