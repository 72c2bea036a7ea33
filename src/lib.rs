//! A stand-alone server that behaves like Tencent Cloud Chat's REST endpoint
//! `POST /v4/sns/friend_add` and the relationship APIs around it, for development and tests without
//! the cloud.
//!
//! Rust tests can run the server in their own process: see [`Emulator`].
//!
//! # Architecture
//!
//! A request goes down through the layers and its answer comes back up. A layer never calls a layer
//! above it.
//!
//! ```text
//! main ─► server ─► commands ─► gateway ─► state ─► world ─► apps ─► store ─► sns, profile ─► protocol
//!             │                    └───► http ─► protocol     └───► limiter, webhooks ─► deliveries ─► protocol
//!             └───► control ─► commands, saved       └───► faults, journal, clock, tls, config ─► stub ─► strict
//!                                                                                         └───► accounts ─► store
//!           state_file ─► state, saved ─► apps, accounts
//! ```
//!
//! | module | job |
//! |---|---|
//! | `main`, `cli`, `serve`, `health`, `transfer` | the process: command line, signals, exit codes |
//! | `control_client` | calls the control API of a running emulator, for the commands that use one |
//! | `server` | all routes; the loop that accepts connections; HTTPS and the proxy |
//! | `tls` | the certificate for HTTPS, and the CA that signs it |
//! | `client_stream`, `client_ip` | a client's connection; its IP address |
//! | `workers` | the runtimes that serve connections |
//! | `commands` | the table of REST commands (`answer` runs a call); one file for each: parse, decide, answer |
//! | `gateway` | the steps of every REST call: check the UserSig and the rate limit, receive the body, write the journal and the hint |
//! | `control` | the table of the control API's routes, `/_emulator/v1`; one file for each resource |
//! | `http` | converts a reply to an HTTP response, always with status 200 |
//! | `budget` | the memory for bodies in flight |
//! | `background` | a separate runtime for the control API, whose calls can take long |
//! | `state`, `token` | the state that all calls share; the token of the control API |
//! | `state_file`, `atomic_file` | keeps the accounts between runs; replaces a file atomically |
//! | `world` | the state that a reset replaces atomically; a call uses one world from start to end |
//! | `apps` | the apps, each with its own accounts, limits and webhook |
//! | `store` | accounts and relationships: runs the given rule on two accounts under a lock, applies its changes |
//! | `webhooks` | sends events to an app's own server |
//! | `limiter`, `faults`, `clock` | rate limits; fault injection; the time |
//! | `journal`, `deliveries`, `ring` | recent calls; recent deliveries of webhooks; the ring buffer of both |
//! | `metrics` | counters for Prometheus |
//! | `config`, `telemetry` | the configuration; the log |
//! | `accounts` | the form in which accounts are given and shown, in the configuration and the control API |
//! | `saved` | the documents of an app's accounts and of all apps' accounts, written and read piece by piece |
//! | `stub` | stubs: commands that answer from a template |
//! | `checks` | the list of checks that schemas name, and the readers that know them |
//! | `strict` | the strict reader of JSON, for the control API's requests and the configuration |
//! | `sns` | the rules, pure functions: facts in, decision out |
//! | `profile` | the profile fields of accounts, pure functions |
//! | `protocol` | the types of Tencent's protocol, pure: the table of codes, replies, the query, UserSig |
//!
//! A new command is one file in `commands` and one line in the table of `commands`, plus a rule in `sns` if it
//! decides something, and a row in `protocol::code` if it has a new result. A test asks for an example in
//! `control/examples.json`, and `control::arrange` has the states and the wrong fields that give a command's own
//! codes. A command that needs no state is one row in the table of `commands::stubs`. A new control route is a
//! handler in the file of its resource and one line in the table of `control`.

pub mod accounts;
mod apps;
pub mod atomic_file;
mod background;
mod budget;
mod checks;
mod client_ip;
mod client_stream;
pub mod clock;
mod commands;
pub mod config;
mod control;
mod deliveries;
mod faults;
mod gateway;
mod http;
mod journal;
mod limiter;
mod metrics;
pub mod profile;
pub mod protocol;
mod ring;
mod saved;
mod server;
pub mod sns;
mod state;
mod state_file;
pub mod store;
mod strict;
pub mod stub;
pub mod telemetry;
pub mod tls;
mod token;
mod webhooks;
mod workers;
mod world;

