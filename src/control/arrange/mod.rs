//! Reproduces any code of a command: makes the smallest state in which the command's own rules answer the
//! code, and returns the request that gets it. If neither a state nor a request gives the code, arms one
//! fault, which fires once.

mod arrangement;
mod field;
mod situation;

pub(super) use field::wrong_field;
pub(super) use situation::Source;

use super::apps::{AppPath, find_app};
use super::code_name::CodeName;
use super::extract::{Body, Path};
use super::problem::Problem;
use super::requests::unknown_command;
use super::unused_name;
use crate::accounts::AccountDocument;
use crate::commands::recipe::{Names, Recipe};
use crate::commands::{self, Command, FriendAdd};
use crate::config::Config;
use crate::gateway;
use crate::protocol::code::Code;
use crate::protocol::ids::{UnixTime, UserId};
use crate::protocol::service::{CommandInfo, Subject};
use crate::sns::model::SnsPolicy;
use crate::sns::texts::GroupName;
use crate::state::AppState;
use crate::store::{Account, Accounts};
use arrangement::Arrangement;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use situation::{Carrier, Circumstances, Situation};
use std::collections::BTreeMap;

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
    let accounts = app.store.accounts().await?;
    let [from, to] = names(&request, command, &accounts)?;
    let arrangement = Arrangement {
        state: &state,
        app: &app,
        command,
        recipe,
        accounts,
        from,
        to,
    };
    let code = arrangement.code(&request.code)?;
    let situation = arrangement.situation(code);
    let situation = situation.expect("the code is an outcome of the command");
    arrangement.make(code, situation).await.map(Json)
}

/// The command with this name, and its recipe.
fn find(name: Option<&str>) -> Result<(&'static CommandInfo, &'static Recipe), Problem> {
    let name = name.unwrap_or(FriendAdd::INFO.name);
    let invalid = |detail| Problem::invalid_field("/command", detail);
    let command = commands::named(name).ok_or_else(|| invalid(unknown_command(name)))?;
    let recipe = commands::recipe(command.name).ok_or_else(|| {
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
        let recipe = commands::recipe(command.name)?;
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
