//! Faults below the protocol: another HTTP status, half a body, no JSON, no answer.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use std::io;

/// How an answer is damaged on its way to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireFault {
    /// The answer has this HTTP status and no envelope, as if a proxy had failed.
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
                *response.body_mut() = broken_after(answer.slice(..answer.len() / 2));
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

/// A body that fails after these bytes.
fn broken_after(bytes: Bytes) -> Body {
    let frames = [Ok(bytes), Err(io::ErrorKind::ConnectionAborted.into())];
    Body::from_stream(stream::unfold(frames.into_iter(), async |mut frames| {
        let frame: io::Result<_> = frames.next()?;
        if frame.is_err() {
            // hyper sends the first half before it polls for the error that ends the connection.
            tokio::task::yield_now().await;
        }
        Some((frame, frames))
    }))
}
