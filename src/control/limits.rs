//! Call frequencies: what each command of an app may have, and what is left.

use super::apps::OfApp;
use super::problem::{InvalidField, Problem};
use super::request::{Nothing, join, unknown};
use super::route::Json;
use crate::commands;
use crate::state::AppState;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A command's call frequency.
#[derive(Serialize, JsonSchema)]
pub(super) struct Limit {
    /// 0 is no limit.
    calls_per_second: u32,
    /// Calls that would be admitted now, one after the other; null where there is no limit.
    tokens_left: Option<u32>,
}

/// Call frequencies by command, such as friend_add; null is what the app has for all commands, or else
/// what the command's page documents.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Limits(BTreeMap<String, Option<CallsPerSecond>>);

/// 0 is no limit.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct CallsPerSecond(#[schemars(range(max = 1_000_000))] u32);

pub(super) async fn show(
    state: AppState,
    path: OfApp,
    _: Nothing,
    _: Nothing,
) -> Result<Json<BTreeMap<&'static str, Limit>>, Problem> {
    let app = path.find(&state)?;
    let now = state.world().clock.now().steady;
    let limit = |row: commands::Row| {
        let (calls_per_second, left) = app.limiter.look(row.info, now);
        let limit = Limit {
            calls_per_second,
            tokens_left: (calls_per_second > 0).then_some(left),
        };
        (row.info.name, limit)
    };
    Ok(Json(commands::table().into_iter().map(limit).collect()))
}

/// Those that are named get a limit of their own, with a full bucket.
pub(super) async fn put(
    state: AppState,
    path: OfApp,
    query: Nothing,
    Limits(limits): Limits,
) -> Result<Json<BTreeMap<&'static str, Limit>>, Problem> {
    let app = path.find(&state)?;
    let table = commands::table();
    let (mut known, mut faults) = (Vec::new(), Vec::new());
    for (name, limit) in limits {
        match commands::named(&name) {
            Some(info) => known.push((info, limit.map(|CallsPerSecond(limit)| limit))),
            None => {
                let names = table.iter().map(|row| row.info.name);
                faults.push(InvalidField::of_body(
                    join("", &name),
                    unknown(&name, names),
                ));
            }
        }
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    app.limiter.set(&known);
    show(state, path, query, Nothing {}).await
}
