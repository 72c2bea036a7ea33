//! The recorded calls as a stream of server-sent events.

use super::extract::Query;
use super::problem::Problem;
use super::recorded::Filter;
use super::requests::{CallDocument, CallFilter};
use super::route::{Operation, OperationOutput};
use crate::journal::Entry;
use crate::state::AppState;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// The interval of keep-alive comments, by which an idle stream detects a disconnected client.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// The number of events that are buffered for a client: few, because an event can be as large as a
/// quarter of the journal.
const EVENTS_AHEAD: usize = 1;

/// A stream of server-sent events: `call` for each call that matches, with its id, and `dropped` if
/// the journal dropped calls before they were sent. A browser that reconnects continues after the
/// last event that it received (`Last-Event-ID`).
pub(super) struct Events(Response);

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for Events {
    fn describe(operation: &mut Operation) {
        operation.add_media_type("text/event-stream", None);
    }
}

pub(super) async fn events(
    State(state): State<AppState>,
    Query(filter): Query<CallFilter>,
) -> Result<Events, Problem> {
    filter.check(&state)?;
    // Without `since`, the stream starts with the next call.
    let since = filter.since;
    let cursor = since.unwrap_or_else(|| state.world().journal.last_id());
    let (sender, mut receiver) = mpsc::channel(EVENTS_AHEAD);
    let matches = move |entry: &Entry| filter.matches(entry);
    let feed = feed(state.clone(), matches, cursor, sender);
    // The journal is filtered in the background, so that the connection's task is not delayed.
    state.background.spawn(Box::pin(feed));
    let events = stream::poll_fn(move |context| receiver.poll_recv(context));
    Ok(Events(
        Sse::new(events.map(Ok::<_, Infallible>))
            .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
            .into_response(),
    ))
}

/// Sends an event for each matching entry after `cursor`, until the client disconnects or the
/// emulator stops. With backpressure: the journal is read only as fast as the client reads.
async fn feed(
    state: AppState,
    matches: impl Fn(&Entry) -> bool,
    cursor: u64,
    events: mpsc::Sender<Event>,
) {
    tokio::select! {
        () = state.stopping.cancelled() => {}
        () = events.closed() => {}
        _ = send_all(&state, matches, cursor, &events) => {}
    }
}

async fn send_all(
    state: &AppState,
    matches: impl Fn(&Entry) -> bool,
    mut cursor: u64,
    events: &mpsc::Sender<Event>,
) -> Result<Infallible, mpsc::error::SendError<Event>> {
    loop {
        // A reset replaces the journal.
        let journal = Arc::clone(&state.world().journal);
        let next_call = journal.next_entry();
        let (entries, coverage) = journal.page(cursor);
        if !coverage.complete {
            let dropped_to = coverage.dropped_to.to_string();
            let event = Event::default().event("dropped").data(dropped_to);
            events.send(event).await?;
        }
        let is_at_end = entries.is_empty();
        for entry in entries.iter().filter(|entry| matches(entry)) {
            events.send(call_event(entry)).await?;
        }
        cursor = cursor.max(coverage.last_id);
        if is_at_end {
            next_call.await;
        } else {
            tokio::task::yield_now().await;
        }
    }
}

fn call_event(entry: &Entry) -> Event {
    let json = serde_json::to_string(&CallDocument::of(entry)).expect("it is JSON");
    let id = entry.id.to_string();
    Event::default().event("call").id(id).data(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sources};
    use crate::journal::tests::append;
    use crate::state::Shared;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A full journal, to which calls are added one at a time.
    #[tokio::test]
    async fn a_filter_sees_each_entry_once() {
        const NEW: u64 = 100;
        let state = Shared::new(Config::load(&Sources::default()).expect("the default"));
        let journal = Arc::clone(&state.world().journal);
        while journal.page(0).1.complete {
            append(&journal, "other", b"");
        }
        append(&journal, "wanted", b"");
        let (stored, cursor) = (journal.len() as u64, journal.page(0).1.dropped_to);
        let seen = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&seen);
        let matches = move |entry: &Entry| {
            counter.fetch_add(1, Ordering::Relaxed);
            entry.texts().command == "wanted"
        };
        let (sender, mut events) = mpsc::channel(EVENTS_AHEAD);
        let feed = tokio::spawn(feed(state.clone(), matches, cursor, sender));

        for _ in 0..NEW {
            drop(events.recv().await.expect("an event"));
            append(&journal, "other", b"");
            append(&journal, "wanted", b"");
        }
        drop(events.recv().await.expect("an event"));

        assert_eq!(seen.load(Ordering::Relaxed), stored + 2 * NEW);
        state.stopping.cancel();
        feed.await.expect("it ends");
        assert!(events.recv().await.is_none());
    }
}
