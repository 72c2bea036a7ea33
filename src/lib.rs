//! A stand-alone server that behaves like Tencent Cloud Chat's REST endpoint
//! `POST /v4/sns/friend_add` and the relationship APIs around it, for development and tests without
//! the cloud.
//!
//! Tests that are written in Rust can run it in their own process: see [`Emulator`].
//!
//! # The map of this house
//!
//! A call goes down, its answer comes up. Nobody below calls anybody above.
//!
//! ```text
//! main ─► server ─► commands ─► gateway ─► state ─► world ─► apps ─► store ─► sns, profile ─► protocol
//!             │                    └───► http ─► protocol     └───► limiter, webhooks ─► protocol
//!             └───► control ─► commands, state       └───► faults, journal, clock, config
//! ```
//!
//! | room | what lives there |
//! |---|---|
//! | `main`, `cli`, `serve`, `health` | the process: command line, signals, exit codes |
//! | `server`, `line` | all routes; the loop that accepts connections; a connection's stream |
//! | `workers` | the runtimes that serve connections |
//! | `commands` | THE TABLE of REST commands; one file each: understand, judge, answer |
//! | `gateway` | what every call passes: its body received, UserSig, call frequency, the journal |
//! | `control` | THE TABLE of the emulator's own routes, `/_emulator/v1`; one file for each resource |
//! | `http` | where a reply becomes an HTTP response: always 200 |
//! | `background` | a runtime of its own for the control API, which may take long |
//! | `state`, `token` | what all calls share, put together once; what lets a caller drive the control API |
//! | `world` | all that a reset puts back, as one value: a call keeps the one it came into |
//! | `apps` | the apps, each with all that is its own |
//! | `store` | accounts and relationships: finds, locks, runs the rule it is handed, applies |
//! | `webhooks` | tells an app's own server what has happened, behind the calls' backs |
//! | `limiter`, `faults`, `clock` | token buckets; what fails, when and how; what time it is |
//! | `journal`, `metrics` | the last calls, bounded by bytes; how many there were |
//! | `config`, `telemetry` | what can be set; where log lines go |
//! | `sns` | the rules, pure: facts in, decision out |
//! | `profile` | what accounts say of themselves, pure |
//! | `protocol` | Tencent's vocabulary, pure: THE TABLE of codes, replies, the query, UserSig |
//!
//! A new command is one file in `commands` and one line in its table; where something is judged,
//! a rule in `sns`; where a new outcome is met, a row in `protocol::code`. A new control route is a
//! handler in the file of its resource and one line in the table of `control`.

mod apps;
mod background;
pub mod clock;
mod commands;
pub mod config;
mod control;
mod faults;
mod gateway;
mod http;
mod journal;
mod limiter;
mod line;
mod metrics;
pub mod profile;
pub mod protocol;
mod server;
pub mod sns;
mod state;
pub mod store;
mod strict;
pub mod telemetry;
mod token;
mod webhooks;
mod workers;
mod world;

use clock::Clock;
use config::Config;
use faults::{Ending, Kind, Plan, Scope};
use protocol::code::Code;
use protocol::ids::{SdkAppId, UserId};
use sns::model::AccountSeed;
use state::AppState;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use store::Snapshot;
use token::Token;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use workers::Workers;

