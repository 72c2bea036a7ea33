//! An app's accounts: any situation that accounts can be in, made in one call.

use super::account::AccountDocument;
use super::account_reader::Reader;
use super::apps::AppPath;
use super::extract::{Body, Path, Query};
use super::problem::Problem;
use crate::apps::App;
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::protocol::webhook::{AddedPair, Event, Pair};
use crate::sns::friend_response::{self, Answered, Response};
use crate::sns::model::{FriendDetails, PendingRequest};
use crate::state::AppState;
use crate::store::{Editor, Snapshot};
use crate::webhooks::ClientIp;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountPath {
    sdkappid: SdkAppId,
    user: UserId,
}

impl AccountPath {
    fn find(&self, state: &AppState) -> Result<(Arc<App>, UserId), Problem> {
        let app = AppPath {
            sdkappid: self.sdkappid,
        }
        .find(state)?;
        Ok((app, self.user))
    }
}

fn no_account(user: UserId) -> Problem {
    Problem::not_found(format!("there is no account {user}"))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// The first to be answered, 0 being the first of all.
    #[serde(default)]
    start: usize,
    /// How many at most; 1000, if not given.
    #[schemars(range(min = 1, max = 100_000))]
    limit: Option<usize>,
}

/// UserIDs, in their order.
#[derive(Serialize, JsonSchema)]
pub(super) struct Accounts {
    accounts: Vec<UserId>,
    /// How many there are in all.
    total: usize,
}

pub(super) async fn list(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Query(Page { start, limit }): Query<Page>,
) -> Result<Json<Accounts>, Problem> {
    let app = path.find(&state)?;
    let users = app.store.edit(|editor| editor.users());
    let page = users.iter().skip(start).take(limit.unwrap_or(1000));
    Ok(Json(Accounts {
        accounts: page.copied().collect(),
        total: users.len(),
    }))
}

pub(super) async fn show(
    State(state): State<AppState>,
    Path(path): Path<AccountPath>,
) -> Result<Json<AccountDocument>, Problem> {
    let (app, user) = path.find(&state)?;
    let snapshot = app.store.snapshot(user).ok_or_else(|| no_account(user))?;
    Ok(Json(AccountDocument::of(&snapshot)))
}

/// What became of an account.
#[derive(Serialize, JsonSchema)]
pub(super) struct Put {
    /// The accounts that were made: it, and others that it names.
    created: Vec<UserId>,
    /// The account as it is now.
    account: AccountDocument,
}

pub(super) async fn put(
    State(state): State<AppState>,
    Path(path): Path<AccountPath>,
    Body(document): Body<AccountDocument>,
) -> Result<Json<Put>, Problem> {
    let (app, user) = path.find(&state)?;
    let mut reader = Reader {
        declared: &app.config.custom_fields,
        now: state.world().clock.now().unix_time(),
        faults: Vec::new(),
    };
    let put = app.store.edit(|editor| {
        let was = editor.get(user);
        let mut snapshot = was.clone().unwrap_or_else(|| editor.new_account());
        reader.apply("", user, &document, &mut snapshot);
        reader.faults.is_empty().then(|| Put {
            account: AccountDocument::of(&snapshot),
            created: Change::of(editor, user, was, snapshot).done(editor),
        })
    });
    put.map(Json).ok_or_else(|| Problem::invalid(reader.faults))
}

pub(super) async fn remove(
    State(state): State<AppState>,
    Path(path): Path<AccountPath>,
) -> Result<Json<AccountDocument>, Problem> {
    let (app, user) = path.find(&state)?;
    if app.config.admins.contains(&user) {
        return Err(Problem::conflict(format!(
            "{user} is an app admin, who always exists"
        )));
    }
    let snapshot = app.store.snapshot(user).ok_or_else(|| no_account(user))?;
    app.store.delete_accounts(&[user]).await;
    Ok(Json(AccountDocument::of(&snapshot)))
}

/// An account that changes, and what follows for others.
struct Change {
    changed: BTreeMap<UserId, Snapshot>,
    created: BTreeSet<UserId>,
}

impl Change {
    fn of(editor: &Editor<'_>, user: UserId, was: Option<Snapshot>, snapshot: Snapshot) -> Self {
        let mut change = Self {
            changed: BTreeMap::new(),
            created: was.is_none().then_some(user).into_iter().collect(),
        };
        let was = was.unwrap_or_default();
        let named = peers(&snapshot).collect::<BTreeSet<_>>();
        for peer in named {
            if editor.get(peer).is_none() {
                change.created.insert(peer);
                change.changed.insert(peer, editor.new_account());
            }
        }
        // Only what changes of its requests changes the others' sides of them.
        for request in gone(&was.sent, &snapshot.sent) {
            remove_request(&mut change.other(editor, request.with).received, user);
        }
        for request in gone(&was.received, &snapshot.received) {
            remove_request(&mut change.other(editor, request.with).sent, user);
        }
        for request in new(&was.sent, &snapshot.sent) {
            let received = &mut change.other(editor, request.with).received;
            remove_request(received, user);
            received.push(mirrored(request, user));
        }
        for request in new(&was.received, &snapshot.received) {
            let sent = &mut change.other(editor, request.with).sent;
            remove_request(sent, user);
            sent.push(mirrored(request, user));
        }
        change.changed.insert(user, snapshot);
        change
    }

