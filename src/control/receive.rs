//! How a route receives calls: the middleware around its handler, which rejects invalid parts of a call before
//! the handler runs.

use super::extract::{read_body, read_path, read_query, reader};
use super::problem::{Part, Problem};
use crate::budget::Share;
use crate::gateway::body::{self, Received};
use crate::gateway::journal::Arrival;
use crate::protocol::redact::redact_beginning;
use crate::state::AppState;
use crate::strict::StrictRead;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::Semaphore;

/// The size limit of a body, except on routes that set their own.
pub(super) const MAX_BODY_BYTES: usize = 4 << 20;

/// Bodies above [`MAX_BODY_BYTES`] are handled one at a time, because a parsed body takes many
/// times its size in memory.
static LARGE_BODY: Semaphore = Semaphore::const_new(1);

/// The largest body that is parsed on the runtime that serves calls; a larger body is parsed on the
/// control API's own runtime. Also the size limit on routes that take no body.
pub(super) const SHORT_BODY_BYTES: usize = 64 << 10;

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

/// Says of unknown fields which part of the call they belong in, if another part has them.
pub(super) fn elsewhere(call: &Parts, mut problem: Problem) -> Problem {
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
