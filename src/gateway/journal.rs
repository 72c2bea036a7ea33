//! Sees every end of a call, refusals too, and writes one line about it.

use crate::protocol::reply::{Notes, Outcome, Tally};
use crate::state::AppState;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Level, enabled, info};

/// No more of a text that a client may have had a hand in is logged.
const LONGEST: usize = 200;

pub(crate) async fn journal(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let started = state.clock.now().steady;
    let uri = request.uri().clone();

    let response = next.run(request).await;

    if let Some(outcome) = response.extensions().get::<Outcome>()
        && enabled!(Level::INFO)
    {
        let took = state.clock.now().steady.saturating_sub(started);
        let duration_ms = took.as_micros() as f64 / 1000.0;
        write_line(uri.path(), outcome, duration_ms);
    }
    response
}

/// Never a UserSig, a key or a body: of the query string, only what `Notes` took from it.
fn write_line(path: &str, outcome: &Outcome, duration_ms: f64) {
    let Outcome {
        code,
        detail,
        notes: Notes { app, odd_random },
        ..
    } = outcome;
    let command = command(path);
    let warning = odd_random.as_ref().map(|random| {
        format!("random should be a decimal in 0..4294967295, as documented, and is {random:?}")
    });
    info!(
        sns.command = %command,
        app.id = app.map(|app| app.get()),
        error.code = code.number(),
        duration_ms,
        detail = (!detail.is_empty()).then(|| shortened(detail)),
        warning,
        "{}",
        summary(command, outcome),
    );
}

fn summary(command: &str, outcome: &Outcome) -> String {
    match outcome.tally {
        Some(Tally { items, refused }) => format!("{command}: {items} items, {refused} refused"),
        None => format!("{command}: {:?}", outcome.code),
    }
}

/// What of a path is worth a line: no command has other letters, and what a client puts behind
/// them by mistake may be its query, and so its UserSig.
fn command(path: &str) -> &str {
    let path = path.strip_prefix("/v4/").unwrap_or(path);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '/';
    shortened(path.split(|c| !is_plain(c)).next().unwrap_or_default())
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}
