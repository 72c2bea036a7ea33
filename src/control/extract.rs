//! Extractors for the parts of a control call: path, query and body. Each reads its part strictly,
//! and rejects it with a [`Problem`] that names every invalid field of that part.

use super::problem::{InvalidField, Part, Problem};
use crate::gateway::body::{self, Received};
use crate::state::AppState;
use crate::strict::{Reader, StrictRead, field_schema, join, typed};
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
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;

/// The size limit of a body, except on routes that set their own.
pub(super) const MAX_BODY_BYTES: usize = 4 << 20;

/// Larger bodies are handled one at a time: in memory, a parsed body is many times its size.
static LARGE: Semaphore = Semaphore::const_new(1);

/// In a larger body only the first invalid field is named: finding all takes much time and memory.
const MAX_BYTES_FOR_ALL: usize = 1 << 20;

/// A larger body is parsed on the control API's own runtime. It is also the size limit where a handler
/// takes no body.
pub(super) const SHORT_BODY_BYTES: usize = 64 << 10;

/// The path's parameters.
pub(super) struct Path<T>(pub(super) T);

/// The query. A client that resumes a stream of events sends the header `Last-Event-ID`, which
/// replaces `since`.
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

/// The reader of a type, made once.
fn reader<T: StrictRead>() -> Arc<Reader<T>> {
    static READERS: LazyLock<DashMap<TypeId, Arc<dyn Any + Send + Sync>>> =
        LazyLock::new(DashMap::new);
    let new = || Arc::new(Reader::<T>::new()) as Arc<dyn Any + Send + Sync>;
    let reader = Arc::clone(&READERS.entry(TypeId::of::<T>()).or_insert_with(new));
    reader.downcast().expect("it is found by its type")
}

/// Reads the names and values of a path or a query.
fn read_texts<'a, T: StrictRead>(
    part: Part,
    texts: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<T, Problem> {
    let reader = reader::<T>();
    let value = |(name, text): (&str, &str)| {
        let value = typed(field_schema(&reader.schema, name), text);
        (name.to_owned(), value)
    };
    let object = Value::Object(texts.map(value).collect());
    reader
        .read(object)
        .map_err(|invalid| of_part(part, invalid))
}

fn of_part(part: Part, invalid: Vec<InvalidField>) -> Problem {
    let of_part = |field| InvalidField {
        part: Some(part),
        ..field
    };
    Problem::invalid(invalid.into_iter().map(of_part).collect())
}

/// The names and values of a query. A name must not be repeated.
fn pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let invalid = |pointer: String, detail: &str| {
        let field = InvalidField {
            part: Some(Part::Query),
            pointer,
            detail: detail.to_owned(),
        };
        Problem::invalid(vec![field])
    };
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        let decoded = percent_decode_str(&text).decode_utf8();
        decoded
            .map(|text| text.into_owned())
            .map_err(|_| invalid(String::new(), "is not UTF-8"))
    };
    let mut pairs = Vec::<(String, String)>::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if pairs.iter().any(|(other, _)| *other == name) {
            return Err(invalid(join("", &name), "is there twice"));
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
    let body = match bytes.len() <= MAX_BYTES_FOR_ALL {
        true => reader().read(json),
        false => reader().read_or_first_error(json),
    };
    body.map_err(|invalid| of_part(Part::Body, invalid))
}

/// How a route receives calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct RouteOptions {
    /// Whether the handler reads the query.
    pub(super) query: bool,
    /// Whether the handler reads the body.
    pub(super) body: bool,
    /// The size limit of the body.
    pub(super) max_body_bytes: usize,
    /// Whether the handler may take long.
    pub(super) is_long: bool,
}

/// A part in which no field is allowed. Without an empty list of properties, the validator would
/// not name the unknown field.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("properties" = {}))]
struct Empty {}

/// The middleware around each handler: receives the whole body, also of a call that is then
/// rejected, and rejects parts that the handler does not read. Work that may take long runs on the
/// control API's own runtime.
pub(super) async fn receive(
    State((state, options)): State<(AppState, RouteOptions)>,
    call: Request,
    next: Next,
) -> Response {
    let (call, sent) = call.into_parts();
    let cap = options.max_body_bytes;
    let received = body::receive_up_to(sent, cap, state.config.read_timeout).await;
    let bytes = match check(received, &call, options) {
        Ok(bytes) => bytes,
        Err(problem) => return problem.into_response(),
    };
    let _alone = match bytes.len() > MAX_BODY_BYTES {
        true => LARGE.acquire().await.ok(),
        false => None,
    };
    let is_long = options.is_long || bytes.len() > SHORT_BODY_BYTES;
    let answer = next.run(Request::from_parts(call, bytes.into()));
    if is_long {
        state.background.run(Box::pin(answer)).await
    } else {
        answer.await
    }
}

fn check(received: Received, call: &Parts, options: RouteOptions) -> Result<Bytes, Problem> {
    let bytes = match received {
        Received::Whole(bytes) => bytes,
        Received::TooLong => {
            let detail = format!("this body has at most {} bytes", options.max_body_bytes);
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        Received::Cut => {
            let detail = "the body is incomplete, or did not arrive in time";
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        }
    };
    if !bytes.is_empty() && !is_json(&call.headers) {
        let detail = "a body has to be application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    if !options.query {
        read_query::<Empty>(call)?;
    }
    if !options.body {
        read_body::<Empty>(&bytes)?;
    }
    Ok(bytes)
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok());
    let media_type = text.unwrap_or_default().split(';').next();
    let media_type = media_type.unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}
