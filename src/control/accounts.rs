//! An app's accounts. One call can put an account into any state.

use super::apps::{AppPath, find_app};
use super::edits::Edits;
use super::extract::{Body, Draft, Path, Query};
use super::problem::{InvalidField, Problem};
use crate::accounts::{AccountDocument, AccountReader};
use crate::apps::App;
use crate::client_ip::ClientIp;
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UnixTime, UserId};
use crate::protocol::webhook::{AddedPair, Event, Pair};
use crate::sns::friend_response::{self, Answered, Response};
use crate::sns::model::SnsPolicy;
use crate::state::AppState;
use crate::store::{Account, Accounts, Edit, SharedAccount, StoreError};
use crate::strict::listed;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountPath {
    sdkappid: SdkAppId,
    user: UserId,
}

fn no_account(accounts: &Accounts, user: UserId) -> Problem {
    let known = accounts.sorted().into_iter().map(|(user, _)| user);
    let known = listed(known, accounts.len());
    Problem::not_found(format!("there is no account {user}; {known}"))
}

/// One of these accounts.
pub(crate) fn find(accounts: &Accounts, user: UserId) -> Result<&SharedAccount, Problem> {
    accounts.get(user).ok_or_else(|| no_account(accounts, user))
}

/// The document of one of these accounts.
fn document(accounts: &Accounts, user: UserId) -> Result<Json<AccountDocument>, Problem> {
    let account = find(accounts, user)?;
    Ok(Json(AccountDocument::of(user, account, accounts)))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// The index of the first UserID to return; 0 by default.
    #[serde(default)]
    start: usize,
    /// The maximum number of UserIDs to return; 1000 by default.
    #[schemars(range(min = 1, max = 100_000))]
    limit: Option<usize>,
}

/// UserIDs in ascending order.
#[derive(Serialize, JsonSchema)]
pub(super) struct AccountList {
    accounts: Vec<UserId>,
    /// The number of all accounts of the app.
    total: usize,
}

pub(super) async fn list(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Query(Page { start, limit }): Query<Page>,
) -> Result<Json<AccountList>, Problem> {
    let accounts = find_app(&state, path.sdkappid)?.store.accounts().await?;
    let users = accounts.sorted().into_iter().map(|(user, _)| user);
    let page = users.skip(start).take(limit.unwrap_or(1000));
    Ok(Json(AccountList {
        accounts: page.collect(),
        total: accounts.len(),
    }))
}

pub(super) async fn show(
    State(state): State<AppState>,
    Path(AccountPath { sdkappid, user }): Path<AccountPath>,
) -> Result<Json<AccountDocument>, Problem> {
    let app = find_app(&state, sdkappid)?;
    document(&app.store.accounts().await?, user)
}

/// Answers the document that [`show`] answers afterwards.
pub(super) async fn put(
    State(state): State<AppState>,
    Path(AccountPath { sdkappid, user }): Path<AccountPath>,
    draft: Draft<AccountDocument>,
) -> Result<Json<AccountDocument>, Problem> {
    let app = find_app(&state, sdkappid)?;
    document(&put_account(&app, user, draft).await?, user)
}

/// The fields of a document that are invalid only for its app, for its account or beside others.
fn invalid_fields(
    app: &App,
    user: UserId,
    document: AccountDocument,
    now: UnixTime,
) -> Vec<InvalidField> {
    let mut reader = AccountReader::new(&app.config.custom_fields, &app.new_account, now);
    let mut account = Account::clone(&app.new_account);
    reader.apply("", user, document, &mut account);
    reader.finish().err().unwrap_or_default()
}

/// Creates or changes an account. Returns all accounts right after the change. Retries if another
/// call has changed an account meanwhile. The error names all invalid fields.
pub(crate) async fn put_account(
    app: &App,
    user: UserId,
    draft: Draft<AccountDocument>,
) -> Result<Accounts, Problem> {
    let now = app.clock.now().unix_time();
    let wanted = draft.checked(|wanted, _| invalid_fields(app, user, wanted.clone(), now))?;
    loop {
        let accounts = app.store.accounts().await?;
        let mut reader = AccountReader::new(&app.config.custom_fields, &app.new_account, now);
        let mut edits = Edits::new(app, &accounts);
        let was = edits.account(user).clone();
        let mut account = was.clone();
        reader.apply("", user, wanted.clone(), &mut account);
        let mutual = reader.finish().map_err(Problem::invalid_body)?;
        edits.put(user, &was, account);
        edits.befriend_back(user, &mutual);
        match edits.commit().await {
            Err(StoreError::Conflict) => continue,
            written => return Ok(written?.accounts),
        }
    }
}