pub use state_file::StateFileError;

use clock::EmulatorClock;
use commands::{Command, FriendAdd};
use config::{Config, ConfigError, Sources, os_reason};
use faults::{Kind, Plan, Scope};
use protocol::code::Code;
use protocol::ids::{SdkAppId, UserId};
use serde_json::json;
use server::Listeners;
use sns::model::AccountSeed;
use state::{AppState, Shared};
use state_file::{Keeper, StateFile};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::{Account, SharedAccount};
use token::Token;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::{error, warn};
use workers::Workers;

impl Config {
    /// Merges and checks all sources. The error has all unknown keys and invalid values, in the order of
    /// their lines.
    ///
    /// # Errors
    /// When a source cannot be read, or has an unknown key or an invalid value.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        Self::read(sources, checks::CHECKS)
    }
}

/// The longest time that [`Emulator::stop`] takes, and the process after SIGTERM. The last save of the state
/// file comes after it, and may take longer.
pub const STOP_DEADLINE: Duration = Duration::from_millis(2700);

/// A running emulator.
///
/// Dropping the emulator stops it like [`Emulator::stop`], but does not wait: it stops listening,
/// cancels delays and the waits of the control API, and closes connections. It does not save the last changes in
/// the state file ([`Config::state_file`]): only [`Emulator::stop`] does.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use tencent_chat_emulator::{Emulator, config::{Config, Sources}};
///
/// let mut config = Config::load(&Sources::default())?;
/// config.listen = "127.0.0.1:0".parse()?;
/// let emulator = Emulator::start(config).await?;
///
/// println!("point your client's base URL at {}", emulator.url());
/// emulator.stop().await;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Emulator {
    addr: SocketAddr,
    state: AppState,
    serving: JoinHandle<()>,
    /// Saves the state file, if there is one.
    keeper: Option<Keeper>,
}

impl Emulator {
    /// Creates the configured apps and accounts, reads the state file, binds the address, and serves on the
    /// current Tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound, a configured account is invalid (a [`ConfigError`]), or the state file
    /// cannot be used (a [`StateFileError`]).
    pub async fn start(config: Config) -> io::Result<Self> {
        Self::start_on(config, vec![Handle::current()]).await
    }

    /// Starts an emulator with one thread for each processor (at most 32), runs `body` on the
    /// current thread, and stops the emulator when `body` returns. `body` may block.
    ///
    /// # Errors
    /// As [`Self::start`], or when the threads cannot be started, or the state file cannot be saved at the end
    /// (a [`StateFileError`]).
    ///
    /// # Panics
    /// When called inside a Tokio runtime.
    pub fn run<T>(config: Config, body: impl AsyncFnOnce(&Self) -> T) -> io::Result<T> {
        let (runtimes, _stop_threads) = workers::start_threads()?;
        let accepting = runtimes[0].clone();
        workers::single_threaded()?.block_on(async {
            let starting = accepting.spawn(Self::start_on(config, runtimes));
            let emulator = starting.await.map_err(io::Error::other)??;
            let result = body(&emulator).await;
            emulator.stop_and_save().await?;
            Ok(result)
        })
    }

