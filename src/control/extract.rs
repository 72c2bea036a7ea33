//! Extractors for the parts of a control call: path, query and body. Each validates its part
//! strictly; its error is a [`Problem`] that names the invalid fields of the part, up to a limit.

use super::problem::{InvalidField, Part, Problem};
use crate::budget::Share;
use crate::gateway::body::{self, Received};
use crate::state::AppState;
use crate::strict::{MAX_ERRORS, Reader, StrictRead, field_schema, join, typed};
use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dashmap::DashMap;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::any::{Any, TypeId};
use std::collections::HashSet;
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;

/// The size limit of a body, except on routes that set their own.
pub(super) const MAX_BODY_BYTES: usize = 4 << 20;

/// Bodies above [`MAX_BODY_BYTES`] are handled one at a time, because a parsed body takes many
/// times its size in memory.
static LARGE_BODY: Semaphore = Semaphore::const_new(1);

/// The largest body in which all invalid fields are named. In a larger body only the first is named,
/// because to find all takes much time and memory.
const MAX_BYTES_FOR_ALL_ERRORS: usize = 1 << 20;

/// The largest body that is parsed on the runtime that serves calls; a larger body is parsed on the
/// control API's own runtime. Also the size limit on routes that take no body.
pub(super) const SHORT_BODY_BYTES: usize = 64 << 10;

/// The path's parameters.
pub(super) struct Path<T>(pub(super) T);

/// The query. The header `Last-Event-ID`, with which a client resumes a stream of events, replaces
/// `since`.
pub(super) struct Query<T>(pub(super) T);

/// The JSON body. An empty body is an empty object.
pub(super) struct Body<T>(pub(super) T);

impl<T: StrictRead> FromRequestParts<AppState> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(call: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(call, state).await;
        let params = params
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("the path: {error}")))?;
        read_texts(Part::Path, params.iter()).map(Self)
    }
}

impl<T: StrictRead> FromRequestParts<AppState> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(call: &mut Parts, _: &AppState) -> Result<Self, Problem> {
        read_query(call).map(Self)
    }
}

impl<T: StrictRead> FromRequest<AppState> for Body<T> {
    type Rejection = Problem;

    async fn from_request(call: Request, _: &AppState) -> Result<Self, Problem> {
        // `receive` has limited the size.
        let bytes = to_bytes(call.into_body(), usize::MAX).await;
        let bytes = bytes.expect("the body is in memory");
        read_body(&bytes).map(Self)
    }
}

fn read_query<T: StrictRead>(call: &Parts) -> Result<T, Problem> {
    let mut pairs = pairs(call.uri.query().unwrap_or_default())?;
    let last_id = call.headers.get("last-event-id");
    let last_id = last_id.and_then(|id| id.to_str().ok());
    if let Some(id) = last_id
        && field_schema(&reader::<T>().schema, "since").is_some()
    {
        pairs.retain(|(name, _)| name != "since");
        pairs.push(("since".to_owned(), id.to_owned()));
    }
    let pairs = pairs.iter().map(|(name, text)| (&**name, &**text));
    read_texts(Part::Query, pairs)
}

/// The reader of a type, from a cache, because to make a reader takes long.
fn reader<T: StrictRead>() -> Arc<Reader<T>> {
    static READERS: LazyLock<DashMap<TypeId, Arc<dyn Any + Send + Sync>>> =
        LazyLock::new(DashMap::new);
    let new = || Arc::new(Reader::<T>::new()) as Arc<dyn Any + Send + Sync>;
    let reader = Arc::clone(&READERS.entry(TypeId::of::<T>()).or_insert_with(new));
    reader.downcast().expect("the key is the reader's type")
}

/// Reads a part of a call. The error names at most `max_errors` invalid fields.
fn read<T: StrictRead>(part: Part, value: Value, max_errors: usize) -> Result<T, Problem> {
    reader().read(value, max_errors).map_err(|mut invalid| {
        invalid.iter_mut().for_each(|field| field.part = Some(part));
        Problem::invalid(invalid)
    })
}

