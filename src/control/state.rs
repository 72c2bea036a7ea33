//! An app's whole relationship graph, as JSON to save and restore, or drawn.

use super::account::AccountDocument;
use super::account_reader::AccountReader;
use super::apps::AppPath;
use super::drawing::{dot, mermaid};
use super::edits::{mirrored, peers};
use super::extract::{Body, Path, Query};
use super::problem::{InvalidField, Problem};
use super::route::{Operation, OperationOutput};
use crate::protocol::ids::UserId;
use crate::state::AppState;
use crate::store::{Account, Accounts, SharedAccount};
use crate::strict::join;
use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the document; a later one may say more.
const VERSION: u32 = 1;

/// A graph as JSON.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StateDocument {
    #[schemars(range(min = VERSION, max = VERSION))]
    version: u32,
    accounts: BTreeMap<UserId, AccountDocument>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Drawn {
    /// JSON, if not given.
    format: Option<Format>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    Json,
    /// For Graphviz.
    Dot,
    Mermaid,
}

/// JSON, or a drawing.
pub(super) enum Shown {
    Json(Json<StateDocument>),
    Dot(String),
    Mermaid(String),
}

const DOT: &str = "text/vnd.graphviz";
const MERMAID: &str = "text/vnd.mermaid";

impl IntoResponse for Shown {
    fn into_response(self) -> Response {
        match self {
            Self::Json(json) => json.into_response(),
            Self::Dot(text) => ([(CONTENT_TYPE, DOT)], text).into_response(),
            Self::Mermaid(text) => ([(CONTENT_TYPE, MERMAID)], text).into_response(),
        }
    }
}

impl OperationOutput for Shown {
    fn describe(operation: &mut Operation) {
        Json::<StateDocument>::describe(operation);
        operation.answers(DOT, None);
        operation.answers(MERMAID, None);
    }
}

pub(super) async fn show(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Query(Drawn { format }): Query<Drawn>,
) -> Result<Shown, Problem> {
    let accounts = path.find(&state)?.store.accounts().await?;
    Ok(match format.unwrap_or(Format::Json) {
        Format::Json => Shown::Json(Json(document(&accounts))),
        Format::Dot => Shown::Dot(dot(&accounts)),
        Format::Mermaid => Shown::Mermaid(mermaid(&accounts)),
    })
}

/// The size of an app's graph.
#[derive(Serialize, JsonSchema)]
pub(super) struct Size {
    accounts: usize,
    /// One-way friendships.
    friendships: usize,
}

impl Size {
    pub(super) fn of(accounts: &Accounts) -> Self {
        Self {
            accounts: accounts.len(),
            friendships: accounts.friendships(),
        }
    }
}

pub(super) async fn replace(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Body(StateDocument { accounts, .. }): Body<StateDocument>,
) -> Result<Json<Size>, Problem> {
    let app = path.find(&state)?;
    let mut reader = AccountReader {
        declared: &app.config.custom_fields,
        now: state.world().clock.now().unix_time(),
        invalid: Vec::new(),
    };
    let mut graph = BTreeMap::new();
    for (user, document) in accounts {
        let mut account = Account::clone(&app.new_account);
        let at = join("/accounts", user.as_str());
        reader.apply(&at, user, document, &mut account);
        graph.insert(user, account);
    }
    // App admins always exist.
    for admin in &app.config.admins {
        let new = || Account::clone(&app.new_account);
        graph.entry(*admin).or_insert_with(new);
    }
    for (user, account) in &graph {
        for stranger in peers(account).filter(|peer| !graph.contains_key(peer)) {
            let detail = format!("names {stranger}, which is no account of this state");
            let at = join("/accounts", user.as_str());
            reader.invalid.push(InvalidField::of_body(at, detail));
        }
    }
    if !reader.invalid.is_empty() {
        return Err(Problem::invalid(reader.invalid));
    }
    complete_requests(&mut graph);
    let accounts = graph.into_iter();
    let accounts: Accounts = accounts
        .map(|(user, account)| (user, SharedAccount::new(account)))
        .collect();
    let size = Size::of(&accounts);
    app.store.replace(accounts).await?;
    Ok(Json(size))
}

/// Adds the other side of each request that only one side has.
fn complete_requests(graph: &mut BTreeMap<UserId, Account>) {
    let (mut received, mut sent) = (Vec::new(), Vec::new());
    for (user, account) in &*graph {
        for request in account.sent.iter() {
            if !graph[&request.with].received.has(*user) {
                received.push((request.with, mirrored(request, *user)));
            }
        }
        for request in account.received.iter() {
            if !graph[&request.with].sent.has(*user) {
                sent.push((request.with, mirrored(request, *user)));
            }
        }
    }
    for (user, request) in received {
        graph.entry(user).or_default().received.insert(request);
    }
    for (user, request) in sent {
        graph.entry(user).or_default().sent.insert(request);
    }
}

fn document(accounts: &Accounts) -> StateDocument {
    let accounts = accounts.iter();
    let accounts = accounts.map(|(user, account)| (user, AccountDocument::from(&**account)));
    StateDocument {
        version: VERSION,
        accounts: accounts.collect(),
    }
}
