//! The control API, `/_emulator/v1`: for tests and people, not Tencent's. Ordinary HTTP: real status
//! codes, strict requests, and all invalid fields of a request named at once.
//!
//! A new route is one line in [`table`] and a handler in the file of its resource: an async function
//! of extractors, whose types also describe the route in `openapi.json`.

mod account;
mod account_reader;
mod accounts;
mod apps;
mod arrange;
mod clock;
mod code_name;
mod drawing;
mod edits;
mod events;
mod explain;
mod extract;
mod fault_document;
mod faults;
mod guard;
mod limits;
mod openapi;
mod problem;
mod process;
mod rate;
mod redact;
mod requests;
mod route;
mod snapshots;
mod state;

use crate::gateway::body;
use crate::protocol::ids::UserId;
use crate::state::AppState;
use crate::store::Accounts;
use account::LARGE_BYTES;
use axum::Router;
use axum::extract::{OriginalUri, Request, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use problem::Problem;
use route::Method::{Delete, Get, Post, Put};
use route::{Route, route};
use std::sync::atomic::{AtomicU64, Ordering};

/// The path under which the control API is served.
const PREFIX: &str = "/_emulator/v1";

/// THE TABLE of control routes, one line each. A `long` route reads or writes a whole app, a long list
/// or the journal; it runs on the control API's own runtime.
fn table() -> Vec<Route> {
    vec![
        route(Get, "/healthz", "200 when the process is up.", process::up),
        route(
            Get,
            "/readyz",
            "200 when everything is seeded, and calls are served.",
            process::up,
        ),
        route(
            Get,
            "/health",
            "Version, pid, start time, uptime, listen address, apps.",
            process::health,
        ),
        route(
            Get,
            "/openapi.json",
            "This API and Tencent's as OpenAPI 3.1, made from the types that are read and answered.",
            openapi::show,
        ).long(),
        route(
            Get,
            "/codes",
            "Every code: number, text, meaning, how it is known, how to meet it.",
            process::codes,
        ),
        route(
            Get,
            "/config",
            "The effective configuration: each value, secrets struck out, and where it comes from.",
            process::config,
        ),
        route(
            Post,
            "/reset",
            "Puts everything back to the configured start: apps, journal, faults, clock, limits.",
            process::reset,
        ).long(),
        route(Get, "/apps", "All apps.", apps::list),
        route(
            Post,
            "/apps",
            "Makes an app, isolated from every other, and a UserSig to call it with.",
            apps::create,
        ).long(),
        route(Get, "/apps/{sdkappid}", "One app.", apps::show),
        route(Delete, "/apps/{sdkappid}", "Removes an app.", apps::remove).long(),
        route(
            Post,
            "/apps/{sdkappid}/reset",
            "Puts one app back to its start.",
            apps::reset,
        ).long(),
        route(
            Post,
            "/apps/{sdkappid}/user_sig",
            "Makes a UserSig.",
            apps::user_sig,
        ),
        route(
            Post,
            "/apps/{sdkappid}/user_sig/inspect",
            "What is in a UserSig, which step of its check fails, by how much, and the code that gives.",
            apps::inspect,
        ),
        route(
            Get,
            "/apps/{sdkappid}/accounts",
            "The app's accounts.",
            accounts::list,
        ).long(),
        route(
            Get,
            "/apps/{sdkappid}/accounts/{user}",
            "One account, whole.",
            accounts::show,
        ).long(),
        route(
            Put,
            "/apps/{sdkappid}/accounts/{user}",
            "Makes or changes an account: AllowType, friends, blocklist, groups, pending requests.",
            accounts::put,
        ).long().max_body_bytes(LARGE_BYTES),
        route(
            Delete,
            "/apps/{sdkappid}/accounts/{user}",
            "Deletes an account, and takes it out of everybody's lists.",
            accounts::remove,
        ).long(),
        route(
            Post,
            "/apps/{sdkappid}/pending/{from}/{to}",
            "Answers a pending request, as the other user's client would.",
            accounts::respond,
        ).long(),
        route(
            Post,
            "/apps/{sdkappid}/arrange",
            "Builds the smallest state in which friend_add answers a code, and the request that meets it.",
            arrange::arrange,
        ).long(),
        route(
            Post,
            "/apps/{sdkappid}/explain",
            "What a friend_add body would be told, why, and what would make it 0. Writes nothing.",
            explain::explain,
        ).long(),
        route(
            Get,
            "/apps/{sdkappid}/state",
            "The whole relationship graph, as JSON or drawn.",
            state::show,
        ).long(),
        route(
            Put,
            "/apps/{sdkappid}/state",
            "Puts a saved graph in the place of all accounts.",
            state::replace,
        ).long().max_body_bytes(LARGE_BYTES),
        route(
            Get,
            "/apps/{sdkappid}/snapshots",
            "The names of the snapshots.",
            snapshots::list,
        ),
        route(
            Post,
            "/apps/{sdkappid}/snapshots/{name}",
            "Keeps the graph as it is, in memory.",
            snapshots::save,
        ).long(),
        route(
            Delete,
            "/apps/{sdkappid}/snapshots/{name}",
            "Forgets a snapshot.",
            snapshots::forget,
        ).long(),
        route(
            Post,
            "/apps/{sdkappid}/snapshots/{name}/restore",
            "Puts the app's accounts back to a snapshot.",
            snapshots::restore,
        ).long(),
        route(
            Get,
            "/apps/{sdkappid}/snapshots/{name}/diff",
            "What has changed since a snapshot: accounts, and edges added, removed and changed.",
            snapshots::diff,
        ).long(),
        route(
            Get,
            "/apps/{sdkappid}/limits",
            "Calls per second by command, and the tokens that are left.",
            limits::show,
        ),
        route(
            Put,
            "/apps/{sdkappid}/limits",
            "Gives commands call frequencies of their own.",
            limits::put,
        ),
        route(
            Get,
            "/faults",
            "Every armed fault, with its hits and what is left.",
            faults::list,
        ),
        route(
            Put,
            "/faults",
            "Puts these faults in the place of all.",
            faults::replace,
        ),
        route(Post, "/faults", "Arms a fault.", faults::add),
        route(Delete, "/faults", "Disarms all faults.", faults::clear),
        route(Delete, "/faults/{id}", "Disarms a fault.", faults::remove),
        route(
            Post,
            "/faults/verify",
            "409 names every fault that has not been consumed.",
            faults::verify,
        ),
        route(
            Get,
            "/requests",
            "The last calls, the oldest first.",
            requests::list,
        ).long(),
        route(Delete, "/requests", "Empties the journal.", requests::clear).long(),
        route(
            Get,
            "/requests/count",
            "How many calls match.",
            requests::count,
        ).long(),
        route(
            Get,
            "/requests/wait",
            "Waits until so many calls match; 408 when they do not come in time.",
            requests::wait,
        ).long(),
        route(
            Get,
            "/requests/rate",
            "How often was called: the busiest second and more, and whether that breaks the limit.",
            rate::rate,
        ).long(),
        route(
            Get,
            "/events",
            "The calls as they come, as server-sent events.",
            events::events,
        ).long(),
        route(
            Get,
            "/clock",
            "What time it is, and whether the clock is held.",
            clock::show,
        ),
        route(
            Post,
            "/clock/hold",
            "Holds the clock, at a given time or where it is.",
            clock::hold,
        ),
        route(
            Post,
            "/clock/advance",
            "Moves the clock on, and holds it.",
            clock::advance,
        ),
        route(
            Post,
            "/clock/release",
            "Lets the clock run again.",
            clock::release,
        ),
    ]
}

/// The probes, which are served outside the prefix as well: the path of a health check often cannot
/// be configured.
///
/// `/healthz` and `/readyz` are both 200 from the first connection on, because the port is bound
/// only when everything is seeded.
fn probes() -> Vec<Route> {
    let is_probe = |route: &Route| ["/healthz", "/readyz"].contains(&route.path);
    let probes = table().into_iter().filter(is_probe);
    probes.map(Route::outside).collect()
}

/// `/metrics`, where Prometheus looks for it.
fn metrics() -> Route {
    let summary = "Calls by command and code, their latencies, refusals by the limiter, and how much there is, for Prometheus.";
    route(Get, "/metrics", summary, process::metrics).outside()
}

/// All routes, inside and outside the prefix.
fn all() -> impl Iterator<Item = Route> {
    table().into_iter().chain(probes()).chain([metrics()])
}

/// The emulator's own routes.
pub(crate) fn routes(state: &AppState) -> Router<AppState> {
    let serve =
        |routes: Router<AppState>, route: Route| routes.route(route.path, route.service(state));
    let probes = probes().into_iter().fold(Router::new(), serve);
    let probes = probes.method_not_allowed_fallback(wrong_method);
    if !state.config.control.enabled {
        return probes;
    }
    let control = table().into_iter().fold(Router::new(), serve);
    let control = control
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method);
    // Paths under `/_emulator` never reach Tencent's routes.
    let emulator = Router::new().nest("/v1", control).fallback(not_found);
    let guarded = serve(Router::new(), metrics())
        .method_not_allowed_fallback(wrong_method)
        .nest("/_emulator", emulator)
        .route("/_emulator/", any(not_found))
        .layer(from_fn_with_state(state.clone(), guard::check_token))
        // Outermost, so that a web page does not learn whether there is a token.
        .layer(from_fn_with_state(state.clone(), guard::check_origin));
    probes.merge(guarded)
}

/// Rejects a call without running a handler. The body is read first, so that a client that is still
/// sending gets the answer and not a reset connection.
async fn reject(state: &AppState, call: Request, problem: Problem) -> Response {
    body::discard(call.into_body(), &state.config).await;
    problem.into_response()
}

async fn not_found(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    call: Request,
) -> Response {
    let path = uri.path();
    let detail = format!("there is no route {path}; GET {PREFIX}/openapi.json lists the routes");
    reject(&state, call, Problem::not_found(detail)).await
}

async fn wrong_method(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    call: Request,
) -> Response {
    let detail = format!("{} takes no {}", uri.path(), call.method());
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail);
    reject(&state, call, problem).await
}

/// A UserID that no account of the app has.
fn unused_name(accounts: &Accounts, stem: &str) -> UserId {
    static LAST: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let name = UserId::parse(&format!("{stem}-{number}")).expect("short and printable");
        if accounts.get(name).is_none() {
            return name;
        }
    }
}
