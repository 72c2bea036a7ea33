//! Where log lines go: standard error, as text or as JSON.

use crate::config::{LogConfig, LogFormat};
use std::io::{self, IsTerminal};

/// Starts logging for the whole process. Only the first call counts.
pub fn start(config: LogConfig) {
    let builder = tracing_subscriber::fmt()
        .with_max_level(config.level)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    let started = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // In a test process that has its own subscriber, that one stays.
    drop(started);
}
