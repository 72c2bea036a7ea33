//! The REST commands and their table.
//!
//! A new command is one file here and one line in [`table`]. Its path, authentication, rate limit, JSON
//! errors, envelope and log line follow from the table. A test asks for an example of its call in
//! `control/examples.json`. A command that needs no state can be a stub: a row in `stubs`.

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
pub(crate) mod recipe;
pub(crate) mod stubs;

use crate::faults::{Fault, Targets, WireFault};
use crate::gateway;
use crate::gateway::body::Received;
use crate::gateway::journal::{Arrival, CallLogInfo};
use crate::http::LoggedAnswer;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::reply::{Answer, CallError, NoFields, Reply};
use crate::protocol::service::CommandInfo;
use crate::state::AppState;
use crate::stub::known;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use context::CallContext;
pub(crate) use friend_add::FriendAdd;
use recipe::Recipe;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

/// The largest body whose unknown fields a hint names, in bytes.
const MAX_HINT_BYTES: usize = 64 << 10;

/// The table of commands.
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
    /// The schema of the body.
    pub(crate) request: fn(&mut SchemaGenerator) -> Schema,
    /// The schema of the answer.
    pub(crate) reply: fn(&mut SchemaGenerator) -> Schema,
    /// How its codes are arranged.
    pub(crate) recipe: &'static Recipe,
    handler: MethodRouter<AppState>,
}

/// The routes of all commands.
pub(crate) fn routes() -> Router<AppState> {
    let route = |routes: Router<AppState>, row: Row| routes.route(&row.info.path(), row.handler);
    table().into_iter().fold(Router::new(), route)
}

/// The infos of the commands and of the built-in stubs.
pub(crate) fn built_in() -> impl Iterator<Item = &'static CommandInfo> {
    let commands = table().into_iter().map(|row| row.info);
    commands.chain(stubs::infos())
}

/// The infos of all commands and stubs. Two infos have the same name if an app has a stub of its own in
/// place of a built-in one.
pub(crate) fn infos() -> Vec<&'static CommandInfo> {
    built_in().chain(known::all()).collect()
}

/// The command or stub with this name: `friend_add`, or with its service, `sns/friend_add`.
pub(crate) fn named(name: &str) -> Option<&'static CommandInfo> {
    let is_named = |info: &&CommandInfo| match name.split_once('/') {
        Some(parts) => parts == (info.service.name(), info.name),
        None => name == info.name,
    };
    infos().into_iter().find(is_named)
}

/// The recipe of the command with this name; a stub has none.
pub(crate) fn recipe(name: &str) -> Option<&'static Recipe> {
    let row = table().into_iter().find(|row| row.info.name == name);
    row.map(|row| row.recipe)
}

/// One command of the REST API. The value is the parsed body, which accepts what Tencent accepts.
pub(crate) trait Command: DeserializeOwned + JsonSchema + Send + 'static {
    /// Its path and its documented rate limit.
    const INFO: CommandInfo;

    /// How the control API arranges its codes.
    const RECIPE: Recipe;

    /// The command's fields in a successful answer.
    type Response: Answer + JsonSchema + Send;

    /// The accounts that the request names, for faults and the journal.
    fn targets(&self) -> Targets<'_, impl Iterator<Item = &str>>;

    /// Validates the request, applies the command's rule, and builds the answer.
    fn handle(
        self,
        context: CallContext<'_>,
    ) -> impl Future<Output = Result<Self::Response, CallError>> + Send;
}

fn row<C: Command>() -> Row {
    Row {
        info: const { &C::INFO },
        request: C::json_schema,
        reply: Reply::<C::Response>::json_schema,
        recipe: const { &C::RECIPE },
        // A browser's preflight has no UserSig, so it is not authenticated.
        handler: any(serve::<C>).options(preflight),
    }
}

async fn preflight(State(state): State<AppState>, arrival: Arrival, call: Request) -> Response {
    let (call, _) = call.into_parts();
    let reply = Reply {
        command: None,
        result: Ok(NoFields {}),
    };
    arrival.end(&state, &call, reply.into(), CallLogInfo::default())
}

/// Serves a call of a command.
fn serve<C: Command>(
    State(state): State<AppState>,
    arrival: Arrival,
    call: Request,
) -> impl Future<Output = Response> + Send {
    serve_endpoint(CommandEndpoint::<C>(PhantomData), state, arrival, call)
}

/// What a call reaches: a command or a stub.
trait Endpoint: Send + Sync {
    type Request: Send;
    type Response: Answer + Send;

    fn info(&self) -> &'static CommandInfo;

