//! The list of routes.

use super::all_routes;
use axum::Json;
use schemars::JsonSchema;
use serde::Serialize;

/// A route of the control API.
#[derive(Serialize, JsonSchema)]
pub(super) struct RouteSummary {
    method: String,
    path: String,
    does: &'static str,
}

/// The routes of the control API.
pub(super) async fn list() -> Json<Vec<RouteSummary>> {
    let summary = |route: super::Route| RouteSummary {
        method: route.method.to_string(),
        path: route.path(),
        does: route.summary,
    };
    Json(all_routes().map(summary).collect())
}
