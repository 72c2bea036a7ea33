//! Ends every call, also a rejected call: counts it, and records it in the journal and the log.

use super::hint;
use crate::client_ip::ClientIp;
use crate::client_stream::Connection;
use crate::clock::{Moment, SystemMoment};
use crate::http::LoggedAnswer;
use crate::journal::{Call, Texts};
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::protocol::query::{named_app, redact_query};
use crate::protocol::reply::Tally;
use crate::state::AppState;
use crate::world::World;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use std::convert::Infallible;
use std::sync::Arc;
use tracing::{Level, enabled, info};

/// The path of the commands.
pub(crate) const ROOT: &str = "/v4/";

/// The longest text from a client that is logged, in bytes.
const MAX_TEXT_BYTES: usize = 200;

/// The longest part of a path that is logged, in bytes: a UserSig is longer, and no name of a service
/// or command is.
const MAX_NAME_BYTES: usize = 32;

/// The arrival of a call: when, from where, and the world that the call uses until it ends.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) world: Arc<World>,
    /// The system's clocks are read once for a call; the time on the clock of the call's app follows from
    /// it.
    pub(crate) at: SystemMoment,
    pub(crate) client: ClientIp,
    pub(crate) connection: Connection,
}

/// Facts about a call that the journal and the log record besides its answer.
#[derive(Debug, Default)]
pub(crate) struct CallLogInfo {
    /// The app that the query names, whether it exists or not.
    pub(crate) app: Option<SdkAppId>,
    /// When the call arrived, on the app's clock; `None` if the gateway found no app.
    pub(crate) at: Option<Moment>,
    /// A deviation from the documentation that was accepted.
    pub(crate) warning: Option<String>,
    /// From_Account, if the body was decoded and From_Account is a UserID.
    pub(crate) from_account: Option<UserId>,
    /// The body; empty if the gateway rejected the call.
    pub(crate) request: Bytes,
    /// Fields of the body that the command does not have, if the call failed.
    pub(crate) unknown_fields: Vec<String>,
    /// The id of the fault that ended the call, if one did.
    pub(crate) fault: Option<u64>,
    /// The id of the fault that decided each item; empty if no fault is armed.
    pub(crate) item_faults: Vec<Option<u64>>,
}

impl Arrival {
    pub(crate) fn new(state: &AppState, client: ClientIp, connection: Connection) -> Self {
        Self {
            at: SystemMoment::now(),
            world: state.world(),
            client,
            connection,
        }
    }

    /// Records the end of the call, and returns the response.
    pub(crate) fn end(
        self,
        state: &AppState,
        call: &Parts,
        answered: LoggedAnswer,
        info: CallLogInfo,
    ) -> Response {
        let took = self.at.elapsed();
        let name = answered.command.map_or("", |command| command.name);
        let is_admitted = !info.request.is_empty();
        state.metrics.count(name, answered.code, is_admitted, took);
        let command = match answered.command {
            Some(_) => call.uri.path().strip_prefix(ROOT).unwrap_or_default(),
            None => loggable(call.uri.path()),
        };
        let warning = info.warning.as_deref();
        let is_read =
            state.config.hints || self.world.journal.is_enabled() || enabled!(Level::INFO);
        let has_failed = answered.has_failed() || info.fault.is_some();
        let hint = match is_read && has_failed {
            true => hint::hint(state, &self, call, &info, &answered),
            false => String::new(),
        };
        let mut status = answered.response.status();
        // As the answer to CONNECT, status 200 would mean that a tunnel is open.
        if call.method == Method::CONNECT && status.is_success() {
            status = StatusCode::BAD_REQUEST;
        }
        let mut id = None;
        if self.world.journal.is_enabled() {
            let query = call.uri.query().unwrap_or_default();
            let app = info.app.or_else(|| named_app(query));
            let entry = Call {
                at: info.at.unwrap_or_else(|| self.moment(app)).wall,
                arrived: self.at.since(state.started),
                took,
                app,
                from_account: info.from_account,
                code: answered.code,
                status: status.as_u16(),
                method: method(&call.method),
            };
            let texts = Texts {
                command,
                query: &redact_query(query),
                warning: warning.unwrap_or_default(),
                hint: &hint,
                request: &info.request,
                response: &answered.body,
            };
            id = self.append(state, entry, texts);
        } else {
            self.world.journal.skip();
        }
        if enabled!(Level::INFO) {
            let duration_ms = took.as_micros() as f64 / 1000.0;
            write_line(command, &answered, info.app, &hint, warning, duration_ms);
        }
        let mut response = answered.response;
        *response.status_mut() = status;
        if state.config.hints && !hint.is_empty() {
            let control = state.config.control.enabled;
            let id = id.filter(|_| control);
            response
                .headers_mut()
                .insert(hint::HEADER, hint::header_value(&hint, id));
        }
        response
    }