    fn other(&mut self, editor: &Editor<'_>, user: UserId) -> &mut Snapshot {
        let now = || editor.get(user).unwrap_or_else(|| editor.new_account());
        self.changed.entry(user).or_insert_with(now)
    }

    fn done(self, editor: &mut Editor<'_>) -> Vec<UserId> {
        for (user, snapshot) in self.changed {
            editor.put(user, snapshot);
        }
        self.created.into_iter().collect()
    }
}

/// Requests with somebody with whom there is none any more.
fn gone<'a>(
    was: &'a [PendingRequest],
    is: &'a [PendingRequest],
) -> impl Iterator<Item = &'a PendingRequest> {
    let stays = |request: &PendingRequest| is.iter().any(|other| other.with == request.with);
    was.iter().filter(move |request| !stays(request))
}

/// Requests that there were not, or that were others.
fn new<'a>(
    was: &'a [PendingRequest],
    is: &'a [PendingRequest],
) -> impl Iterator<Item = &'a PendingRequest> {
    is.iter().filter(|request| !was.contains(request))
}

fn remove_request(requests: &mut Vec<PendingRequest>, with: UserId) {
    requests.retain(|request| request.with != with);
}

/// Everybody whom an account's lists name.
pub(super) fn peers(snapshot: &Snapshot) -> impl Iterator<Item = UserId> {
    let friends = snapshot.friends.iter().map(|friend| friend.to);
    let blocked = snapshot.blocklist.iter().map(|blocked| blocked.to);
    let asked = snapshot.sent.iter().chain(&snapshot.received);
    friends
        .chain(blocked)
        .chain(asked.map(|request| request.with))
}

/// A request as the other side has it: the wording goes with it, the remark and groups do not.
pub(super) fn mirrored(request: &PendingRequest, with: UserId) -> PendingRequest {
    let details = request.details.as_ref();
    let wording = details.and_then(|details| details.add_wording.clone());
    PendingRequest {
        with,
        details: FriendDetails {
            add_wording: wording,
            ..FriendDetails::default()
        }
        .boxed(),
        ..request.clone()
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PendingPath {
    sdkappid: SdkAppId,
    /// Who has asked.
    from: UserId,
    /// Who was asked.
    to: UserId,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Action {
    action: ActionName,
}

/// What the asked user's client does.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ActionName {
    /// The asker's list gains the asked.
    Agree,
    /// Each list gains the other.
    AgreeAndAdd,
    /// The request ends.
    Reject,
}

/// The two accounts, once the request is answered.
#[derive(Serialize, JsonSchema)]
pub(super) struct Responded {
    from: AccountDocument,
    to: AccountDocument,
}

pub(super) async fn respond(
    State(state): State<AppState>,
    Path(PendingPath { sdkappid, from, to }): Path<PendingPath>,
    Body(Action { action }): Body<Action>,
) -> Result<Json<Responded>, Problem> {
    let app = AppPath { sdkappid }.find(&state)?;
    let no_request = || Problem::not_found(format!("no request of {from} waits for {to}"));
    let now = state.world().clock.now().unix_time();
    let asker = app.store.snapshot(from).ok_or_else(|| no_account(from))?;
    let had_to = asker.friends.iter().any(|friend| friend.to == to);
    let request = asker.sent.into_iter().find(|request| request.with == to);
    let response = match action {
        ActionName::Agree => Response::Agree,
        ActionName::AgreeAndAdd => Response::AgreeAndAdd,
        ActionName::Reject => Response::Reject,
    };
    let answered = Answered {
        request: request.ok_or_else(no_request)?,
        response,
    };
    let policy = &state.config.sns;
    let judge = |pair: &_, item: &_| friend_response::judge(from, pair, item, now, policy);
    let verdicts = app.store.judge_each(from, &[Ok(answered)], judge).await;
    let verdict = verdicts.ok().and_then(|verdicts| verdicts.first().copied());
    let verdict = verdict.ok_or_else(no_request)?;
    if verdict.code == friend_response::NO_REQUEST {
        return Err(no_request());
    }
    if verdict.code != Code::Ok {
        let detail = format!("{}: {}", verdict.code.name(), verdict.code.meaning());
        return Err(Problem::conflict(detail));
    }
    if let Some(webhook) = app
        .webhook
        .as_ref()
        .filter(|_| response != Response::Reject)
    {
        let initiator = from;
        let added = |from, to| AddedPair {
            pair: Pair { from, to },
            initiator,
        };
        let gained = [(!had_to, from, to), (verdict.reached_to, to, from)];
        let gained = gained.into_iter().filter(|(gains, ..)| *gains);
        let event = Event::FriendAdd {
            pairs: gained.map(|(_, from, to)| added(from, to)).collect(),
            client_cmd: "friend_response",
            admin_account: String::new(),
            force_flag: 0,
        };
        if !event.is_empty() {
            webhook.tell(&event, ClientIp::default());
        }
    }
    let document = |user: UserId| {
        let snapshot = app.store.snapshot(user).unwrap_or_default();
        AccountDocument::of(&snapshot)
    };
    Ok(Json(Responded {
        from: document(from),
        to: document(to),
    }))
}
