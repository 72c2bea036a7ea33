//! The situations in which commands answer their codes: two accounts, and a request.

use super::field::{set, wrong_value};
use crate::commands::recipe::{Names, Needs, Recipe};
use crate::protocol::code::Code;
use crate::protocol::ids::{UnixTime, UserId};
use crate::protocol::service::{CommandInfo, Service, Subject};
use crate::sns::model::{
    AdminForbidType, AllowType, Blocked, Friend, FriendUpdate, PendingRequest, RequestMinute,
    SnsPolicy, UnknownAccounts,
};
use crate::sns::texts::{GroupName, Keyword};
use crate::store::{Account, PeerEntry, PeerList};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// The field of the answer that carries a code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub(super) enum Carrier {
    /// The item fails.
    ResultCode,
    /// The whole call fails.
    ErrorCode,
}

/// The cause of a code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum Source {
    /// The state of the accounts.
    State,
    /// A field of the request, or its caller.
    Request,
    /// An armed fault, which fires once.
    Fault,
}

/// The facts on which a situation depends.
pub(super) struct Circumstances<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) command: &'static CommandInfo,
    pub(super) names: Names,
    /// The accounts with these names; new ones, if they do not exist.
    pub(super) from: Account,
    pub(super) to: Account,
    /// An app admin.
    pub(super) admin: UserId,
    /// The code of a caller that is not an app admin.
    pub(super) not_admin: Code,
    /// The app's custom fields of friends.
    pub(super) declared: &'a [Keyword],
    pub(super) now: UnixTime,
    pub(super) policy: &'a SnsPolicy,
}

/// Accounts, and a request that gets a code from a command.
pub(super) struct Situation {
    pub(super) source: Source,
    pub(super) carrier: Carrier,
    pub(super) from: Account,
    pub(super) to: Account,
    /// The account that must not be imported.
    pub(super) missing: Option<UserId>,
    pub(super) request: Value,
    /// The caller; `None` is an app admin.
    pub(super) caller: Option<UserId>,
}

impl Situation {
    /// The situation in which the command answers a code; `None` if the command never does.
    ///
    /// Starts with a situation in which the command answers 0, and changes only the cause of the code. An
    /// account that exists keeps all that does not matter to the code.
    pub(super) fn of(code: Code, facts: Circumstances<'_>) -> Option<Self> {
        let Circumstances {
            recipe,
            command,
            ref names,
            policy,
            ..
        } = facts;
        let mut situation = Self {
            source: Source::State,
            carrier: carrier(code, command),
            from: unrelated(facts.from.clone(), names.to, policy),
            to: unrelated(facts.to.clone(), names.from, policy),
            missing: None,
            request: (recipe.request)(names),
            caller: None,
        };
        situation.relate(recipe.needs, &facts);
        if code == Code::Ok {
            return Some(situation);
        }
        if let Some((pointer, value)) = wrong_value(code, &facts) {
            set(&mut situation.request, &pointer, value);
            situation.source = Source::Request;
        } else if code == facts.not_admin {
            situation.caller = Some(names.filler);
            situation.source = Source::Request;
        } else if let Some(missing) = missing_account(code, &facts) {
            situation.missing = Some(missing);
            situation.from.friends.remove(names.to);
            situation.from.blocklist.remove(names.to);
        } else if situation.set_state(code, &facts).is_none() {
            let is_own = recipe.scripted.iter().any(|codes| codes.contains(&code));
            let is_scripted = is_own || is_any_commands(code, command);
            situation.source = is_scripted.then_some(Source::Fault)?;
        }
        Some(situation)
    }

    /// Makes the relation between the accounts with which the command answers 0.
    fn relate(&mut self, needs: Needs, facts: &Circumstances<'_>) {
        let (to, group) = (facts.names.to, &facts.names.group);
        match needs {
            Needs::Nothing => {}
            Needs::Friend => self.from.friends.insert(facts.friend(to)),
            Needs::Blocked => self.from.blocklist.insert(facts.blocked(to)),
            Needs::Group if self.from.groups.contains(group) => {}
            Needs::Group => self.from.groups.push(group.clone()),
        }
    }

