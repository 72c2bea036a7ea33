//! UserSigs: makes them, right or wrong on purpose, and says what is in one and why it is refused.

use super::apps::{AppPath, find_app};
use super::extract::{Body, Path};
use super::problem::Problem;
use crate::commands::{Command, FriendAdd};
use crate::gateway;
use crate::gateway::hint::no_admin;
use crate::gateway::user_sig::UsedUserSig;
use crate::protocol::code::Code;
use crate::protocol::flaw::Flaw;
use crate::protocol::reply::CallError;
use crate::protocol::user_sig::{EXPIRE_SECONDS, Ticket};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUserSig {
    /// The UserID that the UserSig is for.
    #[schemars(length(max = 1000))]
    identifier: String,
    /// The validity in seconds; 180 days by default. A negative number creates an expired UserSig.
    #[serde(default = "expire_seconds")]
    #[schemars(range(min = -253_402_300_799_i64, max = 253_402_300_799_i64))]
    expire_seconds: i64,
    /// What is wrong with it; nothing, if not given.
    flaw: Option<Flaw>,
}

fn expire_seconds() -> i64 {
    EXPIRE_SECONDS
}

#[derive(Serialize, JsonSchema)]
pub(super) struct MadeUserSig {
    usersig: String,
    /// The last second in which it is valid: seconds since 1970-01-01 UTC. If `flaw` is `expired`, the last
    /// second in which it was.
    expires_at: i64,
    /// The ErrorCode of a call with it: 0, unless it has a flaw or has expired.
    code: u32,
}

pub(super) async fn make(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Body(NewUserSig {
        identifier,
        expire_seconds,
        flaw,
    }): Body<NewUserSig>,
) -> Result<Json<MadeUserSig>, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    let now = app.clock.now().unix_time();
    let key = &app.config.secret_key;
    let usersig = match flaw {
        Some(flaw) => flaw.sign(key, app.sdkappid, &identifier, now, expire_seconds),
        None => app.sign(&identifier, now, expire_seconds),
    };
    let is_expired = flaw == Some(Flaw::Expired);
    let expires_at = if is_expired {
        now.0 - 1
    } else {
        now.0.saturating_add(expire_seconds)
    };
    let code = match flaw {
        Some(flaw) => flaw.code(),
        None if expires_at < now.0 => Code::SigExpired,
        None => Code::Ok,
    };
    Ok(Json(MadeUserSig {
        usersig,
        expires_at,
        code: code.number(),
    }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Inspect {
    usersig: String,
    /// The identifier of the call; the identifier in the UserSig, if not given.
    identifier: Option<String>,
}

/// The contents of a UserSig, and the answer to a call with it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Inspection {
    /// The contents, if the UserSig can be read.
    contents: Option<Contents>,
    /// The step of the check that fails.
    failed_step: Option<Step>,
    /// Why it is refused, or for how long it is valid.
    why: String,
    /// What to do about it.
    fix: &'static str,
    /// The ErrorCode of a friend_add call with this UserSig; 0 if it is admitted.
    code: u32,
    /// The ErrorInfo.
    error_info: String,
    /// The app's clock: seconds since 1970-01-01 UTC.
    now: i64,
    /// How many seconds are left until it expires; less than 0 if it has expired.
    seconds_left: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
struct Contents {
    identifier: String,
    sdkappid: i64,
    /// When it was made: seconds since 1970-01-01 UTC.
    time: i64,
    expire_seconds: i64,
    /// The last second in which it is valid: seconds since 1970-01-01 UTC.
    expires_at: i64,
    has_userbuf: bool,
}

/// The checks of a UserSig, in order.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// It is base64, zlib and JSON, and has all fields.
    Read,
    /// It belongs to this app.
    Sdkappid,
    /// It belongs to this identifier.
    Identifier,
    /// It is signed with this app's key.
    Key,
    /// It has not expired.
    Expiry,
    /// Its identifier is an app admin, as calls of the REST API need.
    Admin,
}

pub(super) async fn inspect(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Body(Inspect {
        usersig,
        identifier,
    }): Body<Inspect>,
) -> Result<Json<Inspection>, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    let world = state.world();
    let now = app.clock.now().unix_time();
    let ticket = Ticket::decode(&usersig).ok();
    let own = ticket.as_ref().map(|ticket| ticket.identifier.clone());
    let identifier = identifier.or(own).unwrap_or_default();
    let not_admin = || {
        let code = gateway::not_admin(&state.config, &FriendAdd::INFO);
        CallError::with_detail(code, no_admin(&app, &identifier))
    };
    let verified = app.verify(&usersig, &identifier, now);
    let is_admin = app.admin(&identifier).is_some();
    let admitted = verified.and_then(|()| is_admin.then_some(()).ok_or_else(not_admin));
    let error = admitted.err();
    let contents = ticket.map(|ticket| Contents {
        identifier: ticket.identifier,
        sdkappid: ticket.sdkappid,
        time: ticket.time,
        expire_seconds: ticket.expire,
        expires_at: ticket.time.saturating_add(ticket.expire),
        has_userbuf: ticket.userbuf.is_some(),
    });
    let seconds_left = contents
        .as_ref()
        .map(|contents| contents.expires_at.saturating_sub(now.0));
    let code = error.as_ref().map_or(Code::Ok, |error| error.code);
    let steps = [
        (Code::SigIllegal, Step::Read),
        (Code::SigSdkAppId, Step::Sdkappid),
        (Code::SigIdentifier, Step::Identifier),
        (Code::SigKey, Step::Key),
        (Code::SigExpired, Step::Expiry),
    ];
    let failed_step = steps.iter().find(|(fails_with, _)| *fails_with == code);
    let failed_step = failed_step.map_or(Step::Admin, |(_, step)| *step);
    let failed_step = (code != Code::Ok).then_some(failed_step);
    let texts = error.map(|error| (error.info.into_owned(), error.detail.into_owned()));
    let (info, detail) = texts.unwrap_or_default();
    let used = UsedUserSig {
        sdkappid: app.sdkappid,
        identifier: &identifier,
        usersig: &usersig,
    };
    let why = if code == Code::Ok {
        format!(
            "it is valid for {} s more",
            seconds_left.unwrap_or_default()
        )
    } else {
        used.why_refused(&world, code, now).unwrap_or(detail)
    };
    Ok(Json(Inspection {
        seconds_left,
        contents,
        failed_step,
        why,
        fix: code.advice().fix,
        code: code.number(),
        error_info: match info.as_str() {
            "" => FriendAdd::INFO.text(code).to_string(),
            _ => info,
        },
        now: now.0,
    }))
}
