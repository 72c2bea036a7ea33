//! The state that all calls share.

use crate::apps::App;
use crate::background::Background;
use crate::budget::Budget;
use crate::clock::SystemMoment;
use crate::config::{AppConfig, Config};
use crate::deliveries::Deliveries;
use crate::metrics::Metrics;
use crate::protocol::ids::SdkAppId;
use crate::tls::Tls;
use crate::token::Token;
use crate::world::{ChangeError, RemovedApp, World};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use tokio_util::sync::CancellationToken;

/// The first SDKAppID for apps that are created without one. Each number is used only once.
const FIRST_FREE: u32 = 1_600_000_000;

/// A handle to the shared state.
pub(crate) type AppState = Arc<Shared>;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    /// The token that the control API requires, if it requires one.
    pub(crate) control_token: Option<Token>,
    /// The address of the listener; set once it is bound.
    pub(crate) addr: OnceLock<SocketAddr>,
    /// The address of the listener for HTTPS; set once it is bound.
    pub(crate) tls_addr: OnceLock<SocketAddr>,
    pub(crate) tls: Arc<Tls>,
    /// The memory for bodies in flight.
    pub(crate) bodies: Budget,
    /// The runtime of the control API.
    pub(crate) background: Background,
    /// Cancelled when the emulator stops. Ends the server, delays and waits.
    pub(crate) stopping: CancellationToken,
    /// The emulator's start.
    pub(crate) started: SystemMoment,
    next_free: AtomicU32,
    /// Locked only briefly, never across `.await`. Lock order: this lock before the journal's.
    world: RwLock<Arc<World>>,
}

impl Shared {
    /// Creates the configured apps. Needs a Tokio runtime if an app has a webhook.
    pub(crate) fn new(config: Config) -> AppState {
        let deliveries = Arc::new(Deliveries::new(config.journal.bytes));
        Arc::new(Self {
            world: RwLock::new(World::new(&config, deliveries).into()),
            control_token: Token::of(&config),
            metrics: Metrics::default(),
            addr: OnceLock::new(),
            tls_addr: OnceLock::new(),
            tls: Tls::new(&config).into(),
            bodies: Budget::new(config.max_bodies_bytes),
            background: Background::default(),
            stopping: CancellationToken::new(),
            started: SystemMoment::now(),
            next_free: AtomicU32::new(FIRST_FREE),
            config,
        })
    }

    /// The current world.
    pub(crate) fn world(&self) -> Arc<World> {
        Arc::clone(&self.read())
    }

