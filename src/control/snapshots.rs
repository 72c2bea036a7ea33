//! Named snapshots of an app's graph, and the changes since a snapshot.

use super::apps::{AppPath, find_app};
use super::drawing::EdgeKind;
use super::extract::Path;
use super::problem::Problem;
use super::route::{Operation, OperationOutput};
use super::state::Size;
use super::written::{Disconnected, Writer, written};
use crate::accounts::{BlockedDocument, FriendDocument, RequestDocument};
use crate::apps::App;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::state::AppState;
use crate::store::{Account, Accounts, PeerEntry, PeerList};
use crate::strict::listed;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
        let (name, names) = (&self.name, names(app));
        let known = listed(names.iter(), names.len());
        Problem::not_found(format!("there is no snapshot {name}; {known}"))
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
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct DiffDocument {
    accounts_added: Vec<UserId>,
    accounts_removed: Vec<UserId>,
    /// Edges that are new.
    added: Vec<Edge>,
    /// Edges that no longer exist, with their fields in the snapshot.
    removed: Vec<Edge>,
    /// Edges whose fields have changed.
    changed: Vec<ChangedEdge>,
}

/// A relation from one account to another. A friendship is one way: a mutual one is two edges.
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
#[derive(Clone, Copy, Serialize, JsonSchema)]
struct Ends {
    kind: EdgeKind,
    from: UserId,
    to: UserId,
}

/// The changes since a snapshot, as they are sent.
pub(super) struct Diff(Response);

impl IntoResponse for Diff {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for Diff {
    fn describe(operation: &mut Operation) {
        operation.add_json::<DiffDocument>();
    }
}

pub(super) async fn diff(
    State(state): State<AppState>,
    Path(path): Path<SnapshotPath>,
) -> Result<Diff, Problem> {
    let (app, was) = path.find(&state)?;
    let is = app.store.accounts().await?;
    let write = async move |writer| write_diff(writer, &was, &is).await;
    Ok(Diff(written(&state, "application/json", write)))
}

/// An account that differs from the snapshot.
struct ChangedAccount<'a> {
    user: UserId,
    was: Option<&'a Account>,
    is: Option<&'a Account>,
}

/// A list of the diff with edges.
#[derive(Clone, Copy)]
enum Edges {
    Added,
    Removed,
    Changed,
}

async fn write_diff(mut writer: Writer, was: &Accounts, is: &Accounts) -> Result<(), Disconnected> {
    let users = is.changed_from(was).chain(was.changed_from(is));
    let mut users: Vec<_> = users.map(|(user, _)| user).collect();
    users.sort_unstable();
    users.dedup();
    let account = |user| ChangedAccount {
        user,
        was: was.get(user).map(|account| &**account),
        is: is.get(user).map(|account| &**account),
    };
    let accounts: Vec<_> = users.into_iter().map(account).collect();
    writer.open("{\"accounts_added\":[").await?;
    for added in accounts.iter().filter(|account| account.was.is_none()) {
        writer.element(&added.user).await?;
    }
    writer.open("],\"accounts_removed\":[").await?;
    for removed in accounts.iter().filter(|account| account.is.is_none()) {
        writer.element(&removed.user).await?;
    }
    for (name, edges) in [
        ("added", Edges::Added),
        ("removed", Edges::Removed),
        ("changed", Edges::Changed),
    ] {
        writer.open(&format!("],\"{name}\":[")).await?;
        let mut list = ListWriter {
            writer: &mut writer,
            accounts: &accounts,
            edges,
        };
        list.write::<_, FriendDocument>(EdgeKind::Friend, |account| &account.friends)
            .await?;
        list.write::<_, BlockedDocument>(EdgeKind::Blocked, |account| &account.blocklist)
            .await?;
        list.write::<_, RequestDocument>(EdgeKind::Asked, |account| &account.sent)
            .await?;
    }
    writer.finish("]}").await
}

/// Writes a list of edges.
struct ListWriter<'a> {
    writer: &'a mut Writer,
    accounts: &'a [ChangedAccount<'a>],
    edges: Edges,
}

impl ListWriter<'_> {
    /// Writes the edges of one kind, which are the entries of a list of each account. `D` is the document
    /// of an entry.
    async fn write<E, D>(
        &mut self,
        kind: EdgeKind,
        list: fn(&Account) -> &PeerList<E>,
    ) -> Result<(), Disconnected>
    where
        E: PeerEntry + PartialEq,
        D: for<'a> From<&'a E> + Serialize,
    {
        let fields = |entry: &E| {
            let mut fields = serde_json::to_value(D::from(entry)).expect("it is JSON");
            if let Some(fields) = fields.as_object_mut() {
                fields.retain(|name, _| name != "to" && name != "with");
            }
            fields
        };
        for account in self.accounts {
            let (was, is) = (account.was.map(list), account.is.map(list));
            let of_edges = match self.edges {
                Edges::Added => is,
                Edges::Removed | Edges::Changed => was,
            };
            let peers = of_edges.into_iter().flat_map(|list| list.iter());
            let mut peers: Vec<_> = peers.map(PeerEntry::peer).collect();
            peers.sort_unstable();
            for to in peers {
                let was = was.and_then(|list| list.entry(to));
                let is = is.and_then(|list| list.entry(to));
                let from = account.user;
                let ends = Ends { kind, from, to };
                let edge = |fields| Edge { ends, fields };
                match (self.edges, was, is) {
                    (Edges::Added, None, Some(is)) => {
                        self.writer.element(&edge(fields(is))).await?;
                    }
                    (Edges::Removed, Some(was), None) => {
                        self.writer.element(&edge(fields(was))).await?;
                    }
                    (Edges::Changed, Some(was), Some(is)) if was != is => {
                        let (was, is) = (fields(was), fields(is));
                        self.writer.element(&ChangedEdge { ends, was, is }).await?;
                    }
                    _ => {}
                }
            }
            // Also without an edge, other requests get their turn.
            tokio::task::consume_budget().await;
        }
        Ok(())
    }
}
