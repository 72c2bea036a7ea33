//! An app's whole relationship graph: as JSON, which can be read back, or as a drawing.

use super::account::AccountDocument;
use super::account_reader::AccountReader;
use super::apps::{AppPath, find_app};
use super::drawing::{dot, mermaid};
use super::edits::{mirrored, peers};
use super::extract::{Body, Path, Query};
use super::problem::{InvalidField, Problem};
use super::route::{Operation, OperationOutput};
use super::written::{Disconnected, Writer, written};
use crate::protocol::ids::UserId;
use crate::sns::model::{PendingRequest, Sequences};
use crate::state::AppState;
use crate::store::{Account, Accounts, SharedAccount};
use crate::strict::join;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the document format.
const VERSION: u32 = 1;

/// A graph as JSON.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StateDocument {
    #[schemars(range(min = VERSION, max = VERSION))]
    #[expect(dead_code, reason = "the strict reader has checked it")]
    version: u32,
    accounts: BTreeMap<UserId, AccountDocument>,
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
        let document = AccountDocument::from(&**account);
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
    Body(StateDocument { accounts, .. }): Body<StateDocument>,
) -> Result<Json<Size>, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    let mut reader = AccountReader::new(&app);
    let mut graph = BTreeMap::new();
    let before = app.store.accounts().await?;
    for (user, document) in accounts {
        let mut account = Account::clone(&app.new_account);
        // The sequences go on, so that a client that knows the old ones learns of the change.
        account.sequences = before
            .get(user)
            .map_or_else(Sequences::default, |old| old.sequences);
        let at = join("/accounts", user.as_str());
        reader.apply(&at, user, document, &mut account);
        graph.insert(user, account);
    }
    // App admins always exist.
    for admin in &app.config.admins {
        let admin = graph.entry(*admin);
        admin.or_insert_with(|| Account::clone(&app.new_account));
    }
    for (user, account) in &graph {
        for missing in peers(account).filter(|peer| !graph.contains_key(peer)) {
            let detail = format!("names {missing}, which is not in `accounts`");
            let at = join("/accounts", user.as_str());
            reader.invalid.push(InvalidField::of_body(at, detail));
        }
    }
    reader.finish()?;
    complete_requests(&mut graph);
    let accounts = graph.into_iter();
    let accounts = accounts.map(|(user, account)| (user, SharedAccount::new(account)));
    let accounts: Accounts = accounts.collect();
    let size = Size::of(&accounts);
    app.store.replace(accounts).await?;
    Ok(Json(size))
}

/// Adds the missing entry of each pending request that only one of its two accounts lists.
fn complete_requests(graph: &mut BTreeMap<UserId, Account>) {
    let (mut received, mut sent) = (Vec::new(), Vec::new());
    for (user, account) in &*graph {
        let mirror = |request: &PendingRequest| (request.with, mirrored(request, *user));
        received.extend(account.sent.iter().map(mirror));
        sent.extend(account.received.iter().map(mirror));
    }
    for (user, request) in received {
        let list = &mut graph.entry(user).or_default().received;
        if !list.has(request.with) {
            list.insert(request);
        }
    }
    for (user, request) in sent {
        let list = &mut graph.entry(user).or_default().sent;
        if !list.has(request.with) {
            list.insert(request);
        }
    }
}
