//! The only file where a [`Reply`] meets HTTP.
//!
//! The status is always 200 and the outcome is in the body, as Tencent documents ("unless a network
//! error such as 502 occurs"). Clients rely on it: some retry any 5xx, some look only at the body,
//! and to some a body without ErrorCode is a success. The code also goes into the response's
//! extensions, for the journal.

use crate::protocol::reply::{Answer, Reply};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use std::sync::LazyLock;

/// The headers of the REST overview's sample response (doc 1047/34620), beside Content-Type, which
/// the sample lacks and one published client insists on.
static HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    HeaderMap::from_iter([
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
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

impl<T: Answer> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let answer = Bytes::from(self.to_json());
        let mut response = Response::new(Body::from(answer.clone()));
        *response.headers_mut() = HEADERS.clone();
        response.extensions_mut().insert(self.into_outcome(answer));
        response
    }
}
