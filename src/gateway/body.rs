//! Receives a call's body, whole, before anything is decided.
//!
//! A refusal that is sent while the client still writes its batch would reach it as a reset
//! connection, not as an answer. Memory is bounded by the cap, time by the timeout.

use crate::config::Config;
use crate::protocol::code::Code;
use crate::protocol::reply::CallError;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

/// Of a body over the cap, this many times the cap is read and thrown away, so that its sender is
/// still answered; whoever sends more is cut off.
const PATIENCE: usize = 8;

/// A call's body.
#[derive(Debug)]
pub(crate) enum Received {
    Whole(Bytes),
    /// It is over the cap, and was thrown away.
    TooLong,
}

/// The whole body, if it comes in time.
pub(crate) async fn receive(body: Body, config: &Config) -> Result<Received, CallError> {
    let whole = collect(body, config.max_body_bytes);
    let why = match tokio::time::timeout(config.read_timeout, whole).await {
        Ok(Ok(received)) => return Ok(received),
        Ok(Err(_)) => "the body could not be read",
        Err(_) => "the body did not come in time",
    };
    Err(CallError::with_detail(Code::WrongMethod, why))
}

async fn collect(mut body: Body, cap: usize) -> Result<Received, axum::Error> {
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
    Ok(if length > cap {
        Received::TooLong
    } else {
        Received::Whole(whole)
    })
}
