//! The gateway: authentication and rate limits, which every REST call passes before its command.

mod advice;
pub(crate) mod body;
pub(crate) mod hint;
pub(crate) mod journal;
pub(crate) mod user_sig;

use crate::apps::App;
use crate::clock::Moment;
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
    /// When the call arrived, on the app's clock.
    pub(crate) now: Moment,
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
    let now = app.clock.at(arrival.at);
    info.at = Some(now);
    app.verify(&query.usersig, &query.identifier, now.unix_time())?;
    let admin = app.admin(&query.identifier);
    let admin = admin.ok_or_else(|| not_admin(config, command))?;
    let admitted = app.limiter.admit(command, now.steady);
    admitted.map_err(|limit| over_limit(app, command, limit))?;
    if call.method != Method::POST {
        return Err(Code::RequestFormat.into());
    }
    Ok(Caller { app, admin, now })
}

fn over_limit(app: &App, command: &CommandInfo, limit: u32) -> CallError {
    let (name, sdkappid) = (command.name, app.sdkappid);
    let mut detail = format!("{name} is over its limit of {limit} calls per second");
    if app.clock.is_held() {
        detail += &format!(
            "; the app's clock is held, so no tokens come back: \
             POST /_emulator/v1/apps/{sdkappid}/clock/release"
        );
    }
    CallError::with_detail(Code::TooManyCalls, detail)
}
