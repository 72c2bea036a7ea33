//! Reproduces any code of a command: makes the smallest state in which the command's own rules answer the
//! code, and returns the request that gets it. If neither a state nor a request gives the code, arms one
//! fault, which fires once.

mod field;
mod recipe;
mod situation;

pub(super) use field::wrong_field;
pub(super) use situation::Source;

use super::apps::{AppPath, find_app};
use super::code_name::CodeName;
use super::edits::Edits;
use super::extract::{Body, Path};
use super::problem::Problem;
use super::requests::unknown_command;
use super::unused_name;
use crate::accounts::AccountDocument;
use crate::apps::App;
use crate::commands::{self, Command, FriendAdd};
use crate::config::Config;
use crate::faults::{Kind, Plan, Scope};
use crate::gateway;
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UnixTime, UserId};
use crate::protocol::service::{CommandInfo, Subject};
use crate::sns::model::SnsPolicy;
use crate::sns::texts::GroupName;
use crate::state::AppState;
use crate::store::{Account, Accounts};
use axum::Json;
use axum::extract::State;
use recipe::{Names, Recipe, recipe};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use situation::{Carrier, Circumstances, Situation};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ArrangeRequest {
    /// A code of the command, or 0; or the name of an outcome in `GET codes`.
    code: CodeName,
    /// The command, such as friend_delete or sns/friend_delete; friend_add by default.
    command: Option<String>,
    /// From_Account; a new account, if not given. An account that exists is changed as the code needs
    /// it: its relation to the other account, its AllowType and AdminForbidType, and the length of its
    /// lists. It is deleted, if the code needs that it is not imported.
    from_account: Option<UserId>,
    /// The item's account, or the account that a command without From_Account is about. A new account, if
    /// not given. It is changed as from_account is.
    to_account: Option<UserId>,
}

/// The state that was made, and the request that gets the code.
#[derive(Serialize, JsonSchema)]
pub(super) struct Arranged {
    code: u32,
    outcome: &'static str,
    /// The command, such as sns/friend_add.
    command: String,
    /// The field of the answer that carries the code.
    carried_by: Carrier,
    /// The cause of the code.
    given_by: Source,
    /// The id of the armed fault, if neither a state nor a request gives the code. It fires once: the same
    /// request then gets the answer that it gets without the fault.
    fault: Option<u64>,
    /// The accounts as they are now, except the accounts that only fill a list.
    accounts: BTreeMap<UserId, AccountDocument>,
    /// How many accounts were created only to fill a list.
    fillers: usize,
    /// The URL to send the request to, with a UserSig.
    url: String,
    /// The request's body.
    request: Value,
    /// The same request as a command line for a shell.
    curl: String,
}

pub(super) async fn arrange(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Body(request): Body<ArrangeRequest>,
) -> Result<Json<Arranged>, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    let (command, recipe) = find(request.command.as_deref())?;
    let mut accounts = app.store.accounts().await?;
    let [from, to] = names(&request, command, &accounts)?;
    let filler = unused_name(&accounts, "f");
    let account = |accounts: &Accounts, user| {
        let account = accounts.get(user).map(|account| Account::clone(account));
        account.unwrap_or_default()
    };
    let situation = |accounts: &Accounts, code| {
        let from_account = account(accounts, from);
        let group = from_account.groups.first().cloned();
        let facts = Circumstances {
            recipe,
            command,
            names: Names {
                from,
                to,
                filler,
                group: group.unwrap_or_else(default_group),
            },
            from: from_account,
            to: account(accounts, to),
            admin: app.first_admin(),
            not_admin: gateway::not_admin(&state.config, command),
            declared: &app.config.custom_fields.friend,
            now: app.clock.now().unix_time(),
            policy: &state.config.sns,
        };
        Situation::of(code, facts)
    };
    // The number that the command answers, which is the recorded one if the configuration says so.
    let number = |code| {
        let text = command.item_text(code, state.config.sns.answers);
        text.number()
    };
    // Outcomes can share a number: prefer an outcome that a state gives, then one of an item.
    let ranked = request.code.all(number).filter_map(|code| {
        let situation = situation(&accounts, code)?;
        Some((code, (situation.source, situation.carrier)))
    });
    let best = ranked.min_by_key(|(_, rank)| *rank);
    let (code, _) = best.ok_or_else(|| no_outcome(&request.code, command, &state.config))?;
    if let Some(missing) = situation(&accounts, code).and_then(|situation| situation.missing)
        && accounts.get(missing).is_some()
    {
        if app.config.admins.contains(&missing) {
            let detail = format!("{missing} is an app admin, and app admins always exist");
            return Err(Problem::conflict(detail));
        }
        app.store.delete_accounts(&[missing]).await?;
        accounts = app.store.accounts().await?;
    }
    let made = situation(&accounts, code).expect("the code is an outcome of the command");
    let fault = match made.source {
        Source::State | Source::Request => None,
        Source::Fault => {
            let plan = plan(app.sdkappid, command, code, made.carrier, [from, to]);
            Some(state.change(|world| world.arm(plan))?.id)
        }
    };
    let mut sides = vec![(to, made.to)];
    if has_from_account(command) {
        sides.push((from, made.from));
    }
    sides.retain(|(user, _)| Some(*user) != made.missing);
    let mut edits = Edits::new(&app, &accounts);
    let mut created = 0;
    for (user, account) in &sides {
        let was = accounts.get(*user).map(|was| Account::clone(was));
        created += usize::from(was.is_none());
        edits.put(*user, &was.unwrap_or_default(), account.clone());
    }
    let written = edits.commit().await;
    if written.is_err() {
        // A failed call leaves no fault behind.
        state.change(|world| world.faults.disarm(|armed| Some(armed.id) == fault));
    }
    let written = written?;
    let (url, curl) = call_line(&state, &app, command, made.caller, &made.request);
    let document = |(user, _): &(UserId, Account)| {
        let account = written.accounts.get(*user)?;
        let document = AccountDocument::of(*user, account, &written.accounts);
        Some((*user, document))
    };
    Ok(Json(Arranged {
        code: number(code),
        outcome: code.name(),
        command: format!("{}/{}", command.service.name(), command.name),
        carried_by: made.carrier,
        given_by: made.source,
        fault,
        accounts: sides.iter().filter_map(document).collect(),
        fillers: written.created - created,
        url,
        request: made.request,
        curl,
    }))
}

