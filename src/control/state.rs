//! An app's whole relationship graph: as JSON, which can be read back, or as a drawing.

use super::apps::{AppPath, find_app};
use super::drawing::{dot, mermaid};
use super::extract::{Path, Query};
use super::problem::Problem;
use super::route::{Operation, OperationOutput};
use super::state_reader::StateBody;
use super::written::{Disconnected, Writer, written};
use crate::accounts::{AccountDocument, AccountReader};
use crate::protocol::ids::UserId;
use crate::state::AppState;
use crate::store::Accounts;
use crate::strict::join;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the document format.
pub(super) const VERSION: u32 = 1;

/// A graph as JSON.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StateDocument {
    #[schemars(range(min = VERSION, max = VERSION))]
    #[expect(dead_code, reason = "the strict reader has checked it")]
    version: u32,
    pub(super) accounts: BTreeMap<UserId, AccountDocument>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowQuery {
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

/// The graph, as JSON or as a drawing.
pub(super) struct Shown(Response);

const DOT: &str = "text/vnd.graphviz";
const MERMAID: &str = "text/vnd.mermaid";

impl IntoResponse for Shown {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for Shown {
    fn describe(operation: &mut Operation) {
        operation.add_json::<StateDocument>();
        operation.add_media_type(DOT, None);
        operation.add_media_type(MERMAID, None);
    }
}

pub(super) async fn show(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Query(ShowQuery { format }): Query<ShowQuery>,
) -> Result<Shown, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    let accounts = app.store.accounts().await?;
    let format = format.unwrap_or(Format::Json);
    let media_type = match format {
        Format::Json => "application/json",
        Format::Dot => DOT,
        Format::Mermaid => MERMAID,
    };
    let write = async move |writer| match format {
        Format::Json => write_json(writer, &accounts).await,
        Format::Dot => dot(writer, &accounts).await,
        Format::Mermaid => mermaid(writer, &accounts).await,
    };
    Ok(Shown(written(&state, media_type, write)))
}

async fn write_json(mut writer: Writer, accounts: &Accounts) -> Result<(), Disconnected> {
    writer
        .open(&format!("{{\"version\":{VERSION},\"accounts\":{{"))
        .await?;
    for (user, account) in accounts.sorted() {
        let document = AccountDocument::of(user, account, accounts);
        writer.field(user.as_str(), &document).await?;
    }
    writer.finish("}}").await
}

/// The size of an app's graph.
#[derive(Serialize, JsonSchema)]
pub(super) struct Size {
    accounts: usize,
    /// Entries in all friend lists: a mutual friendship counts as two.
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
    body: StateBody,
) -> Result<Json<Size>, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    let now = app.clock.now().unix_time();
    let mut reader = AccountReader::new(&app.config.custom_fields, &app.new_account, now);
    // App admins always exist.
    let admins = app.config.admins.iter();
    let mut graph: Accounts = admins
        .map(|admin| (*admin, app.new_account.clone()))
        .collect();
    let mut users = Vec::new();
    body.read(|user, document| {
        reader.add("/accounts", user, document, &mut graph);
        users.push(user);
    })?;
    for (missing, user) in reader.complete(&users, &mut graph) {
        let at = join("/accounts", user.as_str());
        reader.add_invalid(at, format!("names {missing}, which is not in `accounts`"));
    }
    reader.finish().map_err(Problem::invalid_body)?;
    let size = Size::of(&graph);
    app.store.replace(graph).await?;
    Ok(Json(size))
}
