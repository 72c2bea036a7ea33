//! Stubs: commands that answer from a template. An app can have stubs of its own.

use super::apps::{AppPath, find_app};
use super::extract::{Body, Path};
use super::problem::{InvalidField, Part, Problem};
use crate::apps::App;
use crate::commands::stubs;
use crate::limiter::NewLimit;
use crate::protocol::ids::SdkAppId;
use crate::state::AppState;
use crate::strict::listed;
use crate::stub::{AnswerTemplate, MAX_STUBS, NAME_PATTERN, Stub, StubDefinition, TOO_MANY};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The names that [`NAME_PATTERN`] accepts, in words.
const NAMES: &str = "1 to 64 letters, digits or _";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StubPath {
    sdkappid: SdkAppId,
    /// The service, such as openim.
    #[schemars(extend("pattern" = NAME_PATTERN, "x-expected" = NAMES))]
    service: String,
    /// The command, such as getroammsg.
    #[schemars(extend("pattern" = NAME_PATTERN, "x-expected" = NAMES))]
    command: String,
}

/// The stubs by service and command, such as `openim/sendmsg`.
type StubDocuments = BTreeMap<String, StubDocument>;

/// A stub.
#[derive(Serialize, JsonSchema)]
pub(super) struct StubDocument {
    origin: Origin,
    /// The limit in the definition, or else the documented limit, in calls per second; 0 means no limit.
    calls_per_second: u32,
    /// The fields that a body must have.
    require: Vec<String>,
    /// The fields of a successful answer.
    answer: AnswerTemplate,
}

/// Who has made a stub.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Origin {
    /// The emulator; the answer is the one of the page.
    BuiltIn,
    /// The configuration, or the call that created the app: a reset restores it.
    Config,
    /// `PUT`: a reset removes it.
    Control,
}

impl StubDocument {
    fn of(stub: &Stub, origin: Origin) -> Self {
        let names = stub.require.iter().map(|field| field.name.to_string());
        Self {
            origin,
            calls_per_second: stub.calls_per_second.unwrap_or(stub.info.calls_per_second),
            require: names.collect(),
            answer: stub.answer.clone(),
        }
    }

    /// The document of an app's own stub.
    fn of_app(app: &App, path: &str, stub: &Arc<Stub>) -> Self {
        let configured = app.config.stubs.accepted.get(path);
        let is_configured = configured.is_some_and(|configured| Arc::ptr_eq(configured, stub));
        let origin = match is_configured {
            true => Origin::Config,
            false => Origin::Control,
        };
        Self::of(stub, origin)
    }
}

pub(super) async fn list(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
) -> Result<Json<StubDocuments>, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    let built_in = stubs::built_in().iter().map(|stub| {
        let (service, command) = (stub.info.service.name(), stub.info.name);
        let document = StubDocument::of(stub, Origin::BuiltIn);
        (format!("{service}/{command}"), document)
    });
    let mut documents: StubDocuments = built_in.collect();
    // A stub of the app can replace a built-in one.
    let own = app.stubs();
    let of_app = |(path, stub): (&String, &Arc<Stub>)| {
        (path.clone(), StubDocument::of_app(&app, path, stub))
    };
    documents.extend(own.accepted.iter().map(of_app));
    Ok(Json(documents))
}

/// Makes a stub. Its rate limit begins with a full bucket.
pub(super) async fn put(
    State(state): State<AppState>,
    Path(path): Path<StubPath>,
    Body(definition): Body<StubDefinition>,
) -> Result<Json<StubDocument>, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    let (service, command) = (&path.service, &path.command);
    let name = format!("{service}/{command}");
    let mut own = app.stubs();
    if let Some(reason) = stubs::name_conflict(service, command, own.names()) {
        let field = InvalidField::new(Some(Part::Path), "/command", reason);
        return Err(Problem::invalid(vec![field]));
    }
    if own.accepted.len() >= MAX_STUBS && !own.accepted.contains_key(&name) {
        return Err(full(format!("an app has at most {MAX_STUBS} stubs")));
    }
    let stub = Stub::new(service, command, definition);
    let stub = Arc::new(stub.ok_or_else(|| full(TOO_MANY))?);
    let document = StubDocument::of(&stub, Origin::Control);
    let limit = (stub.info, NewLimit::Full(stub.calls_per_second));
    own.accepted.insert(name, stub);
    app.limiter.set([limit].into_iter());
    Ok(Json(document))
}

pub(super) async fn remove(
    State(state): State<AppState>,
    Path(path): Path<StubPath>,
) -> Result<Json<StubDocument>, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    let name = format!("{}/{}", path.service, path.command);
    let removed = app.stubs().accepted.remove(&name);
    let removed = removed.ok_or_else(|| {
        let stubs = app.stubs();
        let known = listed(stubs.accepted.keys(), stubs.accepted.len());
        let app = app.sdkappid;
        Problem::not_found(format!("app {app} has no stub {name} of its own; {known}"))
    })?;
    let limit = (removed.info, NewLimit::Full(None));
    app.limiter.set([limit].into_iter());
    Ok(Json(StubDocument::of_app(&app, &name, &removed)))
}

/// 507: a limit of stubs is reached.
pub(super) fn full(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::INSUFFICIENT_STORAGE, detail.into())
}
