//! The control API, `/_emulator/v1`: the emulator's own API, for tests and developers. Ordinary
//! HTTP: real status codes, strict validation, and errors that name all invalid fields at once.
//!
//! A new route is one line in [`table`], a handler in the file of its resource, and an example in
//! `examples.json` (see [`examples`]). The handler is an async function of extractors, whose types
//! also describe the route in `openapi.json`. What a route and a method of the Rust API both do is one
//! function, which the handler and `emulator` call.

pub(crate) mod accounts;
pub(crate) mod apps;
mod arrange;
pub(crate) mod clock;
mod code_name;
mod codes;
mod drawing;
mod edits;
mod events;
mod examples;
mod explain;
pub(crate) mod extract;
mod fault_document;
pub(crate) mod faults;
mod guard;
pub(crate) mod limits;
mod openapi;
pub(crate) mod page;
pub(crate) mod problem;
mod process;
mod rate;
mod receive;
pub(crate) mod recorded;
pub(crate) mod redact;
pub(crate) mod requests;
mod route;
mod routes;
mod schemas;
mod snapshots;
mod state;
mod stubs;
mod tls;
mod unknown_route;
mod user_sig;
mod webhooks;
mod written;

use crate::accounts::MAX_ACCOUNTS_BYTES;
use crate::gateway::body;
use crate::protocol::ids::UserId;
use crate::state::AppState;
use crate::store::Accounts;
use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use problem::Problem;
use route::{Route, route};
use std::sync::atomic::{AtomicU64, Ordering};
use unknown_route::{not_found, wrong_method};

/// The path under which the control API is served.
pub const PREFIX: &str = "/_emulator/v1";

