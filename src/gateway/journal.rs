//! Sees every end of a call, refusals too: counts it, and writes it into the journal and the log.

use crate::clock::Moment;
use crate::journal::Record;
use crate::protocol::query::{named_app, struck};
use crate::protocol::reply::{Notes, Outcome, Tally};
use crate::protocol::user_sig::struck_text;
use crate::state::AppState;
use crate::webhooks::ClientIp;
use crate::world::World;
use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use std::fmt;
use std::sync::Arc;
use tokio::task::JoinError;
use tower::Service;
use tracing::{Level, enabled, info};

/// No more of a text that a client may have had a hand in is logged.
const LONGEST: usize = 200;

/// No service or command has a longer name, but a UserSig is longer.
const LONGEST_NAME: usize = 32;

/// The world that a call came into, and when and from where: it keeps all of it to its end.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) world: Arc<World>,
    pub(crate) at: Moment,
    pub(crate) client: ClientIp,
}

/// Has a call served, and sees its end.
///
/// Where a fault may hold a call up, its client may lose patience and hang up: the call is served to
/// its end all the same, as a slow server would, and is written down.
pub(crate) async fn observe(
    state: &AppState,
    client: ClientIp,
    call: Request,
    router: Router,
) -> Response {
    let world = state.world();
    let arrival = Arrival {
        at: world.clock.now(),
        world,
        client,
    };
    let meets_faults = call.uri().path().starts_with("/v4/");
    if arrival.world.faults.is_empty() || !meets_faults {
        return serve(state, arrival, call, router).await;
    }
    let state = state.clone();
    let served = tokio::spawn(async move { serve(&state, arrival, call, router).await });
    match served.await.map_err(JoinError::try_into_panic) {
        Ok(response) => response,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The runtime ends, and everything with it.
        Err(Err(_)) => std::future::pending().await,
    }
}

async fn serve(
    state: &AppState,
    arrival: Arrival,
    mut call: Request,
    mut router: Router,
) -> Response {
    let Arrival { at, .. } = arrival;
    let world = Arc::clone(&arrival.world);
    let began = state.uptime();
    let (method, uri) = (method(call.method()), call.uri().clone());
    call.extensions_mut().insert(arrival);

    let Ok(response) = router.call(call).await;

    let Some(outcome) = response.extensions().get::<Outcome>() else {
        return response;
    };
    let took = state.uptime().saturating_sub(began);
    let command = command(uri.path());
    state.metrics.count(outcome, took);
    let warning = outcome.notes.odd_random.as_deref().map(about_random);
    if world.journal.is_kept() {
        let Notes {
            app,
            generation,
            request,
            ..
        } = &outcome.notes;
        let query = uri.query().unwrap_or_default();
        let record = Record {
            at,
            took,
            app: app.or_else(|| named_app(query)),
            generation: *generation,
            code: outcome.code,
            status: response.status().as_u16(),
            method,
            command,
            query: &struck(query),
            warning: warning.as_deref().unwrap_or_default(),
            request,
            response: &outcome.answer,
        };
        // Of an app that was reset meanwhile, nobody wants to hear; and a journal that has a successor
        // may not count on.
        let is_current = |now: &World| match (app, generation) {
            _ if !Arc::ptr_eq(&now.journal, &world.journal) => false,
            (Some(app), Some(generation)) => now.has(*app, *generation),
            _ => true,
        };
        state.look(|now| is_current(now).then(|| world.journal.write(&record)));
    } else {
        world.journal.pass();
    }
    if enabled!(Level::INFO) {
        write_line(command, outcome, warning, took.as_micros() as f64 / 1000.0);
    }
    response
}

fn method(method: &Method) -> &'static str {
    match method.as_str() {
        "POST" => "POST",
        "GET" => "GET",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "CONNECT" => "CONNECT",
        _ => "other",
    }
}

fn about_random(random: &str) -> String {
    format!("random should be a decimal in 0..4294967295, as documented, and is {random:?}")
}

/// Never a UserSig, a key or a body: of the query string, only what `Notes` took from it.
fn write_line(command: &str, outcome: &Outcome, warning: Option<String>, duration_ms: f64) {
    let Outcome {
        code,
        detail,
        notes: Notes { app, .. },
        ..
    } = outcome;
    info!(
        sns.command = %command,
        app.id = app.map(|app| app.get()),
        error.code = code.number(),
        duration_ms,
        detail = (!detail.is_empty()).then(|| shortened(&struck_text(detail)).to_owned()),
        warning,
        "{}",
        Summary(command, outcome),
    );
}

struct Summary<'a>(&'a str, &'a Outcome);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(command, outcome) = self;
        match outcome.tally {
            Some(Tally { items, refused }) => {
                write!(f, "{command}: {items} items, {refused} refused")
            }
            None => write!(f, "{command}: {:?}", outcome.code),
        }
    }
}

/// What of a path is worth a line: no command has other letters, and what a client puts behind
/// them by mistake may be its query, and so its UserSig.
fn command(path: &str) -> &str {
    let path = path.strip_prefix("/v4/").unwrap_or(path);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '/';
    let plain = shortened(path.split(|c| !is_plain(c)).next().unwrap_or_default());
    let names = plain.split_inclusive('/');
    let end = names.take_while(|name| name.len() <= LONGEST_NAME);
    &plain[..end.map(str::len).sum()]
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}