    /// Makes the state in which the command answers a code; `None` if no state gives it.
    fn set_state(&mut self, code: Code, facts: &Circumstances<'_>) -> Option<()> {
        let Self {
            from, to, request, ..
        } = self;
        let (names, policy) = (&facts.names, facts.policy);
        match (facts.command.name, code) {
            ("friend_add", Code::FriendExist) => from.friends.insert(facts.friend(names.to)),
            ("friend_add", Code::ForbidByAdmin) => {
                from.profile.admin_forbid_type = AdminForbidType::SendOut;
            }
            ("friend_add", Code::InMyBlocklist) | ("black_list_add", Code::AlreadyBlocked) => {
                from.blocklist.insert(facts.blocked(names.to));
            }
            ("friend_add", Code::InPeerBlocklist) => to.blocklist.insert(facts.blocked(names.from)),
            ("friend_add", Code::DenyAny) => to.profile.allow_type = AllowType::DenyAny,
            ("friend_add", Code::NeedConfirm) => to.profile.allow_type = AllowType::NeedConfirm,
            ("friend_add" | "friend_import", Code::MyFriendsFull) => {
                let count = policy.max_friends;
                facts.fill(&mut from.friends, count, |with| facts.friend(with));
            }
            ("friend_add", Code::PeerFriendsFull) => {
                let count = policy.max_friends;
                facts.fill(&mut to.friends, count, |with| facts.friend(with));
            }
            ("friend_add", Code::PendingFull) => {
                to.profile.allow_type = AllowType::NeedConfirm;
                let count = policy.max_pending.saturating_sub(from.received.count());
                facts.fill(&mut from.sent, count, |with| PendingRequest {
                    with,
                    add_time: facts.now,
                    add_source: None,
                    details: None,
                });
            }
            ("friend_add", Code::TooManyRequests) if policy.max_requests_per_minute > 0 => {
                from.request_minute = RequestMinute {
                    since: facts.now,
                    requests: policy.max_requests_per_minute,
                };
            }
            ("black_list_add", Code::BlocklistFull) => {
                let count = policy.max_blocklist;
                facts.fill(&mut from.blocklist, count, |with| facts.blocked(with));
            }
            ("friend_update" | "friend_get_list", Code::FriendNotExist)
            | ("friend_delete", Code::NotFriend)
            | ("group_add", Code::NotInFriendList) => drop(from.friends.remove(names.to)),
            ("black_list_delete", Code::NotBlocked) => drop(from.blocklist.remove(names.to)),
            (name, Code::GroupsFull) => {
                let new = unused_groups(&from.groups).next()?;
                let one = new.as_str();
                let (pointer, value) = match name {
                    "friend_add" => ("/AddFriendItem/0/GroupName", json!(one)),
                    "friend_import" => ("/AddFriendItem/0/GroupName", json!([one])),
                    "friend_update" => {
                        let field = json!({ "Tag": "Tag_SNS_IM_Group", "Value": [one] });
                        ("/UpdateItem/0/SnsItem", json!([field]))
                    }
                    "group_add" => ("/GroupName", json!([one])),
                    _ => return None,
                };
                set(request, pointer, value);
                let count = policy.max_groups as usize;
                let missing = count.saturating_sub(from.groups.len());
                let others = unused_groups(&from.groups).skip(1).take(missing);
                let others: Vec<_> = others.collect();
                from.groups.extend(others);
            }
            _ => return None,
        }
        Some(())
    }
}

impl Circumstances<'_> {
    fn friend(&self, to: UserId) -> Friend {
        FriendUpdate::default().into_friend(to, self.now)
    }

    fn blocked(&self, to: UserId) -> Blocked {
        let add_time = self.now;
        Blocked { to, add_time }
    }

    /// Adds entries with new accounts to a list until it has `count` entries.
    fn fill<E: PeerEntry>(&self, list: &mut PeerList<E>, count: u32, entry: impl Fn(UserId) -> E) {
        let name = |number| UserId::parse(&format!("{}-{number}", self.names.filler));
        let missing = count.saturating_sub(list.count());
        for filler in (0..missing).filter_map(name) {
            list.insert(entry(filler));
        }
    }
}

