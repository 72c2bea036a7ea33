//! The metrics for Prometheus: calls, their codes and durations, webhooks, sizes, and dropped log lines.

use crate::deliveries::Deliveries;
use crate::protocol::code::Code;
use crate::telemetry;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// The bounds of the histogram's buckets, in seconds.
const BUCKETS: [f64; 10] = [
    0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.1, 1.0, 10.0,
];

/// The metrics of calls. Sizes and dropped log lines are read when the metrics are requested.
#[derive(Debug)]
pub(crate) struct Metrics {
    calls: Family<Ended, Counter>,
    refused: Family<Called, Counter>,
    seconds: Histogram,
}

/// The labels of finished calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    /// Empty if the path is not a command's.
    command: &'static str,
    code: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Called {
    command: &'static str,
}

/// The sizes at the moment of a request for the metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) accounts: usize,
    pub(crate) friendships: usize,
    pub(crate) journal_bytes: usize,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            calls: Family::default(),
            refused: Family::default(),
            seconds: Histogram::new(BUCKETS),
        }
    }
}

impl Metrics {
    /// Counts a call. `command` is empty if the path is not a command's.
    pub(crate) fn count(
        &self,
        command: &'static str,
        code: Code,
        is_admitted: bool,
        took: Duration,
    ) {
        let number = code.number();
        let ended = Ended {
            command,
            code: number,
        };
        self.calls.get_or_create(&ended).inc();
        // A fault can answer the same code, but only to a call that the gateway has admitted.
        if code == Code::TooManyCalls && !is_admitted {
            self.refused.get_or_create(&Called { command }).inc();
        }
        self.seconds.observe(took.as_secs_f64());
    }

    /// All metrics in the text format.
    pub(crate) fn text(&self, size: Size, deliveries: &Deliveries) -> String {
        let mut registry = Registry::with_prefix("emulator");
        let gauge = |value: usize| ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
        let help = "Calls by command and ErrorCode";
        registry.register("calls", help, self.calls.clone());
        let help = "Calls over the rate limit (60007)";
        registry.register("limiter_refusals", help, self.refused.clone());
        let help = "Duration of calls";
        registry.register_with_unit("call_duration", help, Unit::Seconds, self.seconds.clone());
        registry.register("accounts", "Accounts of all apps", gauge(size.accounts));
        let help = "One-way friendships of all apps";
        registry.register("friendships", help, gauge(size.friendships));
        let journal = gauge(size.journal_bytes);
        registry.register_with_unit("journal", "Size of the journal", Unit::Bytes, journal);
        let dropped = ConstCounter::new(telemetry::dropped_lines());
        let help = "Webhooks by result: delivered, failed or dropped";
        registry.register("webhooks", help, deliveries.counts.clone());
        let help = "Log lines dropped because standard error was too slow";
        registry.register("log_lines_dropped", help, dropped);
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a String cannot fail");
        text
    }
}
