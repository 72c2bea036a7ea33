//! Answers that fail below the protocol: another HTTP status, half a body, no JSON, no answer.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use hyper::body::Frame;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How an answer fails on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// It has this HTTP status, and no envelope: a gateway in between failed.
    HttpStatus(StatusCode),
    /// There is none: the connection is reset.
    Close,
    /// Its first half comes, then the end of the connection.
    Truncate,
    /// It is not JSON.
    Malformed,
}

/// Left in a response's extensions: instead of sending it, the server resets the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResetConnection;

const NOT_JSON: &str = "<html><body>Bad Gateway</body></html>";

impl Wire {
    /// What becomes of a response whose body is `answer`.
    pub(crate) fn spoil(self, response: &mut Response, answer: &Bytes) {
        match self {
            Self::Close => drop(response.extensions_mut().insert(ResetConnection)),
            Self::Truncate => {
                let half = answer.slice(..answer.len() / 2);
                *response.body_mut() = Body::new(Half::Coming(half));
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

/// The first half of a body, and then no more: the connection ends.
enum Half {
    Coming(Bytes),
    /// It has to leave before the connection ends.
    Leaving,
    Left,
}

impl HttpBody for Half {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match std::mem::replace(&mut *self, Self::Left) {
            Self::Coming(half) => {
                *self = Self::Leaving;
                Poll::Ready(Some(Ok(Frame::data(half))))
            }
            Self::Leaving => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Left => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        }
    }
}
