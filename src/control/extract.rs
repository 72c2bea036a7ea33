//! Extractors for the parts of a control call: path, query and body. Each validates its part
//! strictly; its error is a [`Problem`] that names the invalid fields of the part, up to a limit.

use super::problem::{InvalidField, Part, Problem};
use crate::CHECKS;
use crate::budget::Share;
use crate::gateway::body::{self, Received};
use crate::gateway::journal::Arrival;
use crate::protocol::redact::redact_beginning;
use crate::state::AppState;
use crate::strict::{MAX_ERRORS, Reader, StrictRead, field_schema, join, typed};
use axum::body::to_bytes;
use axum::extract::rejection::RawPathParamsRejection;
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

/// The JSON body of a handler that checks more than the type can, so that all invalid fields are named
/// at once.
pub(super) struct Draft<T> {
    /// The body without its invalid fields; `None` if these cannot be left out.
    pub(super) value: Option<T>,
    pub(super) invalid: Vec<InvalidField>,
}

impl<T: StrictRead> FromRequestParts<AppState> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(call: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(call, state).await;
        read_path(&params).map(Self)
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
        let (call, body) = call.into_parts();
        let read = read_body(&in_memory(body).await);
        read.map(Self).map_err(|problem| elsewhere(&call, problem))
    }
}

impl<T: StrictRead> FromRequest<AppState> for Draft<T> {
    type Rejection = Problem;

    async fn from_request(call: Request, _: &AppState) -> Result<Self, Problem> {
        let (call, body) = call.into_parts();
        let bytes = in_memory(body).await;
        match read_body(&bytes) {
            Ok(value) => Ok(Self {
                value: Some(value),
                invalid: Vec::new(),
            }),
            Err(problem) if problem.errors.is_empty() => Err(problem),
            Err(problem) => {
                let invalid = elsewhere(&call, problem).errors;
                let value = reader::<T>().read_rest(parse(&bytes)?, &invalid);
                Ok(Self { value, invalid })
            }
        }
    }
}

impl<T> Draft<T> {
    /// The value, or all invalid fields of the body: `check` returns those that the type accepts.
    pub(super) fn checked(
        mut self,
        check: impl FnOnce(&T, &[InvalidField]) -> Vec<InvalidField>,
    ) -> Result<T, Problem> {
        if let Some(value) = &self.value {
            let more = check(value, &self.invalid);
            self.invalid.extend(more);
        }
        match self.value {
            Some(value) if self.invalid.is_empty() => Ok(value),
            _ => Err(Problem::invalid_body(self.invalid)),
        }
    }
}

async fn in_memory(body: axum::body::Body) -> Bytes {
    // `receive` has limited the size.
    let bytes = to_bytes(body, usize::MAX).await;
    bytes.expect("the body is in memory")
}

/// A part of a call that a handler reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input {
    pub(super) part: Part,
    /// Whether the part has a field of this name.
    has_field: fn(&str) -> bool,
    /// Reads the part, only for its errors.
    check: fn(&Sent<'_>) -> Result<(), Problem>,
}

/// The parts of a call.
struct Sent<'a> {
    params: &'a Result<RawPathParams, RawPathParamsRejection>,
    call: &'a Parts,
    body: &'a [u8],
}

impl Input {
    pub(super) const fn path<T: StrictRead>() -> Self {
        Self {
            part: Part::Path,
            has_field: has_field::<T>,
            check: |sent| read_path::<T>(sent.params).map(drop),
        }
    }

    pub(super) const fn query<T: StrictRead>() -> Self {
        Self {
            part: Part::Query,
            has_field: has_field::<T>,
            check: |sent| read_query::<T>(sent.call).map(drop),
        }
    }

    /// A query that is ignored.
    pub(super) const fn any_query() -> Self {
        Self {
            part: Part::Query,
            has_field: |_| false,
            check: |_| Ok(()),
        }
    }

    pub(super) const fn body<T: StrictRead>() -> Self {
        Self {
            part: Part::Body,
            has_field: has_field::<T>,
            check: |sent| read_body::<T>(sent.body).map(drop),
        }
    }
}

/// Whether an object, or each object of a list, has a field of this name.
fn has_field<T: StrictRead>(name: &str) -> bool {
    let schema = &reader::<T>().schema;
    let objects = [&schema["properties"], &schema["items"]["properties"]];
    objects.iter().any(|fields| fields.get(name).is_some())
}

fn read_path<T: StrictRead>(
    params: &Result<RawPathParams, RawPathParamsRejection>,
) -> Result<T, Problem> {
    let params = params
        .as_ref()
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("the path: {error}")))?;
    read_texts(Part::Path, params.iter())
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

/// Says of unknown fields which part of the call they belong in, if another part has them.
fn elsewhere(call: &Parts, mut problem: Problem) -> Problem {
    if problem.errors.is_empty() {
        return problem;
    }
    let options = call.extensions.get::<RouteOptions>();
    let inputs = options.map_or(&[][..], |options| options.inputs);
    for field in &mut problem.errors {
        let name = field.pointer.strip_prefix('/').unwrap_or_default();
        let has_field = |input: &Input| (input.has_field)(name);
        let others = inputs.iter().flatten();
        let of_own = |input: &&Input| Some(input.part) == field.part;
        let (own, others): (Vec<_>, Vec<_>) = others.partition(of_own);
        if own.into_iter().any(has_field) {
            continue;
        }
        if let Some(other) = others.into_iter().find(|other| has_field(other)) {
            field.detail = format!("is unknown here; it belongs in the {}", other.part.name());
        }
    }
    Problem::invalid(problem.errors)
}

