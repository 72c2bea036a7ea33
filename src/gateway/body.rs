//! Receives the complete body of a call before the call is answered.
//!
//! The body of a rejected call is read as well, and discarded: if the answer came while the client
//! still sends its body, the client would see a reset connection instead of the answer. A cap
//! limits the memory, and a timeout limits the time.

use crate::config::Config;
use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use futures_util::future::poll_immediate;
use http_body_util::BodyExt;
use std::pin::pin;
use std::time::Duration;

/// A body over the cap is read and discarded up to this many times the cap, so that its client gets
/// an answer. The connection of a client that sends more is closed.
const DISCARD_FACTOR: usize = 8;

/// A call's body.
#[derive(Debug)]
pub(crate) enum Received {
    Whole(Bytes),
    /// It is over the cap, and was discarded.
    TooLong,
    /// The connection broke, or the timeout passed.
    Cut,
}

impl Received {
    /// The body; empty if it was not received.
    pub(crate) fn bytes(&self) -> Bytes {
        match self {
            Self::Whole(bytes) => bytes.clone(),
            Self::TooLong | Self::Cut => Bytes::new(),
        }
    }
}

/// Receives the body of a command's call.
pub(crate) async fn receive(body: Body, config: &Config) -> Received {
    receive_up_to(body, config.max_body_bytes, config.read_timeout).await
}

/// Receives a body of at most `cap` bytes within the timeout.
pub(crate) async fn receive_up_to(body: Body, cap: usize, timeout: Duration) -> Received {
    within(timeout, collect(body, cap, cap)).await
}

/// Reads and discards the body of a rejected call.
pub(crate) async fn discard(body: Body, config: &Config) {
    within(config.read_timeout, collect(body, 0, config.max_body_bytes)).await;
}

async fn within(
    timeout: Duration,
    whole: impl Future<Output = Result<Received, axum::Error>>,
) -> Received {
    let mut whole = pin!(whole);
    // Most bodies have arrived already, and need no timer.
    let received = match poll_immediate(whole.as_mut()).await {
        Some(received) => Ok(received),
        None => tokio::time::timeout(timeout, whole).await,
    };
    match received {
        Ok(Ok(received)) => received,
        Ok(Err(_)) | Err(_) => Received::Cut,
    }
}

/// Keeps up to `keep` bytes, and discards a longer body up to `DISCARD_FACTOR` times `cap`.
async fn collect(mut body: Body, keep: usize, cap: usize) -> Result<Received, axum::Error> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let mut length = 0;
    while length <= cap.saturating_mul(DISCARD_FACTOR) {
        let Some(frame) = body.frame().await else {
            break;
        };
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        length += data.len();
        if length > keep {
            (first, all) = (Bytes::new(), BytesMut::new());
        } else if length == data.len() {
            first = data; // Most bodies come in one frame, which needs no copy.
        } else {
            if all.is_empty() {
                let announced = body.size_hint().lower() as usize + length;
                all.reserve(announced.min(keep));
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
    }
    let whole = if all.is_empty() { first } else { all.freeze() };
    Ok(if length > keep {
        Received::TooLong
    } else {
        Received::Whole(whole)
    })
}
