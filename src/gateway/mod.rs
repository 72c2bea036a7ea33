//! The gateway: what every REST call passes on its way to its command.

pub(crate) mod body;
pub(crate) mod journal;

use crate::apps::App;
use crate::config::{Config, NonAdminCode};
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::query::CommonQuery;
use crate::protocol::reply::{CallError, CallLogInfo};
use crate::protocol::service::CommandInfo;
use axum::http::Method;
use axum::http::request::Parts;
use journal::Arrival;

/// Who calls what.
#[derive(Debug)]
pub(crate) struct Caller<'a> {
    /// The app that is called.
    pub(crate) app: &'a App,
    /// The app admin who calls: `identifier`.
    pub(crate) admin: UserId,
}

/// What an identifier is told that is no app admin.
pub(crate) fn not_admin(config: &Config, command: &CommandInfo) -> Code {
    match config.non_admin_code {
        NonAdminCode::Service => command.service.not_admin(),
        NonAdminCode::Gateway => Code::NotAdminGateway,
    }
}

/// Lets a call in whom a UserSig of an app admin vouches for.
///
/// # Precedence
/// The query's form, the app, the UserSig, its expiry, whether the identifier is an admin, the call
/// frequency, the method. (GUESS: Tencent documents no order; that authentication comes before the
/// method was seen.) A refusal costs no token, so a bad signature cannot spend an app's.
pub(crate) fn admit<'a>(
    config: &Config,
    arrival: &'a Arrival,
    command: &'static CommandInfo,
    call: &Parts,
    notes: &mut CallLogInfo,
) -> Result<Caller<'a>, CallError> {
    let query = call.uri.query().unwrap_or_default();
    let query = CommonQuery::parse(query, config.strict_query)?;
    *notes = query.notes();
    let app = arrival
        .world
        .apps
        .get(query.sdkappid)
        .ok_or(Code::NoSuchApp)?;
    notes.generation = Some(app.generation);
    app.verify(&query.usersig, &query.identifier, arrival.at.unix_time())?;
    let admin = app.admin(&query.identifier);
    let admin = admin.ok_or_else(|| not_admin(config, command))?;
    if !app.limiter.admit(command, arrival.at.steady) {
        return Err(Code::TooManyCalls.into());
    }
    if call.method != Method::POST {
        return Err(Code::RequestFormat.into());
    }
    Ok(Caller { app, admin })
}
