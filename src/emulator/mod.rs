//! The Rust API: an emulator that runs in the process of a test. Its methods and the control API's routes
//! call the same functions in `control`, so that both have the same rules and messages.

mod app;
mod builder;
mod error;
mod faults;
mod requests;
mod seed;

pub use app::{AppHandle, Snapshot};
pub use builder::Builder;
pub use error::{Error, ErrorKind};
pub use faults::{ArmedFault, Fault, Faults};
pub use requests::{RecordedCall, Requests};
pub use seed::AccountSeed;

use crate::clock::EmulatorClock;
use crate::commands::{Command, FriendAdd};
use crate::config::{AppConfig, Config, os_reason};
use crate::control;
use crate::protocol::ids::SdkAppId;
use crate::server::{self, Listeners};
use crate::state::{AppState, Shared};
use crate::state_file::{Keeper, StateFile, StateFileError};
use crate::token::Token;
use crate::workers::{self, Workers};
use control::apps::{NewApp, create_app};
use serde_json::json;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::{error, warn};

/// The longest time that [`Emulator::stop`] takes, and the process after SIGTERM. The last save of the state
/// file comes after it, and may take longer.
pub const STOP_DEADLINE: Duration = Duration::from_millis(2700);

/// A running emulator.
///
/// Dropping the emulator stops it like [`Emulator::stop`], but does not wait: it stops listening,
/// cancels delays and the waits of the control API, and closes connections. Emulators in one process share
/// nothing, so each test can have its own; or the tests share one, and each creates an app with
/// [`Emulator::create_app`].
///
/// Only [`Emulator::stop`] saves the last changes in the state file ([`Config::state_file`]). Another emulator can
/// use the file after that. After a drop it can, too: it waits up to a second until the file is unlocked, which
/// takes longer only if a large file is being saved.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use std::time::Duration;
/// use tencent_chat_emulator::{AccountSeed, AllowType, Code, Emulator, Fault};
///
/// // Build: a free port, the built-in app 88888888, and these accounts.
/// let emulator = Emulator::builder()
///     .seed("ann", AccountSeed::new().friend("bob"))
///     .seed("cat", AccountSeed::new().allow_type(AllowType::NeedConfirm))
///     .start()
///     .await?;
/// let app = emulator.default_app();
///
/// // Arm a fault: the next friend_add is done, then its connection is reset.
/// let reset = emulator
///     .faults()
///     .arm(Fault::close().commit_then().command("friend_add").times(1))?;
///
/// // Call it with your own client, as it would call Tencent.
/// let client = reqwest::Client::builder().no_proxy().build()?;
/// let body = r#"{"From_Account":"bob","AddFriendItem":[
///     {"To_Account":"cat","AddSource":"AddSource_Type_Test"}]}"#;
/// let call = async || client.post(app.url("friend_add")).body(body).send().await;
/// assert!(call().await.is_err());
/// assert!(call().await?.text().await?.contains("30539"));
///
/// // Verify: every fault has fired, and the journal has both calls.
/// assert_eq!(reset.hits(), 1);
/// emulator.faults().verify()?;
/// let calls = emulator.requests().command("friend_add").list()?;
/// assert_eq!(calls.len(), 2);
/// assert!(calls[1].hint.as_ref().is_some_and(|hint| hint.contains("NeedConfirm")));
///
/// // Look at the accounts, and let time pass.
/// assert_eq!(app.account("cat").await?.received.len(), 1);
/// emulator.clock().advance(Duration::from_secs(86_400));
/// emulator.reset().await;
/// assert!(app.account("cat").await?.received.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub struct Emulator {
    addr: SocketAddr,
    pub(crate) state: AppState,
    default_app: AppHandle,
    serving: JoinHandle<()>,
    /// Saves the state file, if there is one.
    keeper: Option<Keeper>,
}

impl Emulator {
    /// Settings for a new emulator.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Creates the configured apps and accounts, reads the state file, binds the addresses, and serves on the
    /// current Tokio runtime.
    ///
    /// # Errors
    /// When an address cannot be bound; when the certificate for HTTPS cannot be made or read; when the
    /// configuration has no app, an app without an admin or an account that cannot exist (a
    /// [`ConfigError`](crate::config::ConfigError)); when the state file cannot be used (a [`StateFileError`]).
    pub async fn start(config: Config) -> io::Result<Self> {
        Self::start_on(config, vec![Handle::current()]).await
    }

