//! The control API, `/_emulator/v1`: for tests and people, not Tencent's. Ordinary HTTP: real status
//! codes, strict requests, and every fault of a request named at once.
//!
//! A new route is one line in [`table`] and its handler in the file of its resource. How it is called
//! and how `openapi.json` describes it follow from the handler's types.

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
mod fault_document;
mod faults;
mod guard;
mod limits;
mod openapi;
mod problem;
mod process;
mod rate;
mod redact;
mod request;
mod requests;
mod route;
mod snapshots;
mod state;

use crate::gateway::body;
use crate::protocol::ids::UserId;
use crate::state::AppState;
use crate::store::Accounts;
use axum::Router;
use axum::extract::{OriginalUri, Request, State};
use axum::http::{Method as HttpMethod, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::any;
use guard::guard;
use problem::Problem;
use route::Method::{Delete, Get, Post, Put};
use route::{Route, route};
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the control API is.
const PREFIX: &str = "/_emulator/v1";

/// The longest path that is compared with routes, in bytes.
const LONGEST: usize = 100;

/// Near routes that a 404 names.
const NEAR: usize = 3;

/// THE TABLE of control routes, one line each.
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
        ),
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
        ),
        route(Get, "/apps", "All apps.", apps::list),
        route(
            Post,
            "/apps",
            "Makes an app, isolated from every other, and a UserSig to call it with.",
            apps::create,
        ),
        route(Get, "/apps/{sdkappid}", "One app.", apps::show),
        route(Delete, "/apps/{sdkappid}", "Removes an app.", apps::remove),
        route(
            Post,
            "/apps/{sdkappid}/reset",
            "Puts one app back to its start.",
            apps::reset,
        ),
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
        ),
        route(
            Get,
            "/apps/{sdkappid}/accounts/{user}",
            "One account, whole.",
            accounts::show,
        ),
        route(
            Put,
            "/apps/{sdkappid}/accounts/{user}",
            "Makes or changes an account: AllowType, friends, blocklist, groups, pending requests.",
            accounts::put,
        ),
        route(
            Delete,
            "/apps/{sdkappid}/accounts/{user}",
            "Deletes an account, and takes it out of everybody's lists.",
            accounts::remove,
        ),
        route(
            Post,
            "/apps/{sdkappid}/pending/{from}/{to}",
            "Answers a pending request, as the other user's client would.",
            accounts::respond,
        ),
        route(
            Post,
            "/apps/{sdkappid}/arrange",
            "Builds the smallest state in which friend_add answers a code, and the request that meets it.",
            arrange::arrange,
        ),
        route(
            Post,
            "/apps/{sdkappid}/explain",
            "What a friend_add body would be told, why, and what would make it 0. Writes nothing.",
            explain::explain,
        ),
        route(
            Get,
            "/apps/{sdkappid}/state",
            "The whole relationship graph, as JSON or drawn.",
            state::show,
        ),
        route(
            Put,
            "/apps/{sdkappid}/state",
            "Puts a saved graph in the place of all accounts.",
            state::replace,
        ),
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
        ),
        route(
            Delete,
            "/apps/{sdkappid}/snapshots/{name}",
            "Forgets a snapshot.",
            snapshots::forget,
        ),
        route(
            Post,
            "/apps/{sdkappid}/snapshots/{name}/restore",
            "Puts the app's accounts back to a snapshot.",
            snapshots::restore,
        ),
        route(
            Get,
            "/apps/{sdkappid}/snapshots/{name}/diff",
            "What has changed since a snapshot: accounts, and edges added, removed and changed.",
            snapshots::diff,
        ),
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
        ),
        route(Delete, "/requests", "Empties the journal.", requests::clear),
        route(
            Get,
            "/requests/count",
            "How many calls match.",
            requests::count,
        ),
        route(
            Get,
            "/requests/wait",
            "Waits until so many calls match; 408 when they do not come in time.",
            requests::wait,
        ),
        route(
            Get,
            "/requests/rate",
            "How often was called: the busiest second and more, and whether that breaks the limit.",
            rate::rate,
        ),
        route(
            Get,
            "/events",
            "The calls as they come, as server-sent events.",
            events::events,
        ),
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

/// What is served outside the prefix as well: for whom the path is not his to choose.
///
/// `/healthz` and `/readyz` are both 200 from the first connection on, because nothing is bound
/// before everything is seeded.
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

/// All routes, wherever they are.
fn all() -> impl Iterator<Item = Route> {
    table().into_iter().chain(probes()).chain([metrics()])
}

/// The emulator's own routes.
pub(crate) fn routes(state: &AppState) -> Router<AppState> {
    let serve = |routes: Router<AppState>, route: Route| routes.route(route.path, route.handler);
    let probes = probes().into_iter().fold(Router::new(), serve);
    let probes = probes.method_not_allowed_fallback(wrong_method);
    if !state.config.control.enabled {
        return probes;
    }
    let control = table().into_iter().fold(Router::new(), serve);
    let control = control
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method);
    // What is under `/_emulator` never reaches Tencent's routes.
    let emulator = Router::new().nest("/v1", control).fallback(not_found);
    let guarded = serve(Router::new(), metrics())
        .method_not_allowed_fallback(wrong_method)
        .nest("/_emulator", emulator)
        .route("/_emulator/", any(not_found))
        .layer(from_fn_with_state(state.clone(), guard));
    probes.merge(guarded)
}

/// Under the prefix there is no such route: names those that may have been meant.
async fn not_found(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    call: Request,
) -> Problem {
    body::discard(call.into_body(), &state.config).await;
    let path = uri.path();
    let mut near: Vec<_> = table()
        .into_iter()
        .map(|route| (likeness(path, &route.path()), route))
        .collect();
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let near: Vec<_> = near
        .iter()
        .take(NEAR)
        .map(|(_, route)| format!("{} {}", route.method.name(), route.path()))
        .collect();
    Problem::not_found(format!("there is no {path}; near are {}", near.join(", ")))
}

/// How like a path is to a route's, whose `{names}` stand for anything. Of a long path, its beginning
/// counts: the time that this takes grows with the square of it.
fn likeness(path: &str, route: &str) -> f64 {
    let path = &path[..path.floor_char_boundary(LONGEST)];
    let (parts, known): (Vec<_>, Vec<_>) = (path.split('/').collect(), route.split('/').collect());
    let filled: Vec<_> = known
        .iter()
        .enumerate()
        .map(|(at, known)| match parts.get(at) {
            Some(part) if known.starts_with('{') => part,
            _ => known,
        })
        .copied()
        .collect();
    strsim::normalized_damerau_levenshtein(path, &filled.join("/"))
}

async fn wrong_method(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    method: HttpMethod,
    call: Request,
) -> Problem {
    body::discard(call.into_body(), &state.config).await;
    let detail = format!("{} takes no {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
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
