//! Answers that are sent while they are made, so that a large answer is never in memory as a whole.

use crate::state::AppState;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use std::convert::Infallible;
use std::future::Future;
use tokio::sync::{Semaphore, mpsc};

/// An answer is sent in pieces of at least this many bytes.
const PIECE_BYTES: usize = 64 << 10;

/// How many pieces may wait for a client that reads slowly.
const PIECES_AHEAD: usize = 2;

/// How many answers are written at the same time: each keeps a sorted list of the accounts until its client
/// has read it. Others wait for their turn.
static TURNS: Semaphore = Semaphore::const_new(8);

/// The client has disconnected.
#[derive(Debug)]
pub(super) struct Disconnected;

/// Writes the body of an answer.
pub(super) struct Writer {
    piece: Vec<u8>,
    /// Whether the next element is the first one of its list or object.
    is_first: bool,
    pieces: mpsc::Sender<Bytes>,
}

/// An answer whose body `write` writes in the background, as fast as the client reads it. `write` ends
/// with [`Writer::finish`].
pub(super) fn written<F>(
    state: &AppState,
    media_type: &'static str,
    write: impl FnOnce(Writer) -> F,
) -> Response
where
    F: Future<Output = Result<(), Disconnected>> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel(PIECES_AHEAD);
    let whole = write(Writer {
        piece: Vec::new(),
        is_first: true,
        pieces: sender,
    });
    let in_turn = async move {
        let _turn = TURNS.acquire().await;
        // An error means that no one reads the rest.
        drop(whole.await);
    };
    state.background.spawn(Box::pin(in_turn));
    let pieces = stream::poll_fn(move |context| {
        let piece = receiver.poll_recv(context);
        piece.map(|piece| piece.map(Ok::<_, Infallible>))
    });
    ([(CONTENT_TYPE, media_type)], Body::from_stream(pieces)).into_response()
}

impl Writer {
    pub(super) async fn text(&mut self, text: &str) -> Result<(), Disconnected> {
        self.piece.extend_from_slice(text.as_bytes());
        self.send_piece(PIECE_BYTES).await
    }

    /// Opens a list or an object with this text. Its elements follow.
    pub(super) async fn open(&mut self, text: &str) -> Result<(), Disconnected> {
        self.is_first = true;
        self.text(text).await
    }

    /// Writes an element of a list as JSON.
    pub(super) async fn element(&mut self, value: &impl Serialize) -> Result<(), Disconnected> {
        if !std::mem::take(&mut self.is_first) {
            self.piece.push(b',');
        }
        serde_json::to_writer(&mut self.piece, value).expect("it is JSON");
        self.send_piece(PIECE_BYTES).await
    }

    /// Sends the rest.
    pub(super) async fn finish(mut self, text: &str) -> Result<(), Disconnected> {
        self.text(text).await?;
        self.send_piece(1).await
    }

    async fn send_piece(&mut self, at_least: usize) -> Result<(), Disconnected> {
        if self.piece.len() < at_least {
            // Other requests also get their turn.
            tokio::task::consume_budget().await;
            return Ok(());
        }
        let piece = std::mem::take(&mut self.piece);
        self.piece.reserve(PIECE_BYTES);
        let sent = self.pieces.send(piece.into()).await;
        sent.map_err(|_| Disconnected)
    }
}
