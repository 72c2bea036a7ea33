//! Where log lines go: standard error, as text or as JSON.

use crate::clock;
use crate::config::{LogConfig, LogFormat};
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::sync::Mutex;
use std::time::{Duration, UNIX_EPOCH};
use tracing::field::Field;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::time::FormatTime;

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
        .with_timer(Utc)
        .log_internal_errors(false)
        .with_writer(Mutex::new(writer));
    let started = match config.format {
        LogFormat::Text => {
            let fields = debug_fn(write_field).delimited(" ");
            builder.fmt_fields(fields).try_init()
        }
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

/// As the subscriber writes them itself, but that it looks for control characters at each character of
/// a message: ours hold nothing that a client wrote, and texts that do are written as `Debug` does.
fn write_field(line: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() != "message" {
        line.write_str(field.name())?;
        line.write_char('=')?;
    }
    write!(line, "{value:?}")
}

/// The system's time, which nobody holds; the subscriber's own is several times slower.
struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, line: &mut Writer<'_>) -> fmt::Result {
        let now = UNIX_EPOCH + clock::system_time();
        write!(line, "{}", humantime::format_rfc3339_micros(now))
    }
}
