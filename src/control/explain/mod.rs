//! Explains what friend_add would answer to a request, why, and which change would make it succeed.
//!
//! A dry run: friend_add's own parser, rule and store run on a copy of the app's accounts and of
//! the armed faults. So the explanation follows the same rules as a call, and nothing is written.

mod change;
pub(super) mod request;

use super::apps::{AppPath, find_app};
use super::arrange::wrong_field;
use super::extract::{Body, Path, Query};
use super::problem::Problem;
use crate::apps::App;
use crate::client_ip::ClientIp;
use crate::commands::context::CallContext;
use crate::commands::friend_add::{Batch, decode};
use crate::commands::{Command, FriendAdd};
use crate::faults::{Fault, Faults, ItemTargets};
use crate::gateway;
use crate::protocol::code::Code;
use crate::protocol::redact::redact_text;
use crate::protocol::reply::CallError;
use crate::protocol::service::CommandInfo;
use crate::sns::friend_add::{NewFriend, judge};
use crate::sns::pair::{ItemTarget, PairFacts};
use crate::sns::remedy;
use crate::state::AppState;
use crate::store::Store;
use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use change::Changes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::{Arc, OnceLock};

const FRIEND_ADD: &CommandInfo = &FriendAdd::INFO;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CallerQuery {
    /// The identifier of the call; the first app admin by default.
    identifier: Option<String>,
}

/// A friend_add body, as it would be sent.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct FriendAddBody(Map<String, Value>);

/// The answer to a call, and the reasons.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct Explanation {
    /// The ErrorCode; null if a fault leaves the answer without one. Tencent answers 0 although items
    /// failed.
    code: Option<u32>,
    /// The name of the outcome.
    outcome: Option<&'static str>,
    /// The ErrorInfo.
    error_info: String,
    /// What is wrong with the request, if the ErrorInfo does not say it: the field that is missing or
    /// invalid.
    detail: Option<String>,
    /// When a call gets this outcome.
    meaning: Option<&'static str>,
    /// The id of the fault that decides the outcome, if a fault does.
    fault: Option<u64>,
    /// The change that would make `code` 0; null if it is 0 or a field of the request is invalid.
    to_be_0: Option<Changes>,
    /// How many items fail.
    failed_items: usize,
    /// The items; empty if the call fails before any item is judged.
    items: Vec<Item>,
}

/// The result of an item, and the reasons.
#[derive(Serialize, JsonSchema)]
struct Item {
    to_account: String,
    /// The ResultCode.
    code: u32,
    /// The ResultInfo.
    result_info: String,
    /// The name of the outcome.
    outcome: &'static str,
    /// When an item gets this outcome.
    meaning: &'static str,
    /// The id of the fault that decides the outcome, if a fault does.
    fault: Option<u64>,
    /// The item's invalid field, if a field is invalid.
    wrong_field: Option<&'static str>,
    /// The facts that the rule has judged, including the effects of earlier items; null if a field
    /// of the item is invalid.
    facts: Option<PairFacts>,
    /// The smallest change that would make `code` 0; null if it is 0, if a field is invalid, or if
    /// no change is known.
    to_be_0: Option<Changes>,
}

pub(super) async fn explain(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Query(CallerQuery { identifier }): Query<CallerQuery>,
    Body(FriendAddBody(body)): Body<FriendAddBody>,
) -> Result<Json<Explanation>, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    let body = serde_json::to_vec(&body).expect("it is JSON");
    let explanation = explain_body(&state, &app, identifier, body.into());
    Ok(Json(explanation.await?))
}

/// Explains what an app would answer to a friend_add body now.
async fn explain_body(
    state: &AppState,
    app: &App,
    identifier: Option<String>,
    body: Bytes,
) -> Result<Explanation, Problem> {
    let world = state.world();
    let context = CallContext {
        command: FRIEND_ADD,
        app,
        policy: &state.config.sns,
        // None here: `try_items` applies the faults of items, to record the fault of each item.
        faults: &Faults::default(),
        work: &OnceLock::new(),
        admin: app.first_admin(),
        client: ClientIp::default(),
        now: app.clock.now(),
    };
    if identifier.is_some_and(|identifier| app.admin(&identifier).is_none()) {
        let refusal = gateway::not_admin(&state.config, FRIEND_ADD).into();
        return Ok(Explanation {
            to_be_0: Some(Changes::call_as_admin(&context)),
            ..Explanation::of_error(&refusal)
        });
    }
    let faults = world.faults.copy_for_dry_run();
    try_call(&context, body, &faults).await
}

