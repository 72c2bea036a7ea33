//! The state that a reset replaces atomically: apps, faults, clock and journal.
//!
//! A world is immutable: a change replaces the world by a changed copy, which shares the unchanged
//! parts. A call keeps the world that was current at its start. So a call sees the state before a
//! reset or the state after it, never a mixture.

use crate::apps::{App, Apps};
use crate::clock::Clock;
use crate::config::Config;
use crate::faults::{Fault, Faults, Plan};
use crate::journal::Journal;
use crate::protocol::ids::SdkAppId;
use std::sync::Arc;

/// The replaceable state at one moment.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) apps: Apps,
    pub(crate) faults: Faults,
    pub(crate) clock: Arc<Clock>,
    pub(crate) journal: Arc<Journal>,
}

/// The limit of armed faults.
pub(crate) const MAX_FAULTS: usize = 1000;

/// Why a fault cannot be armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotArmed {
    /// The app of its scope does not exist.
    NoApp,
    /// The limit is reached.
    TooMany,
}

/// An app that was removed or replaced, and its faults, which were disarmed.
#[derive(Debug)]
pub(crate) struct RemovedApp {
    pub(crate) app: Arc<App>,
    pub(crate) faults: Vec<Arc<Fault>>,
}

impl World {
    /// The configured start. Needs a Tokio runtime if an app has a webhook.
    pub(crate) fn new(config: &Config) -> Self {
        let clock = Arc::<Clock>::default();
        Self {
            apps: Apps::configured(config, &clock),
            faults: Faults::default(),
            clock,
            journal: Journal::new(config.journal.bytes).into(),
        }
    }

    /// Resets everything to `start`. Only the numbering of faults and calls continues.
    pub(crate) fn reset(&mut self, start: Self) {
        self.faults.disarm(|_| true);
        self.empty_journal();
        self.apps.all().iter().for_each(|app| app.end());
        self.apps = start.apps;
        self.clock = start.clock;
    }

    /// Replaces the journal by an empty one. Calls that are in flight write to the old journal, which
    /// is then discarded.
    pub(crate) fn empty_journal(&mut self) {
        self.journal = self.journal.successor().into();
    }

    /// Replaces the app that was made from the same configuration, if it is still there.
    pub(crate) fn replace_app(&mut self, app: Arc<App>) -> Option<RemovedApp> {
        let old = self.apps.replace(app)?;
        Some(self.forget(old))
    }

    pub(crate) fn remove_app(&mut self, sdkappid: SdkAppId) -> Option<RemovedApp> {
        let old = self.apps.remove(sdkappid)?;
        Some(self.forget(old))
    }

    /// Whether the app with this SDKAppID still has this generation.
    pub(crate) fn has(&self, sdkappid: SdkAppId, generation: u64) -> bool {
        let app = self.apps.get(sdkappid);
        app.is_some_and(|app| app.generation == generation)
    }

    /// Arms a fault.
    pub(crate) fn arm(&mut self, plan: Plan) -> Result<Arc<Fault>, NotArmed> {
        self.check(std::slice::from_ref(&plan), self.faults.all().len())?;
        Ok(self.faults.arm(plan))
    }

    /// Replaces the faults of one app, or all faults. Returns the new faults and the old ones.
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

    /// Whether these faults can be armed in addition to `beside` others.
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

    fn forget(&mut self, app: Arc<App>) -> RemovedApp {
        app.end();
        self.journal.remove_app(app.sdkappid, app.generation);
        let is_its = |fault: &Fault| fault.plan.scope.sdkappid == Some(app.sdkappid);
        let faults = self.faults.disarm(is_its);
        RemovedApp { app, faults }
    }
}
