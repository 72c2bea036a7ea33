//! Faults: what fails, when, and how. One that can never fire is refused, with the reason.

use super::apps::OfAnyApp;
use super::problem::{Fault as Wrong, Problem};
use super::request::{Nothing, nearest, unknown};
use super::route::{Created, Json};
use crate::commands;
use crate::faults::{Chance, Ending, Fault, Kind, Plan, Scope, Wire};
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::protocol::service::{CommandInfo, Subject};
use crate::state::AppState;
use crate::world::{MAX_FAULTS, NotArmed};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// The longest delay: ten minutes.
const MAX_DELAY_MS: u64 = 600_000;

/// A fault: where, when, and one of the ways to fail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultDocument {
    /// Of which app; without it, of every app.
    #[serde(skip_serializing_if = "Option::is_none")]
    sdkappid: Option<SdkAppId>,
    /// Of which command, such as friend_add; without it, of every command.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    /// Only calls with this From_Account.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_account: Option<UserId>,
    /// Only items about this account, and calls that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_account: Option<UserId>,
    /// Only the item at this place, 0 being the first, and calls that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<u32>,
    /// Matches that pass before the first that may fail.
    #[serde(default)]
    skip: u64,
    /// How often it fires; without it, for as long as it is armed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    times: Option<u64>,
    /// How likely a match fires: above 0, and at most 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1.0))]
    probability: Option<f64>,
    /// What the sequence of chances begins with; random without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(flatten)]
    way: Way,
    /// Does the work, then fails in one of the other ways: the outcome that retries must survive.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit_then: Option<Way>,
}

/// The ways to fail; one of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Way {
    /// The whole call answers this ErrorCode: a number, or the name of an outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<CodeName>,
    /// The matching items answer this ResultCode; the others are done.
    #[serde(skip_serializing_if = "Option::is_none")]
    result_code: Option<CodeName>,
    /// The answer comes so much later; other faults may still decide what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_DELAY_MS))]
    delay_ms: Option<u64>,
    /// An HTTP status other than 200, with no envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 400, max = 599))]
    http_status: Option<u16>,
    /// The connection is reset.
    #[serde(default, skip_serializing_if = "is_false")]
    close: bool,
    /// Half of the answer's body comes, then the end of the connection.
    #[serde(default, skip_serializing_if = "is_false")]
    truncate: bool,
    /// The answer is not JSON.
    #[serde(default, skip_serializing_if = "is_false")]
    malformed: bool,
}

/// A code's number, or an outcome's name as `codes` has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum CodeName {
    Number(u32),
    Name(String),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !value
}

/// An armed fault, and how far it is.
#[derive(Serialize, JsonSchema)]
pub(super) struct Armed {
    id: u64,
    /// How often it has fired.
    hits: u64,
    /// How often it will fire yet; null while it has no `times`.
    left: Option<u64>,
    fault: FaultDocument,
}

/// The faults that were armed or taken away.
#[derive(Serialize, JsonSchema)]
pub(super) struct Changed {
    armed: Vec<Armed>,
    disarmed: Vec<Armed>,
}

pub(super) async fn list(
    state: AppState,
    _: Nothing,
    OfAnyApp { sdkappid }: OfAnyApp,
    _: Nothing,
) -> Result<Json<Vec<Armed>>, Problem> {
    let world = state.world();
    let faults = world.faults.all().iter();
    let faults = faults.filter(|fault| fault.is_of(sdkappid));
    Ok(Json(faults.map(|fault| answer(fault)).collect()))
}

pub(super) async fn add(
    state: AppState,
    _: Nothing,
    _: Nothing,
    document: FaultDocument,
) -> Result<Created<Armed>, Problem> {
    let plan = plan(&state, "", &document).map_err(Problem::faults)?;
    let armed = state.change(|world| world.arm(plan));
    let armed = armed.map_err(not_armed)?;
    Ok(Created(answer(&armed)))
}

