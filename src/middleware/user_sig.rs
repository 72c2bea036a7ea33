//! Lets in whom a UserSig of an app admin vouches for.
//!
//! # Precedence
//! The query's form, the app, the UserSig, its expiry, then whether the identifier is an admin
//! (GUESS: Tencent documents no order; that authentication comes before method and body was seen).

use super::Gate;
use crate::apps::App;
use crate::config::NonAdminCode;
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::protocol::query::CommonQuery;
use crate::protocol::reply::{CallError, Nothing, Reply};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use std::sync::Arc;

/// Who calls: an app admin whose UserSig was verified. Not to be taken for From_Account.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) app: Arc<App>,
    #[expect(dead_code, reason = "webhooks and the journal will name the admin")]
    pub(crate) identifier: UserId,
}

/// What the journal is told of a call that was let in.
#[derive(Clone, Debug)]
pub(crate) struct CallNotes {
    pub(crate) app: SdkAppId,
    /// See [`CommonQuery::odd_random`].
    pub(crate) odd_random: Option<Box<str>>,
}

pub(crate) async fn verify(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    match admit(&gate, request.uri().query().unwrap_or_default()) {
        Ok((caller, notes)) => {
            request.extensions_mut().insert(caller);
            let mut response = next.run(request).await;
            response.extensions_mut().insert(notes);
            response
        }
        Err(error) => Reply::<Nothing>::new(gate.command.service, Err(error)).into_response(),
    }
}

fn admit(gate: &Gate, query: &str) -> Result<(Caller, CallNotes), CallError> {
    let Gate { state, command } = gate;
    let query = CommonQuery::parse(query, state.config.strict_query)?;
    let app = state.apps.get(&query.sdkappid).ok_or(Code::NoSuchApp)?;
    app.verify(
        &query.usersig,
        &query.identifier,
        state.clock.now().unix_time(),
    )?;
    let identifier = app
        .admin(&query.identifier)
        .ok_or(match state.config.non_admin_code {
            NonAdminCode::Service => command.service.not_admin(),
            NonAdminCode::Gateway => Code::NotAdminGateway,
        })?;
    let caller = Caller {
        app: Arc::clone(app),
        identifier,
    };
    let odd_random = query
        .odd_random
        .map(|random| random.chars().take(40).collect());
    Ok((
        caller,
        CallNotes {
            app: app.sdkappid,
            odd_random,
        },
    ))
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let caller = parts.extensions.get::<Self>().cloned();
        Ok(caller.expect("the route lacks the user_sig layer: add commands with commands::route"))
    }
}
