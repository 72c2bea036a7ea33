//! Reproduces any code of friend_add: creates the smallest state in which friend_add's own rules
//! answer the code, and returns the request that gets it. If no state gives the code, arms a fault.

use super::account::AccountDocument;
use super::apps::{AppPath, find_app};
use super::code_name::CodeName;
use super::edits::Edits;
use super::extract::{Body, Path};
use super::problem::Problem;
use super::unused_name;
use crate::commands::{Command, FriendAdd};
use crate::config::Config;
use crate::faults::{Kind, Plan, Scope};
use crate::gateway;
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UnixTime, UserId};
use crate::sns::model::{
    AdminForbidType, AllowType, Blocked, FriendUpdate, PendingRequest, RequestMinute, SnsPolicy,
    UnknownAccounts,
};
use crate::sns::texts::{AddWording, GroupName, Remark};
use crate::state::AppState;
use crate::store::Account;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ArrangeRequest {
    /// A code of friend_add's error table, or 0; or the name of an outcome in `GET codes`.
    code: CodeName,
}

/// The created state, and the request that gets the code.
#[derive(Serialize, JsonSchema)]
pub(super) struct Arranged {
    code: u32,
    outcome: &'static str,
    /// The field of the answer that carries the code.
    carried_by: Carrier,
    /// The cause of the code.
    given_by: Source,
    /// The id of the armed fault, if neither a state nor a request gives the code.
    fault: Option<u64>,
    /// The accounts that were created, except the accounts that only fill a list.
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

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
enum Carrier {
    /// The item fails.
    ResultCode,
    /// The whole call fails.
    ErrorCode,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    /// The state of the accounts.
    State,
    /// A field of the request, or its caller.
    Request,
    /// An armed fault.
    Fault,
}

pub(super) async fn arrange(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Body(ArrangeRequest { code: name }): Body<ArrangeRequest>,
) -> Result<Json<Arranged>, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    // The number that friend_add answers, which is the recorded one if the configuration says so.
    let number = |code| {
        let text = FriendAdd::INFO.item_text(code, state.config.sns.answers);
        text.number()
    };
    let first = name.all(number).next();
    let first = first.ok_or_else(|| Problem::invalid_field("/code", name.unknown_message()))?;
    let now = app.clock.now().unix_time();
    let accounts = app.store.accounts().await?;
    let [from, to, filler] = ["from", "to", "f"].map(|stem| unused_name(&accounts, stem));
    let names = Names { from, to, filler };
    let not_admin = gateway::not_admin(&state.config, &FriendAdd::INFO);
    let situation = |code| {
        Some((
            code,
            situation(code, names, now, not_admin, &state.config.sns)?,
        ))
    };
    // Outcomes can share a number: prefer an outcome that a state gives, then one of an item.
    let rank = |(code, situation): &(Code, Situation)| (situation.source, carrier(*code));
    let found = name.all(number).filter_map(situation).min_by_key(rank);
    let (code, situation) = found.ok_or_else(|| {
        let detail = format!("{} is not an outcome of friend_add", first.name());
        Problem::invalid_field("/code", detail)
    })?;
    let fault = match situation.source {
        Source::State | Source::Request => None,
        Source::Fault => {
            let plan = plan(app.sdkappid, code, names);
            Some(state.change(|world| world.arm(plan))?.id)
        }
    };
    let mut edits = Edits::new(&app, &accounts);
    for (user, account) in &situation.accounts {
        edits.put(*user, &Account::default(), account.clone());
    }
    let created = edits.commit().await;
    if created.is_err() {
        // A failed call leaves no fault behind.
        state.change(|world| world.faults.disarm(|armed| Some(armed.id) == fault));
    }
    let created = created?;
    let Situation {
        request, accounts, ..
    } = situation;
    let caller = situation.caller.unwrap_or_else(|| app.first_admin());
    let (url, curl) = app.friend_add(local_addr(&state), caller, &request, now);
    let documents = accounts.iter();
    let documents = documents.map(|(user, account)| (*user, AccountDocument::from(account)));
    Ok(Json(Arranged {
        code: number(code),
        outcome: code.name(),
        carried_by: carrier(code),
        given_by: situation.source,
        fault,
        fillers: created.len() - accounts.len(),
        accounts: documents.collect(),
        url,
        request,
        curl,
    }))
}

/// The cause of an outcome of friend_add; `None` if friend_add has no such outcome.
pub(super) fn source(code: Code, config: &Config) -> Option<Source> {
    let user = UserId::parse("any").expect("short and printable");
    let names = Names {
        from: user,
        to: user,
        filler: user,
    };
    let not_admin = gateway::not_admin(config, &FriendAdd::INFO);
    // The source does not depend on the limits: 0 keeps the full lists empty.
    let policy = SnsPolicy {
        max_friends: 0,
        max_groups: 0,
        max_pending: 0,
        ..config.sns
    };
    Some(situation(code, names, UnixTime(0), not_admin, &policy)?.source)
}

