//! Apps: a test that makes its own is isolated from every other.

use super::extract::{Body, Path};
use super::problem::{InvalidField, Problem};
use super::route::Created;
use crate::apps::{App, NotMade};
use crate::config::{AppConfig, CustomFields, WebhookConfig};
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::protocol::user_sig::{self, SecretKey};
use crate::sns::black_list::Friendship;
use crate::sns::texts::Keyword;
use crate::state::AppState;
use crate::token::random_hex;
use crate::world::Gone;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a UserSig is valid for when nothing is said: 180 days, as Tencent's generators have it.
pub(super) const EXPIRE_SECONDS: i64 = 180 * 86_400;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AppPath {
    pub(super) sdkappid: SdkAppId,
}

/// Of one app; without it, of all.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AppFilter {
    pub(super) sdkappid: Option<SdkAppId>,
}

impl AppPath {
    pub(super) fn find(&self, state: &AppState) -> Result<Arc<App>, Problem> {
        let Self { sdkappid } = self;
        let app = state.world().apps.get(*sdkappid).cloned();
        app.ok_or_else(|| self.missing())
    }

    fn missing(&self) -> Problem {
        Problem::not_found(format!("there is no app {}", self.sdkappid))
    }
}

/// An app to make; everything may be left out.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewApp {
    /// The next free one, if not given.
    sdkappid: Option<SdkAppId>,
    /// A random one, if not given.
    #[schemars(length(min = 1, max = 1024))]
    secret_key: Option<String>,
    /// Who may call the REST API; "administrator", if not given. They exist as accounts, too.
    #[schemars(length(min = 1, max = 1000))]
    admins: Option<Vec<UserId>>,
    /// Further accounts that exist from the start, and again after a reset.
    #[serde(default)]
    #[schemars(length(max = 100_000))]
    accounts: Vec<UserId>,
    /// The AllowType of an account that does not say; AllowAny, if not given.
    default_allow_type: Option<super::words::AllowType>,
    /// For every command: 0 is no limit; as each page documents, if not given.
    #[schemars(range(max = 1_000_000))]
    calls_per_second: Option<u32>,
    /// Whether blocking keeps a friendship; it does not, if not given.
    #[serde(default)]
    remain_friends: bool,
    /// What stands behind `Tag_SNS_Custom_`.
    #[serde(default)]
    #[schemars(length(max = 20), inner(regex(pattern = "^[A-Za-z]{1,8}$")))]
    custom_friend_fields: Vec<String>,
    /// What stands behind `Tag_Profile_Custom_`.
    #[serde(default)]
    #[schemars(length(max = 20), inner(regex(pattern = "^[A-Za-z]{1,8}$")))]
    custom_profile_fields: Vec<String>,
    /// Where to tell what has happened.
    webhook: Option<NewWebhook>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    /// An http:// URL.
    url: String,
    /// Signs the URL, if given.
    #[schemars(length(min = 1, max = 1024))]
    token: Option<String>,
    /// How often one that was not taken is told again.
    #[serde(default)]
    #[schemars(range(max = 10))]
    retries: u32,
}

/// An app.
#[derive(Serialize, JsonSchema)]
pub(super) struct AppAnswer {
    sdkappid: SdkAppId,
    admins: Vec<UserId>,
    /// How many accounts it has.
    accounts: usize,
    /// What UserSigs are signed with.
    secret_key: String,
    /// A UserSig of the first admin, valid for 180 days from now on.
    usersig: String,
    /// The query of a call by the first admin.
    query: String,
}

pub(super) async fn list(State(state): State<AppState>) -> Result<Json<Vec<AppAnswer>>, Problem> {
    let apps = state.world().apps.all();
    Ok(Json(apps.iter().map(|app| answer(&state, app)).collect()))
}