pub(super) async fn remove(
    State(state): State<AppState>,
    Path(AccountPath { sdkappid, user }): Path<AccountPath>,
) -> Result<Json<AccountDocument>, Problem> {
    let app = find_app(&state, sdkappid)?;
    let deleted = document(&app.store.accounts().await?, user)?;
    delete_account(&app, user).await?;
    Ok(deleted)
}

/// Deletes an account, and removes it from all lists.
pub(crate) async fn delete_account(app: &App, user: UserId) -> Result<(), Problem> {
    if app.config.admins.contains(&user) {
        let detail = format!("{user} is an app admin, and app admins always exist");
        return Err(Problem::conflict(detail));
    }
    match app.store.delete_accounts(&[user]).await?[..] {
        [true] => Ok(()),
        _ => Err(no_account(&app.store.accounts().await?, user)),
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestPath {
    sdkappid: SdkAppId,
    /// The account that has sent the request.
    from: UserId,
    /// The account that has received the request.
    to: UserId,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Action {
    action: Response,
}

/// The two accounts after the answer.
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
    let app = find_app(&state, sdkappid)?;
    let accounts = answer_request(&app, &state.config.sns, from, to, action).await?;
    let Json(from) = document(&accounts, from)?;
    let Json(to) = document(&accounts, to)?;
    Ok(Json(Responded { from, to }))
}

/// Answers a pending request on a copy of the accounts, then writes the two accounts. Retries if
/// another call has changed them meanwhile. Returns all accounts right after the change.
pub(crate) async fn answer_request(
    app: &App,
    policy: &SnsPolicy,
    from: UserId,
    to: UserId,
    action: Response,
) -> Result<Accounts, Problem> {
    let no_request = |sender: &SharedAccount| {
        let receivers = sender.sent.iter().map(|request| request.with);
        let known = listed(receivers, sender.sent.len());
        let detail = format!("there is no pending request from {from} to {to}");
        Problem::not_found(format!("{detail}; of the requests of {from} {known}"))
    };
    let _order = app.lock_changes().await;
    loop {
        let accounts = app.store.accounts().await?;
        let sender = find(&accounts, from)?;
        let request = sender.sent.entry(to).cloned();
        let request = request.ok_or_else(|| no_request(sender))?;
        let answered = Answered {
            request,
            response: action,
        };
        let now = app.clock.now().unix_time();
        let trial = app.trial_store(&accounts);
        let judge = |pair: &_, item: &_| friend_response::judge(from, pair, item, now, policy);
        let judged = trial.judge_each(from, &[Ok(answered)], judge).await?;
        let verdict = judged.verdicts.first().ok_or_else(|| no_request(sender))?;
        if verdict.code != Code::Ok {
            let (name, meaning) = (verdict.code.name(), verdict.code.meaning());
            return Err(Problem::conflict(format!("{name}: {meaning}")));
        }
        let (new_sender, new_receiver) = (trial.account(from).await?, trial.account(to).await?);
        let edit = |user, account: &SharedAccount| Edit {
            user,
            before: accounts.get(user).cloned(),
            after: account.clone(),
        };
        let edits = [edit(from, &new_sender), edit(to, &new_receiver)];
        let accounts = match app.store.update(&edits, &[]).await {
            Err(StoreError::Conflict) => continue,
            updated => updated?,
        };
        let gained = [
            verdict.from_list_changed.then_some(Pair { from, to }),
            verdict
                .to_list_changed
                .then_some(Pair { from: to, to: from }),
        ];
        let added = |pair| AddedPair {
            pair,
            initiator: from,
        };
        let event = Event::FriendAdd {
            pairs: gained.into_iter().flatten().map(added).collect(),
            client_cmd: "friend_response",
            admin_account: String::new(),
            force_flag: 0,
        };
        if let Some(webhook) = app.webhook.as_ref().filter(|_| !event.is_empty()) {
            webhook.send(&event, ClientIp::default());
        }
        return Ok(accounts);
    }
}
