//! Reads a call's body to its end before anything is decided.
//!
//! A refusal that is sent while the client still writes its batch would reach it as a reset
//! connection, not as an answer. Memory is bounded by the cap, time by the timeout.

use crate::protocol::code::Code;
use crate::protocol::reply::{CallError, Reply};
use crate::state::AppState;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

/// Of a body over the cap, this many times the cap is read and thrown away, so that its sender is
/// still answered; whoever sends more is cut off.
const PATIENCE: usize = 8;

/// A call's whole body, or the fact that it is over the cap.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedBody(pub(crate) Result<Bytes, TooLong>);

/// The body is over the cap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLong;

pub(crate) async fn read(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let whole = collect(body, state.config.max_body_bytes);
    let why = match tokio::time::timeout(state.config.read_timeout, whole).await {
        Ok(Ok(received)) => {
            let mut request = Request::from_parts(parts, Body::empty());
            request.extensions_mut().insert(received);
            return next.run(request).await;
        }
        Ok(Err(error)) => format!("the body could not be read: {error}"),
        Err(_) => "the body did not come in time".to_owned(),
    };
    Reply::refused(CallError::with_detail(Code::WrongMethod, why)).into_response()
}

async fn collect(mut body: Body, cap: usize) -> Result<ReceivedBody, axum::Error> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let mut length = 0;
    while length <= cap.saturating_mul(PATIENCE) {
        let Some(frame) = body.frame().await else {
            break;
        };
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        length += data.len();
        if length > cap {
            (first, all) = (Bytes::new(), BytesMut::new());
        } else if length == data.len() {
            first = data; // Most bodies come in one piece, which needs no copy.
        } else {
            if all.is_empty() {
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
    }
    let whole = if all.is_empty() { first } else { all.freeze() };
    Ok(ReceivedBody(if length > cap {
        Err(TooLong)
    } else {
        Ok(whole)
    }))
}
