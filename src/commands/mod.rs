//! The REST commands, and the table of them.
//!
//! A new command is one file here and one line in [`table`]. Path, signature check, call
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
pub(crate) mod context;
pub(crate) mod friend_add;
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

use crate::faults::{Ending, Subjects, Wire};
use crate::gateway;
use crate::gateway::journal::Arrival;
use crate::http::Answered;
use crate::protocol::code::Code;
use crate::protocol::reply::{Answer, CallError, CallLogInfo, NoFields, Reply};
use crate::protocol::service::CommandInfo;
use crate::state::AppState;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use context::CallContext;
pub(crate) use friend_add::FriendAdd;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use std::future::Future;
use std::sync::OnceLock;

/// THE TABLE of commands, one line each.
pub(crate) fn table() -> Vec<Row> {
    vec![
        row::<FriendAdd>(),
        row::<friend_import::FriendImport>(),
        row::<friend_update::FriendUpdate>(),
        row::<friend_delete::FriendDelete>(),
        row::<friend_delete_all::FriendDeleteAll>(),
        row::<friend_check::FriendCheck>(),
        row::<friend_get::FriendGet>(),
        row::<friend_get_list::FriendGetList>(),
        row::<black_list_add::BlackListAdd>(),
        row::<black_list_delete::BlackListDelete>(),
        row::<black_list_get::BlackListGet>(),
        row::<black_list_check::BlackListCheck>(),
        row::<group_add::GroupAdd>(),
        row::<group_delete::GroupDelete>(),
        row::<group_get::GroupGet>(),
        row::<account_import::AccountImport>(),
        row::<multiaccount_import::MultiaccountImport>(),
        row::<account_delete::AccountDelete>(),
        row::<account_check::AccountCheck>(),
        row::<portrait_set::PortraitSet>(),
        row::<portrait_get::PortraitGet>(),
    ]
}

/// A row of the table.
pub(crate) struct Row {
    pub(crate) info: &'static CommandInfo,
    /// The body's schema.
    pub(crate) request: fn(&mut SchemaGenerator) -> Schema,
    /// The answer's schema.
    pub(crate) reply: fn(&mut SchemaGenerator) -> Schema,
    handler: MethodRouter<AppState>,
}

/// The routes of all commands.
pub(crate) fn routes() -> Router<AppState> {
    let route = |routes: Router<AppState>, row: Row| routes.route(&row.info.path(), row.handler);
    table().into_iter().fold(Router::new(), route)
}

/// The command of that name.
pub(crate) fn named(name: &str) -> Option<&'static CommandInfo> {
    let mut rows = table().into_iter().map(|row| row.info);
    rows.find(|info| info.name == name)
}

/// One command of the REST API.
pub(crate) trait Command: 'static {
    /// Where it is, and how often its page lets an app call it.
    const INFO: CommandInfo;

    /// The body, as lenient as the protocol is.
    type Request: DeserializeOwned + JsonSchema + Send;

    /// The command's own part of a successful answer.
    type Response: Answer + JsonSchema + Send;

    /// Understands, judges, answers.
    fn handle(
        context: CallContext<'_>,
        request: Self::Request,
    ) -> impl Future<Output = Result<Self::Response, CallError>> + Send;
}

fn row<C: Command>() -> Row {
    Row {
        info: const { &C::INFO },
        request: C::Request::json_schema,
        reply: Reply::<C::Response>::json_schema,
        // A browser's preflight carries no UserSig, so it is answered as it comes.
        handler: any(serve::<C>).options(preflight),
    }
}

async fn preflight(State(state): State<AppState>, arrival: Arrival, call: Request) -> Response {
    let (call, _) = call.into_parts();
    arrival.end(&state, &call, Reply::gateway(Ok(NoFields {})).into())
}

/// The same for all: what happens to a call of a command, in this order.
fn serve<C: Command>(
    State(state): State<AppState>,
    arrival: Arrival,
    call: Request,
) -> impl Future<Output = Response> + Send {
    let (call, body) = call.into_parts();
    // What an `async fn` is given, its future keeps twice.
    async move {
        let (mut notes, mut wire) = (CallLogInfo::default(), None);
        let result = answer::<C>(&state, &arrival, &call, body, &mut notes, &mut wire).await;
        let reply = Reply::new(const { &C::INFO }, result).with_notes(notes);
        let mut answered = Answered::from(reply);
        if let Some(wire) = wire {
            wire.spoil(&mut answered.response, &answered.outcome.answer);
        }
        arrival.end(&state, &call, answered)
    }
}

/// `wire` is how the answer fails on its way, where a test wants that.
async fn answer<C: Command>(
    state: &AppState,
    arrival: &Arrival,
    call: &Parts,
    body: Body,
    notes: &mut CallLogInfo,
    wire: &mut Option<Wire>,
) -> Result<C::Response, CallError> {
    let (command, config) = (const { &C::INFO }, &state.config);
    let caller = match gateway::admit(config, arrival, command, call, notes) {
        Ok(caller) => caller,
        Err(refusal) => {
            gateway::body::discard(body, config).await;
            return Err(refusal);
        }
    };
    let body = gateway::body::receive(body, config).await;
    notes.request = body.bytes();
    let request = body::decode::<C::Request>(&body, C::INFO.service)?;
    let (sdkappid, faults) = (caller.app.sdkappid, &arrival.world.faults);
    let subjects = || Subjects::of(&body.bytes());
    let ended = [&state.stopping, &caller.app.ended];
    let met = faults.meet(sdkappid, command, subjects);
    match met.before.wait(ended).await {
        Some(Ending::Code(code)) => return Err(code.into()),
        Some(Ending::Wire(ending)) => {
            *wire = Some(ending);
            return Err(Code::RequestFormat.into());
        }
        None => {}
    }
    let work = OnceLock::new();
    let context = CallContext {
        command,
        app: caller.app,
        policy: &config.sns,
        faults,
        work: &work,
        admin: caller.admin,
        client: arrival.client,
        now: arrival.at,
    };
    let order = caller.app.lock_changes().await;
    let mut result = C::handle(context, request).await;
    drop(order);
    // A call that ends otherwise shows no items.
    if let (Ok(response), Some(work), None) = (&mut result, work.get(), &met.after.end) {
        faults.fail_items_after(sdkappid, command, work, response);
    }
    match met.after.wait(ended).await {
        Some(Ending::Code(code)) => return Err(code.into()),
        Some(Ending::Wire(ending)) => *wire = Some(ending),
        None => {}
    }
    result
}