/// Why a fault was not armed that can be met.
pub(super) fn not_armed(why: NotArmed) -> Problem {
    match why {
        NotArmed::NoApp => Problem::conflict("the app was removed meanwhile"),
        NotArmed::TooMany => {
            let detail = format!("at most {MAX_FAULTS} faults may be armed");
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, detail)
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Set(#[schemars(length(max = MAX_FAULTS))] Vec<FaultDocument>);

/// With an app, only its own faults are replaced, and all the new ones are its own.
pub(super) async fn replace(
    state: AppState,
    _: Nothing,
    OfAnyApp { sdkappid }: OfAnyApp,
    Set(documents): Set,
) -> Result<Json<Changed>, Problem> {
    let (mut plans, mut wrong) = (Vec::new(), Vec::new());
    for (at, mut document) in documents.into_iter().enumerate() {
        if document.sdkappid.is_some() && sdkappid.is_some() && document.sdkappid != sdkappid {
            let detail = "is another app than the query's";
            wrong.push(Wrong::of_body(format!("/{at}/sdkappid"), detail));
        }
        document.sdkappid = document.sdkappid.or(sdkappid);
        match plan(&state, &format!("/{at}"), &document) {
            Ok(plan) => plans.push(plan),
            Err(faults) => wrong.extend(faults),
        }
    }
    if !wrong.is_empty() {
        return Err(Problem::faults(wrong));
    }
    let replaced = state.change(|world| world.replace_faults(sdkappid, plans));
    let [armed, disarmed] = replaced.map_err(not_armed)?;
    Ok(Json(Changed {
        armed: answers(&armed),
        disarmed: answers(&disarmed),
    }))
}

pub(super) async fn clear(
    state: AppState,
    _: Nothing,
    OfAnyApp { sdkappid }: OfAnyApp,
    _: Nothing,
) -> Result<Json<Changed>, Problem> {
    let is_its = |fault: &Fault| fault.is_of(sdkappid);
    let disarmed = state.change(|world| world.faults.disarm(is_its));
    Ok(Json(Changed {
        armed: Vec::new(),
        disarmed: answers(&disarmed),
    }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfFault {
    id: u64,
}

pub(super) async fn remove(
    state: AppState,
    OfFault { id }: OfFault,
    _: Nothing,
    _: Nothing,
) -> Result<Json<Armed>, Problem> {
    let disarmed = state.change(|world| world.faults.disarm(|fault| fault.id == id));
    let fault = disarmed.first();
    let fault = fault.ok_or_else(|| Problem::not_found(format!("there is no fault {id}")))?;
    Ok(Json(answer(fault)))
}

/// That every fault has been consumed.
#[derive(Serialize, JsonSchema)]
pub(super) struct Consumed {
    /// How many there are.
    faults: usize,
}

pub(super) async fn verify(
    state: AppState,
    _: Nothing,
    OfAnyApp { sdkappid }: OfAnyApp,
    _: Nothing,
) -> Result<Json<Consumed>, Problem> {
    let world = state.world();
    let all = world.faults.all().iter();
    let all: Vec<_> = all.filter(|fault| fault.is_of(sdkappid)).collect();
    let pending = all.iter().filter(|fault| !fault.is_consumed());
    let pending: Vec<_> = pending
        .map(|fault| {
            let left = fault
                .left()
                .map_or_else(String::new, |left| format!(", {left} left"));
            let document = serde_json::to_string(&document(&fault.plan)).expect("it is JSON");
            let detail = format!("fault {} {document}: {} hits{left}", fault.id, fault.hits());
            Wrong {
                part: None,
                pointer: String::new(),
                detail,
            }
        })
        .collect();
    if pending.is_empty() {
        return Ok(Json(Consumed { faults: all.len() }));
    }
    let detail = format!(
        "{} of {} faults have not been consumed",
        pending.len(),
        all.len()
    );
    Err(Problem::conflict(detail).with_errors(pending))
}

fn answers(faults: &[Arc<Fault>]) -> Vec<Armed> {
    faults.iter().map(|fault| answer(fault)).collect()
}

fn answer(fault: &Fault) -> Armed {
    Armed {
        id: fault.id,
        hits: fault.hits(),
        left: fault.left(),
        fault: document(&fault.plan),
    }
}

/// A fault as it was armed.
fn document(plan: &Plan) -> FaultDocument {
    let name = |code: Code| Some(CodeName::Name(code.name().to_owned()));
    let mut way = Way::default();
    match plan.kind {
        Kind::ResultCode(code) => way.result_code = name(code),
        Kind::Delay(delay) => way.delay_ms = u64::try_from(delay.as_millis()).ok(),
        Kind::Ending(Ending::Code(code)) => way.code = name(code),
        Kind::Ending(Ending::Wire(Wire::HttpStatus(status))) => {
            way.http_status = Some(status.as_u16())
        }
        Kind::Ending(Ending::Wire(Wire::Close)) => way.close = true,
        Kind::Ending(Ending::Wire(Wire::Truncate)) => way.truncate = true,
        Kind::Ending(Ending::Wire(Wire::Malformed)) => way.malformed = true,
    }
    let (way, commit_then) = match plan.commits {
        true => (Way::default(), Some(way)),
        false => (way, None),
    };
    FaultDocument {
        sdkappid: plan.scope.sdkappid,
        command: plan.scope.command.map(str::to_owned),
        from_account: plan.scope.from_account,
        to_account: plan.scope.to_account,
        item: plan.scope.item.and_then(|item| u32::try_from(item).ok()),
        skip: plan.skip,
        times: plan.times,
        probability: plan.chance.map(|chance| chance.probability),
        seed: plan.chance.map(|chance| chance.seed),
        way,
        commit_then,
    }
}

/// Understands a fault, or says why it can never fire.
fn plan(state: &AppState, at: &str, document: &FaultDocument) -> Result<Plan, Vec<Wrong>> {
    let mut wrong = Vec::new();
    let mut complain = |field: &str, detail: String| {
        let slash = if field.is_empty() { "" } else { "/" };
        wrong.push(Wrong::of_body(format!("{at}{slash}{field}"), detail));
    };
    let command = document.command.as_deref().and_then(|name| {
        let known = commands::named(name);
        if known.is_none() {
            let table = commands::table();
            let near = nearest(name, table.iter().map(|row| row.info.name));
            let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
            complain("command", format!("is no command{hint}"));
        }
        known
    });
    if let Some(sdkappid) = document.sdkappid
        && state.world().apps.get(sdkappid).is_none()
    {
        complain("sdkappid", "is no app".to_owned());
    }
    let has_from =
        |info: &CommandInfo| matches!(info.subject, Subject::FromAndItems | Subject::From);
    if let Some(info) = command
        && document.from_account.is_some()
        && !has_from(info)
    {
        complain(
            "from_account",
            format!("never matches: {} has no From_Account", info.name),
        );
    }
    for (field, is_given) in [
        ("to_account", document.to_account.is_some()),
        ("item", document.item.is_some()),
    ] {
        if let Some(info) = command
            && is_given
            && info.subject == Subject::From
        {
            complain(
                field,
                format!("never matches: {} is about no other account", info.name),
            );
        }
    }
    let max_items = |info: &CommandInfo| info.max_items(state.config.sns.max_items);
    let of_any = || {
        commands::table()
            .into_iter()
            .map(|row| max_items(row.info))
            .max()
    };
    let max_items = command.map(max_items).or_else(of_any).unwrap_or_default();
    if document.item.is_some_and(|item| item >= max_items) {
        complain(
            "item",
            format!("never matches: a request has at most {max_items} items"),
        );
    }
    if document
        .probability
        .is_some_and(|probability| probability <= 0.0)
    {
        complain(
            "probability",
            "never fires: it has to be above 0".to_owned(),
        );
    }
    if document.seed.is_some() && document.probability.is_none() {
        complain("seed", "means nothing without probability".to_owned());
    }
    let (way, prefix, commits) = match &document.commit_then {
        Some(way) => (way, "commit_then/", true),
        None => (&document.way, "", false),
    };
    if commits && document.way != Way::default() {
        complain(
            "commit_then",
            "stands for the other ways to fail: leave them out".to_owned(),
        );
    }
    let kinds = kinds(way, command, commits, &mut |field, detail| {
        complain(&format!("{prefix}{field}"), detail)
    });
    let kind = match kinds[..] {
        [kind] => kind,
        _ => {
            complain(prefix.trim_end_matches('/'), "has to fail in one way: code, result_code, delay_ms, http_status, close, truncate, malformed, or one of them in commit_then".to_owned());
            None
        }
    };
    match kind {
        Some(kind) if wrong.is_empty() => Ok(Plan {
            scope: Scope {
                sdkappid: document.sdkappid,
                command: command.map(|info| info.name),
                from_account: document.from_account,
                to_account: document.to_account,
                item: document.item.map(|item| item as usize),
            },
            skip: document.skip,
            times: document.times,
            chance: document.probability.map(|probability| Chance {
                probability,
                seed: document.seed.unwrap_or_else(|| fastrand::u64(..)),
            }),
            kind,
            commits,
        }),
        _ => Err(wrong),
    }
}

/// The ways that a document names; `None` for one that cannot be.
fn kinds(
    way: &Way,
    command: Option<&CommandInfo>,
    commits: bool,
    complain: &mut dyn FnMut(&str, String),
) -> Vec<Option<Kind>> {
    let mut kinds = Vec::new();
    if let Some(name) = &way.code {
        let code = name.find().filter(|code| *code != Code::Ok);
        if code.is_none() {
            complain("code", "is no ErrorCode that `codes` has".to_owned());
        }
        kinds.push(code.map(|code| Kind::Ending(Ending::Code(code))));
    }
    if let Some(name) = &way.result_code {
        let code = name.find_for_items().filter(|code| code.is_items());
        if code.is_none() {
            complain(
                "result_code",
                "is no ResultCode that `codes` has".to_owned(),
            );
        }
        let has_items = |info: &CommandInfo| match info.subject {
            Subject::FromAndItems => true,
            Subject::Items(_) => !commits,
            Subject::From | Subject::Accounts(_) => false,
        };
        if let Some(info) = command.filter(|info| !has_items(info)) {
            complain(
                "result_code",
                format!("never fires: {} has no such items", info.name),
            );
        }
        kinds.push(code.map(Kind::ResultCode));
    }
    let delay = way
        .delay_ms
        .map(|ms| Kind::Delay(Duration::from_millis(ms)));
    kinds.extend(delay.map(Some));
    let status = way
        .http_status
        .and_then(|status| StatusCode::from_u16(status).ok());
    let wires = [
        status.map(Wire::HttpStatus),
        way.close.then_some(Wire::Close),
        way.truncate.then_some(Wire::Truncate),
        way.malformed.then_some(Wire::Malformed),
    ];
    let wires = wires.into_iter().flatten();
    kinds.extend(wires.map(|wire| Some(Kind::Ending(Ending::Wire(wire)))));
    kinds
}

impl CodeName {
    /// That there is no such code.
    pub(super) fn is_unknown(&self) -> String {
        match self {
            Self::Number(_) => "is no code that `codes` has".to_owned(),
            Self::Name(name) => unknown(name, Code::ALL.iter().map(|code| code.name())),
        }
    }

    /// The outcomes that it may stand for.
    pub(super) fn all(&self) -> impl Iterator<Item = Code> {
        let all = Code::ALL.iter().copied();
        all.filter(move |code| match self {
            Self::Number(number) => code.number() == *number,
            Self::Name(name) => code.name() == name,
        })
    }

    /// The outcome: of a number that several have, the first.
    fn find(&self) -> Option<Code> {
        self.all().next()
    }

    /// The same, of an item: the first that is not a whole call's.
    fn find_for_items(&self) -> Option<Code> {
        let of_items = self.all().find(|code| !code.is_whole_calls());
        of_items.or_else(|| self.find())
    }
}
