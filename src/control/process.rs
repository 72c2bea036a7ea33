//! The process as a whole: what it is, what it knows, and its reset.

use super::arrange::{Source, source};
use super::problem::Problem;
use super::request::Nothing;
use super::route::{Json, OpenMetrics, Text};
use crate::config::Config;
use crate::metrics::Size;
use crate::protocol::code::Code;
use crate::protocol::ids::SdkAppId;
use crate::state::AppState;
use crate::store::Accounts;
use crate::world::World;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a probe may say: nothing of it matters.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Anything(#[expect(dead_code, reason = "it does not matter")] Map<String, Value>);

pub(super) async fn up(_: AppState, _: Nothing, _: Anything, _: Nothing) -> Result<Text, Problem> {
    Ok(Text("ok\n".to_owned()))
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Health {
    version: &'static str,
    pid: u32,
    /// Seconds since 1970-01-01 UTC, by the system's clock.
    started: i64,
    uptime_seconds: f64,
    /// The address it listens on.
    listen: String,
    /// Their SDKAppIDs.
    apps: Vec<SdkAppId>,
}

pub(super) async fn health(
    state: AppState,
    _: Nothing,
    _: Nothing,
    _: Nothing,
) -> Result<Json<Health>, Problem> {
    let addr = state.addr.get().copied().unwrap_or(state.config.listen);
    Ok(Json(Health {
        version: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        started: state.started.0,
        uptime_seconds: state.uptime().as_secs_f64(),
        listen: addr.to_string(),
        apps: state
            .world()
            .apps
            .all()
            .iter()
            .map(|app| app.sdkappid)
            .collect(),
    }))
}

/// One outcome of the table of codes.
#[derive(Serialize, JsonSchema)]
pub(super) struct KnownCode {
    /// What ErrorCode or ResultCode carries.
    code: u32,
    /// The outcome's name: one number may stand for several.
    outcome: &'static str,
    /// What ErrorInfo or ResultInfo carries, or begins with; `<Api>` stands for the command.
    info: &'static str,
    /// When it is met.
    meaning: &'static str,
    /// How to meet it.
    how: String,
    /// How it is known that this number answers this: documented, seen, inferred, or guess.
    code_is: &'static str,
    /// How the text is known.
    info_is: &'static str,
}

/// How to meet an outcome, for a person.
fn how(code: Code, config: &Config) -> String {
    let arrange = format!(
        "POST apps/{{sdkappid}}/arrange {{\"code\": {:?}}}",
        code.name()
    );
    match source(code, config) {
        Some(Source::State) => format!("{arrange} makes the state in which friend_add answers it"),
        Some(Source::Request) => format!("{arrange} answers the friend_add request that meets it"),
        Some(Source::Fault) => format!("{arrange} arms the fault that gives it to friend_add"),
        None if code.is_items() => {
            let name = code.name();
            format!("as `meaning` says; or by a fault with the result_code or code {name:?}")
        }
        None => format!(
            "as `meaning` says; or by a fault with the code {:?}",
            code.name()
        ),
    }
}

pub(super) async fn codes(
    state: AppState,
    _: Nothing,
    _: Nothing,
    _: Nothing,
) -> Result<Json<Vec<KnownCode>>, Problem> {
    let known = |code: &Code| KnownCode {
        code: code.number(),
        outcome: code.name(),
        info: code.info(),
        meaning: code.meaning(),
        how: how(*code, &state.config),
        code_is: code.number_basis().word(),
        info_is: code.info_basis().word(),
    };
    Ok(Json(Code::ALL.iter().map(known).collect()))
}

/// A configured value.
#[derive(Serialize, JsonSchema)]
pub(super) struct Setting {
    key: String,
    /// As TOML; a secret is struck out.
    value: String,
    /// A file and line, a variable, a flag, or the built-in defaults.
    origin: String,
}

pub(super) async fn config(
    state: AppState,
    _: Nothing,
    _: Nothing,
    _: Nothing,
) -> Result<Json<Vec<Setting>>, Problem> {
    let settings = state.config.settings.iter().cloned();
    let setting = |setting: crate::config::Setting| Setting {
        key: setting.key,
        value: setting.value,
        origin: setting.origin,
    };
    Ok(Json(settings.map(setting).collect()))
}

/// What a reset has taken away, and what there is now.
#[derive(Serialize, JsonSchema)]
pub(super) struct Reset {
    /// The apps that there are now: the configured ones.
    apps: Vec<SdkAppId>,
    /// Apps that had been made since, and are gone.
    apps_gone: Vec<SdkAppId>,
    /// Accounts that there were, of all apps.
    accounts: usize,
    /// Faults that were armed.
    faults: usize,
    /// Calls that the journal held.
    calls: usize,
    /// Whether the clock was held.
    clock_was_held: bool,
}

pub(super) async fn reset(
    state: AppState,
    _: Nothing,
    _: Nothing,
    _: Nothing,
) -> Result<Json<Reset>, Problem> {
    let (was, is) = state.reset();
    let ids = |world: &World| {
        let apps = world.apps.all();
        apps.iter().map(|app| app.sdkappid).collect::<Vec<_>>()
    };
    let (mut apps_gone, apps) = (ids(&was), ids(&is));
    apps_gone.retain(|app| !apps.contains(app));
    Ok(Json(Reset {
        apps,
        apps_gone,
        accounts: accounts(&was).await?.iter().map(Accounts::len).sum(),
        faults: was.faults.all().len(),
        calls: was.journal.len(),
        clock_was_held: was.clock.is_held(),
    }))
}

/// The accounts of each app.
async fn accounts(world: &World) -> Result<Vec<Accounts>, Problem> {
    let mut accounts = Vec::new();
    for app in world.apps.all() {
        accounts.push(app.store.accounts().await?);
    }
    Ok(accounts)
}

pub(super) async fn metrics(
    state: AppState,
    _: Nothing,
    _: Anything,
    _: Nothing,
) -> Result<OpenMetrics, Problem> {
    let world = state.world();
    let accounts = accounts(&world).await?;
    let size = Size {
        accounts: accounts.iter().map(Accounts::len).sum(),
        friendships: accounts.iter().map(Accounts::friendships).sum(),
        journal_bytes: world.journal.bytes(),
    };
    Ok(OpenMetrics(state.metrics.text(size)))
}
