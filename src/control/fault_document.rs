//! The JSON document of a fault. A fault that can never fire is rejected.

use super::apps::list_apps;
use super::code_name::{CODES, CodeName};
use super::problem::InvalidField;
use super::requests::unknown_command;
use crate::commands;
use crate::faults::{Chance, Kind, Plan, Scope, WireFault};
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::protocol::service::{CommandInfo, Subject};
use crate::state::AppState;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Not;
use std::time::Duration;

/// The longest delay: ten minutes.
const MAX_DELAY_MS: u64 = 600_000;

/// A fault: its scope, when it fires, and one kind of failure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultDocument {
    /// Only calls of this app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sdkappid: Option<SdkAppId>,
    /// Only calls of this command, such as friend_add or sns/friend_add.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    /// Only calls with this From_Account.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_account: Option<UserId>,
    /// Only items with this To_Account; for a fault of the whole call, calls with such an item.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_account: Option<UserId>,
    /// Only the item at this index, from 0; for a fault of the whole call, calls with such an item.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<u32>,
    /// The number of matches that pass before a match can fail.
    #[serde(default)]
    skip: u64,
    /// The maximum number of times that the fault fires; without limit, if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    times: Option<u64>,
    /// The probability that a match fires: above 0, and at most 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1.0))]
    probability: Option<f64>,
    /// The seed of the random decisions; random, if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(flatten)]
    failure: Failure,
    /// The command runs, then its answer fails in this way: to test whether a retry is safe.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit_then: Option<Failure>,
}

/// The kinds of failure. Exactly one must be given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Failure {
    /// The whole call answers this ErrorCode: a number, or the name of an outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<CodeName>,
    /// The matching items answer this ResultCode; the other items are processed.
    #[serde(skip_serializing_if = "Option::is_none")]
    result_code: Option<CodeName>,
    /// The answer is delayed by this time, in milliseconds; another fault can still replace it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_DELAY_MS))]
    delay_ms: Option<u64>,
    /// The answer has this HTTP status, and HTML instead of Tencent's JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 400, max = 599))]
    http_status: Option<u16>,
    /// The connection is reset.
    #[serde(default, skip_serializing_if = "Not::not")]
    close: bool,
    /// The first half of the answer's body is sent, then the connection ends.
    #[serde(default, skip_serializing_if = "Not::not")]
    truncate: bool,
    /// The answer is not JSON.
    #[serde(default, skip_serializing_if = "Not::not")]
    malformed: bool,
}

/// The document of an armed fault.
pub(super) fn document(plan: &Plan) -> FaultDocument {
    let name = |code: Code| Some(CodeName::Name(code.name().to_owned()));
    let mut failure = Failure::default();
    match plan.kind {
        Kind::ResultCode(code) => failure.result_code = name(code),
        Kind::Delay(delay) => failure.delay_ms = u64::try_from(delay.as_millis()).ok(),
        Kind::ErrorCode(code) => failure.code = name(code),
        Kind::Wire(fault) => match fault {
            WireFault::HttpStatus(status) => failure.http_status = Some(status.as_u16()),
            WireFault::Close => failure.close = true,
            WireFault::Truncate => failure.truncate = true,
            WireFault::Malformed => failure.malformed = true,
        },
    }
    let (failure, commit_then) = match plan.commits {
        true => (Failure::default(), Some(failure)),
        false => (failure, None),
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
        failure,
        commit_then,
    }
}

/// The fields of a fault that name a command, an app or a code that does not exist; `at` is the document's
/// JSON pointer.
pub(super) fn unknown_names(
    state: &AppState,
    at: &str,
    document: &FaultDocument,
) -> Vec<InvalidField> {
    let mut invalid = Vec::new();
    let mut add_invalid = |field: &str, detail: &str| {
        invalid.push(InvalidField::of_body(format!("{at}{field}"), detail));
    };
    if let Some(name) = &document.command
        && commands::named(name).is_none()
    {
        add_invalid("/command", &unknown_command(name));
    }
    if let Some(app) = document.sdkappid
        && !state.world().apps.contains_key(&app)
    {
        let apps = list_apps(state);
        add_invalid("/sdkappid", &format!("is not an existing app; {apps}"));
    }
    let committed = document.commit_then.as_ref();
    let failures = [("", Some(&document.failure)), ("/commit_then", committed)];
    for (place, failure) in failures {
        let kinds = failure.map(Failure::kinds).unwrap_or_default();
        for (field, kind) in kinds {
            if let Err(detail) = kind {
                add_invalid(&format!("{place}/{field}"), &detail);
            }
        }
    }
    invalid
}