    /// Starts an emulator with one thread for each processor (at most 32), runs `body` on the
    /// current thread, and stops the emulator when `body` returns. `body` may block.
    ///
    /// # Errors
    /// As [`Emulator::start`], or when the threads cannot be started, or the state file cannot be saved at the
    /// end (a [`StateFileError`]).
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
        let checked = config.check();
        checked.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let state_file = config.state_file.as_deref();
        let state_file = match state_file {
            Some(path) => Some(StateFile::open(path).await?),
            None => None,
        };
        let state = Shared::new(config);
        let default_app = state.look(|world| world.apps.values().next().cloned());
        let default_app = default_app.expect("the configuration was checked: it has an app");
        let default_app = AppHandle::new(&state, default_app);
        let last_saved = match &state_file {
            Some(file) => file.load(&state.world())?,
            None => None,
        };
        let (plain, addr) = listen(state.config.listen).await?;
        let _ = state.addr.set(addr);
        let tls = match state.config.tls.listen {
            Some(tls_listen) => {
                // A wrong certificate is an error now, not at the first call.
                state.tls.server_config().await?;
                let bound = listen(tls_listen).await;
                let (tls, addr) = bound.map_err(|error| share_a_port(addr, tls_listen, error))?;
                let _ = state.tls_addr.set(addr);
                Some(tls)
            }
            None => None,
        };
        let interval = state.config.state_interval;
        let keep = |file| Keeper::start(file, last_saved, state.clone(), interval);
        let keeper = state_file.map(keep).transpose()?;
        let (listeners, workers) = (Listeners { plain, tls }, Workers::new(runtimes));
        let serving = tokio::spawn(server::serve(listeners, state.clone(), workers));
        Ok(Self {
            addr,
            state,
            default_app,
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

    /// The address of the listener for HTTPS; `None` if `tls.listen` is not configured.
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        self.state.tls_addr.get().copied()
    }

    /// The base URL for clients that use HTTPS: `https://` and the address. `None` if `tls.listen` is not
    /// configured.
    pub fn tls_url(&self) -> Option<String> {
        Some(format!("https://{}", self.tls_addr()?))
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

    /// The base URL of the control API.
    pub fn control_url(&self) -> String {
        format!("{}{}", self.url(), control::PREFIX)
    }

    /// The token that the control API requires (`Authorization: Bearer ...`), if it requires one.
    pub fn control_token(&self) -> Option<&str> {
        self.state.control_token.as_ref().map(Token::text)
    }

    /// The configured app with the lowest SDKAppID: 88888888 in the built-in configuration.
    pub fn default_app(&self) -> AppHandle {
        self.default_app.clone()
    }

    /// The app with this SDKAppID, if it exists.
    pub fn app(&self, sdkappid: SdkAppId) -> Option<AppHandle> {
        let app = self.state.world().apps.get(&sdkappid).cloned();
        Some(AppHandle::new(&self.state, app?))
    }

    /// Creates an app with a free SDKAppID, isolated from all others, as `POST apps` does.
    /// `AppConfig::default()` has a random secret key, the admin "administrator" and no other account. The app
    /// exists until it is removed or the emulator is reset.
    ///
    /// # Errors
    /// `Invalid` if the configuration has no admin or an account that cannot exist; `Full` if there are 10,000
    /// apps.
    pub async fn create_app(&self, config: AppConfig) -> Result<AppHandle, Error> {
        let app = create_app(&self.state, NewApp::of(config))?;
        Ok(AppHandle::new(&self.state, app))
    }

    /// The faults of all apps.
    pub fn faults(&self) -> Faults {
        Faults::new(&self.state, None)
    }

    /// The request journal: the recent calls to all apps.
    pub fn requests(&self) -> Requests {
        Requests::new(&self.state, None)
    }

    /// The emulator's clock, which can be held, advanced and released, together with the clocks of all
    /// apps. After a reset, call this again: the clock that it returned before is no longer in use.
    pub fn clock(&self) -> Arc<EmulatorClock> {
        Arc::clone(&self.state.world().clock)
    }

    /// Resets everything to the start: apps, accounts, journal, webhook deliveries, faults, clock and limits.
    /// Apps that were created after the start are removed.
    pub async fn reset(&self) {
        self.state.reset();
    }

    /// A UserSig of `identifier`, valid from now on for `expire` seconds. `None` if the app does
    /// not exist. The same as [`AppHandle::user_sig_for`] of [`Self::app`].
    pub fn user_sig(&self, app: SdkAppId, identifier: &str, expire: i64) -> Option<String> {
        Some(self.app(app)?.user_sig_for(identifier, expire))
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

/// The error of `tls_listen`, which names both addresses if the other one is the reason.
fn share_a_port(addr: SocketAddr, tls_addr: SocketAddr, error: io::Error) -> io::Error {
    let (ip, tls_ip) = (addr.ip(), tls_addr.ip());
    let is_same = addr.port() == tls_addr.port()
        && (ip == tls_ip || ip.is_unspecified() || tls_ip.is_unspecified());
    if error.kind() != io::ErrorKind::AddrInUse || !is_same {
        return error;
    }
    let message = format!(
        "listen (--listen) {addr} and tls.listen (--tls-listen) {tls_addr} have the same port; give one of them \
         another"
    );
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.state.stopping.cancel();
    }
}

/// Prints the address alone: the journal can have secrets.
impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}
