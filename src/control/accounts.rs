//! An app's accounts: any situation that accounts can be in, made in one call.

use super::account::AccountDocument;
use super::account_reader::AccountReader;
use super::apps::AppPath;
use super::edits::Edits;
use super::extract::{Body, Path, Query};
use super::problem::Problem;
use crate::apps::App;
use crate::client_ip::ClientIp;
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::protocol::webhook::{AddedPair, Event, Pair};
use crate::sns::friend_response::{self, Answered, Response};
use crate::state::AppState;
use crate::store::{Accounts, SharedAccount, StoreError};
use crate::webhooks::Webhook;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
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
pub(super) struct AccountList {
    accounts: Vec<UserId>,
    /// How many there are in all.
    total: usize,
}

pub(super) async fn list(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Query(Page { start, limit }): Query<Page>,
) -> Result<Json<AccountList>, Problem> {
    let accounts = path.find(&state)?.store.accounts().await?;
    let users = accounts.sorted().into_iter().map(|(user, _)| user);
    let page = users.skip(start).take(limit.unwrap_or(1000));
    Ok(Json(AccountList {
        accounts: page.collect(),
        total: accounts.len(),
    }))
}

pub(super) async fn show(
    State(state): State<AppState>,
    Path(path): Path<AccountPath>,
) -> Result<Json<AccountDocument>, Problem> {
    let (app, user) = path.find(&state)?;
    let account = find(&app.store.accounts().await?, user)?;
    Ok(Json(AccountDocument::from(&*account)))
}

fn find(accounts: &Accounts, user: UserId) -> Result<SharedAccount, Problem> {
    let account = accounts.get(user).cloned();
    account.ok_or_else(|| no_account(user))
}

/// What has changed.
#[derive(Serialize, JsonSchema)]
pub(super) struct Put {
    /// The accounts that were created: this one, and others that it names.
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
    loop {
        let accounts = app.store.accounts().await?;
        let mut reader = AccountReader {
            declared: &app.config.custom_fields,
            now: state.world().clock.now().unix_time(),
            invalid: Vec::new(),
        };
        let mut edits = Edits::new(&app, &accounts);
        let was = edits.account(user).clone();
        let mut account = was.clone();
        reader.apply("", user, document.clone(), &mut account);
        if !reader.invalid.is_empty() {
            return Err(Problem::invalid(reader.invalid));
        }
        let document = AccountDocument::from(&account);
        edits.put(user, &was, account);
        match edits.commit().await {
            Ok(created) => {
                return Ok(Json(Put {
                    created,
                    account: document,
                }));
            }
            // A call was faster: once more, with what it has changed.
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

pub(super) async fn remove(
    State(state): State<AppState>,
    Path(path): Path<AccountPath>,
) -> Result<Json<AccountDocument>, Problem> {
    let (app, user) = path.find(&state)?;
    if app.config.admins.contains(&user) {
        let detail = format!("{user} is an app admin, and app admins always exist");
        return Err(Problem::conflict(detail));
    }
    let account = find(&app.store.accounts().await?, user)?;
    match app.store.delete_accounts(&[user]).await?[..] {
        [true] => Ok(Json(AccountDocument::from(&*account))),
        _ => Err(no_account(user)),
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestPath {
    sdkappid: SdkAppId,
    /// The account that has sent the request.
    from: UserId,
    /// The account that has received it.
    to: UserId,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Action {
    action: ActionName,
}

/// What the client of the user `to` does.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ActionName {
    /// The friend list of `from` gains `to`.
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
    Path(RequestPath { sdkappid, from, to }): Path<RequestPath>,
    Body(Action { action }): Body<Action>,
) -> Result<Json<Responded>, Problem> {
    let app = AppPath { sdkappid }.find(&state)?;
    let response = match action {
        ActionName::Agree => Response::Agree,
        ActionName::AgreeAndAdd => Response::AgreeAndAdd,
        ActionName::Reject => Response::Reject,
    };
    let _order = app.lock_changes().await;
    loop {
        let accounts = app.store.accounts().await?;
        let answered = answer(&state, &app, &accounts, from, to, response).await?;
        match answered.edits.commit().await {
            Ok(_) => {
                if let Some(webhook) = &app.webhook {
                    send_friend_add(webhook, from, answered.pairs);
                }
                return Ok(Json(answered.accounts));
            }
            // A call was faster: once more, with the request as it is now.
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// An answer to a request, not yet written.
struct Answer<'a> {
    edits: Edits<'a>,
    accounts: Responded,
    /// The friendships that it makes.
    pairs: Vec<Pair>,
}

/// Answers a request on a copy of the accounts.
async fn answer<'a>(
    state: &AppState,
    app: &'a App,
    accounts: &'a Accounts,
    from: UserId,
    to: UserId,
    response: Response,
) -> Result<Answer<'a>, Problem> {
    let no_request = || Problem::not_found(format!("no request of {from} waits for {to}"));
    let asker = find(accounts, from)?;
    let request = asker.sent.entry(to).cloned().ok_or_else(no_request)?;
    let answered = Answered { request, response };
    let (now, policy) = (state.world().clock.now().unix_time(), &state.config.sns);
    let trial = app.trial_store(accounts);
    let judge = |pair: &_, item: &_| friend_response::judge(from, pair, item, now, policy);
    let judged = trial.judge_each(from, &[Ok(answered)], judge).await?;
    let verdict = judged.verdicts.first().ok_or_else(no_request)?;
    if verdict.code != Code::Ok {
        let (name, meaning) = (verdict.code.name(), verdict.code.meaning());
        return Err(Problem::conflict(format!("{name}: {meaning}")));
    }
    let (asker_now, asked_now) = (trial.account(from).await?, trial.account(to).await?);
    let mut pairs = Vec::new();
    if asker_now.friends.has(to) && !asker.friends.has(to) {
        pairs.push(Pair { from, to });
    }
    if verdict.reached_to {
        pairs.push(Pair { from: to, to: from });
    }
    let mut edits = Edits::new(app, accounts);
    *edits.account(from) = (*asker_now).clone();
    *edits.account(to) = (*asked_now).clone();
    Ok(Answer {
        edits,
        accounts: Responded {
            from: AccountDocument::from(&*asker_now),
            to: AccountDocument::from(&*asked_now),
        },
        pairs,
    })
}

fn send_friend_add(webhook: &Webhook, initiator: UserId, pairs: Vec<Pair>) {
    let pairs = pairs.into_iter().map(|pair| AddedPair { pair, initiator });
    let event = Event::FriendAdd {
        pairs: pairs.collect(),
        client_cmd: "friend_response",
        admin_account: String::new(),
        force_flag: 0,
    };
    if !event.is_empty() {
        webhook.send(&event, ClientIp::default());
    }
}