/// The table of control routes, one line each. A `long` route reads or writes a whole app, a long
/// list or the journal; it runs on the control API's own runtime.
#[rustfmt::skip]
fn table() -> Vec<Route> {
    vec![
        route(Method::GET, "/healthz", "200 when the process is up.", process::up),
        route(Method::GET, "/readyz", "200 when all configured accounts exist and calls are served.", process::up),
        route(Method::GET, "/health", "Version, pid, start time, uptime, listen address, apps.", process::health),
        route(Method::GET, "/openapi.json", "This API and Tencent's as OpenAPI 3.1, generated from the types of requests and answers.", openapi::show).long(),
        route(Method::GET, "/codes", "Every code: number, text, meaning, causes, how to get it, how to fix it, how it is known.", codes::list),
        route(Method::GET, "/codes/{code}", "The outcomes with this number or name.", codes::show),
        route(Method::GET, "/config", "The effective configuration: each value and its origin; secrets are redacted.", process::config),
        route(Method::GET, "/tls/ca", "The certificate of the CA that clients of HTTPS must trust, as PEM.", tls::ca).long(),
        route(Method::POST, "/reset", "Resets everything to the configured start: apps, journal, webhook deliveries, faults, clock, limits.", process::reset).long(),
        route(Method::GET, "/apps", "All apps.", apps::list),
        route(Method::POST, "/apps", "Creates an app, isolated from all others, and a UserSig for calls to it.", apps::create).long().max_body_bytes(MAX_ACCOUNTS_BYTES),
        route(Method::GET, "/apps/{sdkappid}", "One app.", apps::show),
        route(Method::DELETE, "/apps/{sdkappid}", "Removes an app.", apps::remove).long(),
        route(Method::POST, "/apps/{sdkappid}/reset", "Resets one app to its start.", apps::reset).long(),
        route(Method::POST, "/apps/{sdkappid}/user_sig", "Creates a UserSig, also one that is wrong on purpose.", user_sig::make),
        route(Method::POST, "/apps/{sdkappid}/user_sig/inspect", "What is in a UserSig, whether a call with it is admitted, why not, and what to do.", user_sig::inspect),
        route(Method::GET, "/apps/{sdkappid}/accounts", "The app's accounts.", accounts::list).long(),
        route(Method::GET, "/apps/{sdkappid}/accounts/{user}", "One account with all its lists.", accounts::show).long(),
        route(Method::PUT, "/apps/{sdkappid}/accounts/{user}", "Creates or changes an account: AllowType, friends, blocklist, groups, pending requests.", accounts::put).long().max_body_bytes(MAX_ACCOUNTS_BYTES),
        route(Method::DELETE, "/apps/{sdkappid}/accounts/{user}", "Deletes an account, and removes it from all other accounts' lists.", accounts::remove).long(),
        route(Method::POST, "/apps/{sdkappid}/pending/{from}/{to}", "Answers a pending request, as the client of its receiver would.", accounts::respond).long(),
        route(Method::POST, "/apps/{sdkappid}/arrange", "Makes the smallest state in which a command answers a code (friend_add by default), and returns the request that gets it.", arrange::arrange).long(),
        route(Method::POST, "/apps/{sdkappid}/explain", "What friend_add would answer to a body, why, and the change that would make the code 0. Writes nothing.", explain::explain).long(),
        route(Method::GET, "/apps/{sdkappid}/state", "The whole relationship graph, as JSON or as a drawing.", state::show).long(),
        route(Method::PUT, "/apps/{sdkappid}/state", "Replaces all accounts with a saved graph.", state::replace).long().max_body_bytes(usize::MAX),
        route(Method::GET, "/state", "The relationship graphs of all configured apps, as the state file has them.", state::show_all).long(),
        route(Method::PUT, "/state", "Replaces all accounts of configured apps with saved graphs. An app that the body lacks stays as it is.", state::replace_all).long().max_body_bytes(usize::MAX),
        route(Method::GET, "/apps/{sdkappid}/snapshots", "The names of the snapshots.", snapshots::list),
        route(Method::POST, "/apps/{sdkappid}/snapshots/{name}", "Saves the app's accounts under a name, in memory.", snapshots::save).long(),
        route(Method::DELETE, "/apps/{sdkappid}/snapshots/{name}", "Deletes a snapshot.", snapshots::remove).long(),
        route(Method::POST, "/apps/{sdkappid}/snapshots/{name}/restore", "Restores the app's accounts from a snapshot.", snapshots::restore).long(),
        route(Method::GET, "/apps/{sdkappid}/snapshots/{name}/diff", "The changes since a snapshot: accounts and relations that were added, removed or changed.", snapshots::diff).long(),
        route(Method::GET, "/apps/{sdkappid}/limits", "The rate limit of each command, and the remaining tokens.", limits::show),
        route(Method::PUT, "/apps/{sdkappid}/limits", "Sets the rate limits of single commands.", limits::put),
        route(Method::GET, "/apps/{sdkappid}/clock", "The time of the app's clock, and whether the clock is held (stopped).", clock::show_of_app),
        route(Method::POST, "/apps/{sdkappid}/clock/hold", "Stops the app's clock, at a given time or at its present one.", clock::hold_of_app),
        route(Method::POST, "/apps/{sdkappid}/clock/advance", "Moves the app's clock forward. A running clock goes on, and a held clock stays held.", clock::advance_of_app),
        route(Method::POST, "/apps/{sdkappid}/clock/release", "Lets the app's clock, if it is held, run on from its time.", clock::release_of_app),
        route(Method::POST, "/apps/{sdkappid}/clock/reset", "Makes the app's clock a copy of the emulator's clock again, as it was at first.", clock::reset_of_app),
        route(Method::GET, "/apps/{sdkappid}/stubs", "The stubs: commands that answer from a template, built in or of the app.", stubs::list),
        route(Method::PUT, "/apps/{sdkappid}/stubs/{service}/{command}", "Makes a stub of the app, also in place of a built-in one.", stubs::put),
        route(Method::DELETE, "/apps/{sdkappid}/stubs/{service}/{command}", "Removes a stub of the app.", stubs::remove),
        route(Method::GET, "/faults", "Every armed fault, with its hits and the number left.", faults::list),
        route(Method::PUT, "/faults", "Replaces all faults with the given ones.", faults::replace),
        route(Method::POST, "/faults", "Arms a fault.", faults::add),
        route(Method::DELETE, "/faults", "Disarms all faults.", faults::clear),
        route(Method::DELETE, "/faults/{id}", "Disarms a fault.", faults::remove),
        route(Method::POST, "/faults/verify", "200 if every fault has been consumed; else 409, with each fault that has not. With sdkappid, only faults of this app: a fault without sdkappid is of no app.", faults::verify),
        route(Method::GET, "/requests", "The newest recorded calls, in the order of their arrival.", requests::list).long(),
        route(Method::DELETE, "/requests", "Empties the journal.", requests::clear).long(),
        route(Method::GET, "/requests/count", "The number of calls that match.", requests::count).long(),
        route(Method::GET, "/requests/wait", "Waits until a number of calls match; 408 after the timeout.", requests::wait).long().waits(),
        route(Method::GET, "/requests/{id}/explain", "Why a recorded call got its answer: the code, its causes, what to do, and the present facts.", explain::request::explain).long(),
        route(Method::GET, "/requests/rate", "The rate of calls: the busiest second and other windows, and the calls over the limit.", rate::rate).long(),
        route(Method::GET, "/events", "A stream of the calls, as server-sent events.", events::events).long(),
        route(Method::GET, "/webhooks", "The recent deliveries of webhooks, oldest first.", webhooks::list).long(),
        route(Method::DELETE, "/webhooks", "Removes the recorded deliveries.", webhooks::clear).long(),
        route(Method::GET, "/webhooks/wait", "Waits until a number of deliveries match; 408 after the timeout.", webhooks::wait).long().waits(),
        route(Method::GET, "/clock", "The time of the emulator's clock, and whether the clock is held (stopped).", clock::show),
        route(Method::POST, "/clock/hold", "Stops the emulator's clock and the clocks of all apps, at a given time or each at its present one.", clock::hold),
        route(Method::POST, "/clock/advance", "Moves all clocks forward. A running clock goes on, and a held clock stays held.", clock::advance),
        route(Method::POST, "/clock/release", "Lets all held clocks run on, each from its time.", clock::release),
        route(Method::POST, "/clock/reset", "Lets all clocks run with the real time again.", clock::reset),
    ]
}