/// An account without a relation to the other one, which can send and receive friend requests, and with
/// room in each list.
fn unrelated(mut account: Account, other: UserId, policy: &SnsPolicy) -> Account {
    account.profile.allow_type = AllowType::AllowAny;
    account.profile.admin_forbid_type = AdminForbidType::None;
    account.request_minute = RequestMinute::default();
    account.friends.remove(other);
    account.blocklist.remove(other);
    account.sent.remove(other);
    account.received.remove(other);
    make_room(&mut account.friends, policy.max_friends);
    make_room(&mut account.blocklist, policy.max_blocklist);
    make_room(&mut account.received, policy.max_pending);
    let received = account.received.count();
    make_room(
        &mut account.sent,
        policy.max_pending.saturating_sub(received),
    );
    account
}

/// Removes the last entries of a list that has `max` entries or more.
fn make_room<E: PeerEntry>(list: &mut PeerList<E>, max: u32) {
    let peers = list.iter().map(PeerEntry::peer);
    let last: Vec<_> = peers.skip(max.saturating_sub(1) as usize).collect();
    for peer in last {
        list.remove(peer);
    }
}

/// Names of groups that an account does not have.
fn unused_groups(groups: &[GroupName]) -> impl Iterator<Item = GroupName> {
    let names = (0..).filter_map(|number| GroupName::parse(&format!("group{number}")));
    names.filter(|name| !groups.contains(name))
}

/// The account whose absence gives the code.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "no missing account gives the other codes"
)]
fn missing_account(code: Code, facts: &Circumstances<'_>) -> Option<UserId> {
    let Names { from, to, .. } = facts.names;
    let has_items = facts.command.subject == Subject::FromAndItems;
    let is_refused = facts.policy.unknown_accounts == UnknownAccounts::Refuse;
    match (facts.command.service, code) {
        (Service::Sns, Code::FromAccountNotExist) => is_refused.then_some(from),
        (Service::Sns, Code::ToAccountNotExist) => (is_refused && has_items).then_some(to),
        (Service::Profile, Code::ProfileAccountNotExist) => {
            is_refused.then_some(match facts.command.subject {
                Subject::From => from,
                _ => to,
            })
        }
        (Service::ImOpenLogin, Code::AccountNotExist) => {
            (facts.command.name == "account_delete").then_some(to)
        }
        _ => None,
    }
}

/// The field of the command's answer that carries a code.
fn carrier(code: Code, command: &CommandInfo) -> Carrier {
    // The groups of group_add are those of the whole call.
    let is_of_groups = [Code::GroupNameTooLong, Code::GroupsFull].contains(&code);
    match command.subject {
        _ if code != Code::Ok && !code.is_items() => Carrier::ErrorCode,
        Subject::FromAndItems if command.name == "group_add" && is_of_groups => Carrier::ErrorCode,
        Subject::FromAndItems | Subject::Items(_) => Carrier::ResultCode,
        Subject::From | Subject::Accounts(_) | Subject::Stub => Carrier::ErrorCode,
    }
}

/// Whether every command of the service has this code: the gateway's, for a caller that is not an app admin,
/// and for accounts that are not imported.
fn is_any_commands(code: Code, command: &CommandInfo) -> bool {
    let of_accounts = match (command.service, command.subject) {
        (Service::Sns, Subject::FromAndItems) => {
            &[Code::FromAccountNotExist, Code::ToAccountNotExist][..]
        }
        (Service::Sns, _) => &[Code::FromAccountNotExist],
        (Service::Profile, _) => &[Code::ProfileAccountNotExist],
        _ => &[],
    };
    let is_gateways = (60_000..70_100).contains(&code.number());
    is_gateways || code == command.service.not_admin() || of_accounts.contains(&code)
}
