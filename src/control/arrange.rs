//! Any code on demand: the smallest real state in which friend_add answers it by its own rules, and
//! the request that meets it. Where no state gives a code, one fault is armed, and said so.

use super::account::AccountDocument;
use super::apps::AppPath;
use super::code_name::CodeName;
use super::edits::Edits;
use super::extract::{Body, Path};
use super::problem::Problem;
use super::unused_name;
use crate::apps::App;
use crate::commands::{Command, FriendAdd};
use crate::config::Config;
use crate::faults::{Kind, Plan, Scope};
use crate::gateway;
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UnixTime, UserId};
use crate::sns::model::{
    AdminForbidType, AllowType, Blocked, Friend, PendingRequest, RequestMinute, UnknownAccounts,
};
use crate::sns::texts::{AddWording, GroupName, Remark};
use crate::state::AppState;
use crate::store::{Account, Accounts};
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Which code.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ArrangeRequest {
    /// A number of friend_add's error table, or an outcome's name as `codes` has it; 0 as well.
    code: CodeName,
}

/// A situation, and the request that meets the code in it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Arranged {
    code: u32,
    outcome: &'static str,
    /// Where the answer carries it.
    carried_by: Carrier,
    /// What gives it.
    given_by: Source,
    /// The id of the fault that was armed, where no state gives the code.
    fault: Option<u64>,
    /// The accounts that were made; those that only fill a list are counted, not shown.
    accounts: BTreeMap<UserId, AccountDocument>,
    /// Accounts that were made to fill a list.
    fillers: usize,
    /// The URL to send the request to, with a UserSig.
    url: String,
    /// The body.
    request: Value,
    /// The same as a line for a shell.
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
    /// What the accounts are.
    State,
    /// What the request says.
    Request,
    /// An armed fault.
    Fault,
}

pub(super) async fn arrange(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Body(ArrangeRequest { code: name }): Body<ArrangeRequest>,
) -> Result<Json<Arranged>, Problem> {
    let (app, world) = (path.find(&state)?, state.world());
    let first = name.all().next();
    let first = first.ok_or_else(|| Problem::invalid_field("/code", name.is_unknown()))?;
    let now = world.clock.now().unix_time();
    let accounts = app.store.accounts().await?;
    let recipe = Recipe {
        from: unused_name(&accounts, "from"),
        to: unused_name(&accounts, "to"),
        now,
    };
    let follow = |code| Some((code, recipe.follow(code, &state.config)?));
    // Of the outcomes of a number, one that state gives, and an item's.
    let rank = |(_, situation): &(Code, Situation)| (situation.source, situation.carrier);
    let found = name.all().filter_map(follow).min_by_key(rank);
    let (code, situation) = found.ok_or_else(|| {
        let detail = format!("{} is no outcome of friend_add", first.name());
        Problem::invalid_field("/code", detail)
    })?;
    let fault = match situation.source {
        Source::State | Source::Request => None,
        Source::Fault => {
            let plan = recipe.plan(app.sdkappid, code, situation.carrier);
            Some(state.change(|world| world.arm(plan))?.id)
        }
    };
    let (made, fillers) = recipe.make(&app, &accounts, &situation).await?;
    let Situation {
        request,
        source,
        carrier,
        by_stranger,
        ..
    } = situation;
    let caller = if by_stranger {
        recipe.from
    } else {
        app.first_admin()
    };
    let (url, curl) = app.friend_add(reachable(&state), caller, &request, now);
    let documents = made.iter();
    let documents = documents.map(|(user, account)| (*user, AccountDocument::from(account)));
    Ok(Json(Arranged {
        code: code.number(),
        outcome: code.name(),
        carried_by: carrier,
        given_by: source,
        fault,
        accounts: documents.collect(),
        fillers,
        url,
        request,
        curl,
    }))
}

/// How friend_add is brought to an outcome; `None` where it has no such outcome.
pub(super) fn source(code: Code, config: &Config) -> Option<Source> {
    let user = |name| UserId::parse(name).expect("short and printable");
    let recipe = Recipe {
        from: user("from"),
        to: user("to"),
        now: UnixTime(0),
    };
    Some(recipe.follow(code, config)?.source)
}

