//! The gateway: authentication and rate limits, which every REST call passes before its command.

pub(crate) mod body;
pub(crate) mod hint;
pub(crate) mod journal;

use crate::apps::App;
use crate::config::{Config, NonAdminCode};
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::protocol::query::CommonQuery;
use crate::protocol::reply::CallError;
use crate::protocol::service::CommandInfo;
use axum::http::Method;
use axum::http::request::Parts;
use journal::{Arrival, CallLogInfo};

/// The authenticated caller.
#[derive(Debug)]
pub(crate) struct Caller<'a> {
    /// The app of the call.
    pub(crate) app: &'a App,
    /// The app admin that `identifier` names.
    pub(crate) admin: UserId,
}

/// The code for an identifier that is not an app admin.
pub(crate) fn not_admin(config: &Config, command: &CommandInfo) -> Code {
    match config.non_admin_code {
        NonAdminCode::Service => command.service.not_admin(),
        NonAdminCode::Gateway => Code::NotAdminGateway,
    }
}

/// Authenticates a call (its UserSig must be valid and belong to an app admin), and checks the rate
/// limit and the method. If a check fails, `info` has the results of the checks before it.
///
/// # Precedence
/// The query's form, the app, the UserSig, its expiry, whether the identifier is an admin, the rate
/// limit, the method. (GUESS: Tencent documents no order. It was only seen that authentication comes
/// before the method.) A call that fails an earlier check does not count against the rate limit.
pub(crate) fn admit<'a>(
    config: &Config,
    arrival: &'a Arrival,
    command: &'static CommandInfo,
    call: &Parts,
    info: &mut CallLogInfo,
) -> Result<Caller<'a>, CallError> {
    let query = call.uri.query().unwrap_or_default();
    let query = CommonQuery::parse(query, config.strict_query)?;
    info.app = Some(query.sdkappid);
    info.warning = query.odd_random_for_log().map(|random| {
        format!("random should be a decimal from 0 to 4294967295, as documented, but is {random:?}")
    });
    let app = arrival.world.apps.get(&query.sdkappid);
    let app = app.ok_or(Code::NoSuchApp)?;
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