pub(super) async fn create(
    State(state): State<AppState>,
    Body(new): Body<NewApp>,
) -> Result<Created<AppAnswer>, Problem> {
    let sdkappid = new.sdkappid;
    let app = state.create_app(sdkappid, new.into_config()?);
    let app = app.map_err(|why| match (why, sdkappid) {
        (NotMade::Taken, Some(taken)) => {
            Problem::conflict(format!("there is an app {taken} already"))
        }
        (NotMade::Taken | NotMade::TooMany, _) => Problem::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "there are as many apps as there may be",
        ),
    })?;
    Ok(Created(answer(&state, &app)))
}

pub(super) async fn show(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
) -> Result<Json<AppAnswer>, Problem> {
    let app = path.find(&state)?;
    Ok(Json(answer(&state, &app)))
}

/// What a reset or a removal took away.
#[derive(Serialize, JsonSchema)]
pub(super) struct Taken {
    sdkappid: SdkAppId,
    /// Accounts that it had.
    accounts: usize,
    /// Faults that were armed for it alone.
    faults: usize,
}

pub(super) async fn remove(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
) -> Result<Json<Taken>, Problem> {
    let gone = state.change(|world| world.remove_app(path.sdkappid));
    gone.map(|gone| Json(Taken::of(&gone)))
        .ok_or_else(|| path.missing())
}

pub(super) async fn reset(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
) -> Result<Json<Taken>, Problem> {
    // Another reset may come between: then there is another app.
    loop {
        let app = path.find(&state)?;
        if let Some(gone) = state.reset_app(&app) {
            return Ok(Json(Taken::of(&gone)));
        }
    }
}