/// A running emulator, served by tasks of the Tokio runtime that started it, or of several.
///
/// Dropped, it stops as by [`Emulator::stop`], but nobody waits for it.
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
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Emulator {
    /// Seeds the configured apps and accounts, binds the address, and serves from then on.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(config: Config) -> io::Result<Self> {
        Self::start_on(config, vec![Handle::current()]).await
    }

    /// The same, with its connections spread over these runtimes: each is served, from its first
    /// call to its last, by the one that had the fewest when it came.
    ///
    /// The runtimes need I/O and time, somebody who drives them, and to last as long as the emulator:
    /// a connection of one that has ended gets no answer.
    ///
    /// # Errors
    /// When the address cannot be bound.
    ///
    /// # Panics
    /// When there is no runtime.
    pub async fn start_on(config: Config, runtimes: Vec<Handle>) -> io::Result<Self> {
        let workers = Workers::new(runtimes);
        let state = AppState::new(config);
        let listener = TcpListener::bind(state.config.listen).await?;
        let addr = listener.local_addr()?;
        let _ = state.addr.set(addr);
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server::serve(listener, state.clone(), workers, async {
            // An error means that the emulator was dropped, which stops it as well.
            let _ = stopped.await;
        }));
        Ok(Self {
            addr,
            state,
            stop,
            serving,
        })
    }

    /// The address it listens on: the real one, where port 0 was asked for.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What to point a client at: `http://` and the address.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What the control API asks its callers for (`Authorization: Bearer ...`), where it asks.
    pub fn control_token(&self) -> Option<&str> {
        self.state.control_token.as_ref().map(Token::text)
    }

    /// Its clock, which can be held, moved on and released. A reset puts a new one in its place.
    pub fn clock(&self) -> Arc<Clock> {
        Arc::clone(&self.state.world().clock)
    }

    /// A UserSig of `identifier` that is valid from now on for `expire` seconds; `None` when there
    /// is no such app.
    pub fn user_sig(&self, app: SdkAppId, identifier: &str, expire: i64) -> Option<String> {
        let world = self.state.world();
        let app = world.apps.get(app)?;
        Some(app.sign(identifier, world.clock.now().unix_time(), expire))
    }

    /// Imports an account, or gives one that is there these settings. No app, no effect.
    pub fn put_account(&self, app: SdkAppId, user: UserId, seed: &AccountSeed) {
        let world = self.state.world();
        if let Some(app) = world.apps.get(app) {
            let now = world.clock.now().unix_time();
            app.store.put_account(user, seed, now);
        }
    }

    /// Makes every item by which `from` asks about `to` end in `code`, or lifts that: for the
    /// outcomes that no state gives. For commands that have no From_Account, `from` is `to`.
    /// Success, or a code of the gateway: no effect.
    pub fn script(&self, app: SdkAppId, from: UserId, to: UserId, code: Option<Code>) {
        let scope = Scope {
            sdkappid: Some(app),
            from_account: Some(from),
            to_account: Some(to),
            ..Scope::default()
        };
        if code.is_none_or(Code::is_items) {
            self.replace_fault(scope, code.map(Kind::ResultCode));
        }
    }

    /// Makes every call of an app's command, such as `friend_get`, fail as a whole with `code`, once
    /// it has passed the gateway; or lifts that. No such command, or success: no effect.
    pub fn script_call(&self, app: SdkAppId, command: &str, code: Option<Code>) {
        let scope = Scope {
            sdkappid: Some(app),
            command: commands::named(command).map(|command| command.name),
            ..Scope::default()
        };
        if scope.command.is_some() && code != Some(Code::Ok) {
            let ending = code.map(Ending::Code);
            self.replace_fault(scope, ending.map(Kind::Ending));
        }
    }

    fn replace_fault(&self, scope: Scope, kind: Option<Kind>) {
        self.state.change(|world| {
            world.faults.disarm(|fault| fault.plan.scope == scope);
            if let Some(kind) = kind {
                world.faults.arm(Plan::always(scope, kind));
            }
        });
    }

    /// One account as it is now; `None` when it is not imported.
    pub fn account(&self, app: SdkAppId, user: UserId) -> Option<Snapshot> {
        self.state.world().apps.get(app)?.store.snapshot(user)
    }

    /// Stops listening, finishes the calls in flight, and returns when their answers have left and
    /// their webhooks are told; what takes more than 3 s is cut, of either.
    pub async fn stop(self) {
        self.state.stopping.cancel();
        // An error means that it has stopped already.
        let _ = self.stop.send(());
        let _ = self.serving.await;
        let flush_all = async {
            for app in self.state.world().apps.all() {
                if let Some(webhook) = &app.webhook {
                    webhook.flush().await;
                }
            }
        };
        let _ = tokio::time::timeout(server::LAST_WORDS, flush_all).await;
    }
}
