//! What friend_add would answer to a request, why, and what would make it succeed.
//!
//! The request is tried on a copy of the app's accounts and of the armed faults, with friend_add's
//! own parser, rule and store. There is no second rule here, and nothing is written.

mod change;

use super::apps::AppPath;
use super::extract::{Body, Path, Query};
use super::problem::Problem;
use crate::client_ip::ClientIp;
use crate::commands::context::CallContext;
use crate::commands::friend_add::{Batch, decode};
use crate::commands::{Command, FriendAdd};
use crate::faults::{Fault, Faults, ItemTargets};
use crate::gateway;
use crate::protocol::code::Code;
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

/// The caller.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct By {
    /// The first app admin by default.
    identifier: Option<String>,
}

/// A friend_add body, as it would be sent.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct FriendAddBody(Map<String, Value>);

/// What a call would be answered.
#[derive(Serialize, JsonSchema)]
pub(super) struct Explanation {
    /// The ErrorCode; null where a fault spoils the answer.
    code: Option<u32>,
    /// The name of the outcome.
    outcome: Option<&'static str>,
    /// The ErrorInfo; it names a field that is missing or wrong.
    error_info: String,
    /// When this outcome is met.
    meaning: Option<&'static str>,
    /// The id of the fault that decides, if one does.
    fault: Option<u64>,
    /// What would make it 0; null where it is 0, or a field of the request is wrong.
    to_be_0: Option<Changes>,
    /// The items; empty where the call fails before any item is judged.
    items: Vec<Item>,
}

/// What an item would be answered.
#[derive(Serialize, JsonSchema)]
struct Item {
    to_account: String,
    /// The ResultCode.
    code: u32,
    /// The name of the outcome.
    outcome: &'static str,
    /// When this outcome is met.
    meaning: &'static str,
    /// The id of the fault that decides, if one does.
    fault: Option<u64>,
    /// The field of the item that is wrong, if one is.
    wrong_field: Option<&'static str>,
    /// The facts that the rule has judged, after the items before this one; null where a field of
    /// the item is wrong.
    facts: Option<PairFacts>,
    /// The fewest changes that would make it 0; null where it is 0, where a field is wrong, and where
    /// no changes are known.
    to_be_0: Option<Changes>,
}

pub(super) async fn explain(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Query(By { identifier }): Query<By>,
    Body(FriendAddBody(body)): Body<FriendAddBody>,
) -> Result<Json<Explanation>, Problem> {
    let world = state.world();
    let app = path.find(&state)?;
    let context = CallContext {
        command: FRIEND_ADD,
        app: &app,
        policy: &state.config.sns,
        // The faults of items are met below, where it is kept which fault each item meets.
        faults: &Faults::default(),
        work: &OnceLock::new(),
        admin: app.first_admin(),
        client: ClientIp::default(),
        now: world.clock.now(),
    };
    if identifier.is_some_and(|identifier| app.admin(&identifier).is_none()) {
        let refusal = gateway::not_admin(&state.config, FRIEND_ADD).into();
        return Ok(Json(Explanation {
            to_be_0: Some(Changes::call_as_admin(&context)),
            ..Explanation::of_error(&refusal)
        }));
    }
    let body = serde_json::to_vec(&body).expect("it is JSON");
    let faults = world.faults.rehearsal();
    Ok(Json(try_call(&context, body.into(), &faults).await?))
}

/// Serves a call as `/v4` does, up to its answer, without an effect.
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
    let triggered = faults.meet(app.sdkappid, FRIEND_ADD, &mut targets);
    if let Some(fault) = triggered.before.end {
        return Ok(Explanation::of_fault(&fault));
    }
    // A fault that ends the call after its work decides, whatever the work has come to.
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
        let after = faults.meet_items(app.sdkappid, FRIEND_ADD, true, &targets);
        for (tried, fault) in items.iter_mut().zip(after) {
            tried.fault = fault.or(tried.fault.take());
        }
    }
    let names = request.to_accounts().map(str::to_owned);
    let mut shown = Vec::new();
    for ((name, new), tried) in names.zip(&batch.items).zip(items) {
        shown.push(
            tried
                .explain(context, &batch, name, new.as_ref().ok())
                .await?,
        );
    }
    Ok(Explanation {
        items: shown,
        ..of_call(Explanation::of(Code::Ok))
    })
}

/// The outcome of an item that was tried.
struct Tried {
    /// What the rule decides.
    code: Code,
    /// `None` when the item is not well-formed.
    facts: Option<PairFacts>,
    /// The fault that decides instead.
    fault: Option<Arc<Fault>>,
}

/// Judges the items in order on the trial store. An item that meets a fault is not done.
async fn try_items(
    context: &CallContext<'_>,
    batch: &Batch,
    trial: &Store,
    faults: &Faults,
) -> Result<Vec<Tried>, Problem> {
    let Batch { from, how, items } = batch;
    let target =
        |item: &Result<NewFriend, Code>| item.as_ref().map(ItemTarget::to).map_err(|code| *code);
    let mut targets: Vec<_> = items.iter().map(target).collect();
    let sdkappid = context.app.sdkappid;
    let mut met = faults.fail_items_before(sdkappid, FRIEND_ADD, Some(*from), &mut targets);
    met.resize(items.len(), None);
    let rule = |facts: &PairFacts, new: &NewFriend| judge(*from, facts, new, *how, context.policy);
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
                let new_account = context.app.config.default_allow_type;
                let rule = |facts: &PairFacts| {
                    judge(batch.from, facts, new, batch.how, context.policy).code
                };
                match remedy::fewest(facts, context.policy, new_account, rule) {
                    Some(remedies) => {
                        Some(Changes::of(context, batch.from, new.to, remedies).await?)
                    }
                    None => None,
                }
            }
            _ => None,
        };
        let answered = fault
            .as_ref()
            .and_then(|fault| fault.code())
            .unwrap_or(code);
        Ok(Item {
            to_account,
            code: answered.number(),
            outcome: answered.name(),
            meaning: answered.meaning(),
            fault: fault.map(|fault| fault.id),
            wrong_field: wrong_field(code),
            facts,
            to_be_0,
        })
    }
}

/// The field of an item that is to blame for an outcome.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the others blame no field of the item"
)]
fn wrong_field(code: Code) -> Option<&'static str> {
    match code {
        Code::ToAccountIllegal | Code::AddSelf => Some("To_Account"),
        Code::SourceIllegal => Some("AddSource"),
        Code::RemarkTooLong => Some("Remark"),
        Code::GroupNameTooLong => Some("GroupName"),
        Code::WordingTooLong => Some("AddWording"),
        _ => None,
    }
}

impl Explanation {
    fn of(code: Code) -> Self {
        Self {
            code: Some(code.number()),
            outcome: Some(code.name()),
            error_info: FRIEND_ADD.text(code).to_string(),
            meaning: Some(code.meaning()),
            fault: None,
            to_be_0: None,
            items: Vec::new(),
        }
    }

    fn of_error(error: &CallError) -> Self {
        let explanation = Self::of(error.code);
        match &*error.info {
            "" => explanation,
            info => Self {
                error_info: info.to_owned(),
                ..explanation
            },
        }
    }

    fn of_fault(fault: &Fault) -> Self {
        let decided = Self {
            fault: Some(fault.id),
            to_be_0: Some(Changes::disarm(fault)),
            ..Self::of(fault.code().unwrap_or(Code::Ok))
        };
        match fault.code() {
            Some(_) => decided,
            None => Self {
                code: None,
                outcome: None,
                error_info: String::new(),
                meaning: None,
                ..decided
            },
        }
    }
}
