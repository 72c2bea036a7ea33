//! Explains the answer of a recorded call, of any command.

use super::{Explanation, explain_body};
use crate::commands::named;
use crate::control::codes::KnownCode;
use crate::control::extract::Path;
use crate::control::problem::Problem;
use crate::control::redact::redacted_text;
use crate::control::requests::CallDocument;
use crate::journal::Entry;
use crate::protocol::code::Code;
use crate::protocol::code_text::CodeText;
use crate::protocol::ids::UserId;
use crate::protocol::query::CommonQuery;
use crate::protocol::redact::redact_text;
use crate::sns::pair::PairFacts;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::control) struct RequestPath {
    /// The id of a recorded call.
    #[schemars(range(min = 1))]
    id: u64,
}

/// A recorded call, and why it got its answer.
#[derive(Serialize, JsonSchema)]
pub(in crate::control) struct ExplainedCall {
    /// The call. Its `hint` says why it or its first failed item failed.
    call: CallDocument,
    /// The body as a text, as it was sent; a UserSig or key in it is redacted. Null if it was empty or not recorded.
    body: Option<String>,
    /// The outcome of the whole call; null if its ErrorCode is 0.
    error: Option<KnownCode>,
    /// The items that failed, in the order of the answer.
    failed_items: Vec<FailedItem>,
    /// For friend_add: what the same call would get now.
    if_sent_again: Option<Explanation>,
}

/// An item that failed.
#[derive(Serialize, JsonSchema)]
struct FailedItem {
    /// The item's account.
    account: String,
    /// The ResultCode.
    code: u32,
    /// The outcomes that have the item's number and text: one, if the text tells them apart.
    outcomes: Vec<KnownCode>,
    /// The present facts about From_Account and this account; null if From_Account does not exist.
    facts_now: Option<PairFacts>,
}

pub(in crate::control) async fn explain(
    State(state): State<AppState>,
    Path(RequestPath { id }): Path<RequestPath>,
) -> Result<Json<ExplainedCall>, Problem> {
    let entry = find(&state, id)?;
    let code = entry.call.code;
    let error = (code != Code::Ok).then(|| KnownCode::of(code, &state.config));
    Ok(Json(ExplainedCall {
        call: CallDocument::of(&entry),
        body: redacted_text(entry.texts().request),
        error,
        failed_items: failed_items(&state, &entry).await?,
        if_sent_again: if_sent_again(&state, &entry).await?,
    }))
}

fn find(state: &AppState, id: u64) -> Result<Entry, Problem> {
    let journal = Arc::clone(&state.world().journal);
    let (entries, coverage) = journal.page(id.saturating_sub(1));
    let found = entries.into_iter().next().filter(|entry| entry.id == id);
    found.ok_or_else(|| {
        let last = journal.last_id();
        let why = match id {
            _ if !journal.is_enabled() => "the journal is off (`journal.bytes` is 0)",
            _ if id <= coverage.dropped_to => "it was dropped because the journal was full",
            _ if id <= last => "it was removed",
            _ => "it was not made yet",
        };
        Problem::not_found(format!(
            "there is no recorded call {id}: {why}; the last id is {last}, and GET /_emulator/v1/requests lists the calls"
        ))
    })
}

async fn failed_items(state: &AppState, entry: &Entry) -> Result<Vec<FailedItem>, Problem> {
    let command = named(entry.texts().command);
    let outcomes = |failure: &Failure| {
        let is_outcome = |code: &&Code| {
            let shown = command.map(|info| info.item_text(**code, state.config.sns.answers));
            let is_same = |shown: CodeText| {
                shown.number() == failure.code && shown.to_string() == failure.info
            };
            shown.is_some_and(is_same)
        };
        let outcomes = Code::ALL.iter().filter(is_outcome);
        let known = outcomes.map(|code| KnownCode::of(*code, &state.config));
        known.collect()
    };
    let failures = failures(entry.texts().response);
    let facts = facts_now(state, entry, &failures).await?;
    let failed = failures.iter().zip(facts);
    let item = failed.map(|(failure, facts_now)| FailedItem {
        account: redact_text(&failure.account),
        code: failure.code,
        outcomes: outcomes(failure),
        facts_now,
    });
    Ok(item.collect())
}

/// What a call of friend_add would get now; `None` for other calls, and if the body was not recorded whole.
async fn if_sent_again(state: &AppState, entry: &Entry) -> Result<Option<Explanation>, Problem> {
    let texts = entry.texts();
    let is_whole = !entry.is_cut && !texts.request.is_empty();
    let world = state.world();
    let app = entry.call.app.and_then(|app| world.apps.get(&app));
    let app = app.filter(|_| is_whole && texts.command == "sns/friend_add");
    let Some(app) = app else { return Ok(None) };
    let query = CommonQuery::parse(texts.query, false);
    let identifier = query.ok().map(|query| query.identifier.into_owned());
    let body = Bytes::copy_from_slice(texts.request);
    let explanation = explain_body(state, app, identifier, body).await?;
    Ok(Some(explanation))
}

/// An item of an answer that failed.
struct Failure {
    account: String,
    code: u32,
    info: String,
}

fn failures(response: &[u8]) -> Vec<Failure> {
    let response: Value = serde_json::from_slice(response).unwrap_or_default();
    let lists = response.as_object().into_iter().flat_map(Map::values);
    let items = lists.filter_map(Value::as_array).flatten();
    let failed = items.filter_map(|item| {
        let text = |name: &str| item[name].as_str().map(str::to_owned);
        let code = u32::try_from(item["ResultCode"].as_u64()?).ok()?;
        (code != 0).then(|| Failure {
            account: text("To_Account").or(text("UserID")).unwrap_or_default(),
            code,
            info: text("ResultInfo").unwrap_or_default(),
        })
    });
    failed.collect()
}

/// The present facts about From_Account and the account of each item.
async fn facts_now(
    state: &AppState,
    entry: &Entry,
    failures: &[Failure],
) -> Result<Vec<Option<PairFacts>>, Problem> {
    let none = vec![None; failures.len()];
    let world = state.world();
    let app = entry.call.app.and_then(|app| world.apps.get(&app));
    let (Some(app), Some(from)) = (app, entry.call.from_account) else {
        return Ok(none);
    };
    // A copy, because the app's own store may create accounts that it is asked about.
    let trial = app.trial_store(&app.store.accounts().await?);
    if !trial.knows(from).await? {
        return Ok(none);
    }
    let to = |failure: &Failure| UserId::parse(&failure.account).ok_or(Code::ToAccountIllegal);
    let items: Vec<_> = failures.iter().map(to).collect();
    let facts = trial.facts_each(from, &items).await?;
    Ok(facts.into_iter().map(Result::ok).collect())
}
