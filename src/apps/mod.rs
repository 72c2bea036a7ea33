//! The apps. Each is a world of its own: accounts, limits and webhook belong to it alone.

mod app;
mod snapshots;

pub(crate) use app::App;

use crate::clock::Clock;
use crate::config::Config;
use crate::protocol::ids::SdkAppId;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// Apps by SDKAppID.
type ById = HashMap<SdkAppId, Arc<App>, RandomState>;

/// Apps that there may be: a test run that never cleans up must not fill the memory.
const MAX_APPS: usize = 10_000;

/// All apps at one moment. A change makes a new map; clones share it until then.
#[derive(Clone, Debug)]
pub(crate) struct Apps(Arc<ById>);

/// Why an app cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotMade {
    /// Its SDKAppID is another's.
    Taken,
    /// There are as many as there may be.
    TooMany,
}

impl Apps {
    /// The configured apps. Needs a Tokio runtime, where an app has a webhook.
    pub(crate) fn configured(config: &Config, clock: &Arc<Clock>) -> Self {
        let unknown = config.sns.unknown_accounts;
        let apps = config.apps.iter();
        let apps = apps.map(|(sdkappid, app)| {
            let app = App::new(*sdkappid, app.clone().into(), unknown, clock);
            (*sdkappid, app.into())
        });
        Self(Arc::new(apps.collect()))
    }

    pub(crate) fn get(&self, sdkappid: SdkAppId) -> Option<&Arc<App>> {
        self.0.get(&sdkappid)
    }

    /// All of them, in the order of their SDKAppIDs.
    pub(crate) fn all(&self) -> Vec<Arc<App>> {
        let mut all: Vec<_> = self.0.values().map(Arc::clone).collect();
        all.sort_unstable_by_key(|app| app.sdkappid);
        all
    }

    pub(crate) fn insert(&mut self, app: Arc<App>) -> Result<(), NotMade> {
        if self.0.contains_key(&app.sdkappid) {
            return Err(NotMade::Taken);
        }
        if self.0.len() >= MAX_APPS {
            return Err(NotMade::TooMany);
        }
        Arc::make_mut(&mut self.0).insert(app.sdkappid, app);
        Ok(())
    }

    /// Puts an app in the place of the one that was made of the same; that one, if it is still there.
    pub(crate) fn replace(&mut self, app: Arc<App>) -> Option<Arc<App>> {
        let place = Arc::make_mut(&mut self.0).get_mut(&app.sdkappid)?;
        let is_same = Arc::ptr_eq(&place.config, &app.config);
        is_same.then(|| std::mem::replace(place, app))
    }

    pub(crate) fn remove(&mut self, sdkappid: SdkAppId) -> Option<Arc<App>> {
        Arc::make_mut(&mut self.0).remove(&sdkappid)
    }
}
