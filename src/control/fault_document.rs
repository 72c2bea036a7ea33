//! A fault as it is asked for and shown; and what it means, or why it can never fire.

use super::code_name::{CODES, CodeName};
use super::problem::InvalidField;
use crate::commands;
use crate::faults::{Chance, Ending, Kind, Plan, Scope, Wire};
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::protocol::service::{CommandInfo, Subject};
use crate::state::AppState;
use crate::strict::nearest;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest delay: ten minutes.
const MAX_DELAY_MS: u64 = 600_000;

/// A fault: where, when, and one of the ways to fail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultDocument {
    /// Of which app; without it, of every app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sdkappid: Option<SdkAppId>,
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A fault as it was armed.
pub(super) fn document(plan: &Plan) -> FaultDocument {
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
pub(super) fn plan(
    state: &AppState,
    at: &str,
    document: &FaultDocument,
) -> Result<Plan, Vec<InvalidField>> {
    let mut wrong = Vec::new();
    let mut complain = |field: &str, detail: String| {
        let slash = if field.is_empty() { "" } else { "/" };
        wrong.push(InvalidField::of_body(format!("{at}{slash}{field}"), detail));
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
            complain(
                "code",
                format!("is not an ErrorCode that a call can fail with; {CODES}"),
            );
        }
        kinds.push(code.map(|code| Kind::Ending(Ending::Code(code))));
    }
    if let Some(name) = &way.result_code {
        let code = name.find_for_items().filter(|code| code.is_items());
        if code.is_none() {
            complain(
                "result_code",
                format!("is not a ResultCode that an item can fail with; {CODES}"),
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
