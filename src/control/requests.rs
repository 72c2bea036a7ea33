//! The request journal: recent calls and their answers.

use super::apps::AppFilter;
use super::extract::Query;
use super::problem::{InvalidField, Part, Problem};
use super::recorded::{Count, Filter, ListQuery, WaitQuery};
use super::redact::redact_body;
use crate::commands;
use crate::journal::{Entry, Journal};
use crate::protocol::ids::{SdkAppId, UserId};
use crate::ring::Coverage;
use crate::state::AppState;
use crate::strict::unknown_in_list;
use axum::Json;
use axum::extract::State;
use memchr::memmem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;

/// A filter of calls. Without fields, it matches every call.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallFilter {
    /// Only calls of this app.
    pub(crate) sdkappid: Option<SdkAppId>,
    /// Only calls of this command, such as friend_add or sns/friend_add.
    pub(crate) command: Option<String>,
    /// Only calls with this From_Account. A call has none if its body was not decoded.
    pub(crate) from_account: Option<UserId>,
    /// Only calls with this From_Account, or whose body has this UserID as a string.
    pub(crate) account: Option<UserId>,
    /// Only calls with this ErrorCode, or with this ResultCode of an item.
    pub(crate) code: Option<u32>,
    /// Only calls after the call with this id.
    pub(crate) since: Option<u64>,
}

/// The message for a command that [`commands::named`] does not find.
pub(super) fn unknown_command(name: &str) -> String {
    const LIST: &str = "GET /_emulator/v1/apps/{sdkappid}/limits lists the commands";
    let infos = commands::infos();
    // The name may have a service before it.
    let command = name.rsplit('/').next().unwrap_or_default();
    unknown_in_list(command, infos.iter().map(|info| info.name), LIST)
}

impl CallFilter {
    /// Rejects a command that neither exists nor was called, because it would never match.
    pub(crate) fn check(&self, state: &AppState) -> Result<(), Problem> {
        let Some(command) = &self.command else {
            return Ok(());
        };
        let mut is_known = commands::named(command).is_some();
        if !is_known {
            let journal = Arc::clone(&state.world().journal);
            journal.visit(0, |entry| is_known |= has_command(&entry, command));
        }
        if is_known {
            return Ok(());
        }
        let part = Some(Part::Query);
        let field = InvalidField::new(part, "/command", unknown_command(command));
        Err(Problem::invalid(vec![field]))
    }
}

impl Filter for CallFilter {
    type Entry = Entry;

    const NOUN: &str = "calls";

    fn ring(state: &AppState) -> Arc<Journal> {
        Arc::clone(&state.world().journal)
    }

    fn since(&self) -> Option<u64> {
        self.since
    }

    fn matches(&self, entry: &Entry) -> bool {
        let is_from = |user: UserId| entry.call.from_account == Some(user);
        let is_command = |name: &String| has_command(entry, name);
        self.sdkappid.is_none_or(|app| entry.call.app == Some(app))
            && self.command.as_ref().is_none_or(is_command)
            && self.from_account.is_none_or(is_from)
            && self
                .account
                .is_none_or(|user| is_from(user) || has_account(entry, user))
            && self.code.is_none_or(|code| has_code(entry, code))
    }
}

/// Whether the body has this UserID as a string, with the escapes that it needs and no others.
fn has_account(entry: &Entry, user: UserId) -> bool {
    let string = Value::from(user.as_str()).to_string();
    memmem::find(entry.texts().request, string.as_bytes()).is_some()
}

/// Whether the ErrorCode or the ResultCode of an item is this code.
fn has_code(entry: &Entry, code: u32) -> bool {
    let of_item = format!("\"ResultCode\":{code}");
    let response = entry.texts().response;
    let has_item = || {
        memmem::find_iter(response, &of_item).any(|at| {
            let next = response.get(at + of_item.len());
            !next.is_some_and(u8::is_ascii_digit)
        })
    };
    entry.call.code.number() == code || has_item()
}

fn has_command(entry: &Entry, name: &str) -> bool {
    let command = entry.texts().command;
    command == name || command.split('/').next_back() == Some(name)
}