    /// The arrival on an app's clock; on the emulator's clock, if the app does not exist.
    fn moment(&self, app: Option<SdkAppId>) -> Moment {
        let app = app.and_then(|app| self.world.apps.get(&app));
        app.map_or_else(|| self.world.clock.at(self.at), |app| app.clock.at(self.at))
    }

    /// Appends to the journal, unless the call's app or the journal was replaced meanwhile. Returns the
    /// id of the entry.
    fn append(&self, state: &AppState, call: Call, texts: Texts<'_>) -> Option<u64> {
        let Self { world, .. } = self;
        let app_in = |world: &World| Some(Arc::as_ptr(world.apps.get(&call.app?)?));
        let is_current = |now: &World| {
            std::ptr::eq(now, &**world)
                || Arc::ptr_eq(&now.journal, &world.journal)
                    && app_in(world).is_none_or(|app| app_in(now) == Some(app))
        };
        state.look(|now| is_current(now).then(|| world.journal.append(call, texts)))
    }
}

/// The server inserts an `Arrival` into the extensions of each call.
impl<S: Sync> FromRequestParts<S> for Arrival {
    type Rejection = Infallible;

    async fn from_request_parts(call: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let arrival = call.extensions.remove();
        Ok(arrival.expect("the server inserts it into each call"))
    }
}

pub(super) fn method(method: &Method) -> &'static str {
    let known = [
        "POST", "GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT",
    ];
    let found = known.into_iter().find(|name| method == name);
    found.unwrap_or("other")
}

/// Logs a call. The line never contains a UserSig, a key or a body; of the query, the hint may quote the
/// identifier.
fn write_line(
    command: &str,
    answered: &LoggedAnswer,
    app: Option<SdkAppId>,
    hint: &str,
    warning: Option<&str>,
    duration_ms: f64,
) {
    let LoggedAnswer { code, tally, .. } = answered;
    let summary = match tally {
        Some(Tally { items, refused, .. }) => format!("{items} items, {refused} refused"),
        None if *code == Code::Ok => "OK".to_owned(),
        None => format!("error {}", code.number()),
    };
    info!(
        sns.command = %command,
        app.id = app.map(|app| app.get()),
        error.code = code.number(),
        duration_ms,
        hint = (!hint.is_empty()).then_some(hint),
        warning,
        "{command}: {summary}",
    );
}

/// The beginning of a path that can be the name of a command. The rest is not logged: it may be a
/// query, with a UserSig, that the client put there by mistake.
pub(crate) fn loggable(path: &str) -> &str {
    let path = path.strip_prefix(ROOT).unwrap_or(path);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '/';
    let beginning = shortened(path.split(|c| !is_plain(c)).next().unwrap_or_default());
    let names = beginning.split_inclusive('/');
    let end = names.take_while(|name| name.len() <= MAX_NAME_BYTES);
    &beginning[..end.map(str::len).sum()]
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}
