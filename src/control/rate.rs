//! The rate of calls in real time: the busiest second and other windows, and whether it exceeds the limit.

use super::extract::Query;
use super::problem::Problem;
use super::recorded::Filter;
use super::requests::CallFilter;
use crate::commands;
use crate::limiter::Bucket;
use crate::protocol::ids::SdkAppId;
use crate::ring::Coverage;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The lengths of the windows, in milliseconds.
const WINDOWS_MS: [u64; 5] = [10, 100, 1000, 10_000, 60_000];

/// The rate limit that most commands document, in calls per second.
const DEFAULT_LIMIT: u32 = 200;

/// A filter of calls. Rejected calls count as well, because the client sent them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RateQuery {
    /// Only calls of this app.
    sdkappid: Option<SdkAppId>,
    /// Only calls of this command, such as friend_add or sns/friend_add.
    command: Option<String>,
    /// Only calls after the call with this id.
    since: Option<u64>,
    /// The limit to compare with, in calls per second. The default is the documented limit of the
    /// command, or 200.
    #[schemars(range(min = 1, max = 1_000_000))]
    limit: Option<u32>,
}

/// The rate of calls by the system's clock: a hold of the emulator's clock or of an app's clock does not
/// make all calls one burst.
#[derive(Serialize, JsonSchema)]
pub(super) struct Rate {
    /// The number of calls that match.
    calls: usize,
    /// The window with the most calls, for each window length.
    busiest: Vec<Busiest>,
    /// The limit that the calls are compared with.
    limit_per_second: u32,
    /// The number of calls that a token bucket with this limit would have rejected.
    over_limit: usize,
    #[serde(flatten)]
    coverage: Coverage,
}

/// The busiest window of one length.
#[derive(Serialize, JsonSchema)]
struct Busiest {
    window_ms: u64,
    /// The number of calls in the window, which includes its start and excludes its end.
    calls: usize,
    /// The start of the window by the system's clock: seconds since 1970-01-01 UTC; null without calls.
    from: Option<f64>,
}

pub(super) async fn rate(
    State(state): State<AppState>,
    Query(RateQuery {
        sdkappid,
        command,
        since,
        limit,
    }): Query<RateQuery>,
) -> Result<Json<Rate>, Problem> {
    let filter = CallFilter {
        sdkappid,
        command,
        from_account: None,
        account: None,
        code: None,
        since,
    };
    let documented = filter.command.as_deref().and_then(commands::named);
    let documented = documented.map_or(DEFAULT_LIMIT, |info| info.calls_per_second);
    let limit = limit.unwrap_or(documented);
    let mut times = Vec::new();
    filter.check(&state)?;
    let coverage = filter.read(&state, |entry| times.push(entry.call.arrived));
    times.sort_unstable();
    let from = |arrived: &Duration| (state.started.wall + *arrived).as_secs_f64();
    let busiest = WINDOWS_MS.map(|window_ms| {
        let (calls, first) = busiest_window(&times, Duration::from_millis(window_ms));
        Busiest {
            window_ms,
            calls,
            from: times.get(first).map(from),
        }
    });
    Ok(Json(Rate {
        calls: times.len(),
        busiest: busiest.into(),
        limit_per_second: limit,
        over_limit: over_limit(&times, limit),
        coverage,
    }))
}

/// The number of calls at these sorted times that a token bucket with this limit rejects.
fn over_limit(times: &[Duration], limit: u32) -> usize {
    let mut bucket = Bucket::default();
    let rejected = times.iter().filter(|now| !bucket.take(limit, **now));
    rejected.count()
}

/// The largest number of these sorted times within a window, and the index of the first such time.
fn busiest_window(times: &[Duration], window: Duration) -> (usize, usize) {
    let (mut most, mut start) = ((0, 0), 0);
    for (end, now) in times.iter().enumerate() {
        while *now - times[start] >= window {
            start += 1;
        }
        let calls = end + 1 - start;
        if calls > most.0 {
            most = (calls, start);
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// Gaps between calls, in nanoseconds: near the length of each window, and 0.
    const GAPS: [u64; 20] = [
        0,
        0,
        0,
        0,
        0,
        0,
        1,
        999_999,
        5_000_000,
        9_999_999,
        10_000_000,
        10_000_001,
        99_999_999,
        100_000_000,
        250_000_000,
        999_999_999,
        SECOND,
        SECOND + 1,
        9_999_999_999,
        60 * SECOND,
    ];

    /// The most calls in a window, and the first call that begins such a window, by brute force.
    fn slow_busiest_window(times: &[u64], window: u64) -> (usize, usize) {
        let mut most = (0, 0);
        for (first, start) in times.iter().enumerate() {
            let is_within = |time: &&u64| **time >= *start && **time - start < window;
            let calls = times[first..].iter().filter(is_within).count();
            if calls > most.0 {
                most = (calls, first);
            }
        }
        most
    }

    /// The number of calls that a token bucket rejects. It holds `limit` tokens, gains `limit` tokens per
    /// second, and counts in billionths of a token. Exact if `limit` divides a billion.
    fn slow_over_limit(times: &[u64], limit: u64) -> usize {
        let (mut tokens, mut last, mut rejected) = (limit * SECOND, 0, 0);
        for now in times {
            tokens = (tokens + (now - last) * limit).min(limit * SECOND);
            last = *now;
            match tokens.checked_sub(SECOND) {
                Some(left) => tokens = left,
                None => rejected += 1,
            }
        }
        rejected
    }

    #[test]
    fn over_any_trace_each_busiest_window_and_each_limit_are_exact() {
        for seed in 0..100 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut now = 0;
            let gaps = (0..60).map(|_| GAPS[random.usize(..GAPS.len())]);
            let times: Vec<_> = gaps
                .map(|gap| {
                    now += gap;
                    now
                })
                .collect();
            let durations: Vec<_> = times.iter().copied().map(Duration::from_nanos).collect();
            for window_ms in WINDOWS_MS {
                assert_eq!(
                    busiest_window(&durations, Duration::from_millis(window_ms)),
                    slow_busiest_window(&times, window_ms * 1_000_000),
                    "{window_ms} {times:?}"
                );
            }
            for limit in [1, 2, 4, 5, 8, 10, 200] {
                assert_eq!(
                    over_limit(&durations, limit),
                    slow_over_limit(&times, limit.into()),
                    "{limit} {times:?}"
                );
            }
        }
    }

    #[test]
    fn two_calls_a_windows_length_apart_are_not_in_one() {
        for window in WINDOWS_MS.map(Duration::from_millis) {
            let apart = |gap| busiest_window(&[Duration::ZERO, gap], window).0;
            assert_eq!(
                (apart(window), apart(window - Duration::from_nanos(1))),
                (1, 2)
            );
        }
    }
}
