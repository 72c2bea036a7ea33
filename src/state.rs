//! What every call shares, put together in one place.

use crate::apps::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::limiter::Limiter;
use crate::protocol::ids::SdkAppId;
use crate::store::Store;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// A handle on what every call shares; cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct AppState(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) apps: HashMap<SdkAppId, Arc<App>, RandomState>,
    pub(crate) store: Store,
    pub(crate) limiter: Limiter,
    pub(crate) clock: Clock,
}

impl AppState {
    /// Makes the configured apps and imports their accounts. Admins always exist.
    pub(crate) fn new(config: Config) -> Self {
        let store = Store::in_memory();
        let mut apps = HashMap::default();
        for (sdkappid, app) in &config.apps {
            store.put_app(
                *sdkappid,
                config.sns.unknown_accounts,
                app.default_allow_type,
            );
            for admin in &app.admins {
                store.put_account(*sdkappid, *admin, &app.new_account());
            }
            for (user, seed) in &app.accounts {
                store.put_account(*sdkappid, *user, seed);
            }
            apps.insert(*sdkappid, Arc::new(App::new(*sdkappid, app)));
        }
        let (limiter, clock) = (Limiter::default(), Clock::default());
        Self(Arc::new(Shared {
            config,
            apps,
            store,
            limiter,
            clock,
        }))
    }
}

impl std::ops::Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