/// The emulator's address for a client on the same machine.
fn local_addr(state: &AppState) -> SocketAddr {
    let mut addr = state.addr.get().copied().unwrap_or(state.config.listen);
    if addr.ip().is_unspecified() {
        addr.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    addr
}

/// Unused UserIDs.
#[derive(Clone, Copy)]
struct Names {
    from: UserId,
    to: UserId,
    /// The prefix of the UserIDs of accounts that fill a list.
    filler: UserId,
}

/// Accounts, and a request that gets a code from friend_add.
struct Situation {
    source: Source,
    accounts: BTreeMap<UserId, Account>,
    request: Value,
    /// The caller; `None` is the first app admin.
    caller: Option<UserId>,
}

/// The field of the answer that carries a code.
fn carrier(code: Code) -> Carrier {
    match code != Code::Ok && !code.is_items() || code.is_gateway() {
        true => Carrier::ErrorCode,
        false => Carrier::ResultCode,
    }
}

/// The field of an item that this code is about, and an invalid value that gets the code.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other codes are not about one field of an item"
)]
pub(super) fn wrong_field(code: Code, from: UserId) -> Option<(&'static str, Value)> {
    let too_long = |max: usize| "x".repeat(max + 1).into();
    Some(match code {
        Code::ToAccountIllegal => ("To_Account", "".into()),
        Code::AccountNotAString => ("To_Account", 1.into()),
        Code::AddSelf => ("To_Account", from.as_str().into()),
        Code::SourceIllegal => ("AddSource", "Web".into()),
        Code::RemarkTooLong => ("Remark", too_long(Remark::MAX_BYTES)),
        Code::GroupNameTooLong => ("GroupName", too_long(GroupName::MAX_BYTES)),
        Code::WordingTooLong => ("AddWording", too_long(AddWording::MAX_BYTES)),
        _ => return None,
    })
}

/// The situation in which friend_add answers a code; `None` if friend_add has no such outcome.
/// Starts with two unrelated accounts and a valid request, and changes only the cause of the code.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test arranges every code of the page"
)]
fn situation(
    code: Code,
    names: Names,
    now: UnixTime,
    not_admin: Code,
    policy: &SnsPolicy,
) -> Option<Situation> {
    let (mut from, mut to) = (Account::default(), Account::default());
    let (mut missing, mut caller) = (None, None);
    let mut item = json!({ "To_Account": names.to, "AddSource": "AddSource_Type_Web" });
    let mut source = Source::State;
    let refuses_unknown = policy.unknown_accounts == UnknownAccounts::Refuse;
    let friend = |to| FriendUpdate::default().into_friend(to, now);
    let blocked = |to| Blocked { to, add_time: now };
    let fillers = |count| {
        let name = move |number| UserId::parse(&format!("{}-{number}", names.filler));
        (0..count).filter_map(name)
    };
    let wrong_field = wrong_field(code, names.from);
    match code {
        Code::Ok => {}
        Code::SnsDecode => source = Source::Request,
        _ if wrong_field.is_some() => source = Source::Request,
        Code::NotAdmin | Code::NotAdminGateway if code == not_admin => {
            caller = Some(names.from);
            source = Source::Request;
        }
        Code::FromAccountNotExist if refuses_unknown => missing = Some(names.from),
        Code::ToAccountNotExist if refuses_unknown => missing = Some(names.to),
        Code::FriendExist => from.friends.insert(friend(names.to)),
        Code::ForbidByAdmin => from.profile.admin_forbid_type = AdminForbidType::SendOut,
        Code::InMyBlocklist => from.blocklist.insert(blocked(names.to)),
        Code::InPeerBlocklist => to.blocklist.insert(blocked(names.from)),
        Code::DenyAny => to.profile.allow_type = AllowType::DenyAny,
        Code::NeedConfirm => to.profile.allow_type = AllowType::NeedConfirm,
        Code::MyFriendsFull => from.friends = fillers(policy.max_friends).map(friend).collect(),
        Code::PeerFriendsFull => to.friends = fillers(policy.max_friends).map(friend).collect(),
        Code::GroupsFull => {
            let groups = (0..policy.max_groups).map(|number| format!("group{number}"));
            from.groups = groups.filter_map(|name| GroupName::parse(&name)).collect();
            item["GroupName"] = "new".into();
        }
        Code::PendingFull => {
            to.profile.allow_type = AllowType::NeedConfirm;
            let request = |with| PendingRequest {
                with,
                add_time: now,
                add_source: None,
                details: None,
            };
            from.sent = fillers(policy.max_pending).map(request).collect();
        }
        Code::TooManyRequests if policy.max_requests_per_minute > 0 => {
            from.request_minute = RequestMinute {
                since: now,
                requests: policy.max_requests_per_minute,
            };
        }
        Code::NotAdmin
        | Code::FromAccountNotExist
        | Code::ToAccountNotExist
        | Code::TooManyRequests
        | Code::SdkAppIdIllegal
        | Code::SensitiveWord
        | Code::Internal
        | Code::NetworkTimeout
        | Code::WriteConflict => source = Source::Fault,
        _ if code.is_gateway() => source = Source::Fault,
        _ => return None,
    }
    if let Some((field, value)) = wrong_field {
        item[field] = value;
    }
    let items = match code {
        Code::SnsDecode => Value::Null,
        _ => json!([item]),
    };
    let mut accounts = BTreeMap::from([(names.from, from), (names.to, to)]);
    accounts.retain(|user, _| Some(*user) != missing);
    Some(Situation {
        source,
        accounts,
        request: json!({ "From_Account": names.from, "AddFriendItem": items }),
        caller,
    })
}

/// A fault that fails the request with a code.
fn plan(app: SdkAppId, code: Code, names: Names) -> Plan {
    let scope = Scope {
        sdkappid: Some(app),
        command: Some(FriendAdd::INFO.name),
        from_account: Some(names.from),
        to_account: Some(names.to),
        item: None,
    };
    let kind = match carrier(code) {
        Carrier::ResultCode => Kind::ResultCode(code),
        Carrier::ErrorCode => Kind::ErrorCode(code),
    };
    Plan::always(scope, kind)
}
