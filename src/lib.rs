//! A stand-alone server that behaves like Tencent Cloud Chat's REST endpoint
//! `POST /v4/sns/friend_add`, for development and tests without the cloud.
//!
//! Tests that are written in Rust can run it in their own process: see [`Emulator`].
//!
//! # The map of this house
//!
//! A call goes down, its answer comes up. Nobody below calls anybody above.
//!
//! ```text
//! main ─► server ─► commands ─► gateway ─► state ─► apps, store, limiter, clock, config
//!             └───► control ─────────────► state      │      │
//!                              http ─► protocol       │      └─► sns ─► protocol
//!                                                     └─► protocol
//! ```
//!
//! | room | what lives there |
//! |---|---|
//! | `main`, `cli`, `serve`, `health` | the process: command line, signals, exit codes |
//! | `server` | all routes; the loop that accepts connections |
//! | `commands` | THE TABLE of REST commands; one file each: understand, judge, answer |
//! | `gateway` | what every call passes: its body received, UserSig, call frequency, the journal |
//! | `control` | the emulator's own routes |
//! | `http` | where a reply becomes an HTTP response: always 200 |
//! | `state`, `apps` | what all calls share, put together once; an app and the UserSigs it verified |
//! | `store` | accounts and relationships: finds, locks, runs the rule it is handed, applies |
//! | `limiter`, `clock` | token buckets; what time it is |
//! | `config`, `telemetry` | what can be set; where log lines go |
//! | `sns` | the rules, pure: facts in, decision out |
//! | `protocol` | Tencent's vocabulary, pure: THE TABLE of codes, replies, the query, UserSig |
//!
//! A new command is one file in `commands` and one line in its table; where something is judged,
//! a rule in `sns`; where a new outcome is met, a row in `protocol::code`.

mod apps;
pub mod clock;
mod commands;
pub mod config;
mod control;
mod gateway;
mod http;
mod limiter;
pub mod protocol;
mod server;
pub mod sns;
mod state;
pub mod store;
pub mod telemetry;

use clock::Clock;
use config::Config;
use protocol::code::Code;
use protocol::ids::{SdkAppId, UserId};
use sns::model::AccountSeed;
use state::AppState;
use std::io;
use std::net::SocketAddr;
use store::Snapshot;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running emulator, served by tasks of the Tokio runtime that started it.
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
        let state = AppState::new(config);
        let listener = TcpListener::bind(state.config.listen).await?;
        let addr = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let router = server::router(state.clone());
        let read_timeout = state.config.read_timeout;
        let serving = tokio::spawn(server::serve(listener, router, read_timeout, async {
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

    /// Its clock, which can be held, moved on and released.
    pub fn clock(&self) -> &Clock {
        &self.state.clock
    }

    /// A UserSig of `identifier` that is valid from now on for `expire` seconds; `None` when there
    /// is no such app.
    pub fn user_sig(&self, app: SdkAppId, identifier: &str, expire: i64) -> Option<String> {
        let app = self.state.apps.get(&app)?;
        Some(app.sign(identifier, self.state.clock.now().unix_time(), expire))
    }

    /// Imports an account, or gives one that is there these settings. No app, no effect.
    pub fn put_account(&self, app: SdkAppId, user: UserId, seed: &AccountSeed) {
        self.state.store.put_account(app, user, seed);
    }

    /// Makes every item by which `from` asks about `to` end in `code`, or lifts that: for the
    /// outcomes that no state gives. No such `from`, or a code that no item can have (success, and
    /// those of the gateway): no effect.
    pub fn script(&self, app: SdkAppId, from: UserId, to: UserId, code: Option<Code>) {
        if code.is_none_or(|code| code != Code::Ok && !code.is_gateway()) {
            self.state.store.script(app, from, to, code);
        }
    }

    /// One account as it is now; `None` when it is not imported.
    pub fn account(&self, app: SdkAppId, user: UserId) -> Option<Snapshot> {
        self.state.store.snapshot(app, user)
    }

    /// Stops listening, finishes the calls in flight, and returns when their answers have left; one
    /// that its client takes more than 3 s to read is cut.
    pub async fn stop(self) {
        // An error means that it has stopped already.
        let _ = self.stop.send(());
        let _ = self.serving.await;
    }
}
