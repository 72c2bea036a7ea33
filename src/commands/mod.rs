//! The REST commands, and the table of them.
//!
//! A new command is one file here and one line in [`routes`]. Path, signature check, call
//! frequency, JSON errors, envelope and log line follow from the table.

mod body;
mod friend_add;

use crate::middleware::body::ReceivedBody;
use crate::middleware::user_sig::{self, Caller};
use crate::middleware::{Gate, rate_limit};
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UnixTime};
use crate::protocol::reply::{Answer, CallError, Nothing, Reply};
use crate::protocol::service::CommandInfo;
use crate::sns::model::SnsPolicy;
use crate::state::AppState;
use crate::store::Store;
use axum::Router;
use axum::extract::{Extension, State};
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::any;
use serde::de::DeserializeOwned;
use std::future::Future;
use tower::ServiceBuilder;

/// THE TABLE of commands, one line each.
pub(crate) fn routes(state: &AppState) -> Router<AppState> {
    Router::new().merge(route::<friend_add::FriendAdd>(state))
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

fn route<C: Command>(state: &AppState) -> Router<AppState> {
    let path = format!("/v4/{}/{}", C::INFO.service.name(), C::INFO.name);
    let gate = Gate {
        state: state.clone(),
        command: const { &C::INFO },
    };
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state(gate.clone(), user_sig::verify))
        .layer(from_fn_with_state(gate, rate_limit::limit));
    // A browser's preflight carries no UserSig, so it passes neither.
    let guarded = any(serve::<C>).layer(layers).options(preflight);
    Router::new().route(&path, guarded)
}

async fn preflight() -> Reply<Nothing> {
    Reply::gateway(Ok(Nothing {}))
}

async fn serve<C: Command>(
    State(state): State<AppState>,
    caller: Caller,
    method: Method,
    Extension(body): Extension<ReceivedBody>,
) -> Reply<C::Response> {
    Reply::new(
        C::INFO.service,
        call::<C>(&state, &caller, &method, body).await,
    )
}

async fn call<C: Command>(
    state: &AppState,
    caller: &Caller,
    method: &Method,
    body: ReceivedBody,
) -> Result<C::Response, CallError> {
    // Here, not in the router: Tencent looks at the UserSig first, whatever the method (seen).
    if method != Method::POST {
        return Err(Code::WrongMethod.into());
    }
    let request = body::decode::<C::Request>(body, C::INFO.service)?;
    let context = CallContext {
        app: caller.app.sdkappid,
        store: &state.store,
        policy: &state.config.sns,
        now: state.clock.now().unix_time(),
    };
    C::handle(context, request).await
}
