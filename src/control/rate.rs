//! How often was called: the busiest second and more, and whether that breaks the limit.

use super::extract::Query;
use super::problem::Problem;
use super::requests::{Wanted, Whole, named};
use crate::limiter::Replay;
use crate::protocol::ids::SdkAppId;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Calls per second that most commands' pages document.
const DOCUMENTED: u32 = 200;

/// Which calls are counted. Refused ones count as well: they were sent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RateOf {
    /// Of this app; without it, of all apps together.
    sdkappid: Option<SdkAppId>,
    /// Of this command, such as friend_add; without it, of all together.
    command: Option<String>,
    /// Behind the call with this id.
    since: Option<u64>,
    /// What it is held against: calls per second; what the named command's page documents, if not
    /// given, or else 200.
    #[schemars(range(min = 1, max = 1_000_000))]
    limit: Option<u32>,
}

/// How often the clients have called, on the emulator's clock.
#[derive(Serialize, JsonSchema)]
pub(super) struct Rate {
    /// All calls that match.
    calls: usize,
    /// For each length of time, the most calls that came within it.
    busiest: Vec<Busiest>,
    /// What the calls are held against.
    limit_per_second: u32,
    /// Calls that a token bucket of that size would have refused.
    over_limit: usize,
    #[serde(flatten)]
    whole: Whole,
}

/// The busiest time of a length.
#[derive(Serialize, JsonSchema)]
struct Busiest {
    window_ms: u64,
    /// Calls within it; its end does not count.
    calls: usize,
    /// When it began: seconds since 1970-01-01 UTC.
    from: Option<f64>,
}

pub(super) async fn rate(
    State(state): State<AppState>,
    Query(RateOf {
        sdkappid,
        command,
        since,
        limit,
    }): Query<RateOf>,
) -> Result<Json<Rate>, Problem> {
    let wanted = Wanted {
        sdkappid,
        command,
        from_account: None,
        code: None,
        since,
    };
    wanted.check(&state)?;
    let documented = wanted.command.as_deref().and_then(named);
    let documented = documented.map_or(DOCUMENTED, |info| info.calls_per_second);
    let limit = limit.unwrap_or(documented);
    let excerpt = wanted.read(&state);
    let mut moments: Vec<_> = excerpt.calls.iter().map(|call| call.at).collect();
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
    let mut bucket = Replay::new(limit);
    Ok(Json(Rate {
        calls: times.len(),
        busiest: busiest.into(),
        limit_per_second: limit,
        over_limit: times.iter().filter(|now| !bucket.admits(**now)).count(),
        whole: Whole::of(&excerpt, since),
    }))
}

/// The most of these times, which are in order, that lie within a window; and the first of them.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against counting anew from each call.
        #[test]
        fn the_busiest_window_is_exact(mut times in prop::collection::vec(0_u64..5000, 0..200)) {
            times.sort_unstable();
            let times: Vec<_> = times.into_iter().map(Duration::from_millis).collect();
            let second = Duration::from_secs(1);
            let within = |start: &Duration| times.iter().filter(|time| *time >= start && **time - *start < second).count();
            let expected = times.iter().map(within).max().unwrap_or(0);
            prop_assert_eq!(busiest(&times, second).0, expected);
        }
    }
}