/// The command with this name, and its recipe.
fn find(name: Option<&str>) -> Result<(&'static CommandInfo, &'static Recipe), Problem> {
    let name = name.unwrap_or(FriendAdd::INFO.name);
    let invalid = |detail| Problem::invalid_field("/command", detail);
    let command = commands::named(name).ok_or_else(|| invalid(unknown_command(name)))?;
    let recipe = recipe(command.name).ok_or_else(|| {
        let name = command.name;
        invalid(format!(
            "{name} is a stub, which has no state; POST faults makes it answer a code"
        ))
    })?;
    Ok((command, recipe))
}

fn has_from_account(command: &CommandInfo) -> bool {
    matches!(command.subject, Subject::FromAndItems | Subject::From)
}

/// The given names of the two accounts, or unused ones.
fn names(
    request: &ArrangeRequest,
    command: &CommandInfo,
    accounts: &Accounts,
) -> Result<[UserId; 2], Problem> {
    let (from, to) = (request.from_account, request.to_account);
    if from.is_some() && !has_from_account(command) {
        let detail = format!("has no effect: {} has no From_Account", command.name);
        return Err(Problem::invalid_field("/from_account", detail));
    }
    if from.is_some() && from == to {
        let detail = "must differ from from_account";
        return Err(Problem::invalid_field("/to_account", detail));
    }
    Ok([
        from.unwrap_or_else(|| unused_name(accounts, "from")),
        to.unwrap_or_else(|| unused_name(accounts, "to")),
    ])
}

/// The problem that no outcome of the command has this number or name.
fn no_outcome(name: &CodeName, command: &CommandInfo, config: &Config) -> Problem {
    let Some(code) = name.all(Code::number).next() else {
        return Problem::invalid_field("/code", name.unknown_message());
    };
    let mut detail = format!("{} is not an outcome of {}", code.name(), command.name);
    if let Some((other, _)) = source(code, config) {
        detail += &format!(", but of {}: set command", other.name);
    }
    Problem::invalid_field("/code", detail)
}

fn default_group() -> GroupName {
    GroupName::parse("group").expect("it is short")
}

/// A command that has an outcome, and the cause of the outcome there: the first command whose state gives
/// it, or else whose request, or else friend_add or the first one. `None` if no command has the outcome.
pub(super) fn source(code: Code, config: &Config) -> Option<(&'static CommandInfo, Source)> {
    // The cause depends neither on the accounts nor on the limits: 0 keeps the full lists empty.
    let policy = SnsPolicy {
        max_friends: 0,
        max_groups: 0,
        max_pending: 0,
        max_blocklist: 0,
        ..config.sns
    };
    let user = UserId::parse("any").expect("short and printable");
    let source = |command: &'static CommandInfo| {
        let recipe = recipe(command.name)?;
        let facts = Circumstances {
            recipe,
            command,
            names: Names {
                from: user,
                to: user,
                filler: user,
                group: default_group(),
            },
            from: Account::default(),
            to: Account::default(),
            admin: user,
            not_admin: gateway::not_admin(config, command),
            declared: &[],
            now: UnixTime(0),
            policy: &policy,
        };
        Some((command, Situation::of(code, facts)?.source))
    };
    let sources = commands::built_in().filter_map(source);
    sources.min_by_key(|(_, source)| *source)
}

/// The URL and the curl line of a call by `caller`, or else by an app admin, for a client on the same
/// machine.
fn call_line(
    state: &AppState,
    app: &App,
    command: &CommandInfo,
    caller: Option<UserId>,
    request: &Value,
) -> (String, String) {
    let mut addr: SocketAddr = state.addr.get().copied().unwrap_or(state.config.listen);
    if addr.ip().is_unspecified() {
        addr.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let caller = caller.unwrap_or_else(|| app.first_admin());
    let now = app.clock.now().unix_time();
    app.call_line(addr, command, caller, request, now)
}

/// A fault that fails the request once.
fn plan(
    app: SdkAppId,
    command: &'static CommandInfo,
    code: Code,
    carrier: Carrier,
    [from, to]: [UserId; 2],
) -> Plan {
    let scope = Scope {
        sdkappid: Some(app),
        command: Some(command.name),
        from_account: has_from_account(command).then_some(from),
        to_account: (command.subject != Subject::From).then_some(to),
        item: None,
    };
    let kind = match carrier {
        Carrier::ResultCode => Kind::ResultCode(code),
        Carrier::ErrorCode => Kind::ErrorCode(code),
    };
    Plan {
        times: Some(1),
        ..Plan::always(scope, kind)
    }
}
