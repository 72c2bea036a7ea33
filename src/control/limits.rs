//! Rate limits: the limit of each command of an app, and the remaining tokens.

use super::apps::{AppPath, find_app};
use super::extract::{Draft, Path};
use super::problem::{InvalidField, Problem};
use super::requests::unknown_command;
use crate::apps::App;
use crate::commands;
use crate::limiter::NewLimit;
use crate::protocol::service::CommandInfo;
use crate::state::AppState;
use crate::strict::join;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

type Limits = BTreeMap<&'static str, Limit>;

/// A command's rate limit.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
    /// 0 means no limit.
    #[schemars(range(max = 1_000_000))]
    calls_per_second: u32,
    /// The number of calls that would be admitted now; null if there is no limit. A request can have it,
    /// so that an answer can be sent back, but it has no effect.
    tokens_left: Option<u32>,
}

/// Rate limits by command, such as friend_add or sns/friend_add. null removes the limit of a command: then
/// the app's limit for all commands applies, or else the documented limit.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct NewLimits(BTreeMap<String, Option<RateOrLimit>>);

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(untagged)]
enum RateOrLimit {
    /// In calls per second; 0 means no limit. The bucket is filled.
    Rate(#[schemars(range(max = 1_000_000))] u32),
    /// As in the answer. The bucket is filled only if the limit differs from the present one.
    Limit(Limit),
}

pub(super) async fn show(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
) -> Result<Json<Limits>, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    Ok(Json(limits(&app)))
}

pub(super) async fn put(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    draft: Draft<NewLimits>,
) -> Result<Json<Limits>, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    set_limits(&app, draft)?;
    Ok(Json(limits(&app)))
}

/// Sets the limits of the named commands. What [`show`] answers changes nothing. The error names all invalid
/// fields.
pub(crate) fn set_limits(
    app: &App,
    Draft { value, mut invalid }: Draft<NewLimits>,
) -> Result<(), Problem> {
    let mut known = BTreeMap::new();
    for (name, limit) in value.into_iter().flat_map(|NewLimits(new)| new) {
        let limit = match limit {
            None => NewLimit::Full(None),
            Some(RateOrLimit::Rate(rate)) => NewLimit::Full(Some(rate)),
            Some(RateOrLimit::Limit(limit)) => NewLimit::FullIfOther(limit.calls_per_second),
        };
        let detail = match commands::named(&name) {
            None => unknown_command(&name),
            Some(info) => match known.insert(info.name, (info, limit)) {
                None => continue,
                Some(_) => format!("names {} a second time", info.name),
            },
        };
        invalid.push(InvalidField::of_body(join("", &name), detail));
    }
    if !invalid.is_empty() {
        return Err(Problem::invalid(invalid));
    }
    app.limiter.set(known.into_values());
    Ok(())
}

/// The limits of all commands and of the app's stubs.
fn limits(app: &App) -> Limits {
    let now = app.clock.now().steady;
    let limit = |info: &'static CommandInfo| {
        let (calls_per_second, left) = app.limiter.limit_and_left(info, now);
        let tokens_left = (calls_per_second > 0).then_some(left);
        let limit = Limit {
            calls_per_second,
            tokens_left,
        };
        (info.name, limit)
    };
    let mut limits: Limits = commands::built_in().map(limit).collect();
    // A stub of the app can replace a built-in one.
    limits.extend(app.stubs().accepted.values().map(|stub| limit(stub.info)));
    limits
}
