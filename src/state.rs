//! What every call shares, put together in one place.

use crate::apps::{App, NotMade};
use crate::background::Background;
use crate::clock::Clock;
use crate::config::{AppConfig, Config};
use crate::metrics::Metrics;
use crate::protocol::ids::{SdkAppId, UnixTime};
use crate::token::Token;
use crate::world::{Gone, World};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Where the SDKAppIDs begin of apps that ask for none. No number is given twice.
const FIRST_FREE: u32 = 1_600_000_000;

/// A handle on what every call shares; cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct AppState(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    /// What the control API asks its callers for, where it asks.
    pub(crate) control_token: Option<Token>,
    /// The address it listens on, once it does.
    pub(crate) addr: OnceLock<SocketAddr>,
    /// Where the control API works.
    pub(crate) background: Background,
    /// Cancelled when the emulator stops: who waits for something waits no longer.
    pub(crate) stopping: CancellationToken,
    /// The system's clock, which nobody holds.
    system: Clock,
    /// When the process was started.
    pub(crate) started: UnixTime,
    next_free: AtomicU32,
    /// Locked for moments only. Whoever locks the journal as well locks this first.
    world: RwLock<Arc<World>>,
}

impl AppState {
    /// Makes the configured apps. Needs a Tokio runtime, where an app has a webhook.
    pub(crate) fn new(config: Config) -> Self {
        let system = Clock::default();
        Self(Arc::new(Shared {
            world: RwLock::new(World::new(&config).into()),
            control_token: Token::of(&config),
            metrics: Metrics::default(),
            addr: OnceLock::new(),
            background: Background::default(),
            stopping: CancellationToken::new(),
            started: system.now().unix_time(),
            system,
            next_free: AtomicU32::new(FIRST_FREE),
            config,
        }))
    }
}

impl Shared {
    /// Everything as it is now.
    pub(crate) fn world(&self) -> Arc<World> {
        Arc::clone(&self.read())
    }

    /// Looks at the world while nobody can change it.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.read())
    }

    /// Puts a changed world in the place of this one.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = World::clone(&world);
        let result = change(&mut changed);
        *world = changed.into();
        result
    }

    /// Puts everything back to the configured start; the world as it was, and as it is then.
    pub(crate) fn reset(&self) -> (World, World) {
        let start = World::new(&self.config);
        self.change(|world| {
            let was = world.clone();
            world.reset(start);
            (was, world.clone())
        })
    }

    /// Makes an app; without an SDKAppID, it gets the next that is free.
    pub(crate) fn create_app(
        &self,
        sdkappid: Option<SdkAppId>,
        config: AppConfig,
    ) -> Result<Arc<App>, NotMade> {
        let sdkappid = sdkappid.map_or_else(|| self.next_free(), Ok)?;
        let app = self.make_app(sdkappid, config.into());
        self.change(|world| world.apps.insert(Arc::clone(&app)))?;
        Ok(app)
    }

    /// Puts an app back to its start.
    pub(crate) fn reset_app(&self, app: &App) -> Option<Gone> {
        let new = self.make_app(app.sdkappid, Arc::clone(&app.config));
        self.change(|world| world.replace_app(new))
    }

    /// For how long the process has run, by the system's clock.
    pub(crate) fn uptime(&self) -> Duration {
        self.system.uptime()
    }

    fn make_app(&self, sdkappid: SdkAppId, config: Arc<AppConfig>) -> Arc<App> {
        let unknown = self.config.sns.unknown_accounts;
        App::new(sdkappid, config, unknown, &self.world().clock).into()
    }

    fn next_free(&self) -> Result<SdkAppId, NotMade> {
        let apps = self.world().apps.clone();
        loop {
            let next = self.next_free.fetch_add(1, Ordering::Relaxed);
            let next = SdkAppId::new(next).ok_or(NotMade::TooMany)?;
            if apps.get(next).is_none() {
                return Ok(next);
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Arc<World>> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::ops::Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;
    use crate::faults::{Kind, Plan, Scope};
    use crate::protocol::code::Code;
    use std::collections::HashMap;
    use std::sync::atomic::AtomicBool;

    const ROUNDS: u64 = 3_000;

    /// Looks at the world as fast as it can, while each round arms a fault, which bears the round's
    /// number, and resets. No world has lost its fault and kept its app, or the other way round.
    fn no_world_is_half_reset(reset: impl Fn(&AppState, &App)) {
        let config = Config::load(&Sources::default()).expect("the defaults are good");
        let sdkappid = *config.apps.keys().next().expect("there is an app");
        let state = AppState::new(config);
        let app_in = |world: &World| {
            world
                .apps
                .get(sdkappid)
                .cloned()
                .expect("it is always there")
        };
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut fault_of = HashMap::new();
                while !is_over.load(Ordering::Relaxed) {
                    let world = state.world();
                    let generation = app_in(&world).generation;
                    let fault = world.faults.all().first().map(|fault| fault.plan.skip);
                    let first = *fault_of.entry(generation).or_insert(fault);
                    assert!(first.is_none() || first == fault, "the fault is gone");
                    fault_of.insert(generation, fault);
                    let same = fault_of
                        .values()
                        .filter(|other| fault.is_some() && **other == fault);
                    assert!(same.count() <= 1, "the fault outlived its app");
                    fault_of.retain(|other, _| *other + 2 > generation);
                }
            });
            for round in 0..ROUNDS {
                let scope = Scope {
                    sdkappid: Some(sdkappid),
                    ..Scope::default()
                };
                let plan = Plan {
                    skip: round,
                    ..Plan::always(scope, Kind::ResultCode(Code::Internal))
                };
                state.change(|world| world.faults.arm(plan));
                reset(&state, &app_in(&state.world()));
            }
            is_over.store(true, Ordering::Relaxed);
        });
        assert!(state.world().faults.all().is_empty());
    }

    #[test]
    fn nobody_sees_an_app_that_is_half_reset() {
        no_world_is_half_reset(|state, app| {
            state.reset_app(app).expect("it is there");
        });
    }

    #[test]
    fn nobody_sees_everything_half_reset() {
        no_world_is_half_reset(|state, _| {
            state.reset();
        });
    }
}
