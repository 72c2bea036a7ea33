//! The calls as they come, as server-sent events.

use super::extract::Query;
use super::problem::Problem;
use super::requests::{CallDocument, Wanted};
use super::route::{Operation, OperationOutput};
use crate::journal::Call;
use crate::state::AppState;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// A stream of server-sent events: `call` for each call that matches, with its id, and `dropped`
/// where calls made room before they could be told. A browser that was cut off goes on behind the last
/// one that it got (`Last-Event-ID`).
pub(super) struct Events(Response);

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for Events {
    fn describe(operation: &mut Operation) {
        operation.answers("text/event-stream", None);
    }
}

pub(super) async fn events(
    State(state): State<AppState>,
    Query(wanted): Query<Wanted>,
) -> Result<Events, Problem> {
    wanted.check(&state)?;
    // Without `since`, what comes from now on.
    let since = wanted
        .since
        .unwrap_or_else(|| state.world().journal.read(u64::MAX, |_| false).last_id);
    let stopping = state.stopping.clone();
    let told = told(state, wanted, since).take_until(stopping.cancelled_owned());
    let events = told.map(Ok::<_, Infallible>);
    Ok(Events(
        Sse::new(events)
            .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
            .into_response(),
    ))
}

/// How often a stream with nothing to tell writes, and so finds out that its reader has gone.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// What is kept of the journal for a reader who does not read, in bytes.
const AHEAD: usize = 64 << 10;

/// What is to be told next.
enum Told {
    Call(Call),
    /// Calls up to this one made room.
    Dropped(u64),
}

fn told(state: AppState, wanted: Wanted, since: u64) -> impl Stream<Item = Event> + Send {
    let start = (state, wanted, since, VecDeque::<Told>::new());
    stream::unfold(
        start,
        |(state, wanted, mut since, mut waiting)| async move {
            while waiting.is_empty() {
                let journal = Arc::clone(&state.world().journal);
                let grown = journal.grown();
                let excerpt = journal.read(since, |call| wanted.is(call));
                if excerpt.dropped > since {
                    waiting.push_back(Told::Dropped(excerpt.dropped));
                }
                let (mut last_id, mut bytes) = (excerpt.last_id, 0);
                for call in excerpt.calls {
                    bytes += call.bytes();
                    last_id = call.id;
                    waiting.push_back(Told::Call(call));
                    if bytes > AHEAD {
                        break;
                    }
                    last_id = last_id.max(excerpt.last_id);
                }
                if waiting.is_empty() && last_id <= since {
                    grown.await;
                }
                since = since.max(last_id);
            }
            let told = waiting.pop_front()?;
            Some((event(&told), (state, wanted, since, waiting)))
        },
    )
}

fn event(told: &Told) -> Event {
    match told {
        Told::Call(call) => {
            let json = serde_json::to_string(&CallDocument::of(call)).expect("it is JSON");
            let id = call.id.to_string();
            Event::default().event("call").id(id).data(json)
        }
        Told::Dropped(to) => Event::default().event("dropped").data(to.to_string()),
    }
}
