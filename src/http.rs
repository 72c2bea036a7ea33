//! Converts a [`Reply`] to an HTTP response; no other module does.
//!
//! The status is always 200 and the outcome is in the body, as Tencent documents ("unless a network
//! error such as 502 occurs"). Clients rely on it: some retry every 5xx, some read only the body, and
//! some take a body without ErrorCode for a success.

use crate::protocol::reply::{Answer, Outcome, Reply};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use std::sync::LazyLock;

/// The headers of the sample response in the REST overview (doc 1047/34620), and Content-Type, which
/// the sample lacks but one published client requires. Content-Length is replaced in each answer.
static HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    HeaderMap::from_iter([
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (header::CONTENT_LENGTH, HeaderValue::from(0)),
        (
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            HeaderValue::from_static("*"),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("X-Requested-With"),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("POST"),
        ),
    ])
});

/// A call's answer before it is sent.
#[must_use = "pass it to `Arrival::end`"]
pub(crate) struct Answered {
    pub(crate) response: Response,
    /// The data for the journal.
    pub(crate) outcome: Outcome,
}

impl<T: Answer> From<Reply<T>> for Answered {
    fn from(reply: Reply<T>) -> Self {
        let answer = Bytes::from(reply.to_json());
        let mut response = Response::new(Body::from(answer.clone()));
        let headers = response.headers_mut();
        headers.clone_from(&HEADERS);
        headers.insert(header::CONTENT_LENGTH, answer.len().into());
        Self {
            response,
            outcome: reply.into_outcome(answer),
        }
    }
}
