//! Reads recorded calls and deliveries: filters, lists and counts them, and waits for them.

use super::problem::Problem;
use crate::ring::{Coverage, Ring, RingEntry};
use crate::state::AppState;
use axum::Json;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// The maximum number of entries in an answer, if `limit` is not given.
pub(crate) const DEFAULT_LIMIT: usize = 1000;

/// The maximum size of the entries in an answer.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// A filter of recorded entries.
pub(crate) trait Filter {
    type Entry: RingEntry;

    /// The word for the entries in messages.
    const NOUN: &str;

    fn ring(state: &AppState) -> Arc<Ring<Self::Entry>>;

    /// Only entries after the entry with this id match.
    fn since(&self) -> Option<u64>;

    /// Whether an entry after `since` matches.
    fn matches(&self, entry: &Self::Entry) -> bool;

    /// Visits the entries that match.
    fn read(&self, state: &AppState, visit: impl FnMut(Self::Entry)) -> Coverage {
        self.read_after(self.since().unwrap_or_default(), &Self::ring(state), visit)
    }

    /// The number of entries that match.
    fn count(&self, state: &AppState) -> Count {
        let mut count = 0;
        let coverage = self.read(state, |_| count += 1);
        Count { count, coverage }
    }

    /// The newest entries that match, oldest first, and the number of all that match: at most `limit`, and at
    /// most 8 MiB of them.
    fn newest(&self, state: &AppState, limit: usize) -> (Vec<Self::Entry>, Count) {
        let mut matching = Vec::new();
        let coverage = self.read(state, |entry| matching.push(entry));
        let count = matching.len();
        let mut bytes = 0;
        let fit = matching.iter().rev().take(limit).take_while(|entry| {
            bytes += entry.bytes();
            bytes <= MAX_ANSWER_BYTES
        });
        let fit = fit.count();
        (matching.split_off(count - fit), Count { count, coverage })
    }

    fn read_after(
        &self,
        cursor: u64,
        ring: &Ring<Self::Entry>,
        mut visit: impl FnMut(Self::Entry),
    ) -> Coverage {
        ring.visit(cursor, |entry| {
            if self.matches(&entry) {
                visit(entry);
            }
        })
    }
}

/// A filter, and how many entries to list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery<F> {
    #[serde(flatten)]
    pub(super) filter: F,
    /// The maximum number of entries, 1000 by default: the newest, and at most 8 MiB of them.
    #[schemars(range(min = 1, max = 100_000))]
    limit: Option<usize>,
}

/// A filter, and how many entries to wait for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitQuery<F> {
    #[serde(flatten)]
    pub(super) filter: F,
    /// The number of entries; 1 by default.
    count: Option<usize>,
    /// The timeout by the system's clock, in milliseconds; 10000 by default.
    #[schemars(range(max = 60_000))]
    timeout_ms: Option<u64>,
}

/// The number of entries that match.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Count {
    pub(crate) count: usize,
    #[serde(flatten)]
    pub(super) coverage: Coverage,
}

impl<F: Filter> ListQuery<F> {
    /// The documents of the newest entries that match, oldest first, and the number of all that match.
    pub(super) fn list<T>(
        &self,
        state: &AppState,
        document: impl Fn(&F::Entry) -> T,
    ) -> (Vec<T>, Count) {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        let (entries, count) = self.filter.newest(state, limit);
        (entries.iter().map(document).collect(), count)
    }
}

impl<F: Filter> WaitQuery<F> {
    pub(super) async fn wait(self, state: &AppState) -> Result<Json<Count>, Problem> {
        let target = self.count.unwrap_or(1);
        let timeout = Duration::from_millis(self.timeout_ms.unwrap_or(10_000));
        wait(&self.filter, state, target, timeout).await.map(Json)
    }
}

/// Waits until enough entries match; 408 after `timeout` by the system's clock.
pub(crate) async fn wait<F: Filter>(
    filter: &F,
    state: &AppState,
    target: usize,
    timeout: Duration,
) -> Result<Count, Problem> {
    let mut ring = F::ring(state);
    if !ring.is_enabled() {
        let detail = format!("no {} are recorded: `journal.bytes` is 0", F::NOUN);
        return Err(Problem::conflict(detail));
    }
    let mut timer = pin!(tokio::time::sleep(timeout));
    let start = filter.since().unwrap_or_default();
    let (mut cursor, mut count, mut complete) = (start, 0, true);
    loop {
        let current = F::ring(state);
        if !Arc::ptr_eq(&ring, &current) {
            // The ring was emptied: the count restarts.
            (cursor, count, complete) = (start, 0, true);
            ring = current;
        }
        let next_entry = ring.next_entry();
        // Only the new entries are counted.
        let mut coverage = filter.read_after(cursor, &ring, |_| count += 1);
        cursor = cursor.max(coverage.last_id);
        complete &= coverage.complete;
        coverage.complete = complete;
        let counted = Count { count, coverage };
        if count >= target {
            return Ok(counted);
        }
        tokio::select! {
            biased;
            () = next_entry => {}
            () = state.stopping.cancelled() => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                return Err(Problem::new(status, "the emulator is shutting down"));
            }
            () = &mut timer => return Err(timed_out::<F>(&counted, target, timeout)),
        }
    }
}

fn timed_out<F: Filter>(counted: &Count, target: usize, timeout: Duration) -> Problem {
    let (Count { count, coverage }, noun) = (counted, F::NOUN);
    let mut detail = format!("{count} of {target} {noun} in {} ms", timeout.as_millis());
    if !coverage.complete {
        let dropped_to = coverage.dropped_to;
        detail +=
            &format!("; {noun} up to id {dropped_to} were dropped, and some may have matched");
    }
    Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
}
