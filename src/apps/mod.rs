//! The apps. Each is a world of its own: accounts, limits and webhook belong to it alone.

mod app;

pub(crate) use app::App;

use crate::clock::Clock;
use crate::config::{AppConfig, Config};
use crate::protocol::ids::SdkAppId;
use crate::sns::model::UnknownAccounts;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Apps by SDKAppID.
type ById = HashMap<SdkAppId, Arc<App>, RandomState>;

/// All apps.
///
/// A call holds its app to its end, and a reset puts a new app in the old one's place: so a call
/// sees the app as it was before the reset or as it is after it, and never something between.
#[derive(Debug)]
pub(crate) struct Apps {
    by_id: RwLock<ById>,
    #[expect(dead_code, reason = "used by the next step")]
    maker: Maker,
}

/// What every app is made with.
#[derive(Debug)]
struct Maker {
    unknown: UnknownAccounts,
    clock: Arc<Clock>,
}

impl Apps {
    /// The configured apps. Needs a Tokio runtime, where an app has a webhook.
    pub(crate) fn new(config: &Config, clock: &Arc<Clock>) -> Self {
        let maker = Maker {
            unknown: config.sns.unknown_accounts,
            clock: Arc::clone(clock),
        };
        Self {
            by_id: RwLock::new(maker.configured(config)),
            maker,
        }
    }

    /// One app as it is now.
    pub(crate) fn get(&self, sdkappid: SdkAppId) -> Option<Arc<App>> {
        self.read().get(&sdkappid).map(Arc::clone)
    }

    /// All of them, in the order of their SDKAppIDs.
    pub(crate) fn all(&self) -> Vec<Arc<App>> {
        let mut all: Vec<_> = self.read().values().map(Arc::clone).collect();
        all.sort_by_key(|app| app.sdkappid);
        all
    }

    fn read(&self) -> RwLockReadGuard<'_, ById> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(dead_code)]
    fn write(&self) -> RwLockWriteGuard<'_, ById> {
        self.by_id.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Maker {
    fn configured(&self, config: &Config) -> ById {
        let apps = config.apps.iter();
        apps.map(|(sdkappid, app)| (*sdkappid, self.make(*sdkappid, app.clone().into())))
            .collect()
    }

    fn make(&self, sdkappid: SdkAppId, config: Arc<AppConfig>) -> Arc<App> {
        Arc::new(App::new(sdkappid, config, self.unknown, &self.clock))
    }
}