/// The calls that match, oldest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Calls {
    calls: Vec<CallDocument>,
    /// The number of calls that match, including calls that `limit` leaves out.
    count: usize,
    #[serde(flatten)]
    coverage: Coverage,
}

/// One call.
#[derive(Serialize, JsonSchema)]
pub(super) struct CallDocument {
    id: u64,
    /// When the call arrived, by its app's clock; by the emulator's clock, if the app does not exist:
    /// seconds since 1970-01-01 UTC.
    time: f64,
    /// The duration by the system's clock, in milliseconds.
    duration_ms: f64,
    sdkappid: Option<SdkAppId>,
    /// The command, such as sns/friend_add; the path, if the call reached no command.
    command: String,
    method: &'static str,
    /// The query without the UserSig.
    query: String,
    /// From_Account, if the body was decoded.
    from_account: Option<UserId>,
    /// The HTTP status: 200, unless a fault changed it.
    status: u16,
    /// The ErrorCode.
    code: u32,
    /// The name of the outcome.
    outcome: &'static str,
    /// A deviation from the documentation that the gateway accepted.
    warning: Option<String>,
    /// Why the call or its first failed item failed, and what to do.
    hint: Option<String>,
    /// The body, if the gateway admitted the call: as JSON, or as a string if it is not JSON.
    #[schemars(with = "serde_json::Value")]
    request: Option<Box<RawValue>>,
    /// The answer before a fault damaged it.
    #[schemars(with = "serde_json::Value")]
    response: Option<Box<RawValue>>,
    /// Whether a body was too long and was cut off.
    cut: bool,
}

impl CallDocument {
    pub(super) fn of(entry: &Entry) -> Self {
        let Entry { id, call, .. } = entry;
        let texts = entry.texts();
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            id: *id,
            time: call.at.as_secs_f64(),
            duration_ms: call.took.as_secs_f64() * 1000.0,
            sdkappid: call.app,
            command: texts.command.to_owned(),
            method: call.method,
            query: texts.query.to_owned(),
            from_account: call.from_account,
            status: call.status,
            code: call.code.number(),
            outcome: call.code.name(),
            warning: given(texts.warning),
            hint: given(texts.hint),
            request: redact_body(texts.request),
            response: redact_body(texts.response),
            cut: entry.is_cut,
        }
    }
}

pub(super) async fn list(
    State(state): State<AppState>,
    Query(query): Query<ListQuery<CallFilter>>,
) -> Result<Json<Calls>, Problem> {
    query.filter.check(&state)?;
    let (calls, Count { count, coverage }) = query.list(&state, CallDocument::of);
    Ok(Json(Calls {
        calls,
        count,
        coverage,
    }))
}

pub(super) async fn count(
    State(state): State<AppState>,
    Query(filter): Query<CallFilter>,
) -> Result<Json<Count>, Problem> {
    filter.check(&state)?;
    Ok(Json(filter.count(&state)))
}

pub(super) async fn wait(
    State(state): State<AppState>,
    Query(query): Query<WaitQuery<CallFilter>>,
) -> Result<Json<Count>, Problem> {
    query.filter.check(&state)?;
    query.wait(&state).await
}

/// The number of calls that were removed.
#[derive(Serialize, JsonSchema)]
pub(super) struct Cleared {
    calls: usize,
}

/// With `sdkappid`, removes only the calls that named this app.
pub(super) async fn clear(
    State(state): State<AppState>,
    Query(AppFilter { sdkappid }): Query<AppFilter>,
) -> Result<Json<Cleared>, Problem> {
    let calls = remove_calls(&state, sdkappid);
    Ok(Json(Cleared { calls }))
}

/// Removes the calls that named this app, or all calls. Returns how many there were.
pub(crate) fn remove_calls(state: &AppState, sdkappid: Option<SdkAppId>) -> usize {
    state.change(|world| match sdkappid {
        Some(app) => world.journal.remove(|entry| entry.call.app == Some(app)),
        None => {
            let calls = world.journal.len();
            world.empty_journal();
            calls
        }
    })
}
