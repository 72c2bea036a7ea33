//! Converts a [`Reply`] to an HTTP response; no other module does.
//!
//! The status is always 200 and the outcome is in the body, as Tencent documents ("unless a network
//! error such as 502 occurs"). Clients rely on it: some retry every 5xx, some read only the body,
//! and some treat a body without ErrorCode as a success.

use crate::protocol::code::Code;
use crate::protocol::reply::{Answer, CallError, Reply, Tally};
use crate::protocol::service::CommandInfo;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use std::borrow::Cow;
use std::sync::LazyLock;

/// The headers of the sample response in the REST overview (doc 1047/34620), and Content-Type, which
/// the sample lacks but one published client requires. Content-Length is replaced in each answer.
static HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_LENGTH, "0"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "X-Requested-With"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
    ];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    HeaderMap::from_iter(headers)
});

/// The answer of a call, and what the journal and the log record of it.
#[must_use = "`Arrival::end` records it"]
pub(crate) struct LoggedAnswer {
    pub(crate) response: Response,
    /// The response's body.
    pub(crate) body: Bytes,
    /// The command that was called, if there is one.
    pub(crate) command: Option<&'static CommandInfo>,
    /// The ErrorCode.
    pub(crate) code: Code,
    /// What was wrong with the call, for the hint, if the code does not say it; may be empty.
    pub(crate) detail: Cow<'static, str>,
    pub(crate) tally: Option<Tally>,
}

impl LoggedAnswer {
    /// Whether the call or one of its items failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.code != Code::Ok || self.tally.as_ref().is_some_and(|tally| tally.refused > 0)
    }
}

impl<T: Answer> From<Reply<T>> for LoggedAnswer {
    fn from(reply: Reply<T>) -> Self {
        let body = Bytes::from(reply.to_json());
        let mut response = Response::new(Body::from(body.clone()));
        let headers = response.headers_mut();
        headers.clone_from(&HEADERS);
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        let (code, detail, tally) = match reply.result {
            Ok(answer) => (Code::Ok, Cow::Borrowed(""), answer.tally()),
            Err(CallError { code, info, detail }) if detail.is_empty() => (code, info, None),
            Err(CallError { code, detail, .. }) => (code, detail, None),
        };
        Self {
            response,
            body,
            command: reply.command,
            code,
            detail,
            tally,
        }
    }
}
