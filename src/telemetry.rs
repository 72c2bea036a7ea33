//! Where log lines go: standard error, as text or as JSON.

use crate::clock;
use crate::config::{LogConfig, LogFormat};
use std::fmt;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};
use tracing::field::Field;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::time::FormatTime;

/// What may wait for whoever reads standard error, in bytes; lines beyond are dropped.
const WAITING_BYTES: usize = 1 << 20;

/// How long the writing thread rests after a batch of lines: whoever logs meanwhile need not wake it,
/// which costs more than the line. A line that comes alone is written at once.
const REST: Duration = Duration::from_millis(5);

/// How long the last lines have, when the process ends.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Starts logging for the whole process, as long as the guard lives; dropped, it writes what still
/// waits. In a process that has a subscriber of its own, that one stays.
pub fn start(config: LogConfig) -> LogGuard {
    let lines = Arc::<Lines>::default();
    let guard = LogGuard::new(&lines);
    let builder = tracing_subscriber::fmt()
        .with_max_level(config.level)
        .with_target(false)
        .with_timer(Utc)
        .log_internal_errors(false)
        .with_writer(lines);
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

/// Lines are written as long as it lives.
#[derive(Debug)]
pub struct LogGuard {
    lines: Arc<Lines>,
    /// Hangs up once all are written.
    written: Receiver<()>,
}

impl LogGuard {
    /// Lines are written by a thread of their own: a parent that has closed our standard error, or
    /// never reads it, must not hold up calls.
    fn new(lines: &Arc<Lines>) -> Self {
        let (is_writing, written) = channel();
        let source = Arc::clone(lines);
        let thread = thread::Builder::new().name("log".to_owned());
        let started = thread.spawn(move || {
            source.write_to(io::stderr());
            drop(is_writing);
        });
        started.expect("a process that starts can start a thread");
        Self {
            lines: Arc::clone(lines),
            written,
        }
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.lines.end();
        // Whoever has not read them by then does not want them.
        let _ = self.written.recv_timeout(LAST_LINES);
    }
}

/// The lines that wait to be written.
#[derive(Debug, Default)]
struct Lines {
    waiting: Mutex<Waiting>,
    /// There is a first line, or it is over.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    is_over: bool,
}

impl Lines {
    fn add(&self, line: &[u8]) {
        let mut waiting = self.lock();
        if waiting.lines.len() + line.len() > WAITING_BYTES {
            return;
        }
        let is_first = waiting.lines.is_empty();
        waiting.lines.extend_from_slice(line);
        drop(waiting);
        if is_first {
            self.changed.notify_one();
        }
    }

    fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_one();
    }

    /// Writes lines as they come, until it is over.
    fn write_to(&self, mut out: impl Write) {
        let mut batch = Vec::new();
        while self.take(&mut batch) {
            // Nobody may read them any more.
            let _ = out.write_all(&batch);
            batch.clear();
            thread::sleep(REST);
        }
    }

    /// Waits for lines, and takes all; there are none once it is over.
    fn take(&self, batch: &mut Vec<u8>) -> bool {
        let is_waiting = |waiting: &mut Waiting| waiting.lines.is_empty() && !waiting.is_over;
        let waiting = self.changed.wait_while(self.lock(), is_waiting);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(batch, &mut waiting.lines);
        !batch.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line comes in one piece.
impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_reads_is_bounded_and_no_line_is_cut() {
        let lines = Lines::default();
        let line = [b"x".repeat(1000), b"\n".to_vec()].concat();
        for _ in 0..2 * WAITING_BYTES / line.len() {
            lines.add(&line);
        }
        lines.end();

        let mut written = Vec::new();
        lines.write_to(&mut written);

        assert_eq!(written, line.repeat(WAITING_BYTES / line.len()));
    }
}
