//! An app's whole relationship graph, as JSON to save and restore, or drawn.

use super::account::AccountDocument;
use super::account_reader::Reader;
use super::accounts::{mirrored, peers};
use super::apps::AppPath;
use super::drawing::{dot, mermaid};
use super::extract::{Body, Path, Query};
use super::problem::Problem;
use super::route::{Operation, OperationOutput};
use crate::apps::{App, Graph};
use crate::protocol::ids::UserId;
use crate::state::AppState;
use crate::store::Editor;
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
    let graph = path.find(&state)?.graph();
    Ok(match format.unwrap_or(Format::Json) {
        Format::Json => Shown::Json(Json(document(&graph))),
        Format::Dot => Shown::Dot(dot(&graph)),
        Format::Mermaid => Shown::Mermaid(mermaid(&graph)),
    })
}

/// What an app has now.
#[derive(Serialize, JsonSchema)]
pub(super) struct Size {
    accounts: usize,
    /// One-way friendships.
    friendships: usize,
}

impl Size {
    pub(super) fn of(graph: &Graph) -> Self {
        Self {
            accounts: graph.len(),
            friendships: graph.values().map(|account| account.friends.len()).sum(),
        }
    }
}

pub(super) async fn replace(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Body(StateDocument { accounts, .. }): Body<StateDocument>,
) -> Result<Json<Size>, Problem> {
    let app = path.find(&state)?;
    let new_account = app.store.edit(|editor| editor.new_account());
    let mut reader = Reader {
        declared: &app.config.custom_fields,
        now: state.world().clock.now().unix_time(),
        faults: Vec::new(),
    };
    let mut graph = Graph::new();
    for (user, document) in &accounts {
        let mut snapshot = new_account.clone();
        let at = join("/accounts", user.as_str());
        reader.apply(&at, *user, document, &mut snapshot);
        graph.insert(*user, snapshot);
    }
    // Admins always exist.
    for admin in &app.config.admins {
        graph.entry(*admin).or_insert_with(|| new_account.clone());
    }
    for (user, snapshot) in &graph {
        for stranger in peers(snapshot).filter(|peer| !graph.contains_key(peer)) {
            let detail = format!("names {stranger}, who is no account of this state");
            let at = join("/accounts", user.as_str());
            reader
                .faults
                .push(super::problem::InvalidField::of_body(at, detail));
        }
    }
    if !reader.faults.is_empty() {
        return Err(Problem::invalid(reader.faults));
    }
    complete_requests(&mut graph);
    app.put_graph(&graph);
    Ok(Json(Size::of(&graph)))
}

/// A request that one side has, the other has as well.
fn complete_requests(graph: &mut Graph) {
    let mut missing = Vec::new();
    for (user, snapshot) in &*graph {
        let lacks = |with: &UserId, sent: bool| {
            let other = &graph[with];
            let list = if sent { &other.received } else { &other.sent };
            !list.iter().any(|request| request.with == *user)
        };
        let sent = snapshot.sent.iter().map(|request| (request, true));
        let received = snapshot.received.iter().map(|request| (request, false));
        for (request, is_sent) in sent.chain(received) {
            if lacks(&request.with, is_sent) {
                missing.push((request.with, is_sent, mirrored(request, *user)));
            }
        }
    }
    for (user, is_received, request) in missing {
        let snapshot = graph.entry(user).or_default();
        let list = if is_received {
            &mut snapshot.received
        } else {
            &mut snapshot.sent
        };
        list.push(request);
    }
}

fn document(graph: &Graph) -> StateDocument {
    let accounts = graph
        .iter()
        .map(|(user, snapshot)| (*user, AccountDocument::of(snapshot)));
    StateDocument {
        version: VERSION,
        accounts: accounts.collect(),
    }
}

impl App {
    /// All accounts at one moment.
    pub(super) fn graph(&self) -> Graph {
        let all = |editor: &mut Editor<'_>| {
            let users = editor.users().into_iter();
            users
                .filter_map(|user| Some((user, editor.get(user)?)))
                .collect()
        };
        self.store.edit(all)
    }

    /// Puts these in the place of all accounts.
    pub(super) fn put_graph(&self, graph: &Graph) {
        self.store.edit(|editor| {
            editor.clear();
            for (user, snapshot) in graph {
                editor.put(*user, snapshot.clone());
            }
        });
    }
}
