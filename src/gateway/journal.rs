//! Sees every end of a call, refusals too: counts it, and writes it into the journal and the log.

use crate::client_ip::ClientIp;
use crate::clock::Moment;
use crate::http::Answered;
use crate::journal::Record;
use crate::protocol::query::{named_app, redact_query};
use crate::protocol::reply::{CallLogInfo, Outcome, Tally};
use crate::protocol::user_sig::redact_text;
use crate::state::AppState;
use crate::world::World;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tracing::{Level, enabled, info};

/// Where the commands are.
const ROOT: &str = "/v4/";

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
    /// The process's uptime.
    began: Duration,
}

impl Arrival {
    pub(crate) fn new(state: &AppState, client: ClientIp) -> Self {
        let world = state.world();
        Self {
            at: world.clock.now(),
            began: state.uptime(),
            world,
            client,
        }
    }

    /// Sees the end of the call that arrived so.
    pub(crate) fn end(self, state: &AppState, call: &Parts, answered: Answered) -> Response {
        let Answered {
            mut response,
            outcome,
        } = answered;
        // To whoever asks a proxy for a tunnel, 200 would be one.
        if call.method == Method::CONNECT && response.status().is_success() {
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        let took = state.uptime().saturating_sub(self.began);
        let command = match outcome.command {
            Some(_) => call.uri.path().strip_prefix(ROOT).unwrap_or_default(),
            None => plain(call.uri.path()),
        };
        let warning = outcome.notes.odd_random.as_deref().map(about_random);
        let warning = warning.as_deref();
        state.metrics.count(&outcome, took);
        if self.world.journal.is_kept() {
            let query = call.uri.query().unwrap_or_default();
            let CallLogInfo {
                app,
                generation,
                request,
                ..
            } = &outcome.notes;
            let record = Record {
                at: self.at,
                took,
                app: app.or_else(|| named_app(query)),
                generation: *generation,
                code: outcome.code,
                status: response.status().as_u16(),
                method: method(&call.method),
                command,
                query: &redact_query(query),
                warning: warning.unwrap_or_default(),
                request,
                response: &outcome.answer,
            };
            self.write_down(state, &record);
        } else {
            self.world.journal.pass();
        }
        if enabled!(Level::INFO) {
            write_line(command, &outcome, warning, took.as_micros() as f64 / 1000.0);
        }
        response
    }

    /// Of an app that was reset meanwhile, nobody wants to hear; and a journal that has a successor
    /// may not count on.
    fn write_down(&self, state: &AppState, record: &Record<'_>) {
        let journal = &self.world.journal;
        let is_current = |now: &World| match (record.app, record.generation) {
            _ if !Arc::ptr_eq(&now.journal, journal) => false,
            (Some(app), Some(generation)) => now.has(app, generation),
            _ => true,
        };
        state.look(|now| is_current(now).then(|| journal.write(record)));
    }
}

/// Taken out of the call that it came with.
impl<S: Sync> FromRequestParts<S> for Arrival {
    type Rejection = Infallible;

    async fn from_request_parts(call: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let arrival = call.extensions.remove();
        Ok(arrival.expect("the server puts one into each call"))
    }
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

/// Never a UserSig, a key or a body: of the query string, only what `CallLogInfo` took from it.
fn write_line(command: &str, outcome: &Outcome, warning: Option<&str>, duration_ms: f64) {
    let Outcome {
        code,
        detail,
        notes: CallLogInfo { app, .. },
        ..
    } = outcome;
    info!(
        sns.command = %command,
        app.id = app.map(|app| app.get()),
        error.code = code.number(),
        duration_ms,
        detail = (!detail.is_empty()).then(|| shortened(&redact_text(detail)).to_owned()),
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

/// What of a path without a command is worth a line: no command has other letters, and what a client
/// puts behind them by mistake may be its query, and so its UserSig.
fn plain(path: &str) -> &str {
    let path = path.strip_prefix(ROOT).unwrap_or(path);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '/';
    let beginning = shortened(path.split(|c| !is_plain(c)).next().unwrap_or_default());
    let names = beginning.split_inclusive('/');
    let end = names.take_while(|name| name.len() <= LONGEST_NAME);
    &beginning[..end.map(str::len).sum()]
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}