/// The address, as a client on this machine reaches it.
fn reachable(state: &AppState) -> SocketAddr {
    let mut addr = state.addr.get().copied().unwrap_or(state.config.listen);
    if addr.ip().is_unspecified() {
        addr.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    addr
}

/// Two accounts that know nothing of each other, and what is made of them.
struct Recipe {
    from: UserId,
    to: UserId,
    now: UnixTime,
}

/// What is said of the two, and the request.
struct Situation {
    /// `None` where it is not imported.
    from: Option<Account>,
    to: Option<Account>,
    /// Others, who fill a list.
    others: Others,
    request: Value,
    source: Source,
    carrier: Carrier,
    /// From_Account calls, who is no app admin.
    by_stranger: bool,
}

/// Accounts that fill a list, so many.
enum Others {
    None,
    FriendsOfFrom(u32),
    FriendsOfTo(u32),
    AskedByFrom(u32),
}

impl Recipe {
    /// `None` where friend_add has no such outcome.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a test arranges every code of the page"
    )]
    fn follow(&self, code: Code, config: &Config) -> Option<Situation> {
        let policy = &config.sns;
        let mut situation = self.start();
        let (mut from, mut to) = (self.account(), self.account());
        let refuses_unknown = policy.unknown_accounts == UnknownAccounts::Refuse;
        match code {
            Code::Ok => {}
            Code::SnsDecode => {
                situation.ask("AddFriendItem", Value::Null);
                situation.carrier = Carrier::ErrorCode;
            }
            Code::ToAccountIllegal => situation.ask_of_item("To_Account", ""),
            Code::AddSelf => situation.ask_of_item("To_Account", self.from.as_str()),
            Code::SourceIllegal => situation.ask_of_item("AddSource", "Web"),
            Code::RemarkTooLong => {
                situation.ask_of_item("Remark", &"x".repeat(Remark::MAX_BYTES + 1));
            }
            Code::GroupNameTooLong => {
                situation.ask_of_item("GroupName", &"x".repeat(GroupName::MAX_BYTES + 1));
            }
            Code::WordingTooLong => {
                situation.ask_of_item("AddWording", &"x".repeat(AddWording::MAX_BYTES + 1));
            }
            Code::AccountNotAString => {
                situation.request["AddFriendItem"][0]["To_Account"] = 1.into();
                situation.source = Source::Request;
                situation.carrier = Carrier::ErrorCode;
            }
            Code::FriendExist => from.friends.insert(friend(self.to, self.now)),
            Code::FromAccountNotExist if refuses_unknown => {
                situation.carrier = Carrier::ErrorCode;
                return Some(Situation {
                    to: Some(to),
                    ..situation
                });
            }
            Code::ToAccountNotExist if refuses_unknown => {
                return Some(Situation {
                    from: Some(from),
                    ..situation
                });
            }
            // A call by who is no admin has one code or the other.
            Code::NotAdmin | Code::NotAdminGateway => {
                let is_met = gateway::not_admin(config, &FriendAdd::INFO) == code;
                situation.by_stranger = is_met;
                situation.source = if is_met {
                    Source::Request
                } else {
                    Source::Fault
                };
                situation.carrier = Carrier::ErrorCode;
            }
            Code::ForbidByAdmin => from.profile.admin_forbid_type = AdminForbidType::SendOut,
            Code::InMyBlocklist => from.blocklist.insert(blocked(self.to, self.now)),
            Code::InPeerBlocklist => to.blocklist.insert(blocked(self.from, self.now)),
            Code::DenyAny => to.profile.allow_type = AllowType::DenyAny,
            Code::NeedConfirm => to.profile.allow_type = AllowType::NeedConfirm,
            Code::MyFriendsFull => situation.others = Others::FriendsOfFrom(policy.max_friends),
            Code::PeerFriendsFull => situation.others = Others::FriendsOfTo(policy.max_friends),
            Code::GroupsFull => {
                let groups = (0..policy.max_groups).map(|number| format!("group{number}"));
                from.groups = groups.filter_map(|name| GroupName::parse(&name)).collect();
                situation.request["AddFriendItem"][0]["GroupName"] = "new".into();
            }
            Code::PendingFull => {
                to.profile.allow_type = AllowType::NeedConfirm;
                situation.others = Others::AskedByFrom(policy.max_pending);
            }
            Code::TooManyRequests if policy.max_requests_per_minute > 0 => {
                from.request_minute = RequestMinute {
                    since: self.now,
                    requests: policy.max_requests_per_minute,
                };
            }
            Code::TooManyRequests
            | Code::ToAccountNotExist
            | Code::SdkAppIdIllegal
            | Code::Internal
            | Code::NetworkTimeout
            | Code::WriteConflict => situation.source = Source::Fault,
            Code::FromAccountNotExist => {
                situation.source = Source::Fault;
                situation.carrier = Carrier::ErrorCode;
            }
            _ if code.is_gateway() => {
                situation.source = Source::Fault;
                situation.carrier = Carrier::ErrorCode;
            }
            _ => return None,
        }
        (situation.from, situation.to) = (Some(from), Some(to));
        Some(situation)
    }

    /// The request that would be 0.
    fn start(&self) -> Situation {
        Situation {
            from: None,
            to: None,
            others: Others::None,
            request: json!({
                "From_Account": self.from,
                "AddFriendItem": [{ "To_Account": self.to, "AddSource": "AddSource_Type_Web" }],
            }),
            source: Source::State,
            carrier: Carrier::ResultCode,
            by_stranger: false,
        }
    }

    fn account(&self) -> Account {
        let mut account = Account::default();
        account.profile.allow_type = AllowType::AllowAny;
        account
    }

    /// The fault that gives a code to the request.
    fn plan(&self, app: SdkAppId, code: Code, carrier: Carrier) -> Plan {
        let scope = Scope {
            sdkappid: Some(app),
            command: Some(FriendAdd::INFO.name),
            from_account: Some(self.from),
            to_account: Some(self.to),
            item: None,
        };
        let kind = match carrier {
            Carrier::ResultCode => Kind::ResultCode(code),
            Carrier::ErrorCode => Kind::ErrorCode(code),
        };
        Plan::always(scope, kind)
    }

    /// Creates the accounts. Returns the two, and the number of the others.
    async fn make(
        &self,
        app: &App,
        accounts: &Accounts,
        situation: &Situation,
    ) -> Result<(BTreeMap<UserId, Account>, usize), Problem> {
        let count = match situation.others {
            Others::None => 0,
            Others::FriendsOfFrom(count)
            | Others::FriendsOfTo(count)
            | Others::AskedByFrom(count) => count,
        };
        let stem = unused_name(accounts, "f");
        let others = (0..count).filter_map(|number| UserId::parse(&format!("{stem}-{number}")));
        let others: Vec<_> = others.collect();
        let two = [(self.from, &situation.from), (self.to, &situation.to)];
        let two = two.into_iter();
        let two = two.filter_map(|(user, account)| Some((user, account.clone()?)));
        let mut made: BTreeMap<_, _> = two.collect();
        let friends = || others.iter().map(|other| friend(*other, self.now));
        match situation.others {
            Others::None => {}
            Others::FriendsOfFrom(_) => {
                made.entry(self.from).or_default().friends = friends().collect();
            }
            Others::FriendsOfTo(_) => {
                made.entry(self.to).or_default().friends = friends().collect();
            }
            Others::AskedByFrom(_) => {
                let asked = others.iter().map(|other| waiting(*other, self.now));
                made.entry(self.from).or_default().sent = asked.collect();
            }
        }
        let mut edits = Edits::new(app, accounts);
        for (user, account) in &made {
            edits.put(*user, &Account::default(), account.clone());
        }
        edits.commit().await?;
        Ok((made, others.len()))
    }
}

impl Situation {
    /// What the request says gives the code.
    fn ask(&mut self, field: &str, value: Value) {
        self.request[field] = value;
        self.source = Source::Request;
    }

    fn ask_of_item(&mut self, field: &str, text: &str) {
        self.request["AddFriendItem"][0][field] = text.into();
        self.source = Source::Request;
    }
}

fn friend(to: UserId, now: UnixTime) -> Friend {
    Friend {
        to,
        add_time: now,
        add_source: None,
        details: None,
    }
}

fn blocked(to: UserId, now: UnixTime) -> Blocked {
    Blocked { to, add_time: now }
}

/// A request that waits, of which nothing is said.
fn waiting(with: UserId, now: UnixTime) -> PendingRequest {
    PendingRequest {
        with,
        add_time: now,
        add_source: None,
        details: None,
    }
}
