//! Where log lines go: standard error, as text or as JSON.

mod lines;
mod text;

use crate::clock;
use crate::config::{LogConfig, LogFormat};
pub use lines::LogGuard;
use std::fmt;
use std::io;
use std::time::UNIX_EPOCH;
use text::Text;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

/// Starts logging for the whole process, as long as the guard lives; dropped, it writes what still
/// waits. In a process that has a subscriber of its own, that one stays. Fails where the system has no
/// thread left.
pub fn start(config: LogConfig) -> io::Result<LogGuard> {
    let (lines, guard) = lines::start()?;
    let builder = tracing_subscriber::fmt()
        .with_max_level(config.level)
        .with_target(false)
        .with_timer(Utc)
        .log_internal_errors(false)
        .with_writer(lines);
    let started = match config.format {
        LogFormat::Text => builder.event_format(Text).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    drop(started);
    Ok(guard)
}

/// The system's time, which nobody holds; the subscriber's own is several times slower.
struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, line: &mut Writer<'_>) -> fmt::Result {
        let now = UNIX_EPOCH + clock::system_time();
        write!(line, "{}", humantime::format_rfc3339_micros(now))
    }
}
