//! The clock: UserSig expiry, AddTime, the call frequency and friend requests all run on it.

use super::problem::Problem;
use super::request::Nothing;
use super::route::Json;
use crate::protocol::ids::UnixTime;
use crate::state::AppState;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The latest time that the clock can be held at or moved to: the year 9999.
const LATEST: i64 = 253_402_300_799;

/// What time it is.
#[derive(Serialize, JsonSchema)]
pub(super) struct Time {
    /// Seconds since 1970-01-01 UTC.
    now: f64,
    /// Whether the clock stands still.
    held: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Hold {
    /// Seconds since 1970-01-01 UTC; without it, the clock is held where it is.
    #[schemars(range(min = 0, max = LATEST))]
    at: Option<i64>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Advance {
    /// By how much; fractions count to the nanosecond.
    #[schemars(range(min = 0, max = LATEST))]
    seconds: f64,
}

pub(super) async fn show(
    state: AppState,
    _: Nothing,
    _: Nothing,
    _: Nothing,
) -> Result<Json<Time>, Problem> {
    Ok(Json(Time {
        now: state.world().clock.now().wall.as_secs_f64(),
        held: state.world().clock.is_held(),
    }))
}

pub(super) async fn hold(
    state: AppState,
    path: Nothing,
    query: Nothing,
    Hold { at }: Hold,
) -> Result<Json<Time>, Problem> {
    state.world().clock.hold(at.map(UnixTime));
    show(state, path, query, Nothing {}).await
}

/// All that runs on the clock looks at it when it is asked, so all that fell due has happened.
pub(super) async fn advance(
    state: AppState,
    path: Nothing,
    query: Nothing,
    Advance { seconds }: Advance,
) -> Result<Json<Time>, Problem> {
    let by = Duration::try_from_secs_f64(seconds);
    let by = by.map_err(|error| Problem::invalid_field("/seconds", error.to_string()))?;
    let world = state.world();
    let then = world.clock.now().wall.saturating_add(by);
    if then.as_secs() > LATEST.unsigned_abs() {
        return Err(Problem::invalid_field(
            "/seconds",
            "leads beyond the year 9999",
        ));
    }
    world.clock.advance(by);
    show(state, path, query, Nothing {}).await
}

pub(super) async fn release(
    state: AppState,
    path: Nothing,
    query: Nothing,
    body: Nothing,
) -> Result<Json<Time>, Problem> {
    state.world().clock.release();
    show(state, path, query, body).await
}
