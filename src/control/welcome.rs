//! The first page in a browser, and the list of routes.

use super::unknown_route::not_found;
use super::{PREFIX, all_routes};
use crate::state::AppState;
use axum::Json;
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::{Html, IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

/// The page has no script, and everything in it is from this server.
const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::VARY, HeaderValue::from_static("Accept")),
];

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

/// Whether a call wants the page: a browser that opens `/`, unless the control API is off.
pub(crate) fn is_wanted(state: &AppState, call: &Request) -> bool {
    state.config.control.enabled && call.uri().path() == "/" && accepts_html(call)
}

fn accepts_html(call: &Request) -> bool {
    let is_read = [Method::GET, Method::HEAD].contains(call.method());
    let accepted = call.headers().get_all(header::ACCEPT).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    let is_html = |range: &str| {
        let (media_type, parameters) = range.split_once(';').unwrap_or((range, ""));
        let is_refused =
            parameters.replace(' ', "").contains("q=0") && !parameters.contains("q=0.");
        media_type.trim().eq_ignore_ascii_case("text/html") && !is_refused
    };
    is_read && accepted.any(|ranges| ranges.split(',').any(is_html))
}

/// The page below the prefix, for a browser; 404 for others.
pub(super) async fn show(state: State<AppState>, uri: OriginalUri, call: Request) -> Response {
    match accepts_html(&call) {
        true => page(&state),
        false => not_found(state, uri, call).await,
    }
}

/// What this server is, and where its parts are.
pub(crate) fn page(state: &AppState) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    let lost = match state.config.state_file {
        Some(_) => {
            "the accounts of the configured apps are kept in the state file; everything else"
        }
        None => "what it keeps",
    };
    let mut rows = String::new();
    for route in all_routes() {
        let (method, path, summary) = (&route.method, route.path(), route.summary);
        let is_link = method == Method::GET && !path.contains('{');
        let place = match is_link {
            true => format!("<a href=\"{path}\"><code>{path}</code></a>"),
            false => format!("<code>{path}</code>"),
        };
        rows += &format!("<tr><td>{method}</td><td>{place}</td><td>{summary}</td></tr>\n");
    }
    let html = format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>tencent-chat-emulator</title>
</head>
<body>
<main>
<h1>tencent-chat-emulator {version}</h1>
<p>This server behaves like Tencent Cloud Chat's REST API <code>/v4</code>, for development and tests.
It is not Tencent's, and {lost} is lost when it stops.</p>
<ul>
<li><a href="{PREFIX}/requests?limit=20">The last calls</a> and what was wrong with them</li>
<li><a href="{PREFIX}/codes">All codes</a>: causes, and how to fix them</li>
<li><a href="{PREFIX}/apps">The apps</a>, with a UserSig for each</li>
<li><a href="{PREFIX}/openapi.json">openapi.json</a>: every command and route, with its fields</li>
</ul>
<h2>Routes of the control API</h2>
<table>
<thead><tr><th>Method</th><th>Path</th><th>Does</th></tr></thead>
<tbody>
{rows}</tbody>
</table>
</main>
</body>
</html>
"#
    );
    (HEADERS, Html(html)).into_response()
}