    /// Reads the current world. The world cannot be replaced meanwhile.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.read())
    }

    /// Replaces the current world with a changed copy.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = World::clone(&world);
        let result = change(&mut changed);
        *world = changed.into();
        result
    }

    /// Resets everything to the configured start. Returns the worlds before and after the reset.
    pub(crate) fn reset(&self) -> (World, World) {
        let deliveries = Arc::clone(&self.world().deliveries);
        let start = World::new(&self.config, deliveries);
        self.change(|world| {
            let was = world.clone();
            world.reset(start);
            (was, world.clone())
        })
    }

    /// Creates an app. Without an SDKAppID, the app gets the next free one.
    pub(crate) fn create_app(
        &self,
        sdkappid: Option<SdkAppId>,
        config: AppConfig,
    ) -> Result<Arc<App>, ChangeError> {
        let config = Arc::new(config);
        let next = || SdkAppId::new(self.next_free.fetch_add(1, Ordering::Relaxed));
        loop {
            let chosen = sdkappid.or_else(next);
            let chosen = chosen.ok_or_else(ChangeError::too_many_apps)?;
            match self.put_app(chosen, &config, false, World::insert_app) {
                Err(ChangeError::Conflict(_)) if sdkappid.is_none() => {}
                created => return created,
            }
        }
    }

    /// Resets an app to its configured start. `None` if the app was removed or replaced meanwhile.
    pub(crate) fn reset_app(&self, app: &App) -> Option<RemovedApp> {
        let replace = World::replace_app;
        self.put_app(app.sdkappid, &app.config, app.is_configured, replace)
    }

    /// Makes an app whose clock moves with the world's, and puts it into that world. When a reset replaces
    /// the world's clock meanwhile, the app is made again.
    fn put_app<T>(
        &self,
        sdkappid: SdkAppId,
        config: &Arc<AppConfig>,
        is_configured: bool,
        put: impl Fn(&mut World, Arc<App>) -> T,
    ) -> T {
        let unknown = self.config.sns.unknown_accounts;
        loop {
            let World {
                clock, deliveries, ..
            } = World::clone(&self.world());
            let mut app = App::new(sdkappid, Arc::clone(config), unknown, &clock, &deliveries);
            app.is_configured = is_configured;
            let put = |world: &mut World| {
                Arc::ptr_eq(&world.clock, &clock).then(|| put(world, app.into()))
            };
            if let Some(result) = self.change(put) {
                return result;
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Arc<World>> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, WebhookConfig};
    use std::sync::atomic::AtomicBool;

    const ROUNDS: u64 = 3_000;

    /// The first configured app, with a webhook and without accounts.
    fn with_webhook(config: &Config) -> AppConfig {
        let (_, app) = config.apps.first_key_value().expect("there is an app");
        AppConfig {
            webhook: Some(WebhookConfig {
                url: "http://127.0.0.1:1/".to_owned(),
                token: None,
                retries: 0,
            }),
            accounts: Default::default(),
            ..app.clone()
        }
    }

    /// Runs `work` [`ROUNDS`] times while another thread runs `disturb` in a loop; returns the results
    /// of `work`.
    fn race<T>(disturb: impl Fn() + Sync, work: impl Fn() -> T) -> Vec<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime");
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _runtime = runtime.enter();
                while !is_over.load(Ordering::Relaxed) {
                    disturb();
                }
            });
            let _runtime = runtime.enter();
            let results = (0..ROUNDS).map(|_| work()).collect();
            is_over.store(true, Ordering::Relaxed);
            results
        })
    }

    #[test]
    fn an_app_that_is_made_during_resets_has_a_clock_that_moves_with_its_worlds() {
        let config = Config::load(&Sources::default()).expect("the defaults are good");
        let app = with_webhook(&config);
        let state = Shared::new(config);
        let reset = || drop(state.reset());
        let stands_apart = |app: &Arc<App>| {
            state.look(|world| {
                let found = world.apps.get(&app.sdkappid);
                let is_there = found.is_some_and(|found| Arc::ptr_eq(found, app));
                world.clock.hold(None);
                is_there && !app.clock.is_held()
            })
        };

        let created = race(reset, || {
            let app = state.create_app(None, app.clone());
            stands_apart(&app.expect("there is room"))
        });
        assert_eq!(created.iter().filter(|wrong| **wrong).count(), 0);
    }

    #[test]
    fn a_free_sdkappid_that_another_call_takes_first_is_not_the_end() {
        let config = Config::load(&Sources::default()).expect("the defaults are good");
        let app = AppConfig {
            webhook: None,
            ..with_webhook(&config)
        };
        let state = Shared::new(config);
        let remove = |app: Arc<App>| state.change(|world| drop(world.remove_app(app.sdkappid)));
        let take_same = || {
            let next = state.next_free.load(Ordering::Relaxed);
            let is_chosen = |_: &u32| state.next_free.load(Ordering::Relaxed) > next;
            (0..10_000).find(is_chosen);
            // An error means that the other thread was faster.
            let taken = state.create_app(SdkAppId::new(next), app.clone());
            let _ = taken.map(remove);
        };

        let created = race(take_same, || {
            state.create_app(None, app.clone()).map(remove)
        });

        assert_eq!(created.iter().find(|result| result.is_err()), None);
    }
}
