//! Named snapshots of an app's graph, and what has changed since.

use super::account::AccountDocument;
use super::apps::AppPath;
use super::drawing::EdgeKind;
use super::extract::Path;
use super::problem::Problem;
use super::state::Size;
use crate::apps::{App, Graph};
use crate::protocol::ids::{SdkAppId, UserId};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Snapshots that an app may have.
const MAX_SNAPSHOTS: usize = 100;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SnapshotPath {
    sdkappid: SdkAppId,
    #[schemars(length(min = 1, max = 100))]
    name: String,
}

impl SnapshotPath {
    fn app(&self, state: &AppState) -> Result<Arc<App>, Problem> {
        AppPath {
            sdkappid: self.sdkappid,
        }
        .find(state)
    }

    /// The app, and its graph as it was.
    fn find(&self, state: &AppState) -> Result<(Arc<App>, Arc<Graph>), Problem> {
        let (app, name) = (self.app(state)?, &self.name);
        let graph = app.snapshots.get(name).ok_or_else(|| {
            let names = app.snapshots.names().join(", ");
            Problem::not_found(format!("there is no snapshot {name}; there are: {names}"))
        })?;
        Ok((app, graph))
    }
}

pub(super) async fn list(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
) -> Result<Json<Vec<String>>, Problem> {
    Ok(Json(path.find(&state)?.snapshots.names()))
}

pub(super) async fn save(
    State(state): State<AppState>,
    Path(path): Path<SnapshotPath>,
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
    State(state): State<AppState>,
    Path(path): Path<SnapshotPath>,
) -> Result<Json<Size>, Problem> {
    let (app, graph) = path.find(&state)?;
    app.put_graph(&graph);
    Ok(Json(Size::of(&graph)))
}

pub(super) async fn forget(
    State(state): State<AppState>,
    Path(path): Path<SnapshotPath>,
) -> Result<Json<Size>, Problem> {
    let (app, graph) = path.find(&state)?;
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

pub(super) async fn diff(
    State(state): State<AppState>,
    Path(path): Path<SnapshotPath>,
) -> Result<Json<Diff>, Problem> {
    let (app, was) = path.find(&state)?;
    let is = app.graph();
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
