//! The emulator's clock, which moves the clocks of all apps as well, and the clock of one app.

use super::apps::{AppPath, find_app};
use super::extract::{Body, Path};
use super::problem::Problem;
use crate::clock::{AppClock, Change, LATEST, Moment};
use crate::protocol::ids::{SdkAppId, UnixTime};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// A clock's time.
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

impl Hold {
    fn change(&self) -> Change {
        Change::Hold(self.at.map(UnixTime))
    }
}

impl Advance {
    /// Rejects an advance that moves a clock with this time past the latest time.
    fn change(&self, now: Moment) -> Result<Change, Problem> {
        let by = Duration::try_from_secs_f64(self.seconds);
        let by = by.map_err(|error| Problem::invalid_field("/seconds", error.to_string()))?;
        let then = now.wall.saturating_add(by);
        if then.as_secs() > LATEST.unsigned_abs() {
            let detail = "moves the clock past the year 9999";
            return Err(Problem::invalid_field("/seconds", detail));
        }
        Ok(Change::Advance(by))
    }
}

impl Time {
    fn of(now: Moment, held: bool) -> Json<Self> {
        let now = now.wall.as_secs_f64();
        Json(Self { now, held })
    }
}

pub(super) async fn show(State(state): State<AppState>) -> Json<Time> {
    let clock = Arc::clone(&state.world().clock);
    Time::of(clock.now(), clock.is_held())
}

pub(super) async fn hold(State(state): State<AppState>, Body(hold): Body<Hold>) -> Json<Time> {
    let clock = Arc::clone(&state.world().clock);
    clock.change(hold.change());
    Time::of(clock.now(), clock.is_held())
}

/// The new time is in effect before this call answers, because clocks are read on demand.
pub(super) async fn advance(
    State(state): State<AppState>,
    Body(advance): Body<Advance>,
) -> Result<Json<Time>, Problem> {
    let clock = Arc::clone(&state.world().clock);
    clock.change(advance.change(clock.now())?);
    Ok(Time::of(clock.now(), clock.is_held()))
}

pub(super) async fn release(State(state): State<AppState>) -> Json<Time> {
    let clock = Arc::clone(&state.world().clock);
    clock.release();
    Time::of(clock.now(), clock.is_held())
}

pub(super) async fn reset(State(state): State<AppState>) -> Json<Time> {
    let clock = Arc::clone(&state.world().clock);
    clock.reset();
    Time::of(clock.now(), clock.is_held())
}

/// The clock of an app.
pub(crate) fn find_clock(state: &AppState, sdkappid: SdkAppId) -> Result<AppClock, Problem> {
    let app = find_app(state, sdkappid)?;
    let emulator = Arc::clone(&state.world().clock);
    Ok(AppClock::new(Arc::clone(&app.clock), emulator))
}

pub(super) async fn show_of_app(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
) -> Result<Json<Time>, Problem> {
    let clock = find_clock(&state, path.sdkappid)?;
    Ok(Time::of(clock.now(), clock.is_held()))
}

pub(super) async fn hold_of_app(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Body(hold): Body<Hold>,
) -> Result<Json<Time>, Problem> {
    let clock = find_clock(&state, path.sdkappid)?;
    clock.change(hold.change());
    Ok(Time::of(clock.now(), clock.is_held()))
}

pub(super) async fn advance_of_app(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Body(advance): Body<Advance>,
) -> Result<Json<Time>, Problem> {
    let clock = find_clock(&state, path.sdkappid)?;
    clock.change(advance.change(clock.now())?);
    Ok(Time::of(clock.now(), clock.is_held()))
}

pub(super) async fn release_of_app(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
) -> Result<Json<Time>, Problem> {
    let clock = find_clock(&state, path.sdkappid)?;
    clock.release();
    Ok(Time::of(clock.now(), clock.is_held()))
}

pub(super) async fn reset_of_app(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
) -> Result<Json<Time>, Problem> {
    let clock = find_clock(&state, path.sdkappid)?;
    clock.reset();
    Ok(Time::of(clock.now(), clock.is_held()))
}
