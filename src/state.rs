//! What every call shares, put together in one place.

use crate::apps::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::faults::Faults;
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
    pub(crate) faults: Faults,
    pub(crate) clock: Arc<Clock>,
}

impl AppState {
    /// Makes the configured apps and imports their accounts. Admins always exist. Needs a Tokio
    /// runtime, where an app has a webhook.
    pub(crate) fn new(config: Config) -> Self {
        let (store, clock) = (Store::in_memory(), Arc::<Clock>::default());
        let now = clock.now().unix_time();
        let mut apps = HashMap::default();
        for (sdkappid, app) in &config.apps {
            store.put_app(
                *sdkappid,
                config.sns.unknown_accounts,
                app.default_allow_type,
            );
            for admin in &app.admins {
                store.put_account(*sdkappid, *admin, &app.new_account(), now);
            }
            for (user, seed) in &app.accounts {
                store.put_account(*sdkappid, *user, seed, now);
            }
            apps.insert(*sdkappid, Arc::new(App::new(*sdkappid, app, &clock)));
        }
        Self(Arc::new(Shared {
            config,
            apps,
            store,
            limiter: Limiter::default(),
            faults: Faults::default(),
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