    /// Accepts connections on the current runtime and serves them on `runtimes`.
    async fn start_on(config: Config, runtimes: Vec<Handle>) -> io::Result<Self> {
        for warning in &config.warnings {
            warn!("{warning}");
        }
        let checked = config.check_accounts();
        checked.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let state_file = config.state_file.as_deref();
        let state_file = state_file.map(StateFile::open).transpose()?;
        let state = Shared::new(config);
        let saved = match &state_file {
            Some(file) => file.load(&state.world())?,
            None => None,
        };
        let (plain, addr) = listen(state.config.listen).await?;
        let _ = state.addr.set(addr);
        let tls = match state.config.tls.listen {
            Some(tls_listen) => {
                // A wrong certificate is an error now, not at the first call.
                state.tls.server_config()?;
                let (tls, addr) = listen(tls_listen).await?;
                let _ = state.tls_addr.set(addr);
                Some(tls)
            }
            None => None,
        };
        let interval = state.config.state_interval;
        let keep = |file| Keeper::start(file, saved, state.clone(), interval);
        let keeper = state_file.map(keep).transpose()?;
        let workers = Workers::new(runtimes);
        let listeners = Listeners { plain, tls };
        let serving = tokio::spawn(server::serve(listeners, state.clone(), workers));
        Ok(Self {
            addr,
            state,
            serving,
            keeper,
        })
    }

    /// The address of the listener. For a configured port 0, it has the real port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL for clients: `http://` and the address.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The base URL for clients that use HTTPS: `https://` and the address. `None` if `tls.listen` is not
    /// configured.
    pub fn tls_url(&self) -> Option<String> {
        let addr = self.state.tls_addr.get()?;
        Some(format!("https://{addr}"))
    }

    /// The certificate of the CA that HTTPS clients must trust, as PEM. `None` with a certificate of the
    /// user's own (`tls.certificate`).
    ///
    /// # Errors
    /// When the CA or the certificate cannot be read or made.
    pub fn ca(&self) -> io::Result<Option<String>> {
        Ok(self.state.tls.ca()?.map(|pem| pem.to_string()))
    }

    /// Reads `tls.certificate` and `tls.key` again. Open connections keep the certificate that they began with.
    ///
    /// # Errors
    /// When the certificate cannot be read or used. Then the old one stays in use.
    pub fn reload_certificate(&self) -> io::Result<()> {
        self.state.tls.reload()
    }

    /// The token that the control API requires (`Authorization: Bearer ...`), if it requires one.
    pub fn control_token(&self) -> Option<&str> {
        self.state.control_token.as_ref().map(Token::text)
    }

    /// The emulator's clock, which can be held, advanced and released, together with the clocks of all
    /// apps. After a reset, call this again: the clock that it returned before is no longer in use.
    pub fn clock(&self) -> Arc<EmulatorClock> {
        Arc::clone(&self.state.world().clock)
    }

    /// A UserSig of `identifier`, valid from now on for `expire` seconds. `None` if the app does
    /// not exist.
    pub fn user_sig(&self, app: SdkAppId, identifier: &str, expire: i64) -> Option<String> {
        let world = self.state.world();
        let app = world.apps.get(&app)?;
        Some(app.sign(identifier, app.clock.now().unix_time(), expire))
    }

    /// A curl command with the basic request of the friend_add page, for the first app and its
    /// first two accounts. `None` if there is no app, or it has fewer than two accounts.
    pub fn example_call(&self) -> Option<String> {
        let world = self.state.world();
        let (_, app) = world.apps.first_key_value()?;
        let mut accounts = app.config.accounts.keys().chain(&app.config.admins);
        let from = accounts.next()?;
        let request = json!({
            "From_Account": from,
            "AddFriendItem": [{
                "To_Account": accounts.find(|to| *to != from)?,
                "AddSource": "AddSource_Type_XXXXXXXX",
            }],
        });
        let now = app.clock.now().unix_time();
        let friend_add = &FriendAdd::INFO;
        let (_, curl) = app.call_line(self.addr, friend_add, app.first_admin(), &request, now);
        Some(curl)
    }

    /// Imports an account with these settings, and the accounts of its blocklist. If it is already
    /// imported, replaces its settings and keeps its friends. Does nothing if the app does not exist.
    ///
    /// # Errors
    /// When the blocklist names the account itself, or an account twice.
    pub async fn put_account(
        &self,
        app: SdkAppId,
        user: UserId,
        seed: &AccountSeed,
    ) -> Result<(), ConfigError> {
        let world = self.state.world();
        let Some(app) = world.apps.get(&app) else {
            return Ok(());
        };
        let now = app.clock.now().unix_time();
        let put = control::put_account(app, user, seed.into(), now).await;
        put.map(drop).map_err(|problem| ConfigError {
            errors: problem.messages(),
        })
    }