/// Takes the same steps as a call of `/v4`, on copies.
async fn try_call(
    context: &CallContext<'_>,
    body: Bytes,
    faults: &Faults,
) -> Result<Explanation, Problem> {
    let app = context.app;
    let request = match decode(body) {
        Ok(request) => request,
        Err(error) => return Ok(Explanation::of_error(&error)),
    };
    let mut targets = request.targets();
    let triggered = faults.trigger(app.sdkappid, FRIEND_ADD, &mut targets);
    if let Some(fault) = triggered.before.end {
        return Ok(Explanation::of_fault(&fault));
    }
    // A fault that ends the call after the command has run overrides the command's answer.
    let end = triggered.after.end;
    let of_call = |explanation| end.as_deref().map_or(explanation, Explanation::of_fault);
    let batch = match Batch::parse(context, &request).await {
        Ok(batch) => batch,
        Err(error) => return Ok(of_call(Explanation::of_error(&error))),
    };
    let trial = app.trial_store(&app.store.accounts().await?);
    if !trial.knows(batch.from).await? {
        return Ok(of_call(Explanation {
            to_be_0: Some(Changes::import(app, batch.from)),
            ..Explanation::of_error(&Code::FromAccountNotExist.into())
        }));
    }
    let mut items = try_items(context, &batch, &trial, faults).await?;
    if end.is_none() {
        let targets = batch.items.iter().zip(&items);
        let targets = targets.map(|(item, tried)| match (item, &tried.fault) {
            (Ok(new), None) => Ok(new.to),
            _ => Err(tried.code),
        });
        let targets = ItemTargets::of(Some(batch.from), &targets.collect::<Vec<_>>());
        let after = faults.trigger_items(app.sdkappid, FRIEND_ADD, true, &targets);
        for (tried, fault) in items.iter_mut().zip(after) {
            tried.fault = fault.or(tried.fault.take());
        }
    }
    let names = request.to_accounts().map(str::to_owned);
    let mut shown = Vec::new();
    for ((name, new), tried) in names.zip(&batch.items).zip(items) {
        let new = new.as_ref().ok();
        shown.push(tried.explain(context, &batch, name, new).await?);
    }
    Ok(Explanation {
        failed_items: shown.iter().filter(|item| item.code != 0).count(),
        items: shown,
        ..of_call(Explanation::of(Code::Ok))
    })
}

/// The outcome of an item in the dry run.
struct Tried {
    /// The code without a fault.
    code: Code,
    /// `None` if a field of the item is invalid.
    facts: Option<PairFacts>,
    /// The fault that decides instead.
    fault: Option<Arc<Fault>>,
}

/// Judges the items in order on the trial store. An item for which a fault fires is not processed.
async fn try_items(
    context: &CallContext<'_>,
    batch: &Batch,
    trial: &Store,
    faults: &Faults,
) -> Result<Vec<Tried>, Problem> {
    let Batch {
        from,
        options,
        items,
    } = batch;
    let target =
        |item: &Result<NewFriend, Code>| item.as_ref().map(ItemTarget::to).map_err(|code| *code);
    let mut targets: Vec<_> = items.iter().map(target).collect();
    let sdkappid = context.app.sdkappid;
    let mut met = faults.fail_items_before(sdkappid, FRIEND_ADD, Some(*from), &mut targets);
    met.resize(items.len(), None);
    let rule =
        |facts: &PairFacts, new: &NewFriend| judge(*from, facts, new, *options, context.policy);
    let mut tried = Vec::new();
    for (item, fault) in items.iter().zip(met) {
        let item = std::slice::from_ref(item);
        let facts = trial.facts_each(*from, item).await?.remove(0);
        let code = match (&item[0], &facts) {
            (Ok(new), Ok(facts)) => rule(facts, new).code,
            (Err(code), _) | (_, Err(code)) => *code,
        };
        if fault.is_none() {
            trial.judge_each(*from, item, rule).await?;
        }
        let facts = facts.ok();
        tried.push(Tried { code, facts, fault });
    }
    Ok(tried)
}

impl Tried {
    async fn explain(
        self,
        context: &CallContext<'_>,
        batch: &Batch,
        to_account: String,
        new: Option<&NewFriend>,
    ) -> Result<Item, Problem> {
        let Self { code, facts, fault } = self;
        let to_be_0 = match (&fault, new, &facts) {
            (Some(fault), ..) => Some(Changes::disarm(fault)),
            (None, Some(new), Some(facts)) if code != Code::Ok => {
                let Batch { from, options, .. } = *batch;
                let rule =
                    |facts: &PairFacts| judge(from, facts, new, options, context.policy).code;
                let new_account = context.app.config.default_allow_type;
                match remedy::fewest(facts, context.policy, new_account, rule) {
                    Some(remedies) => Some(Changes::of(context, from, new.to, remedies).await?),
                    None => None,
                }
            }
            _ => None,
        };
        let code_of_fault = fault.as_ref().and_then(|fault| fault.code());
        let answered = code_of_fault.unwrap_or(code);
        let text = FRIEND_ADD.item_text(answered, context.policy.answers);
        Ok(Item {
            to_account: redact_text(&to_account),
            code: text.number(),
            result_info: text.to_string(),
            outcome: answered.name(),
            meaning: answered.meaning(),
            fault: fault.map(|fault| fault.id),
            wrong_field: wrong_field(code, batch.from).map(|(field, _)| field),
            facts,
            to_be_0,
        })
    }
}

impl Explanation {
    fn of(code: Code) -> Self {
        Self {
            code: Some(code.number()),
            outcome: Some(code.name()),
            error_info: FRIEND_ADD.text(code).to_string(),
            meaning: Some(code.meaning()),
            ..Self::default()
        }
    }

    fn of_error(error: &CallError) -> Self {
        let mut explanation = Self::of(error.code);
        if !error.info.is_empty() {
            explanation.error_info = error.info.to_string();
        }
        explanation.detail = (!error.detail.is_empty()).then(|| error.detail.to_string());
        explanation
    }

    fn of_fault(fault: &Fault) -> Self {
        Self {
            fault: Some(fault.id),
            to_be_0: Some(Changes::disarm(fault)),
            ..fault.code().map_or_else(Self::default, Self::of)
        }
    }
}
