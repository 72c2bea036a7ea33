//! The emulator's own routes. Not Tencent's: ordinary HTTP, and never in the table of commands.

use crate::state::AppState;
use axum::Router;
use axum::routing::get;

/// `/healthz`: the process is up. `/readyz`: it is seeded and serves; it is both from the first
/// connection on, because nothing is bound before everything is seeded.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(|| async { "ok\n" }))
}