    fn decode(&self, body: &Received) -> Result<Self::Request, CallError>;

    /// The fields of a body that the request does not have.
    fn unknown_fields(&self, body: &[u8]) -> Vec<String>;

    /// The accounts that the request names, for faults and the journal.
    fn targets(request: &Self::Request) -> Targets<'_, impl Iterator<Item = &str>>;

    fn handle(
        &self,
        request: Self::Request,
        context: CallContext<'_>,
    ) -> impl Future<Output = Result<Self::Response, CallError>> + Send;
}

struct CommandEndpoint<C>(PhantomData<fn() -> C>);

impl<C: Command> Endpoint for CommandEndpoint<C> {
    type Request = C;
    type Response = C::Response;

    fn info(&self) -> &'static CommandInfo {
        const { &C::INFO }
    }

    fn decode(&self, body: &Received) -> Result<C, CallError> {
        body::decode(body, C::INFO.service)
    }

    fn unknown_fields(&self, body: &[u8]) -> Vec<String> {
        body::unknown_fields::<C>(body)
    }

    fn targets(request: &C) -> Targets<'_, impl Iterator<Item = &str>> {
        request.targets()
    }

    fn handle(
        &self,
        request: C,
        context: CallContext<'_>,
    ) -> impl Future<Output = Result<C::Response, CallError>> + Send {
        request.handle(context)
    }
}

/// Serves a call of a command or a stub.
fn serve_endpoint<E: Endpoint>(
    endpoint: E,
    state: AppState,
    arrival: Arrival,
    call: Request,
) -> impl Future<Output = Response> + Send {
    let (call, body) = call.into_parts();
    // The future of an `async fn` would store its arguments twice.
    async move {
        let (mut info, mut wire_fault) = (CallLogInfo::default(), None);
        let result = answer(
            &endpoint,
            &state,
            &arrival,
            &call,
            body,
            &mut info,
            &mut wire_fault,
        );
        let mut answered = LoggedAnswer::from(Reply::new(endpoint.info(), result.await));
        if answered.has_failed() && info.request.len() <= MAX_HINT_BYTES {
            info.unknown_fields = endpoint.unknown_fields(&info.request);
        }
        if let Some(fault) = wire_fault {
            fault.apply_to(&mut answered.response, &answered.body);
        }
        arrival.end(&state, &call, answered, info)
    }
}

/// Runs a call. `info` and `wire_fault` are also set if the call fails.
async fn answer<E: Endpoint>(
    endpoint: &E,
    state: &AppState,
    arrival: &Arrival,
    call: &Parts,
    body: Body,
    info: &mut CallLogInfo,
    wire_fault: &mut Option<WireFault>,
) -> Result<E::Response, CallError> {
    let (command, config) = (endpoint.info(), &state.config);
    let caller = match gateway::admit(config, arrival, command, call, info) {
        Ok(caller) => caller,
        Err(error) => {
            gateway::body::discard(body, state).await;
            return Err(error);
        }
    };
    let body = gateway::body::receive(body, state).await;
    info.request = body.bytes();
    let request = endpoint.decode(&body)?;
    if config.strict_body {
        body::refuse_unknown(&endpoint.unknown_fields(&info.request), command.service)?;
    }
    let (sdkappid, faults) = (caller.app.sdkappid, &arrival.world.faults);
    let ended = [&state.stopping, &caller.app.ended];
    let triggered = {
        let mut targets = E::targets(&request);
        info.from_account = targets.from_account.and_then(UserId::parse);
        faults.trigger(sdkappid, command, &mut targets)
    };
    info.fault = triggered.end().map(|fault| fault.id);
    let connection = &arrival.connection;
    triggered
        .before
        .apply(ended, connection, wire_fault)
        .await?;
    if wire_fault.is_some() {
        return Err(Code::RequestFormat.into());
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
        now: caller.now,
    };
    let order = caller.app.lock_changes().await;
    let mut result = endpoint.handle(request, context).await;
    drop(order);
    // The answer has no items if a fault ends the call.
    if let (Ok(response), Some(work), None) = (&mut result, work.get(), &triggered.after.end) {
        let after = faults.fail_items_after(sdkappid, command, work, response);
        let fired = work.fired.iter().zip(&after);
        let id = |(before, after): (&Option<Arc<Fault>>, &Option<Arc<Fault>>)| {
            Some(after.as_ref().or(before.as_ref())?.id)
        };
        info.item_faults = fired.map(id).collect();
    }
    triggered.after.apply(ended, connection, wire_fault).await?;
    result
}
