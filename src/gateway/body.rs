//! Receives a call's body, whole, before the call is answered.
//!
//! A refusal that is sent while the client still writes its batch would reach it as a reset
//! connection, not as an answer; so the body of a call that is refused is read as well, and thrown
//! away. Memory is bounded by the cap, time by the timeout.

use crate::config::Config;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::future::poll_immediate;
use http_body_util::BodyExt;
use std::pin::pin;
use std::time::Duration;

/// Of a body over the cap, this many times the cap is read and thrown away, so that its sender is
/// still answered; whoever sends more is cut off.
const PATIENCE: usize = 8;

/// A call's body.
#[derive(Debug)]
pub(crate) enum Received {
    Whole(Bytes),
    /// It is over the cap, and was thrown away.
    TooLong,
    /// It broke off, or did not come in time.
    Cut,
}

impl Received {
    /// What there is of it.
    pub(crate) fn bytes(&self) -> Bytes {
        match self {
            Self::Whole(bytes) => bytes.clone(),
            Self::TooLong | Self::Cut => Bytes::new(),
        }
    }
}

/// The whole body of a command's call.
pub(crate) async fn receive(body: Body, config: &Config) -> Received {
    receive_up_to(body, config.max_body_bytes, config.read_timeout).await
}

/// A whole body of at most so many bytes, which comes in time.
pub(crate) async fn receive_up_to(body: Body, cap: usize, timeout: Duration) -> Received {
    within(timeout, collect(body, cap, cap)).await
}

/// Reads the body of a call that is refused anyway, and keeps nothing of it.
pub(crate) async fn discard(body: Body, config: &Config) {
    within(config.read_timeout, collect(body, 0, config.max_body_bytes)).await;
}

async fn within(
    timeout: Duration,
    whole: impl Future<Output = Result<Received, axum::Error>>,
) -> Received {
    let mut whole = pin!(whole);
    // Most bodies are there already, and need no timer.
    let received = match poll_immediate(whole.as_mut()).await {
        Some(received) => Ok(received),
        None => tokio::time::timeout(timeout, whole).await,
    };
    match received {
        Ok(Ok(received)) => received,
        Ok(Err(_)) | Err(_) => Received::Cut,
    }
}

/// Keeps up to `keep` bytes, and reads on for as long as `cap` gives patience.
async fn collect(mut body: Body, keep: usize, cap: usize) -> Result<Received, axum::Error> {
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
        if length > keep {
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
    Ok(if length > keep {
        Received::TooLong
    } else {
        Received::Whole(whole)
    })
}