/// Reads a fault from its document; `at` is the document's JSON pointer. The error names every
/// invalid field, and every field that keeps the fault from ever firing.
pub(super) fn plan(
    state: &AppState,
    at: &str,
    document: &FaultDocument,
) -> Result<Plan, Vec<InvalidField>> {
    let (failure, place, commits) = match &document.commit_then {
        Some(failure) => (failure, "/commit_then", true),
        None => (&document.failure, "", false),
    };
    let mut invalid = unknown_names(state, at, document);
    let mut add_invalid = |field: &str, detail: &str| {
        invalid.push(InvalidField::of_body(format!("{at}{field}"), detail));
    };
    let command = document.command.as_deref().and_then(commands::named);
    if let Some(CommandInfo { name, subject, .. }) = command {
        if document.from_account.is_some()
            && !matches!(
                subject,
                Subject::FromAndItems | Subject::From | Subject::Stub
            )
        {
            let detail = format!("never matches: {name} has no From_Account");
            add_invalid("/from_account", &detail);
        }
        let no_other = format!("never matches: {name} names no other account");
        if document.to_account.is_some() && *subject == Subject::From {
            add_invalid("/to_account", &no_other);
        }
        if document.item.is_some() && *subject == Subject::From {
            add_invalid("/item", &no_other);
        }
        let has_results = match subject {
            Subject::FromAndItems => true,
            Subject::Items(_) => !commits,
            Subject::From | Subject::Accounts(_) | Subject::Stub => false,
        };
        if failure.result_code.is_some() && !has_results {
            let detail = format!("never fires: it cannot fail the items of {name}");
            add_invalid(&format!("{place}/result_code"), &detail);
        }
    }
    let max_items = |info: &CommandInfo| info.max_items(state.config.sns.max_items);
    let max_items = match command {
        Some(command) => max_items(command),
        None => commands::built_in()
            .map(max_items)
            .max()
            .unwrap_or_default(),
    };
    if document.item.is_some_and(|item| item >= max_items) {
        let detail = format!("never matches: a request has at most {max_items} items");
        add_invalid("/item", &detail);
    }
    if document.probability.is_some_and(|chance| chance <= 0.0) {
        add_invalid("/probability", "never fires: it must be above 0");
    }
    if document.seed.is_some() && document.probability.is_none() {
        add_invalid("/seed", "has no effect without probability");
    }
    if commits && document.failure != Failure::default() {
        let detail = "excludes the other kinds of failure: leave them out";
        add_invalid("/commit_then", detail);
    }
    let kinds = failure.kinds();
    if kinds.len() != 1 {
        let detail = "must have exactly one kind of failure: code, result_code, delay_ms, \
            http_status, close, truncate, malformed, or one of them in commit_then";
        add_invalid(place, detail);
    }
    match kinds[..] {
        [(_, Ok(kind))] if invalid.is_empty() => Ok(Plan {
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
        _ => Err(invalid),
    }
}

impl Failure {
    /// The given fields and their kinds, or what is wrong with them.
    fn kinds(&self) -> Vec<(&'static str, Result<Kind, String>)> {
        let code = self.code.as_ref().map(|name| {
            let code = name.find(Code::is_calls).map_err(|code| match code {
                Some(code) if code.is_items() => {
                    let name = code.name();
                    format!(
                        "is not an ErrorCode: {name} is the outcome of an item; use result_code"
                    )
                }
                None => name.unknown_message(),
                Some(_) => format!("is not an ErrorCode that a call can fail with; {CODES}"),
            });
            Ok(Kind::ErrorCode(code?))
        });
        let result_code = self.result_code.as_ref().map(|name| {
            let code = name.find(Code::is_items).map_err(|code| match code {
                Some(code) if code.is_calls() => {
                    let name = code.name();
                    format!("is not a ResultCode: {name} is the outcome of a whole call; use code")
                }
                None => name.unknown_message(),
                Some(_) => format!("is not a ResultCode that an item can fail with; {CODES}"),
            });
            Ok(Kind::ResultCode(code?))
        });
        let delay = self.delay_ms.map(Duration::from_millis);
        let status = self.http_status.map(StatusCode::from_u16);
        let status = status.and_then(Result::ok).map(WireFault::HttpStatus);
        let wire = |fault| Ok(Kind::Wire(fault));
        let fields = [
            ("code", code),
            ("result_code", result_code),
            ("delay_ms", delay.map(|delay| Ok(Kind::Delay(delay)))),
            ("http_status", status.map(wire)),
            ("close", self.close.then_some(wire(WireFault::Close))),
            (
                "truncate",
                self.truncate.then_some(wire(WireFault::Truncate)),
            ),
            (
                "malformed",
                self.malformed.then_some(wire(WireFault::Malformed)),
            ),
        ];
        let fields = fields.into_iter();
        fields
            .filter_map(|(field, kind)| Some((field, kind?)))
            .collect()
    }
}
