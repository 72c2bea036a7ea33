//! The REST commands, and the table of them.
//!
//! A new command is one file here and one line in [`routes`]. Path, signature check, call
//! frequency, JSON errors, envelope and log line follow from the table.

mod account_check;
mod account_delete;
mod account_import;
mod black_list_add;
mod black_list_check;
mod black_list_delete;
mod black_list_get;
mod body;
mod check;
mod context;
mod friend_add;
mod friend_check;
mod friend_delete;
mod friend_delete_all;
mod friend_get;
mod friend_get_list;
mod friend_import;
mod friend_update;
mod group_add;
mod group_delete;
mod group_get;
mod multiaccount_import;
mod portrait_get;
mod portrait_set;

use crate::gateway;
use crate::protocol::reply::{Answer, CallError, Notes, Nothing, Reply};
use crate::protocol::service::CommandInfo;
use crate::state::AppState;
use axum::Router;
use axum::extract::{Request, State};
use axum::routing::any;
use context::CallContext;
use serde::de::DeserializeOwned;
use std::future::Future;

/// THE TABLE of commands, one line each.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .merge(route::<friend_add::FriendAdd>())
        .merge(route::<friend_import::FriendImport>())
        .merge(route::<friend_update::FriendUpdate>())
        .merge(route::<friend_delete::FriendDelete>())
        .merge(route::<friend_delete_all::FriendDeleteAll>())
        .merge(route::<friend_check::FriendCheck>())
        .merge(route::<friend_get::FriendGet>())
        .merge(route::<friend_get_list::FriendGetList>())
        .merge(route::<black_list_add::BlackListAdd>())
        .merge(route::<black_list_delete::BlackListDelete>())
        .merge(route::<black_list_get::BlackListGet>())
        .merge(route::<black_list_check::BlackListCheck>())
        .merge(route::<group_add::GroupAdd>())
        .merge(route::<group_delete::GroupDelete>())
        .merge(route::<group_get::GroupGet>())
        .merge(route::<account_import::AccountImport>())
        .merge(route::<multiaccount_import::MultiaccountImport>())
        .merge(route::<account_delete::AccountDelete>())
        .merge(route::<account_check::AccountCheck>())
        .merge(route::<portrait_set::PortraitSet>())
        .merge(route::<portrait_get::PortraitGet>())
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
    Reply::new(const { &C::INFO }, result).with_notes(notes)
}

async fn answer<C: Command>(
    state: &AppState,
    call: Request,
    notes: &mut Notes,
) -> Result<C::Response, CallError> {
    let (call, body) = call.into_parts();
    let now = state.clock.now();
    let command = const { &C::INFO };
    let caller = match gateway::admit(state, command, &call, now, notes) {
        Ok(caller) => caller,
        Err(refusal) => {
            gateway::body::discard(body, &state.config).await;
            return Err(refusal);
        }
    };
    let body = gateway::body::receive(body, &state.config).await;
    let request = body::decode::<C::Request>(body, C::INFO.service)?;
    if let Some(code) = state.faults.of_call(caller.app.sdkappid, command.name) {
        return Err(code.into());
    }
    let context = CallContext {
        command,
        app: &caller.app,
        policy: &state.config.sns,
        faults: &state.faults,
        admin: caller.admin,
        client: call.extensions.get().copied().unwrap_or_default(),
        now,
    };
    C::handle(context, request).await
}
