//! The emulator's clock. UserSig expiry, AddTime, the rate limit and friend requests all use it.

use super::extract::Body;
use super::problem::Problem;
use crate::protocol::ids::UnixTime;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The latest time that the clock can have: the end of the year 9999.
const LATEST: i64 = 253_402_300_799;

#[derive(Serialize, JsonSchema)]
pub(super) struct Time {
    /// Seconds since 1970-01-01 UTC.
    now: f64,
    /// Whether the clock is held: it then moves only when it is advanced.
    held: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Hold {
    /// Seconds since 1970-01-01 UTC; the clock's present time, if not given.
    #[schemars(range(min = 0, max = LATEST))]
    at: Option<i64>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Advance {
    /// The seconds to advance by, with a resolution of one nanosecond.
    #[schemars(range(min = 0, max = LATEST))]
    seconds: f64,
}

pub(super) async fn show(State(state): State<AppState>) -> Json<Time> {
    let world = state.world();
    Json(Time {
        now: world.clock.now().wall.as_secs_f64(),
        held: world.clock.is_held(),
    })
}

pub(super) async fn hold(state: State<AppState>, Body(Hold { at }): Body<Hold>) -> Json<Time> {
    state.world().clock.hold(at.map(UnixTime));
    show(state).await
}

/// The new time is in effect before this call answers, because the clock is read on demand.
pub(super) async fn advance(
    state: State<AppState>,
    Body(Advance { seconds }): Body<Advance>,
) -> Result<Json<Time>, Problem> {
    let by = Duration::try_from_secs_f64(seconds);
    let by = by.map_err(|error| Problem::invalid_field("/seconds", error.to_string()))?;
    let clock = state.world().clock.clone();
    let then = clock.now().wall.saturating_add(by);
    if then.as_secs() > LATEST.unsigned_abs() {
        let detail = "moves the clock past the year 9999";
        return Err(Problem::invalid_field("/seconds", detail));
    }
    clock.advance(by);
    Ok(show(state).await)
}

pub(super) async fn release(state: State<AppState>) -> Json<Time> {
    state.world().clock.release();
    show(state).await
}

pub(super) async fn reset(state: State<AppState>) -> Json<Time> {
    state.world().clock.reset();
    show(state).await
}
