//! The lines on their way to standard error.
//!
//! They are written by a thread of their own: a parent that has closed our standard error, or never
//! reads it, must not hold up calls.

use std::io::{self, ErrorKind, Write};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What may wait for whoever reads standard error, in bytes; lines beyond are dropped.
const WAITING_BYTES: usize = 1 << 20;

/// How long the writing thread rests after a batch of lines: whoever logs meanwhile need not wake it,
/// which costs more than the line. A line that comes alone is written at once.
const REST: Duration = Duration::from_millis(5);

/// How long the last lines have, when the process ends.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Starts the thread that writes what is added, as long as the guard lives.
pub(super) fn start() -> io::Result<(Arc<Lines>, LogGuard)> {
    let lines = Arc::<Lines>::default();
    let (is_writing, written) = channel();
    let source = Arc::clone(&lines);
    let thread = thread::Builder::new().name("log".to_owned());
    thread.spawn(move || {
        source.write_to(io::stderr());
        drop(is_writing);
    })?;
    let guard = LogGuard {
        lines: Arc::clone(&lines),
        written,
    };
    Ok((lines, guard))
}

/// Lines are written as long as it lives.
#[derive(Debug)]
pub struct LogGuard {
    lines: Arc<Lines>,
    /// Hangs up once all are written.
    written: Receiver<()>,
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
pub(super) struct Lines {
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

    pub(super) fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_one();
    }

    /// Writes lines as they come, until it is over.
    pub(super) fn write_to(&self, mut out: impl Write) {
        let mut batch = Vec::new();
        while self.take(&mut batch) {
            let mut rest = &batch[..];
            while !rest.is_empty() {
                match out.write(rest) {
                    Ok(length) => rest = &rest[length..],
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    // Whoever shares standard error with us has it not wait.
                    Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(REST),
                    // Nobody reads them any more.
                    Err(_) => break,
                }
            }
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

    /// Takes a few bytes each other time.
    #[derive(Default)]
    struct Narrow {
        taken: Vec<u8>,
        is_full: bool,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.is_full = !self.is_full;
            if self.is_full {
                return Err(ErrorKind::WouldBlock.into());
            }
            self.taken.write(&bytes[..bytes.len().min(10)])
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_standard_error_that_does_not_wait_gets_every_line() {
        let lines = Lines::default();
        for _ in 0..5 {
            lines.add(b"a line\n");
        }
        lines.end();

        let mut narrow = Narrow::default();
        lines.write_to(&mut narrow);

        assert_eq!(narrow.taken, b"a line\n".repeat(5));
    }
}
