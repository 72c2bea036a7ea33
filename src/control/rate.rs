//! The rate of calls: the busiest second and other windows, and whether it exceeds the limit.

use super::extract::Query;
use super::problem::Problem;
use super::requests::{CallFilter, named};
use crate::journal::Coverage;
use crate::limiter::Bucket;
use crate::protocol::ids::SdkAppId;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The rate limit that most commands document, in calls per second.
const DEFAULT_LIMIT: u32 = 200;

/// A filter of calls. Rejected calls count as well, because the client sent them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RateQuery {
    /// Only calls of this app.
    sdkappid: Option<SdkAppId>,
    /// Only calls of this command, such as friend_add.
    command: Option<String>,
    /// Only calls after the call with this id.
    since: Option<u64>,
    /// The limit to compare with, in calls per second. The default is the documented limit of the
    /// command, or 200.
    #[schemars(range(min = 1, max = 1_000_000))]
    limit: Option<u32>,
}

/// The rate of calls by the emulator's clock.
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
    /// The start of the window: seconds since 1970-01-01 UTC; null without calls.
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
        code: None,
        since,
    };
    let documented = filter.command.as_deref().and_then(named);
    let documented = documented.map_or(DEFAULT_LIMIT, |info| info.calls_per_second);
    let limit = limit.unwrap_or(documented);
    let mut moments = Vec::new();
    let coverage = filter.read(&state, |entry| moments.push(entry.call.at))?;
    moments.sort_by_key(|at| at.steady);
    let times: Vec<_> = moments.iter().map(|at| at.steady).collect();
    let busiest = [10, 100, 1000, 10_000, 60_000].map(|window_ms| {
        let (calls, first) = busiest(&times, Duration::from_millis(window_ms));
        Busiest {
            window_ms,
            calls,
            from: moments.get(first).map(|at| at.wall.as_secs_f64()),
        }
    });
    let mut bucket = Bucket::default();
    Ok(Json(Rate {
        calls: times.len(),
        busiest: busiest.into(),
        limit_per_second: limit,
        over_limit: times
            .iter()
            .filter(|now| !bucket.take(limit, **now))
            .count(),
        coverage,
    }))
}

/// The largest number of these sorted times within a window, and the index of the first such time.
fn busiest(times: &[Duration], window: Duration) -> (usize, usize) {
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
