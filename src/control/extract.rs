//! Extractors for the parts of a control call: path, query and body. Each validates its part
//! strictly; its error is a [`Problem`] that names the invalid fields of the part, up to a limit.

use super::problem::{InvalidField, Part, Problem};
use super::receive::elsewhere;
pub(super) use crate::checks::reader;
use crate::state::AppState;
use crate::strict::{MAX_ERRORS, StrictRead, field_schema, join, max_errors, typed};
use axum::body::to_bytes;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::collections::HashSet;

/// The path's parameters.
pub(super) struct Path<T>(pub(super) T);

/// The query. The header `Last-Event-ID`, with which a client resumes a stream of events, replaces
/// `since`.
pub(super) struct Query<T>(pub(super) T);

/// The JSON body. An empty body is an empty object.
pub(super) struct Body<T>(pub(super) T);

/// The JSON body of a handler that checks more than the type can, so that all invalid fields are named
/// at once.
pub(crate) struct Draft<T> {
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

impl<T: StrictRead> Draft<T> {
    /// Reads a body that a caller in the same process has made.
    pub(crate) fn of(body: Value) -> Self {
        match read(Part::Body, body.clone(), MAX_ERRORS) {
            Ok(value) => Self {
                value: Some(value),
                invalid: Vec::new(),
            },
            Err(Problem { errors, .. }) => Self {
                value: reader::<T>().read_rest(body, &errors),
                invalid: errors,
            },
        }
    }
}

impl<T> Draft<T> {
    /// The value, or all invalid fields of the body: `check` returns those that the type accepts.
    pub(crate) fn checked(
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

pub(super) fn read_path<T: StrictRead>(
    params: &Result<RawPathParams, RawPathParamsRejection>,
) -> Result<T, Problem> {
    let params = params
        .as_ref()
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("the path: {error}")))?;
    read_texts(Part::Path, params.iter())
}

pub(super) fn read_query<T: StrictRead>(call: &Parts) -> Result<T, Problem> {
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

pub(super) fn read_body<T: StrictRead>(bytes: &[u8]) -> Result<T, Problem> {
    read(Part::Body, parse(bytes)?, max_errors(bytes.len()))
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