/// The reader of a type, from a cache, because to make a reader takes long.
pub(super) fn reader<T: StrictRead>() -> Arc<Reader<T>> {
    static READERS: LazyLock<DashMap<TypeId, Arc<dyn Any + Send + Sync>>> =
        LazyLock::new(DashMap::new);
    let new = || Arc::new(Reader::<T>::new(CHECKS)) as Arc<dyn Any + Send + Sync>;
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
    read(Part::Body, parse(bytes)?, max_errors(bytes.len()))
}

/// The maximum number of invalid fields that are named of a body of this size.
pub(super) fn max_errors(body_bytes: usize) -> usize {
    match body_bytes <= MAX_BYTES_FOR_ALL_ERRORS {
        true => MAX_ERRORS,
        false => 1,
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    match bytes {
        [] => Ok(Value::Object(Map::new())),
        bytes => serde_json::from_slice(bytes).map_err(|error| {
            let detail = format!("the body is not JSON: {error}");
            Problem::new(StatusCode::BAD_REQUEST, detail)
        }),
    }
}

/// How a route receives calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct RouteOptions {
    /// The part of the call that each extractor of the handler reads.
    pub(super) inputs: &'static [Option<Input>],
    /// The size limit of the body.
    pub(super) max_body_bytes: usize,
    /// Whether the handler runs on the control API's own runtime, because it may take long.
    pub(super) is_slow: bool,
    /// Whether the call is cancelled when its client hangs up.
    pub(super) waits: bool,
}

/// A part in which no field is allowed. The empty list of properties makes the validator name the
/// unknown field.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("properties" = {}))]
struct Empty {}

/// The middleware around each handler: receives the whole body, even if the call is then rejected,
/// and rejects invalid parts and parts that the handler does not read. Long routes, and calls with a
/// large body, run on the control API's own runtime.
pub(super) async fn receive(
    State((state, options)): State<(AppState, RouteOptions)>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    call: Request,
    next: Next,
) -> Response {
    let (mut call, sent) = call.into_parts();
    call.extensions.insert(options);
    let cap = options.max_body_bytes.min(state.config.max_bodies_bytes);
    let received = body::receive_up_to(sent, cap, &state).await;
    let (bytes, _share) = match check(received, &params, &call, options, cap) {
        Ok(received) => received,
        Err(problem) => return problem.into_response(),
    };
    let _permit = match bytes.len() > MAX_BODY_BYTES {
        true => LARGE_BODY.acquire().await.ok(),
        false => None,
    };
    let connection = call.extensions.get::<Arrival>();
    let connection = connection.map(|arrival| arrival.connection.clone());
    let in_background = options.is_slow || bytes.len() > SHORT_BODY_BYTES;
    let answer = next.run(Request::from_parts(call, bytes.into()));
    let answer = async {
        match in_background {
            true => state.background.run(Box::pin(answer)).await,
            false => answer.await,
        }
    };
    let Some(connection) = connection.filter(|_| options.waits) else {
        return answer.await;
    };
    let watch = connection.watch();
    tokio::select! {
        answer = answer => answer,
        () = watch.hung_up() => {
            Problem::new(StatusCode::BAD_REQUEST, "the client has hung up").into_response()
        }
    }
}

/// The body, with its share of the budget.
fn check(
    received: Received,
    params: &Result<RawPathParams, RawPathParamsRejection>,
    call: &Parts,
    options: RouteOptions,
    cap: usize,
) -> Result<(Bytes, Option<Share>), Problem> {
    let (bytes, share) = match received {
        Received::Whole(bytes, share) => (bytes, share),
        Received::TooLong => {
            let mut detail = format!("the body is larger than {cap} bytes");
            if cap < options.max_body_bytes {
                detail += ", the value of `max_bodies_bytes` in the configuration";
            }
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
    if !bytes.is_empty() {
        check_content_type(&call.headers)?;
    }
    let sent = Sent {
        params,
        call,
        body: &bytes,
    };
    let mut invalid = Vec::new();
    for part in [Part::Path, Part::Query, Part::Body] {
        let inputs = options.inputs.iter().flatten();
        let input = inputs.copied().find(|input| input.part == part);
        let input = match (part, input) {
            // The handler reads the body, unless an invalid part keeps it from running.
            (Part::Body, Some(_)) if invalid.is_empty() => continue,
            (_, Some(input)) => input,
            (Part::Path, None) => continue,
            (Part::Query, None) => Input::query::<Empty>(),
            (Part::Body, None) => Input::body::<Empty>(),
        };
        if let Err(problem) = (input.check)(&sent) {
            match problem.errors.is_empty() {
                true => return Err(problem),
                false => invalid.extend(elsewhere(call, problem).errors),
            }
        }
    }
    match invalid.is_empty() {
        true => Ok((bytes, share)),
        false => Err(Problem::invalid(invalid)),
    }
}

/// Rejects a body that is not declared as JSON: a web page of another origin can send other types.
fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value.map(|value| String::from_utf8_lossy(value.as_bytes()));
    let media_type = text.as_deref().unwrap_or_default().split(';').next();
    let media_type = media_type.unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let came = match media_type {
        "" => "without this header".to_owned(),
        other => {
            let other = redact_beginning(other, 60);
            format!("with {other}")
        }
    };
    let detail = format!("send the header `Content-Type: application/json`; the body came {came}");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}
