//! Faults below the protocol: another HTTP status, half a body, no JSON, no answer.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use hyper::body::Frame;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How an answer is damaged on its way to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireFault {
    /// It has this HTTP status and no envelope, as if a proxy had failed.
    HttpStatus(StatusCode),
    /// The connection is reset instead.
    Close,
    /// The first half of the body is sent, then the connection ends.
    Truncate,
    /// The body is not JSON.
    Malformed,
}

/// An extension of a response: the server resets the connection instead of sending the response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResetConnection;

const NOT_JSON: &str = "<html><body>Bad Gateway</body></html>";

impl WireFault {
    /// Damages a response whose body is `answer`.
    pub(crate) fn apply_to(self, response: &mut Response, answer: &Bytes) {
        match self {
            Self::Close => drop(response.extensions_mut().insert(ResetConnection)),
            Self::Truncate => {
                let half = answer.slice(..answer.len() / 2);
                *response.body_mut() = Body::new(TruncatedBody::FirstHalf(half));
            }
            Self::Malformed => set_html(response),
            Self::HttpStatus(status) => {
                set_html(response);
                *response.status_mut() = status;
            }
        }
    }
}

fn set_html(response: &mut Response) {
    *response.body_mut() = Body::from(NOT_JSON);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    headers.insert(header::CONTENT_LENGTH, NOT_JSON.len().into());
}

/// A body that fails after its first half.
enum TruncatedBody {
    FirstHalf(Bytes),
    /// One more poll lets hyper send the first half before the error ends the connection.
    Flush,
    Error,
}

impl HttpBody for TruncatedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match std::mem::replace(&mut *self, Self::Error) {
            Self::FirstHalf(half) => {
                *self = Self::Flush;
                Poll::Ready(Some(Ok(Frame::data(half))))
            }
            Self::Flush => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Error => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        }
    }
}