    /// Makes every item with From_Account `from` and To_Account `to` fail with `code`. Replaces all
    /// faults with exactly this scope; `None` only removes them. Use it for codes that no state of the
    /// accounts can produce. For a command without From_Account, pass the item's account as both.
    /// Does nothing if `code` is `Ok`, a code of the gateway or another code that only a whole call has.
    ///
    /// # Errors
    /// When the app does not exist, or the limit of armed faults is reached. Then nothing is changed.
    pub fn script(
        &self,
        app: SdkAppId,
        from: UserId,
        to: UserId,
        code: Option<Code>,
    ) -> io::Result<()> {
        let scope = Scope {
            sdkappid: Some(app),
            from_account: Some(from),
            to_account: Some(to),
            ..Scope::default()
        };
        match code.is_none_or(Code::is_items) {
            true => self.replace_fault(scope, code.map(Kind::ResultCode)),
            false => Ok(()),
        }
    }

    /// Makes every call of a command, such as `friend_get`, fail with `code` after the gateway has
    /// accepted it. Replaces all faults with exactly this scope; `None` only removes them. Does nothing
    /// if `code` is `Ok` or a code that only an item has, or the command is unknown.
    ///
    /// # Errors
    /// When the app does not exist, or the limit of armed faults is reached. Then nothing is changed.
    pub fn script_call(&self, app: SdkAppId, command: &str, code: Option<Code>) -> io::Result<()> {
        let scope = Scope {
            sdkappid: Some(app),
            command: commands::named(command).map(|command| command.name),
            ..Scope::default()
        };
        match scope.command.is_some() && code.is_none_or(Code::is_calls) {
            true => self.replace_fault(scope, code.map(Kind::ErrorCode)),
            false => Ok(()),
        }
    }

    fn replace_fault(&self, scope: Scope, kind: Option<Kind>) -> io::Result<()> {
        let replaced = self.state.change(|world| {
            // If this removes a fault, there is room for the new one.
            world.faults.disarm(|fault| fault.plan.scope == scope);
            let plan = kind.map(|kind| Plan::always(scope, kind));
            plan.map(|plan| world.arm(plan)).transpose()
        });
        replaced.map(drop).map_err(io::Error::other)
    }

    /// A copy of an account's current state; `None` if the account or the app does not exist.
    pub async fn account(&self, app: SdkAppId, user: UserId) -> Option<Account> {
        let world = self.state.world();
        let account = world.apps.get(&app)?.store.account(user).await;
        Some(SharedAccount::unwrap_or_clone(account.ok()?))
    }

    /// Stops listening, finishes the calls in flight, and waits until their answers and webhooks have been
    /// sent, but not longer than [`STOP_DEADLINE`] in all. Then saves the state file, if there is one, however
    /// long that takes: it has all that was answered. If it cannot be saved, the log says so.
    pub async fn stop(self) {
        if let Err(error) = self.stop_and_save().await {
            error!("{error}");
        }
    }

    async fn stop_and_save(mut self) -> Result<(), StateFileError> {
        self.state.stopping.cancel();
        let deadline = tokio::time::sleep(STOP_DEADLINE);
        // The server has the same deadline. An error means that its task panicked or its runtime ended.
        let _ = (&mut self.serving).await;
        let flush_webhooks = async {
            for app in self.state.world().apps.values() {
                if let Some(webhook) = &app.webhook {
                    webhook.flush().await;
                }
            }
        };
        tokio::select! {
            () = flush_webhooks => {}
            () = deadline => {}
        }
        match self.keeper.take() {
            Some(keeper) => keeper.stop().await,
            None => Ok(()),
        }
    }
}

/// Binds an address.
async fn listen(addr: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let bound = async {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        Ok((listener, addr))
    };
    bound.await.map_err(|error: io::Error| {
        let reason = os_reason(&error);
        io::Error::new(error.kind(), format!("cannot serve on {addr}: {reason}"))
    })
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.state.stopping.cancel();
    }
}