impl Taken {
    fn of(Gone { app, faults }: &Gone) -> Self {
        Self {
            sdkappid: app.sdkappid,
            accounts: app.store.len(),
            faults: faults.len(),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUserSig {
    /// Who it is for.
    identifier: String,
    /// For how many seconds, from now on; a UserSig that has expired has less than 0.
    #[serde(default = "expire_seconds")]
    #[schemars(range(min = -253_402_300_799_i64, max = 253_402_300_799_i64))]
    expire_seconds: i64,
}

fn expire_seconds() -> i64 {
    EXPIRE_SECONDS
}

#[derive(Serialize, JsonSchema)]
pub(super) struct UserSigAnswer {
    usersig: String,
    /// The last second in which it is valid, since 1970-01-01 UTC.
    expires_at: i64,
}

pub(super) async fn user_sig(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Body(NewUserSig {
        identifier,
        expire_seconds,
    }): Body<NewUserSig>,
) -> Result<Json<UserSigAnswer>, Problem> {
    let app = path.find(&state)?;
    let now = state.world().clock.now().unix_time();
    Ok(Json(UserSigAnswer {
        usersig: app.sign(&identifier, now, expire_seconds),
        expires_at: now.0.saturating_add(expire_seconds),
    }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Inspect {
    usersig: String,
    /// Who calls with it; without one, whoever it is for.
    identifier: Option<String>,
}

/// What is in a UserSig, and what a call with it is told.
#[derive(Serialize, JsonSchema)]
pub(super) struct Inspection {
    /// What it says of itself, if it can be read.
    contents: Option<Contents>,
    /// The step of its check that fails, if any does.
    failed_step: Option<Step>,
    /// Why, in words that Tencent does not send.
    why: Option<String>,
    /// The ErrorCode of a call with it; 0 when it is good.
    code: u32,
    /// The ErrorInfo.
    error_info: String,
    /// The emulator's clock: seconds since 1970-01-01 UTC.
    now: i64,
    /// For how many seconds from now on it is still good; less than 0 when it has expired.
    seconds_left: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
struct Contents {
    identifier: String,
    sdkappid: i64,
    /// When it was made: seconds since 1970-01-01 UTC.
    time: i64,
    expire_seconds: i64,
    /// The last second in which it is valid.
    expires_at: i64,
    has_userbuf: bool,
}

/// The steps of a UserSig's check, in their order.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// Base64, zlib, JSON, and all fields there.
    Read,
    /// It is this app's.
    Sdkappid,
    /// It is this identifier's.
    Identifier,
    /// It was made with this app's key.
    Key,
    /// Its time is not over.
    Expiry,
}

pub(super) async fn inspect(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
    Body(Inspect {
        usersig,
        identifier,
    }): Body<Inspect>,
) -> Result<Json<Inspection>, Problem> {
    let app = path.find(&state)?;
    let now = state.world().clock.now().unix_time();
    let contents = user_sig::contents(&usersig).ok();
    let own = contents
        .as_ref()
        .map(|contents| contents.identifier.clone());
    let identifier = identifier.or(own).unwrap_or_default();
    let error = app.verify(&usersig, &identifier, now).err();
    let contents = contents.map(|contents| Contents {
        identifier: contents.identifier,
        sdkappid: contents.sdkappid,
        time: contents.time.0,
        expire_seconds: contents.expire,
        expires_at: contents.time.0.saturating_add(contents.expire),
        has_userbuf: contents.has_userbuf,
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
    let texts = error.map(|error| (error.info.into_owned(), error.detail.into_owned()));
    let (info, detail) = texts.unwrap_or_default();
    Ok(Json(Inspection {
        contents,
        failed_step: failed_step.map(|(_, step)| *step),
        why: (!detail.is_empty()).then_some(detail),
        code: code.number(),
        error_info: if info.is_empty() {
            code.info().to_owned()
        } else {
            info
        },
        now: now.0,
        seconds_left,
    }))
}

fn answer(state: &AppState, app: &App) -> AppAnswer {
    let now = state.world().clock.now().unix_time();
    let admin = app.first_admin();
    let usersig = app.sign(admin.as_str(), now, EXPIRE_SECONDS);
    AppAnswer {
        sdkappid: app.sdkappid,
        admins: app.config.admins.clone(),
        accounts: app.store.len(),
        secret_key: app.config.secret_key.as_str().to_owned(),
        query: app.query(admin, now, EXPIRE_SECONDS),
        usersig,
    }
}

impl NewApp {
    fn into_config(self) -> Result<AppConfig, Problem> {
        let mut faults = Vec::new();
        let secret =
            |text: String| SecretKey::new(&text).expect("the schema asks for one byte at least");
        let keywords = |texts: &[String]| {
            let keywords = texts.iter().map(|text| Keyword::parse(text));
            keywords
                .collect::<Option<Vec<_>>>()
                .expect("the schema asks for letters")
        };
        let webhook = self.webhook.map(
            |NewWebhook {
                 url,
                 token,
                 retries,
             }| {
                let url = WebhookConfig::check_url(&url).unwrap_or_else(|expected| {
                    faults.push(InvalidField::of_body(
                        "/webhook/url",
                        format!("should be {expected}"),
                    ));
                    String::new()
                });
                WebhookConfig {
                    url,
                    token: token.map(secret),
                    retries,
                }
            },
        );
        let default_allow_type = self.default_allow_type.map(Into::into).unwrap_or_default();
        let mut config = AppConfig {
            secret_key: secret(self.secret_key.unwrap_or_else(random_hex)),
            admins: self
                .admins
                .unwrap_or_else(|| vec![UserId::parse("administrator").expect("a legal UserID")]),
            default_allow_type,
            calls_per_second: self.calls_per_second,
            friendship_when_blocked: if self.remain_friends {
                Friendship::Kept
            } else {
                Friendship::Dissolved
            },
            custom_fields: CustomFields {
                friend: keywords(&self.custom_friend_fields),
                profile: keywords(&self.custom_profile_fields),
            },
            webhook,
            accounts: Vec::new(),
        };
        let seed = config.new_account();
        config.accounts = self
            .accounts
            .into_iter()
            .map(|user| (user, seed.clone()))
            .collect();
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(Problem::invalid(faults))
        }
    }
}
