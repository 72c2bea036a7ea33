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
    /// A detail for the log and the journal that the code does not give; may be empty.
    pub(crate) detail: Cow<'static, str>,
    pub(crate) tally: Option<Tally>,
}

impl LoggedAnswer {
    /// Whether the call or its first failed item failed because of a field of the body.
    pub(crate) fn is_about_field(&self) -> bool {
        let of_item = self.tally.as_ref().and_then(|tally| tally.first_refused);
        let code = of_item.map_or(self.code, |(_, code)| code);
        let is_bad = |command: &CommandInfo| code.number() == command.service.bad_body().number();
        let is_state = matches!(
            code,
            Code::FriendExist | Code::FriendNotExist | Code::AlreadyBlocked | Code::NotBlocked
        );
        self.command.is_some_and(is_bad) && !is_state
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
