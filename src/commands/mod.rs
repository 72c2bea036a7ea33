//! The REST commands, and the table of them.
//!
//! A new command is one file here and one line in [`routes`]. Path, signature check, call
//! frequency, JSON errors, envelope and log line follow from the table.

mod body;
mod friend_add;

use crate::gateway;
use crate::protocol::ids::{SdkAppId, UnixTime};
use crate::protocol::reply::{Answer, CallError, Notes, Nothing, Reply};
use crate::protocol::service::CommandInfo;
use crate::sns::model::SnsPolicy;
use crate::state::AppState;
use crate::store::Store;
use axum::Router;
use axum::extract::{Request, State};
use axum::routing::any;
use serde::de::DeserializeOwned;
use std::future::Future;

/// THE TABLE of commands, one line each.
pub(crate) fn routes() -> Router<AppState> {
    Router::new().merge(route::<friend_add::FriendAdd>())
}

/// One command of the REST API.
pub(crate) trait Command: 'static {
    /// Where it is, and how often its page lets an app call it.
    const INFO: CommandInfo;

    /// The body, as lenient as the protocol is.
    type Request: DeserializeOwned + Send;

    /// The command's own part of a successful answer.
    type Response: Answer + Send;

    /// Understands, judges, answers.
    fn handle(
        context: CallContext<'_>,
        request: Self::Request,
    ) -> impl Future<Output = Result<Self::Response, CallError>> + Send;
}

/// What a command may see of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallContext<'a> {
    pub(crate) app: SdkAppId,
    pub(crate) store: &'a Store,
    pub(crate) policy: &'a SnsPolicy,
    pub(crate) now: UnixTime,
}

fn route<C: Command>() -> Router<AppState> {
    let path = format!("/v4/{}/{}", C::INFO.service.name(), C::INFO.name);
    // A browser's preflight carries no UserSig, so it is answered as it comes.
    Router::new().route(&path, any(serve::<C>).options(preflight))
}

async fn preflight() -> Reply<Nothing> {
    Reply::gateway(Ok(Nothing {}))
}

/// The same for all: what happens to a call of a command, in this order.
async fn serve<C: Command>(State(state): State<AppState>, call: Request) -> Reply<C::Response> {
    let mut notes = Notes::default();
    let result = answer::<C>(&state, call, &mut notes).await;
    Reply::new(C::INFO.service, result).with_notes(notes)
}

async fn answer<C: Command>(
    state: &AppState,
    call: Request,
    notes: &mut Notes,
) -> Result<C::Response, CallError> {
    let (call, body) = call.into_parts();
    let now = state.clock.now();
    let app = match gateway::admit(state, const { &C::INFO }, &call, now, notes) {
        Ok(app) => app,
        Err(refusal) => {
            gateway::body::discard(body, &state.config).await;
            return Err(refusal);
        }
    };
    let body = gateway::body::receive(body, &state.config).await;
    let request = body::decode::<C::Request>(body, C::INFO.service)?;
    let context = CallContext {
        app: app.sdkappid,
        store: &state.store,
        policy: &state.config.sns,
        now: now.unix_time(),
    };
    C::handle(context, request).await
}
