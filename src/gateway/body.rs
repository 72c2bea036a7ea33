//! Receives the complete body of a call before the call is answered.
//!
//! The body of a rejected call is read as well, and discarded: if the answer came while the client
//! still sends its body, the client would see a reset connection instead of the answer. A cap
//! limits the memory, and a timeout limits the time.

use crate::budget::{Budget, Share};
use crate::state::AppState;
use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use futures_util::future::poll_immediate;
use http_body_util::BodyExt;
use std::pin::pin;
use std::time::Duration;
use tokio::time::sleep;

/// A body over the cap is read and discarded up to this many times the cap, so that its client gets
/// an answer. The connection of a client that sends more is closed.
const DISCARD_FACTOR: usize = 8;

/// A body of at most this many bytes takes nothing from the budget, so that short calls pass while the
/// budget is used up.
const SHORT_BYTES: usize = 64 << 10;

/// When the emulator stops, the time for the rest of a body to arrive.
const STOPPING_WAIT: Duration = Duration::from_secs(2);

/// A call's body.
#[derive(Debug)]
pub(crate) enum Received {
    /// The body, and its share of the budget, if it has one.
    Whole(Bytes, Option<Share>),
    /// It is over the cap, and was discarded.
    TooLong,
    /// The connection broke, the timeout passed, or the emulator stops.
    Cut,
    /// Other bodies use up the budget.
    NoRoom,
}

impl Received {
    /// The body; empty if it was not received.
    pub(crate) fn bytes(&self) -> Bytes {
        match self {
            Self::Whole(bytes, _) => bytes.clone(),
            Self::TooLong | Self::Cut | Self::NoRoom => Bytes::new(),
        }
    }
}

/// Receives the body of a command's call.
pub(crate) async fn receive(body: Body, state: &AppState) -> Received {
    receive_up_to(body, state.config.max_body_bytes, state).await
}

/// Receives a body of at most `cap` bytes within the timeout.
pub(crate) async fn receive_up_to(body: Body, cap: usize, state: &AppState) -> Received {
    within(state, collect(body, cap, cap, &state.bodies)).await
}

/// Reads and discards the body of a rejected call.
pub(crate) async fn discard(body: Body, state: &AppState) {
    within(
        state,
        collect(body, 0, state.config.max_body_bytes, &state.bodies),
    )
    .await;
}

async fn within(
    state: &AppState,
    whole: impl Future<Output = Result<Received, axum::Error>>,
) -> Received {
    let mut whole = pin!(whole);
    // Most bodies have arrived already, and need no timer.
    let received = match poll_immediate(whole.as_mut()).await {
        Some(received) => received,
        None => tokio::select! {
            received = whole => received,
            () = sleep(state.config.read_timeout) => Ok(Received::Cut),
            () = async { state.stopping.cancelled().await; sleep(STOPPING_WAIT).await } => Ok(Received::Cut),
        },
    };
    received.unwrap_or(Received::Cut)
}

/// Keeps up to `keep` bytes, and discards a longer body up to `DISCARD_FACTOR` times `cap`.
async fn collect(
    mut body: Body,
    keep: usize,
    cap: usize,
    budget: &Budget,
) -> Result<Received, axum::Error> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let (mut length, mut share, mut has_room) = (0, None, true);
    while length <= cap.saturating_mul(DISCARD_FACTOR) {
        let Some(frame) = body.frame().await else {
            break;
        };
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        length += data.len();
        if length > keep || !has_room {
            (first, all, share) = (Bytes::new(), BytesMut::new(), None);
            continue;
        }
        // The length that the client announces. Without one, a body that is no longer short may reach the
        // cap.
        let rest = body.size_hint().exact();
        let whole = match rest {
            Some(rest) => length.saturating_add(rest as usize).min(keep),
            None if length > SHORT_BYTES => keep,
            None => length,
        };
        if whole > SHORT_BYTES && share.is_none() {
            share = budget.share(whole).await;
            has_room = share.is_some();
        }
        if length == data.len() {
            first = data; // Most bodies come in one frame, which needs no copy.
        } else {
            if all.is_empty() {
                all.reserve(if rest.is_some() { whole } else { length });
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
    }
    let whole = if all.is_empty() { first } else { all.freeze() };
    Ok(match has_room {
        _ if length > keep => Received::TooLong,
        true => Received::Whole(whole, share),
        false => Received::NoRoom,
    })
}
