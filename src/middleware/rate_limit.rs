//! Holds each app to a command's documented call frequency.
//!
//! Inside the user_sig layer: a bad signature must not spend the app's tokens.

use super::Gate;
use super::user_sig::Caller;
use crate::protocol::code::Code;
use crate::protocol::reply::Reply;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

pub(crate) async fn limit(
    State(gate): State<Gate>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Response {
    let Gate { state, command } = gate;
    let calls_per_second = caller
        .app
        .calls_per_second
        .unwrap_or(command.calls_per_second);
    let now = state.clock.now().steady;
    if state
        .limiter
        .admit(caller.app.sdkappid, command.name, calls_per_second, now)
    {
        next.run(request).await
    } else {
        Reply::refused(Code::TooManyCalls).into_response()
    }
}
