//! Routes for the whole process: health, table of codes, configuration, reset and metrics.

use super::arrange::{Source, source};
use super::problem::Problem;
use super::route::{Operation, OperationOutput};
use crate::config::{Config, Setting};
use crate::metrics::Size;
use crate::protocol::code::{Code, Recorded};
use crate::protocol::ids::SdkAppId;
use crate::state::AppState;
use crate::store::Accounts;
use crate::world::World;
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

/// Answers probes.
pub(super) async fn up(_: RawQuery) -> &'static str {
    "ok\n"
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Health {
    version: &'static str,
    pid: u32,
    /// The start time by the system's clock: seconds since 1970-01-01 UTC.
    started: i64,
    uptime_seconds: f64,
    /// The address of the listener.
    listen: String,
    /// The SDKAppIDs of all apps.
    apps: Vec<SdkAppId>,
}

pub(super) async fn health(State(state): State<AppState>) -> Json<Health> {
    let addr = state.addr.get().copied().unwrap_or(state.config.listen);
    Json(Health {
        version: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        started: state.started.0,
        uptime_seconds: state.uptime().as_secs_f64(),
        listen: addr.to_string(),
        apps: ids(&state.world()),
    })
}

/// One outcome of the table of codes.
#[derive(Serialize, JsonSchema)]
pub(super) struct KnownCode {
    /// The number that ErrorCode or ResultCode carries.
    code: u32,
    /// The outcome's name. Several outcomes can have the same number.
    outcome: &'static str,
    /// The text or beginning of ErrorInfo or ResultInfo; `<Api>` stands for the command.
    info: &'static str,
    /// When a call or an item gets this outcome.
    meaning: &'static str,
    /// How to get this outcome.
    how: String,
    /// The evidence for the number: documented, seen (with the year, if it is known), inferred, or
    /// guess.
    code_is: String,
    /// The evidence for the text.
    info_is: String,
    /// What a record of the real service shows instead, if one contradicts the documentation. The items
    /// are answered so if `sns.answers` is "recorded".
    recorded: Option<Recorded>,
}

/// Describes how to get an outcome.
fn how(code: Code, config: &Config) -> String {
    let name = code.name();
    let arrange = format!("POST apps/{{sdkappid}}/arrange {{\"code\": {name:?}}}");
    match source(code, config) {
        Some(Source::State) => format!("{arrange} makes the state in which friend_add answers it"),
        Some(Source::Request) => format!("{arrange} returns a friend_add request that gets it"),
        Some(Source::Fault) => format!("{arrange} arms the fault that makes friend_add answer it"),
        None => {
            let field = if code.is_items() {
                "result_code or code"
            } else {
                "code"
            };
            format!("as `meaning` says, or by a fault with {field} {name:?}")
        }
    }
}

pub(super) async fn codes(State(state): State<AppState>) -> Json<Vec<KnownCode>> {
    let known = |code: &Code| KnownCode {
        code: code.number(),
        outcome: code.name(),
        info: code.info(),
        meaning: code.meaning(),
        how: how(*code, &state.config),
        code_is: code.number_basis().to_string(),
        info_is: code.info_basis().to_string(),
        recorded: code.recorded(),
    };
    Json(Code::ALL.iter().map(known).collect())
}

pub(super) async fn config(State(state): State<AppState>) -> Json<Vec<Setting>> {
    Json(state.config.settings.clone())
}

/// The removed state, and the apps that exist after the reset.
#[derive(Serialize, JsonSchema)]
pub(super) struct ResetResult {
    /// The configured apps.
    apps: Vec<SdkAppId>,
    /// The apps that were created after the start and are now removed.
    apps_gone: Vec<SdkAppId>,
    /// How many accounts all apps had.
    accounts: usize,
    /// How many faults were armed.
    faults: usize,
    /// How many calls the journal held.
    calls: usize,
    /// Whether the clock was held.
    clock_was_held: bool,
}

pub(super) async fn reset(State(state): State<AppState>) -> Result<Json<ResetResult>, Problem> {
    let (before, after) = state.reset();
    let (mut apps_gone, apps) = (ids(&before), ids(&after));
    apps_gone.retain(|app| !apps.contains(app));
    Ok(Json(ResetResult {
        apps,
        apps_gone,
        accounts: accounts(&before).await?.iter().map(Accounts::len).sum(),
        faults: before.faults.all().len(),
        calls: before.journal.len(),
        clock_was_held: before.clock.is_held(),
    }))
}

async fn accounts(world: &World) -> Result<Vec<Accounts>, Problem> {
    let mut accounts = Vec::new();
    for app in world.apps.values() {
        accounts.push(app.store.accounts().await?);
    }
    Ok(accounts)
}

fn ids(world: &World) -> Vec<SdkAppId> {
    world.apps.keys().copied().collect()
}

/// Metrics in the OpenMetrics text format.
pub(super) struct OpenMetrics(String);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl IntoResponse for OpenMetrics {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, OPEN_METRICS)], self.0).into_response()
    }
}

impl OperationOutput for OpenMetrics {
    fn describe(operation: &mut Operation) {
        operation.add_media_type(OPEN_METRICS, None);
    }
}

pub(super) async fn metrics(
    State(state): State<AppState>,
    _: RawQuery,
) -> Result<OpenMetrics, Problem> {
    let world = state.world();
    let accounts = accounts(&world).await?;
    let size = Size {
        accounts: accounts.iter().map(Accounts::len).sum(),
        friendships: accounts.iter().map(Accounts::friendships).sum(),
        journal_bytes: world.journal.bytes(),
    };
    Ok(OpenMetrics(state.metrics.text(size)))
}
