//! All that a reset puts back, at one moment: apps, faults, clock and journal.
//!
//! A world is never changed; whoever changes something puts a new world in its place, which shares
//! what stays. A call keeps the world it came into to its end. So a call sees everything as it was
//! before a reset, or everything as it is after it, and never something between.

use crate::apps::{App, Apps};
use crate::clock::Clock;
use crate::config::Config;
use crate::faults::{Fault, Faults, Plan};
use crate::journal::Journal;
use crate::protocol::ids::SdkAppId;
use std::sync::Arc;

/// Everything at one moment.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) apps: Apps,
    pub(crate) faults: Faults,
    pub(crate) clock: Arc<Clock>,
    pub(crate) journal: Arc<Journal>,
}

/// Faults that may be armed at once.
pub(crate) const MAX_FAULTS: usize = 1000;

/// Why a fault cannot be armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotArmed {
    /// Its app is gone.
    NoApp,
    /// There are as many as there may be.
    TooMany,
}

/// An app that was taken out of the world, and the faults that went with it.
#[derive(Debug)]
pub(crate) struct Gone {
    pub(crate) app: Arc<App>,
    pub(crate) faults: Vec<Arc<Fault>>,
}

impl World {
    /// The configured start. Needs a Tokio runtime, where an app has a webhook.
    pub(crate) fn new(config: &Config) -> Self {
        let clock = Arc::<Clock>::default();
        Self {
            apps: Apps::configured(config, &clock),
            faults: Faults::default(),
            clock,
            journal: Journal::new(config.journal_bytes).into(),
        }
    }

    /// Puts `start` in the place of all; only the numbers of faults and calls go on.
    pub(crate) fn reset(&mut self, start: Self) {
        self.faults.disarm(|_| true);
        self.empty_journal();
        self.apps.all().iter().for_each(|app| app.end());
        self.apps = start.apps;
        self.clock = start.clock;
    }

    /// Begins a new journal. Calls that are under way keep the old one, which nobody will read.
    pub(crate) fn empty_journal(&mut self) {
        self.journal = self.journal.successor().into();
    }

    /// Puts an app in the place of the one with its SDKAppID, if there is one.
    pub(crate) fn replace_app(&mut self, app: Arc<App>) -> Option<Gone> {
        let old = self.apps.replace(app)?;
        Some(self.forget(old))
    }

    pub(crate) fn remove_app(&mut self, sdkappid: SdkAppId) -> Option<Gone> {
        let old = self.apps.remove(sdkappid)?;
        Some(self.forget(old))
    }

    /// Whether the app with this SDKAppID is the one of this generation.
    pub(crate) fn has(&self, sdkappid: SdkAppId, generation: u64) -> bool {
        let app = self.apps.get(sdkappid);
        app.is_some_and(|app| app.generation == generation)
    }

    /// Arms a fault, if its app is there.
    pub(crate) fn arm(&mut self, plan: Plan) -> Result<Arc<Fault>, NotArmed> {
        self.check(std::slice::from_ref(&plan), self.faults.all().len())?;
        Ok(self.faults.arm(plan))
    }

    /// Arms faults in the place of those of one app, or of all; the new ones, and the old.
    pub(crate) fn replace_faults(
        &mut self,
        of: Option<SdkAppId>,
        plans: Vec<Plan>,
    ) -> Result<[Vec<Arc<Fault>>; 2], NotArmed> {
        let stays = |fault: &&Arc<Fault>| !fault.is_of(of);
        self.check(&plans, self.faults.all().iter().filter(stays).count())?;
        let old = self.faults.disarm(|fault| fault.is_of(of));
        let new = plans.into_iter().map(|plan| self.faults.arm(plan));
        Ok([new.collect(), old])
    }

    /// Whether faults can be armed, beside so many.
    fn check(&self, plans: &[Plan], beside: usize) -> Result<(), NotArmed> {
        let has_app = |plan: &Plan| {
            let app = plan.scope.sdkappid;
            app.is_none_or(|app| self.apps.get(app).is_some())
        };
        if !plans.iter().all(has_app) {
            return Err(NotArmed::NoApp);
        }
        if beside + plans.len() > MAX_FAULTS {
            return Err(NotArmed::TooMany);
        }
        Ok(())
    }

    fn forget(&mut self, app: Arc<App>) -> Gone {
        app.end();
        self.journal.remove_app(app.sdkappid, app.generation);
        let is_its = |fault: &Fault| fault.plan.scope.sdkappid == Some(app.sdkappid);
        let faults = self.faults.disarm(is_its);
        Gone { app, faults }
    }
}
