//! Apps: a test that creates its own app is isolated from all other tests.

use super::extract::{Draft, Path};
use super::problem::{InvalidField, Problem};
use super::route::Created;
use super::stubs;
use crate::apps::App;
use crate::config::AppConfig;
use crate::protocol::ids::{SdkAppId, UnixTime, UserId};
use crate::protocol::user_sig::EXPIRE_SECONDS;
use crate::state::AppState;
use crate::strict::listed;
use crate::world::RemovedApp;
use axum::Json;
use axum::extract::State;
use schemars::{JsonSchema, Schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AppPath {
    pub(super) sdkappid: SdkAppId,
}

/// Selects one app; all apps, if not given.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AppFilter {
    pub(super) sdkappid: Option<SdkAppId>,
}

pub(crate) fn find_app(state: &AppState, sdkappid: SdkAppId) -> Result<Arc<App>, Problem> {
    let app = state.world().apps.get(&sdkappid).cloned();
    app.ok_or_else(|| no_app(state, sdkappid))
}

fn no_app(state: &AppState, sdkappid: SdkAppId) -> Problem {
    let apps = list_apps(state);
    Problem::not_found(format!("there is no app {sdkappid}; {apps}"))
}

/// The first apps, for a message about an app that does not exist.
pub(super) fn list_apps(state: &AppState) -> String {
    state.look(|world| listed(world.apps.keys(), world.apps.len()))
}

/// A new app, described as in the configuration. Every field is optional.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, transform = all_optional)]
pub(crate) struct NewApp {
    /// The next free SDKAppID, if not given.
    sdkappid: Option<SdkAppId>,
    #[serde(flatten)]
    config: AppConfig,
}

/// Not derived: with `flatten`, an error in the configuration would have no place.
impl<'de> Deserialize<'de> for NewApp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NewAppVisitor;

        /// The fields of the configuration; SDKAppID is read on the way.
        struct ConfigFields<'a, A> {
            fields: A,
            sdkappid: &'a mut Option<SdkAppId>,
        }

        impl<'de, A: MapAccess<'de>> MapAccess<'de> for ConfigFields<'_, A> {
            type Error = A::Error;

            fn next_key_seed<K: DeserializeSeed<'de>>(
                &mut self,
                seed: K,
            ) -> Result<Option<K::Value>, A::Error> {
                while let Some(key) = self.fields.next_key::<String>()? {
                    if key != "sdkappid" {
                        return seed.deserialize(key.into_deserializer()).map(Some);
                    }
                    *self.sdkappid = self.fields.next_value()?;
                }
                Ok(None)
            }

            fn next_value_seed<V: DeserializeSeed<'de>>(
                &mut self,
                seed: V,
            ) -> Result<V::Value, A::Error> {
                self.fields.next_value_seed(seed)
            }
        }

        impl<'de> Visitor<'de> for NewAppVisitor {
            type Value = NewApp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an app")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<NewApp, A::Error> {
                let mut sdkappid = None;
                let fields = ConfigFields {
                    fields,
                    sdkappid: &mut sdkappid,
                };
                let config = AppConfig::deserialize(MapAccessDeserializer::new(fields))?;
                Ok(NewApp { sdkappid, config })
            }
        }

        deserializer.deserialize_map(NewAppVisitor)
    }
}

fn all_optional(schema: &mut Schema) {
    schema.remove("required");
}

/// An app.
#[derive(Serialize, JsonSchema)]
pub(super) struct AppInfo {
    sdkappid: SdkAppId,
    admins: Vec<UserId>,
    /// How many accounts it has.
    accounts: usize,
    /// The key that UserSigs are signed with.
    secret_key: String,
    /// A UserSig of the first admin, valid for 180 days.
    usersig: String,
    /// The URL query for calls by the first admin.
    query: String,
}

pub(super) async fn list(State(state): State<AppState>) -> Result<Json<Vec<AppInfo>>, Problem> {
    let mut apps = Vec::new();
    for app in state.world().apps.values() {
        apps.push(info(app).await?);
    }
    Ok(Json(apps))
}

