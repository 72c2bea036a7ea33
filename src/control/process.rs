//! Routes for the whole process: health, configuration, reset and metrics.

use super::problem::Problem;
use super::route::{Operation, OperationOutput};
use crate::config::Setting;
use crate::metrics::Size;
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
use std::net::SocketAddr;

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
    /// The address of the listener for HTTPS; null if `tls.listen` is not configured.
    tls_listen: Option<String>,
    /// The SDKAppIDs of all apps.
    apps: Vec<SdkAppId>,
}

pub(super) async fn health(State(state): State<AppState>) -> Json<Health> {
    let addr = state.addr.get().copied().unwrap_or(state.config.listen);
    Json(Health {
        version: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        started: state.started.unix_time().0,
        uptime_seconds: state.started.elapsed().as_secs_f64(),
        listen: addr.to_string(),
        tls_listen: state.tls_addr.get().map(SocketAddr::to_string),
        apps: ids(&state.world()),
    })
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
    /// How many accounts all apps had before. After the reset, the configured apps have the accounts of
    /// their start.
    accounts_before: usize,
    /// How many faults were armed.
    faults: usize,
    /// How many calls the journal held.
    calls: usize,
    /// How many deliveries of webhooks were removed.
    webhooks: usize,
    /// Whether the emulator's clock was held.
    clock_was_held: bool,
}

pub(super) async fn reset(State(state): State<AppState>) -> Result<Json<ResetResult>, Problem> {
    let webhooks = state.world().deliveries.ring.len();
    let (before, after) = state.reset();
    let (mut apps_gone, apps) = (ids(&before), ids(&after));
    apps_gone.retain(|app| !apps.contains(app));
    Ok(Json(ResetResult {
        apps,
        apps_gone,
        accounts_before: accounts(&before).await?.iter().map(Accounts::len).sum(),
        faults: before.faults.all().len(),
        calls: before.journal.len(),
        webhooks,
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
    Ok(OpenMetrics(state.metrics.text(size, &world.deliveries)))
}
