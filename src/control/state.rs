//! The whole relationship graph of an app: as JSON, which can be read back, or as a drawing. The graphs of all
//! configured apps as JSON.

use super::apps::{AppPath, find_app};
use super::drawing::{dot, mermaid};
use super::extract::{Body, Path, Query};
use super::problem::Problem;
use super::receive::Input;
use super::route::{Operation, OperationInput, OperationOutput};
use super::written::{Disconnected, Writer, written};
use crate::accounts::MAX_ACCOUNTS_BYTES;
use crate::protocol::ids::SdkAppId;
use crate::saved::{self, StateDocument, StatesDocument, Unreadable};
use crate::state::AppState;
use crate::store::Accounts;
use crate::strict::StrictRead;
use axum::Json;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

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

const JSON: &str = "application/json";
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
    let accounts = app.store.accounts_without_gaps().await?;
    let format = format.unwrap_or(Format::Json);
    let media_type = match format {
        Format::Json => JSON,
        Format::Dot => DOT,
        Format::Mermaid => MERMAID,
    };
    let write = async move |writer| match format {
        Format::Json => write_pieces(writer, saved::app_pieces(&accounts)).await,
        Format::Dot => dot(writer, &accounts).await,
        Format::Mermaid => mermaid(writer, &accounts).await,
    };
    Ok(Shown(written(&state, media_type, write)))
}

async fn write_pieces(
    mut writer: Writer,
    pieces: impl Iterator<Item = String>,
) -> Result<(), Disconnected> {
    for piece in pieces {
        writer.text(&piece).await?;
    }
    writer.finish("").await
}

/// The graphs of all configured apps.
pub(super) struct AllShown(Response);

impl IntoResponse for AllShown {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for AllShown {
    fn describe(operation: &mut Operation) {
        operation.add_json::<StatesDocument>();
    }
}

pub(super) async fn show_all(State(state): State<AppState>) -> Result<AllShown, Problem> {
    let apps = state.world().saved_accounts().await?;
    let write = async move |writer| write_pieces(writer, saved::apps_pieces(&apps)).await;
    Ok(AllShown(written(&state, JSON, write)))
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

/// The bytes of a body that is a `T`. The handler reads them, one account after the other.
pub(super) struct Document<T>(Bytes, PhantomData<fn() -> T>);

impl<T> FromRequest<AppState> for Document<T> {
    type Rejection = Problem;

    async fn from_request(call: Request, _: &AppState) -> Result<Self, Problem> {
        // `receive` has limited the size.
        let bytes = to_bytes(call.into_body(), usize::MAX).await;
        let bytes = bytes.expect("the body is in memory");
        // An empty body is an empty object.
        let is_empty = bytes.is_empty();
        let bytes = if is_empty {
            Bytes::from_static(b"{}")
        } else {
            bytes
        };
        Ok(Self(bytes, PhantomData))
    }
}

impl<T: StrictRead> OperationInput for Document<T> {
    const INPUT: Option<Input> = Body::<T>::INPUT;

    fn describe(operation: &mut Operation) {
        Body::<T>::describe(operation);
    }
}

impl From<Unreadable> for Problem {
    fn from(error: Unreadable) -> Self {
        match error {
            Unreadable::NotJson(reason) => {
                let detail = format!("the body is not JSON: {reason}");
                Self::new(StatusCode::BAD_REQUEST, detail)
            }
            Unreadable::Invalid(fields) => Self::invalid_body(fields),
        }
    }
}

pub(super) async fn replace(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Document(body, _): Document<StateDocument>,
) -> Result<Json<Size>, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    let graph = saved::read_app(&body, &app, MAX_ACCOUNTS_BYTES)?;
    let size = Size::of(&graph);
    app.store.replace(graph).await?;
    Ok(Json(size))
}

/// The size of an app's new graph.
#[derive(Serialize, JsonSchema)]
pub(super) struct AppSize {
    sdkappid: SdkAppId,
    #[serde(flatten)]
    size: Size,
}

/// Reads the graphs of all apps before it replaces the first.
pub(super) async fn replace_all(
    State(state): State<AppState>,
    Document(body, _): Document<StatesDocument>,
) -> Result<Json<Vec<AppSize>>, Problem> {
    let apps = state.world().configured_apps();
    let graphs = saved::read_apps(&body, &apps, MAX_ACCOUNTS_BYTES)?;
    let mut sizes = Vec::new();
    for (app, graph) in graphs {
        let (sdkappid, size) = (app.sdkappid, Size::of(&graph));
        sizes.push(AppSize { sdkappid, size });
        app.store.replace(graph).await?;
    }
    Ok(Json(sizes))
}
