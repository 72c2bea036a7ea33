//! The state that a reset replaces atomically: apps, faults, clock and journal.
//!
//! A world is immutable: a change replaces the world with a changed copy, which shares the
//! unchanged parts. A call keeps the world that was current at its start. So a call sees the state
//! before a reset or the state after it, never a mixture.

use crate::apps::App;
use crate::clock::EmulatorClock;
use crate::config::Config;
use crate::deliveries::Deliveries;
use crate::faults::{Fault, Faults, Plan};
use crate::journal::Journal;
use crate::protocol::ids::SdkAppId;
use crate::store::{Accounts, StoreError};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The limit of apps: a test run that never removes its apps must not fill the memory.
const MAX_APPS: usize = 10_000;

/// The limit of armed faults.
pub(crate) const MAX_FAULTS: usize = 1000;

/// The replaceable state at one moment.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) apps: Arc<BTreeMap<SdkAppId, Arc<App>>>,
    pub(crate) faults: Faults,
    pub(crate) clock: Arc<EmulatorClock>,
    pub(crate) journal: Arc<Journal>,
    /// All worlds share it, because a webhook outlives the world that was current when it started.
    pub(crate) deliveries: Arc<Deliveries>,
}

/// Why an app cannot be created or a fault cannot be armed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ChangeError {
    /// The current state does not allow it, for this reason.
    Conflict(String),
    /// This limit is reached.
    Full(String),
}

/// An app that was removed or replaced, and the number of its faults, which were disarmed.
pub(crate) type RemovedApp = (Arc<App>, usize);

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Conflict(detail) | Self::Full(detail)) = self;
        f.write_str(detail)
    }
}

impl std::error::Error for ChangeError {}

impl ChangeError {
    pub(crate) fn too_many_apps() -> Self {
        Self::Full(format!("at most {MAX_APPS} apps may exist"))
    }
}

impl World {
    /// Creates the configured initial state. Needs a Tokio runtime if an app has a webhook.
    pub(crate) fn new(config: &Config, deliveries: Arc<Deliveries>) -> Self {
        let clock = Arc::<EmulatorClock>::default();
        let unknown = config.sns.unknown_accounts;
        let apps = config.apps.iter().map(|(sdkappid, app)| {
            let mut app = App::new(*sdkappid, app.clone().into(), unknown, &clock, &deliveries);
            app.is_configured = true;
            (*sdkappid, app.into())
        });
        Self {
            apps: Arc::new(apps.collect()),
            faults: Faults::default(),
            clock,
            journal: Journal::new(config.journal.bytes).into(),
            deliveries,
        }
    }

    /// The configured apps, unless they were removed.
    pub(crate) fn configured_apps(&self) -> BTreeMap<SdkAppId, Arc<App>> {
        let apps = self.apps.iter().filter(|(_, app)| app.is_configured);
        apps.map(|(id, app)| (*id, Arc::clone(app))).collect()
    }

    /// The accounts of the configured apps, those of each app at one moment.
    pub(crate) async fn saved_accounts(&self) -> Result<Vec<(SdkAppId, Accounts)>, StoreError> {
        let mut all = Vec::new();
        for (id, app) in self.configured_apps() {
            all.push((id, app.store.accounts_without_gaps().await?));
        }
        Ok(all)
    }

    /// Resets everything to `start`. Only the numbering of faults, calls and deliveries continues.
    pub(crate) fn reset(&mut self, start: Self) {
        self.faults.disarm(|_| true);
        self.empty_journal();
        self.apps.values().for_each(|app| app.end());
        self.deliveries.ring.remove(|_| true);
        self.apps = start.apps;
        self.clock = start.clock;
    }

    /// Replaces the journal with an empty journal. Calls that are in flight are not stored.
    pub(crate) fn empty_journal(&mut self) {
        self.journal = self.journal.successor().into();
    }

    /// Adds an app if its SDKAppID is not in use.
    pub(crate) fn insert_app(&mut self, app: Arc<App>) -> Result<Arc<App>, ChangeError> {
        let sdkappid = app.sdkappid;
        if self.apps.contains_key(&sdkappid) {
            let detail = format!("app {sdkappid} already exists");
            return Err(ChangeError::Conflict(detail));
        }
        if self.apps.len() >= MAX_APPS {
            return Err(ChangeError::too_many_apps());
        }
        Arc::make_mut(&mut self.apps).insert(sdkappid, Arc::clone(&app));
        Ok(app)
    }

    /// Replaces the app that was made from the same configuration, if it still exists.
    pub(crate) fn replace_app(&mut self, app: Arc<App>) -> Option<RemovedApp> {
        let place = Arc::make_mut(&mut self.apps).get_mut(&app.sdkappid)?;
        if !Arc::ptr_eq(&place.config, &app.config) {
            return None;
        }
        let old = std::mem::replace(place, app);
        Some(self.forget(old))
    }

    pub(crate) fn remove_app(&mut self, sdkappid: SdkAppId) -> Option<RemovedApp> {
        let old = Arc::make_mut(&mut self.apps).remove(&sdkappid)?;
        Some(self.forget(old))
    }

    pub(crate) fn arm(&mut self, plan: Plan) -> Result<Arc<Fault>, ChangeError> {
        self.check(std::slice::from_ref(&plan), self.faults.all().len())?;
        Ok(self.faults.arm(plan))
    }

    /// Replaces the faults of one app, or all faults. Returns the new faults and the old ones.
    pub(crate) fn replace_faults(
        &mut self,
        of: Option<SdkAppId>,
        plans: Vec<Plan>,
    ) -> Result<[Vec<Arc<Fault>>; 2], ChangeError> {
        let stays = |fault: &&Arc<Fault>| !fault.is_of(of);
        self.check(&plans, self.faults.all().iter().filter(stays).count())?;
        let old = self.faults.disarm(|fault| fault.is_of(of));
        let new = plans.into_iter().map(|plan| self.faults.arm(plan));
        Ok([new.collect(), old])
    }

    /// Checks the apps of these faults, and the limit of faults with `others` already armed.
    fn check(&self, plans: &[Plan], others: usize) -> Result<(), ChangeError> {
        let mut apps = plans.iter().filter_map(|plan| plan.scope.sdkappid);
        if !apps.all(|app| self.apps.contains_key(&app)) {
            let detail = "there is no such app, or it was removed meanwhile";
            return Err(ChangeError::Conflict(detail.to_owned()));
        }
        if others + plans.len() > MAX_FAULTS {
            let detail = format!("at most {MAX_FAULTS} faults may be armed");
            return Err(ChangeError::Full(detail));
        }
        Ok(())
    }

    /// Ends an app, and removes its calls from the journal, its deliveries and its faults.
    fn forget(&mut self, app: Arc<App>) -> RemovedApp {
        app.end();
        let sdkappid = Some(app.sdkappid);
        self.journal.remove(|entry| entry.call.app == sdkappid);
        self.deliveries.ring.remove(|it| it.app == app.sdkappid);
        let faults = self.faults.disarm(|fault| fault.is_of(sdkappid));
        (app, faults.len())
    }
}