/// Reads the names and values of a path or a query.
fn read_texts<'a, T: StrictRead>(
    part: Part,
    texts: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<T, Problem> {
    let schema = &reader::<T>().schema;
    let value =
        |(name, text): (&str, &str)| (name.to_owned(), typed(field_schema(schema, name), text));
    read(part, Value::Object(texts.map(value).collect()), MAX_ERRORS)
}

/// The names and values of a query. A name must not be repeated.
fn pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let invalid = |pointer: String, detail: &str| {
        Problem::invalid(vec![InvalidField::new(Some(Part::Query), pointer, detail)])
    };
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        match percent_decode_str(&text).decode_utf8() {
            Ok(text) => Ok(text.into_owned()),
            Err(_) => Err(invalid(String::new(), "is not UTF-8")),
        }
    };
    let (mut pairs, mut names) = (Vec::new(), HashSet::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if !names.insert(name.clone()) {
            return Err(invalid(join("", &name), "is given twice"));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn read_body<T: StrictRead>(bytes: &[u8]) -> Result<T, Problem> {
    let json = match bytes {
        [] => Value::Object(Map::new()),
        bytes => serde_json::from_slice(bytes).map_err(|error| {
            let detail = format!("the body is not JSON: {error}");
            Problem::new(StatusCode::BAD_REQUEST, detail)
        })?,
    };
    let max_errors = match bytes.len() <= MAX_BYTES_FOR_ALL_ERRORS {
        true => MAX_ERRORS,
        false => 1,
    };
    read(Part::Body, json, max_errors)
}

/// How a route receives calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct RouteOptions {
    /// The part of the call that each extractor of the handler reads.
    pub(super) parts: &'static [Option<Part>],
    /// The size limit of the body.
    pub(super) max_body_bytes: usize,
    /// Whether the handler runs on the control API's own runtime, because it may take long.
    pub(super) is_slow: bool,
}

/// A part in which no field is allowed. The empty list of properties makes the validator name the
/// unknown field.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("properties" = {}))]
struct Empty {}

/// The middleware around each handler: receives the whole body, even if the call is then rejected,
/// and rejects parts that the handler does not read. Long routes, and calls with a large body, run
/// on the control API's own runtime.
pub(super) async fn receive(
    State((state, options)): State<(AppState, RouteOptions)>,
    call: Request,
    next: Next,
) -> Response {
    let (call, sent) = call.into_parts();
    let cap = options.max_body_bytes;
    let received = body::receive_up_to(sent, cap, &state).await;
    let (bytes, _share) = match check(received, &call, options) {
        Ok(received) => received,
        Err(problem) => return problem.into_response(),
    };
    let _permit = match bytes.len() > MAX_BODY_BYTES {
        true => LARGE_BODY.acquire().await.ok(),
        false => None,
    };
    let in_background = options.is_slow || bytes.len() > SHORT_BODY_BYTES;
    let answer = next.run(Request::from_parts(call, bytes.into()));
    match in_background {
        true => state.background.run(Box::pin(answer)).await,
        false => answer.await,
    }
}

/// The body, with its share of the budget.
fn check(
    received: Received,
    call: &Parts,
    options: RouteOptions,
) -> Result<(Bytes, Option<Share>), Problem> {
    let (bytes, share) = match received {
        Received::Whole(bytes, share) => (bytes, share),
        Received::TooLong => {
            let detail = format!("the body is larger than {} bytes", options.max_body_bytes);
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        Received::Cut => {
            let detail = "the body is incomplete, or did not arrive in time";
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        }
        Received::NoRoom => {
            let detail = "other bodies use up `max_bodies_bytes`; try again";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail));
        }
    };
    if !bytes.is_empty() && !is_json(&call.headers) {
        let detail = "the Content-Type of a body must be application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    if !options.parts.contains(&Some(Part::Query)) {
        read_query::<Empty>(call)?;
    }
    if !options.parts.contains(&Some(Part::Body)) {
        read_body::<Empty>(&bytes)?;
    }
    Ok((bytes, share))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok());
    let media_type = text.unwrap_or_default().split(';').next();
    let media_type = media_type.unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}