pub(super) async fn create(
    State(state): State<AppState>,
    draft: Draft<NewApp>,
) -> Result<Created<AppInfo>, Problem> {
    let app = create_app(&state, draft)?;
    Ok(Created(info(&app).await?))
}

/// Creates an app. The error names all invalid fields.
pub(crate) fn create_app(state: &AppState, draft: Draft<NewApp>) -> Result<Arc<App>, Problem> {
    let mut new = draft.checked(invalid_accounts)?;
    new.config.stubs.accept().map_err(stubs::full)?;
    Ok(state.create_app(new.sdkappid, new.config)?)
}

impl NewApp {
    /// An app with this configuration, which gets the next free SDKAppID.
    pub(crate) fn of(config: AppConfig) -> Draft<Self> {
        Draft {
            invalid: config.invalid_fields(""),
            value: Some(Self {
                sdkappid: None,
                config,
            }),
        }
    }
}

/// The fields of accounts that are invalid only for the app or beside others; none if the app's custom
/// fields are invalid, because accounts are checked against them.
fn invalid_accounts(new: &NewApp, invalid: &[InvalidField]) -> Vec<InvalidField> {
    let is_custom = |field: &InvalidField| field.pointer.starts_with("/custom_");
    match invalid.iter().any(is_custom) {
        true => Vec::new(),
        false => new.config.seeds("", UnixTime::default()).1,
    }
}

pub(super) async fn show(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
) -> Result<Json<AppInfo>, Problem> {
    let app = find_app(&state, path.sdkappid)?;
    Ok(Json(info(&app).await?))
}

/// The state that the reset or the removal of an app has removed.
#[derive(Serialize, JsonSchema)]
pub(super) struct AppRemoval {
    sdkappid: SdkAppId,
    /// How many accounts the app had before. After a reset, it has the accounts of its start.
    accounts_before: usize,
    /// How many faults were armed for this app alone.
    faults: usize,
    /// Whether its clock was held.
    clock_was_held: bool,
}

pub(super) async fn remove(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
) -> Result<Json<AppRemoval>, Problem> {
    let removed = remove_app(&state, path.sdkappid)?;
    Ok(Json(AppRemoval::of(&removed).await?))
}

/// Removes an app and what belongs to it.
pub(crate) fn remove_app(state: &AppState, sdkappid: SdkAppId) -> Result<RemovedApp, Problem> {
    let removed = state.change(|world| world.remove_app(sdkappid));
    removed.ok_or_else(|| no_app(state, sdkappid))
}

pub(super) async fn reset(
    State(state): State<AppState>,
    Path(path): Path<AppPath>,
) -> Result<Json<AppRemoval>, Problem> {
    let removed = reset_app(&state, path.sdkappid)?;
    Ok(Json(AppRemoval::of(&removed).await?))
}

/// Resets an app to its start. Needs a Tokio runtime if the app has a webhook.
pub(crate) fn reset_app(state: &AppState, sdkappid: SdkAppId) -> Result<RemovedApp, Problem> {
    // A parallel reset may have replaced the app: then the new app is reset.
    loop {
        let app = find_app(state, sdkappid)?;
        if let Some(removed) = state.reset_app(&app) {
            return Ok(removed);
        }
    }
}

impl AppRemoval {
    async fn of((app, faults): &RemovedApp) -> Result<Self, Problem> {
        Ok(Self {
            sdkappid: app.sdkappid,
            accounts_before: app.store.accounts().await?.len(),
            faults: *faults,
            clock_was_held: app.clock.is_held(),
        })
    }
}

async fn info(app: &App) -> Result<AppInfo, Problem> {
    let now = app.clock.now().unix_time();
    let admin = app.first_admin();
    let usersig = app.sign(admin.as_str(), now, EXPIRE_SECONDS);
    Ok(AppInfo {
        sdkappid: app.sdkappid,
        admins: app.config.admins.clone(),
        accounts: app.store.accounts().await?.len(),
        secret_key: app.config.secret_key.as_str().to_owned(),
        query: app.query(admin, now),
        usersig,
    })
}
