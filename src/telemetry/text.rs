//! A line as text, as the subscriber's own format has it:
//! `2026-11-25T01:02:03.123456Z  INFO sns/friend_add: 1 items, 0 refused error.code=0 duration_ms=0.045`.
//!
//! It takes about half the instructions: numbers need no formatter's detours, and a message is not
//! looked through for control characters. Ours hold nothing that a client wrote, and texts that do
//! are written as `Debug` writes them.

use super::Utc;
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::registry::LookupSpan;

pub(super) struct Text;

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        Utc.format_time(&mut line)?;
        write!(line, " {:>5}", event.metadata().level())?;
        let mut fields = Fields {
            line,
            result: Ok(()),
        };
        event.record(&mut fields);
        fields.result?;
        fields.line.write_char('\n')
    }
}

/// Writes ` name=value`, and the message without its name.
struct Fields<'a> {
    line: Writer<'a>,
    result: fmt::Result,
}

impl Fields<'_> {
    fn write(&mut self, field: &Field, value: &str) -> fmt::Result {
        self.write_name(field)?;
        self.line.write_str(value)
    }

    fn write_name(&mut self, field: &Field) -> fmt::Result {
        self.line.write_char(' ')?;
        if field.name() == "message" {
            return Ok(());
        }
        self.line.write_str(field.name())?;
        self.line.write_char('=')
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        let written = self.write(field, zmij::Buffer::new().format(value));
        self.result = self.result.and(written);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        let written = self.write(field, itoa::Buffer::new().format(value));
        self.result = self.result.and(written);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = self
            .write_name(field)
            .and_then(|()| write!(self.line, "{value:?}"));
        self.result = self.result.and(written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::lines::Lines;
    use std::sync::Arc;
    use tracing::subscriber::with_default;
    use tracing::{debug, info, warn};

    fn log() {
        for duration_ms in [0.0, 0.001, 0.045, 1.0, 1234.5, 1e9] {
            info!(sns.command = %"sns/friend_add", app.id = Some(1_u32), error.code = 0_u32, duration_ms, "{}: {} items", "x", 2);
        }
        let detail = Some("two\nlines, \"quotes\" and \u{1b}[31mred");
        warn!(
            detail,
            warning = None::<&str>,
            negative = -1,
            is = true,
            "said"
        );
        debug!(error = %fmt::Error, "connection closed");
        info!("alone");
    }

    /// What is written, less the time that each line begins with.
    fn written(log: impl FnOnce(Arc<Lines>)) -> Vec<String> {
        let lines = Arc::<Lines>::default();
        log(Arc::clone(&lines));
        lines.end();
        let mut bytes = Vec::new();
        lines.write_to(&mut bytes);
        let text = String::from_utf8(bytes).expect("UTF-8");
        let without_time = |line: &str| {
            let (time, rest) = line.split_once(' ').expect("a time");
            assert_eq!(time.len(), "2026-11-25T01:02:03.123456Z".len(), "{line}");
            rest.to_owned()
        };
        text.lines().map(without_time).collect()
    }

    #[test]
    fn a_line_is_as_the_subscribers_own_format_has_it() {
        let builder = || {
            let builder = tracing_subscriber::fmt().with_target(false);
            builder
                .with_max_level(tracing::Level::DEBUG)
                .with_timer(Utc)
        };
        let expected = written(|lines| {
            with_default(builder().with_writer(lines).finish(), log);
        });
        assert_eq!(expected.len(), 9, "{expected:#?}");

        let ours = written(|lines| {
            let subscriber = builder().with_writer(lines).event_format(Text);
            with_default(subscriber.finish(), log);
        });

        assert_eq!(ours, expected);
    }
}
