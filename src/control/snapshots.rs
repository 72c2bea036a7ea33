//! Named snapshots of an app's graph, and the changes since a snapshot.

use super::account::AccountDocument;
use super::apps::{AppPath, find_app};
use super::drawing::EdgeKind;
use super::extract::Path;
use super::problem::Problem;
use super::state::Size;
use crate::apps::App;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::state::AppState;
use crate::store::{Account, Accounts};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The maximum number of snapshots per app.
const MAX_SNAPSHOTS: usize = 100;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SnapshotPath {
    sdkappid: SdkAppId,
    #[schemars(length(min = 1, max = 100))]
    name: String,
}

impl SnapshotPath {
    /// The app, and the accounts in the snapshot.
    fn find(&self, state: &AppState) -> Result<(Arc<App>, Accounts), Problem> {
        let app = find_app(state, self.sdkappid)?;
        let accounts = app.snapshots().get(&self.name).cloned();
        let accounts = accounts.ok_or_else(|| self.not_found(&app))?;
        Ok((app, accounts))
    }

    fn not_found(&self, app: &App) -> Problem {
        let (name, names) = (&self.name, names(app).join(", "));
        Problem::not_found(format!("unknown snapshot {name}; known: {names}"))
    }
}

pub(super) async fn list(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
) -> Result<Json<Vec<String>>, Problem> {
    Ok(Json(names(&*find_app(&state, path.sdkappid)?)))
}

fn names(app: &App) -> Vec<String> {
    app.snapshots().keys().cloned().collect()
}

pub(super) async fn save(
    State(state): State<AppState>,
    Path(path): Path<SnapshotPath>,
) -> Result<Json<Size>, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    let accounts = app.store.accounts().await?;
    let size = Size::of(&accounts);
    let mut snapshots = app.snapshots();
    if snapshots.len() >= MAX_SNAPSHOTS && !snapshots.contains_key(&path.name) {
        let detail = format!("an app has at most {MAX_SNAPSHOTS} snapshots");
        return Err(Problem::new(StatusCode::INSUFFICIENT_STORAGE, detail));
    }
    snapshots.insert(path.name, accounts);
    Ok(Json(size))
}

pub(super) async fn restore(
    State(state): State<AppState>,
    Path(path): Path<SnapshotPath>,
) -> Result<Json<Size>, Problem> {
    let (app, accounts) = path.find(&state)?;
    let size = Size::of(&accounts);
    app.store.replace(accounts).await?;
    Ok(Json(size))
}

pub(super) async fn remove(
    State(state): State<AppState>,
    Path(path): Path<SnapshotPath>,
) -> Result<Json<Size>, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    let accounts = app.snapshots().remove(&path.name);
    let accounts = accounts.ok_or_else(|| path.not_found(&app))?;
    Ok(Json(Size::of(&accounts)))
}

/// The changes since a snapshot.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct Diff {
    accounts_added: Vec<UserId>,
    accounts_removed: Vec<UserId>,
    /// Edges that are new.
    added: Vec<Edge>,
    /// Edges that no longer exist, with their fields in the snapshot.
    removed: Vec<Edge>,
    /// Edges whose fields have changed.
    changed: Vec<ChangedEdge>,
}

/// A relation from one account to another.
#[derive(Serialize, JsonSchema)]
struct Edge {
    #[serde(flatten)]
    ends: Ends,
    #[serde(rename = "is")]
    fields: Value,
}

#[derive(Serialize, JsonSchema)]
struct ChangedEdge {
    #[serde(flatten)]
    ends: Ends,
    was: Value,
    is: Value,
}

/// The key of an edge: an account has at most one edge of each kind to another account.
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
    let is = app.store.accounts().await?;
    let mut diff = Diff::default();
    let (mut was_edges, mut is_edges) = (BTreeMap::new(), BTreeMap::new());
    for (user, account) in was.changed_from(&is) {
        if is.get(user).is_none() {
            diff.accounts_removed.push(user);
        }
        was_edges.extend(edges(user, account));
    }
    for (user, account) in is.changed_from(&was) {
        if was.get(user).is_none() {
            diff.accounts_added.push(user);
        }
        is_edges.extend(edges(user, account));
    }
    diff.accounts_removed.sort_unstable();
    diff.accounts_added.sort_unstable();
    for (ends, was) in was_edges {
        match is_edges.remove(&ends) {
            None => diff.removed.push(Edge { ends, fields: was }),
            Some(is) if is != was => diff.changed.push(ChangedEdge { ends, was, is }),
            Some(_) => {}
        }
    }
    let added = is_edges.into_iter();
    diff.added = added.map(|(ends, fields)| Edge { ends, fields }).collect();
    Ok(Json(diff))
}

/// The edges that begin at an account, each with its fields.
fn edges(from: UserId, account: &Account) -> impl Iterator<Item = (Ends, Value)> {
    let document = serde_json::to_value(AccountDocument::from(account)).expect("it is JSON");
    let lists = [
        ("friends", "to", EdgeKind::Friend),
        ("blocklist", "to", EdgeKind::Blocked),
        ("sent", "with", EdgeKind::Asked),
    ];
    lists.into_iter().flat_map(move |(list, peer, kind)| {
        let entries = document[list].as_array().cloned().unwrap_or_default();
        entries.into_iter().filter_map(move |mut fields| {
            let to = fields.as_object_mut()?.remove(peer)?;
            let to = UserId::parse(to.as_str()?)?;
            Some((Ends { kind, from, to }, fields))
        })
    })
}
