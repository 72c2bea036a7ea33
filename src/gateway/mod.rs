//! The gateway: what every REST call passes on its way to its command.

pub(crate) mod body;
pub(crate) mod journal;

use crate::apps::App;
use crate::clock::Moment;
use crate::config::NonAdminCode;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::query::CommonQuery;
use crate::protocol::reply::{CallError, Notes};
use crate::protocol::service::CommandInfo;
use crate::state::AppState;
use axum::http::Method;
use axum::http::request::Parts;
use std::sync::Arc;

/// Who calls what.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The app that is called.
    pub(crate) app: Arc<App>,
    /// The app admin who calls: `identifier`.
    pub(crate) admin: UserId,
}

/// Lets a call in whom a UserSig of an app admin vouches for.
///
/// # Precedence
/// The query's form, the app, the UserSig, its expiry, whether the identifier is an admin, the call
/// frequency, the method. (GUESS: Tencent documents no order; that authentication comes before the
/// method was seen.) A refusal costs no token, so a bad signature cannot spend an app's.
pub(crate) fn admit(
    state: &AppState,
    command: &'static CommandInfo,
    call: &Parts,
    now: Moment,
    notes: &mut Notes,
) -> Result<Caller, CallError> {
    let query = CommonQuery::parse(
        call.uri.query().unwrap_or_default(),
        state.config.strict_query,
    )?;
    *notes = query.notes();
    let app = state.apps.get(query.sdkappid).ok_or(Code::NoSuchApp)?;
    app.verify(&query.usersig, &query.identifier, now.unix_time())?;
    let admin = app.admin(&query.identifier);
    let admin = admin.ok_or_else(|| match state.config.non_admin_code {
        NonAdminCode::Service => command.service.not_admin(),
        NonAdminCode::Gateway => Code::NotAdminGateway,
    })?;
    if !app.limiter.admit(command, now.steady) {
        return Err(Code::TooManyCalls.into());
    }
    if call.method != Method::POST {
        return Err(Code::RequestFormat.into());
    }
    Ok(Caller { app, admin })
}
