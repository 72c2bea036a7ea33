//! An app's whole relationship graph: to look at, to save and restore, and to compare.

use super::account::AccountDocument;
use super::account_reader::Reader;
use super::accounts::{mirrored, peers};
use super::apps::OfApp;
use super::problem::Problem;
use super::request::{Nothing, join};
use super::route::{Answer, Json, typed};
use crate::apps::{App, Graph};
use crate::protocol::ids::{SdkAppId, UserId};
use crate::state::AppState;
use crate::store::Editor;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// The version of the document; a later one may say more.
const VERSION: u32 = 1;

/// Snapshots that an app may have.
const MAX_SNAPSHOTS: usize = 100;

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
            Self::Dot(text) => typed(DOT, text),
            Self::Mermaid(text) => typed(MERMAID, text),
        }
    }
}

impl Answer for Shown {
    fn describe() -> (StatusCode, Vec<(&'static str, Option<Value>)>) {
        let (status, mut media_types) = Json::<StateDocument>::describe();
        media_types.extend([(DOT, None), (MERMAID, None)]);
        (status, media_types)
    }
}

pub(super) async fn show(
    state: AppState,
    path: OfApp,
    Drawn { format }: Drawn,
    _: Nothing,
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
    fn of(graph: &Graph) -> Self {
        Self {
            accounts: graph.len(),
            friendships: graph.values().map(|account| account.friends.len()).sum(),
        }
    }
}

pub(super) async fn replace(
    state: AppState,
    path: OfApp,
    _: Nothing,
    StateDocument { accounts, .. }: StateDocument,
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
                .push(super::problem::Fault::of_body(at, detail));
        }
    }
    if !reader.faults.is_empty() {
        return Err(Problem::faults(reader.faults));
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
    fn graph(&self) -> Graph {
        let all = |editor: &mut Editor<'_>| {
            let users = editor.users().into_iter();
            users
                .filter_map(|user| Some((user, editor.get(user)?)))
                .collect()
        };
        self.store.edit(all)
    }

    /// Puts these in the place of all accounts.
    fn put_graph(&self, graph: &Graph) {
        self.store.edit(|editor| {
            editor.clear();
            for (user, snapshot) in graph {
                editor.put(*user, snapshot.clone());
            }
        });
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfSnapshot {
    sdkappid: SdkAppId,
    #[schemars(length(min = 1, max = 100))]
    name: String,
}

impl OfSnapshot {
    fn app(&self, state: &AppState) -> Result<Arc<App>, Problem> {
        OfApp {
            sdkappid: self.sdkappid,
        }
        .find(state)
    }

    fn find(&self, app: &App) -> Result<Arc<Graph>, Problem> {
        let name = &self.name;
        let graph = app.snapshots.get(name);
        graph.ok_or_else(|| {
            let names = app.snapshots.names().join(", ");
            Problem::not_found(format!("there is no snapshot {name}; there are: {names}"))
        })
    }
}

pub(super) async fn snapshots(
    state: AppState,
    path: OfApp,
    _: Nothing,
    _: Nothing,
) -> Result<Json<Vec<String>>, Problem> {
    Ok(Json(path.find(&state)?.snapshots.names()))
}

pub(super) async fn save(
    state: AppState,
    path: OfSnapshot,
    _: Nothing,
    _: Nothing,
) -> Result<Json<Size>, Problem> {
    let app = path.app(&state)?;
    let graph = app.graph();
    let size = Size::of(&graph);
    if app.snapshots.put(path.name, graph, MAX_SNAPSHOTS) {
        return Ok(Json(size));
    }
    let detail = format!("an app has at most {MAX_SNAPSHOTS} snapshots");
    Err(Problem::new(StatusCode::INSUFFICIENT_STORAGE, detail))
}

pub(super) async fn restore(
    state: AppState,
    path: OfSnapshot,
    _: Nothing,
    _: Nothing,
) -> Result<Json<Size>, Problem> {
    let app = path.app(&state)?;
    let graph = path.find(&app)?;
    app.put_graph(&graph);
    Ok(Json(Size::of(&graph)))
}

pub(super) async fn forget(
    state: AppState,
    path: OfSnapshot,
    _: Nothing,
    _: Nothing,
) -> Result<Json<Size>, Problem> {
    let app = path.app(&state)?;
    let graph = path.find(&app)?;
    app.snapshots.remove(&path.name);
    Ok(Json(Size::of(&graph)))
}

/// What has changed since a snapshot.
#[derive(Serialize, JsonSchema)]
pub(super) struct Diff {
    accounts_added: Vec<UserId>,
    accounts_removed: Vec<UserId>,
    /// Edges that are new.
    added: Vec<Edge>,
    /// Edges that are gone, as they were.
    removed: Vec<Edge>,
    /// Edges of which more or other is said.
    changed: Vec<ChangedEdge>,
}

/// What one account is to another.
#[derive(Serialize, JsonSchema)]
struct Edge {
    #[serde(flatten)]
    ends: Ends,
    /// What is said of it.
    #[serde(rename = "is")]
    said: Value,
}

#[derive(Serialize, JsonSchema)]
struct ChangedEdge {
    #[serde(flatten)]
    ends: Ends,
    was: Value,
    is: Value,
}

/// Which edge: of each kind there is one at most from one account to another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
struct Ends {
    kind: EdgeKind,
    from: UserId,
    to: UserId,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum EdgeKind {
    /// From's list has To.
    Friend,
    /// From has blocked To.
    Blocked,
    /// From's request waits for To.
    Asked,
}

pub(super) async fn diff(
    state: AppState,
    path: OfSnapshot,
    _: Nothing,
    _: Nothing,
) -> Result<Json<Diff>, Problem> {
    let app = path.app(&state)?;
    let (was, is) = (path.find(&app)?, app.graph());
    let missing = |these: &Graph, those: &Graph| {
        let users = these.keys().filter(|user| !those.contains_key(user));
        users.copied().collect()
    };
    let (accounts_added, accounts_removed) = (missing(&is, &was), missing(&was, &is));
    let (was, mut is) = (edges(&was), edges(&is));
    let (mut removed, mut changed) = (Vec::new(), Vec::new());
    for (ends, was) in was {
        match is.remove(&ends) {
            None => removed.push(Edge { ends, said: was }),
            Some(is) if is != was => changed.push(ChangedEdge { ends, was, is }),
            Some(_) => {}
        }
    }
    let added = is.into_iter().map(|(ends, said)| Edge { ends, said });
    Ok(Json(Diff {
        accounts_added,
        accounts_removed,
        added: added.collect(),
        removed,
        changed,
    }))
}

fn edges(graph: &Graph) -> BTreeMap<Ends, Value> {
    let mut edges = BTreeMap::new();
    for (from, snapshot) in graph {
        let document = AccountDocument::of(snapshot);
        let json = serde_json::to_value(document).expect("it is JSON");
        for (list, peer, kind) in [
            ("friends", "to", EdgeKind::Friend),
            ("blocklist", "to", EdgeKind::Blocked),
            ("sent", "with", EdgeKind::Asked),
        ] {
            for entry in json[list].as_array().into_iter().flatten() {
                let mut said = entry.clone();
                let to = said.as_object_mut().and_then(|said| said.remove(peer));
                if let Some(to) = to.as_ref().and_then(Value::as_str).and_then(UserId::parse) {
                    edges.insert(
                        Ends {
                            kind,
                            from: *from,
                            to,
                        },
                        said,
                    );
                }
            }
        }
    }
    edges
}

/// The graph for Graphviz: friends are arrows, blocks red, requests dashed.
fn dot(graph: &Graph) -> String {
    let quoted = |user: UserId| {
        format!(
            "\"{}\"",
            user.as_str().replace('\\', "\\\\").replace('"', "\\\"")
        )
    };
    let mut text = "digraph relations {\n".to_owned();
    for user in graph.keys() {
        writeln!(text, "  {};", quoted(*user)).expect("a String takes all");
    }
    for (from, to, kind) in drawn(graph) {
        let style = match kind {
            EdgeKind::Friend => "",
            EdgeKind::Blocked => " [color=red, label=blocks]",
            EdgeKind::Asked => " [style=dashed, label=asks]",
        };
        writeln!(text, "  {} -> {}{style};", quoted(from), quoted(to)).expect("a String takes all");
    }
    text + "}\n"
}

/// The same for Mermaid.
fn mermaid(graph: &Graph) -> String {
    let places: BTreeMap<UserId, usize> = graph.keys().copied().zip(0..).collect();
    let escaped = |user: UserId| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.@ ".contains(c);
        let escape = |c: char| {
            if plain(c) {
                c.to_string()
            } else {
                format!("#{};", u32::from(c))
            }
        };
        user.as_str().chars().map(escape).collect::<String>()
    };
    let mut text = "graph LR\n".to_owned();
    for (user, place) in &places {
        writeln!(text, "  n{place}[\"{}\"]", escaped(*user)).expect("a String takes all");
    }
    for (from, to, kind) in drawn(graph) {
        let arrow = match kind {
            EdgeKind::Friend => "-->",
            EdgeKind::Blocked => "-- blocks --x",
            EdgeKind::Asked => "-. asks .->",
        };
        let (from, to) = (places[&from], places.get(&to));
        if let Some(to) = to {
            writeln!(text, "  n{from} {arrow} n{to}").expect("a String takes all");
        }
    }
    text
}

fn drawn(graph: &Graph) -> impl Iterator<Item = (UserId, UserId, EdgeKind)> {
    graph.iter().flat_map(|(from, snapshot)| {
        let friends = snapshot
            .friends
            .iter()
            .map(|friend| (friend.to, EdgeKind::Friend));
        let blocked = snapshot
            .blocklist
            .iter()
            .map(|blocked| (blocked.to, EdgeKind::Blocked));
        let sent = snapshot
            .sent
            .iter()
            .map(|request| (request.with, EdgeKind::Asked));
        let all = friends.chain(blocked).chain(sent);
        all.map(|(to, kind)| (*from, to, kind))
    })
}
