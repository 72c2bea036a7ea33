//! Sees every end of a call, refusals too, and writes one line about it.

use super::user_sig::CallNotes;
use crate::protocol::reply::Outcome;
use crate::state::AppState;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Level, enabled, info};

/// No more of a path than this is logged.
const PATH_BYTES: usize = 100;

pub(crate) async fn journal(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let started = state.clock.now().steady;
    let uri = request.uri().clone();

    let response = next.run(request).await;

    if enabled!(Level::INFO) {
        let duration_ms = state
            .clock
            .now()
            .steady
            .saturating_sub(started)
            .as_secs_f64()
            * 1000.0;
        let path = uri.path();
        write_line(
            path.get(..PATH_BYTES).unwrap_or(path),
            &response,
            duration_ms,
        );
    }
    response
}

/// Never a UserSig, a key or a body: the query string is not looked at.
fn write_line(path: &str, response: &Response, duration_ms: f64) {
    let Some(outcome) = response.extensions().get::<Outcome>() else {
        return;
    };
    let notes = response.extensions().get::<CallNotes>();
    let app = notes.map(|notes| notes.app.get());
    let warning = notes
        .and_then(|notes| notes.odd_random.as_deref())
        .map(|random| {
            format!("random should be a decimal in 0..4294967295, as documented, and is {random:?}")
        });
    let detail = (!outcome.detail.is_empty()).then_some(&*outcome.detail);
    let command = path.strip_prefix("/v4/").unwrap_or(path);
    let (number, items, refused) = match outcome.tally {
        Some(tally) => (
            outcome.code.number(),
            Some(tally.items),
            Some(tally.refused),
        ),
        None => (outcome.code.number(), None, None),
    };
    info!(
        sns.command = command,
        app.id = app,
        error.code = number,
        duration_ms,
        items,
        refused,
        detail,
        warning,
        "{command}: {:?}",
        outcome.code,
    );
}