/// The probes, which are also served without the prefix: the path of a health check often cannot be
/// configured.
///
/// `/healthz` and `/readyz` are both 200 from the first connection on, because the port is bound
/// only when everything is seeded.
fn probes() -> Vec<Route> {
    let is_probe = |route: &Route| ["/healthz", "/readyz"].contains(&route.path);
    let probes = table().into_iter().filter(is_probe);
    probes.map(Route::without_prefix).collect()
}

/// `/metrics`, where Prometheus looks for it.
fn metrics() -> Route {
    let summary = "Calls by command and code, latencies, calls over the rate limit, webhooks by result, and sizes, for Prometheus.";
    route(Method::GET, "/metrics", summary, process::metrics).without_prefix()
}

/// The list of routes.
fn index() -> Route {
    route(
        Method::GET,
        "",
        "The routes of the control API.",
        routes::list,
    )
}

/// All routes, with and without the prefix.
fn all_routes() -> impl Iterator<Item = Route> {
    let control = [index()].into_iter().chain(table());
    control.chain(probes()).chain([metrics()])
}

/// The router of the probes, `/metrics` and the control API.
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
    let index = index().service(state).fallback(wrong_method);
    let emulator = Router::new()
        .route("/v1", index.clone())
        .route("/v1/", index)
        .nest("/v1", control)
        .fallback(not_found);
    let guarded = serve(Router::new(), metrics())
        .method_not_allowed_fallback(wrong_method)
        .nest("/_emulator", emulator)
        .layer(from_fn_with_state(state.clone(), guard::check_token))
        // Outermost, so that a web page does not learn whether a token is required.
        .layer(from_fn_with_state(state.clone(), guard::check_origin));
    // The page has nothing that needs a token.
    let page = Router::new()
        .route("/_emulator", any(page::show))
        .route("/_emulator/", any(page::show))
        .route("/_emulator/page/{name}", any(page::file));
    probes.merge(page).merge(guarded)
}

/// Rejects a call without running a handler. The body is read first, so that a client that is still
/// sending gets the answer and not a reset connection.
async fn reject(state: &AppState, call: Request, problem: Problem) -> Response {
    body::discard(call.into_body(), state).await;
    problem.into_response()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sources};
    use axum::body::Body;
    use axum::http::StatusCode;
    use std::sync::{Arc, Mutex, mpsc};
    use std::time::Duration;
    use tokio::sync::mpsc::unbounded_channel;
    use tower::ServiceExt;

    #[tokio::test(flavor = "multi_thread")]
    async fn short_routes_answer_while_long_ones_are_busy() {
        let config = Config::load(&Sources::default()).expect("the defaults are good");
        let state = crate::state::Shared::new(config);
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let (begins, mut begun) = unbounded_channel();
        for _ in 0..8 {
            let (state, gate, begins) = (state.clone(), Arc::clone(&gate), begins.clone());
            let blocks = async move {
                let has_begun = begins.send(()).is_ok();
                has_begun && gate.lock().is_ok_and(|gate| gate.recv().is_ok())
            };
            let blocks = Box::pin(blocks);
            tokio::spawn(async move { state.background.run(blocks).await });
        }
        let moment = Duration::from_millis(200);
        while tokio::time::timeout(moment, begun.recv()).await.is_ok() {}
        let router = routes(&state).with_state(state);
        let get = async |path: &str| {
            let call = Request::get(path).body(Body::empty()).expect("a request");
            let answer = router.clone().oneshot(call);
            tokio::time::timeout(Duration::from_millis(500), answer).await
        };

        for path in ["/healthz", "/metrics", "/_emulator/v1/health"] {
            let answer = get(path).await.expect(path).expect("infallible");
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
        }
        let long = get("/_emulator/v1/requests").await;
        assert!(long.is_err(), "the background was not busy");
        drop(release);
    }
}
