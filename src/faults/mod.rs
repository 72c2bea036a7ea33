//! Faults that a test arms: which calls or items fail, when, and how.
//!
//! A call meets them where it has passed the gateway and its body is understood, before anything is
//! done for it; items where they would be judged. The first fault that fires decides, but delays add
//! up. While nothing is armed, a call pays one look at an empty list.

mod scope;
mod wire;

pub(crate) use scope::{Scope, Subjects};
pub(crate) use wire::{ResetConnection, Wire};

use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::protocol::reply::Answer;
use crate::protocol::service::CommandInfo;
use crate::sns::pair::ItemTarget;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The armed faults at one moment, in the order in which they were armed. A change makes a new list;
/// how far each fault is, all lists share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    last_id: u64,
    armed: Arc<Vec<Arc<Fault>>>,
}

/// An armed fault.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) id: u64,
    pub(crate) plan: Plan,
    progress: Mutex<Progress>,
}

/// What is to fail, when, and how.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) scope: Scope,
    /// Matches that pass before the first that may fail.
    pub(crate) skip: u64,
    /// How often it fires; `None` for as long as it is armed.
    pub(crate) times: Option<u64>,
    /// How likely a match fires, and what the sequence of chances begins with.
    pub(crate) chance: Option<Chance>,
    pub(crate) kind: Kind,
    /// Whether the work is done before the answer fails.
    pub(crate) commits: bool,
}

/// A reproducible sequence of chances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Chance {
    /// Above 0, and at most 1.
    pub(crate) probability: f64,
    pub(crate) seed: u64,
}

/// How a call or an item fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An item ends so.
    ResultCode(Code),
    /// The answer comes later.
    Delay(Duration),
    /// The whole call ends so.
    Ending(Ending),
}

/// How a whole call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With this ErrorCode.
    Code(Code),
    /// With an answer that fails on its way.
    Wire(Wire),
}

#[derive(Clone, Debug)]
struct Progress {
    matches: u64,
    hits: u64,
    random: fastrand::Rng,
}

/// What a call meets: how long it waits and how it ends, before its work is done and after.
#[derive(Debug, Default)]
pub(crate) struct TriggeredFaults {
    pub(crate) before: DelayThenEnd,
    pub(crate) after: DelayThenEnd,
}

/// A wait, and an end.
#[derive(Debug, Default)]
pub(crate) struct DelayThenEnd {
    delay: Duration,
    pub(crate) end: Option<Arc<Fault>>,
}

/// What a call asks for: its From_Account, and each item's account, where the item is well-formed
/// and has met no fault yet.
#[derive(Debug)]
pub(crate) struct ItemTargets {
    from: UserId,
    tos: Vec<Option<UserId>>,
}

impl ItemTargets {
    pub(crate) fn of<I: ItemTarget>(from: UserId, items: &[Result<I, Code>]) -> Self {
        let to = |item: &Result<I, Code>| item.as_ref().ok().map(ItemTarget::to);
        let tos = items.iter().map(to).collect();
        Self { from, tos }
    }
}

impl DelayThenEnd {
    /// Waits, by the system's clock: it is the client's patience that is tested, and nobody has any
    /// when the emulator stops, or the app is reset. How the call ends then, if it ends.
    pub(crate) async fn wait(self, ended: [&CancellationToken; 2]) -> Option<Ending> {
        if !self.delay.is_zero() {
            let [stopping, app] = ended;
            tokio::select! {
                () = tokio::time::sleep(self.delay) => {}
                () = stopping.cancelled() => {}
                () = app.cancelled() => {}
            }
        }
        self.end.and_then(|fault| fault.ending())
    }
}

impl Faults {
    /// Arms a fault, behind those that are armed already.
    pub(crate) fn arm(&mut self, plan: Plan) -> Arc<Fault> {
        self.last_id += 1;
        let fault = Arc::new(Fault::new(self.last_id, plan));
        Arc::make_mut(&mut self.armed).push(Arc::clone(&fault));
        fault
    }

    /// Takes those away of which `is_one` is true; which they were.
    pub(crate) fn disarm(&mut self, is_one: impl Fn(&Fault) -> bool) -> Vec<Arc<Fault>> {
        let armed = Arc::make_mut(&mut self.armed);
        armed.extract_if(.., |fault| is_one(fault)).collect()
    }

    /// All that are armed, in order.
    pub(crate) fn all(&self) -> &[Arc<Fault>] {
        &self.armed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    /// The same faults, as far as they are now; what fires of these has not fired.
    pub(crate) fn rehearsal(&self) -> Self {
        let copies = self.armed.iter().map(|fault| fault.copy().into());
        Self {
            last_id: self.last_id,
            armed: Arc::new(copies.collect()),
        }
    }

    /// What a call meets as a whole. `subjects` is asked only when something is armed.
    pub(crate) fn meet(
        &self,
        app: SdkAppId,
        command: &CommandInfo,
        subjects: impl FnOnce() -> Subjects,
    ) -> TriggeredFaults {
        let mut met = TriggeredFaults::default();
        let mut faults = self.of(app, command).peekable();
        if faults.peek().is_none() {
            return met;
        }
        let subjects = subjects();
        for fault in faults {
            let Plan {
                scope,
                kind,
                commits,
                ..
            } = &fault.plan;
            let stop = if *commits {
                &mut met.after
            } else {
                &mut met.before
            };
            match kind {
                Kind::ResultCode(_) => {}
                _ if !scope.has_call(&subjects) || !fault.fires() => {}
                Kind::Delay(delay) => stop.delay = stop.delay.saturating_add(*delay),
                Kind::Ending(_) => {
                    stop.end = Some(Arc::clone(fault));
                    break;
                }
            }
        }
        // What has fired is waited for, although the call ends before its work.
        if met.before.end.is_some() {
            let after = std::mem::take(&mut met.after.delay);
            met.before.delay = met.before.delay.saturating_add(after);
        }
        met
    }

    /// Ends items as they meet faults, before anything is done for them; which faults they were.
    /// Commands without a From_Account ask each account about itself.
    pub(crate) fn fail_items_before<I: ItemTarget>(
        &self,
        app: SdkAppId,
        command: &CommandInfo,
        from: Option<UserId>,
        items: &mut [Result<I, Code>],
    ) -> Vec<Option<Arc<Fault>>> {
        let tos = items
            .iter()
            .map(|item| item.as_ref().ok().map(ItemTarget::to));
        let met = self.meet_items(app, command, false, from, tos);
        for (item, fault) in items.iter_mut().zip(&met) {
            if let Some(code) = fault.as_ref().and_then(|fault| fault.code()) {
                *item = Err(code);
            }
        }
        met
    }

    /// Says of items that they ended as they meet faults, although their work is done.
    pub(crate) fn fail_items_after(
        &self,
        app: SdkAppId,
        command: &'static CommandInfo,
        work: &ItemTargets,
        answer: &mut impl Answer,
    ) {
        let met = self.meet_done_items(app, command, work);
        answer.replace_codes(command, &mut |at| met.get(at)?.as_ref()?.code());
    }

    /// Which faults items meet whose work is done.
    pub(crate) fn meet_done_items(
        &self,
        app: SdkAppId,
        command: &CommandInfo,
        work: &ItemTargets,
    ) -> Vec<Option<Arc<Fault>>> {
        let ItemTargets { from, tos } = work;
        self.meet_items(app, command, true, Some(*from), tos.iter().copied())
    }

    /// Which fault each item meets: the first that fires. An item that is `None` meets none.
    fn meet_items(
        &self,
        app: SdkAppId,
        command: &CommandInfo,
        commits: bool,
        from: Option<UserId>,
        items: impl Iterator<Item = Option<UserId>>,
    ) -> Vec<Option<Arc<Fault>>> {
        if self.armed.is_empty() {
            return Vec::new();
        }
        let items: Vec<_> = items.collect();
        let mut met = vec![None; items.len()];
        let is_of_items = |fault: &&Arc<Fault>| {
            matches!(fault.plan.kind, Kind::ResultCode(_)) && fault.plan.commits == commits
        };
        for fault in self.of(app, command).filter(is_of_items) {
            for (at, item) in items.iter().enumerate() {
                let Some(to) = *item else { continue };
                let has = fault.plan.scope.has_item(at, from.unwrap_or(to), to);
                if met[at].is_none() && has && fault.fires() {
                    met[at] = Some(Arc::clone(fault));
                }
            }
        }
        met
    }

    fn of(&self, app: SdkAppId, command: &CommandInfo) -> impl Iterator<Item = &Arc<Fault>> {
        let faults = self.armed.iter();
        faults.filter(move |fault| fault.plan.scope.has(app, command))
    }
}

impl Fault {
    fn new(id: u64, plan: Plan) -> Self {
        let seed = plan.chance.map_or(0, |chance| chance.seed);
        let progress = Progress {
            matches: 0,
            hits: 0,
            random: fastrand::Rng::with_seed(seed),
        };
        Self {
            id,
            plan,
            progress: progress.into(),
        }
    }

    /// The same fault, as far as it is now.
    fn copy(&self) -> Self {
        Self {
            id: self.id,
            plan: self.plan.clone(),
            progress: self.lock().clone().into(),
        }
    }

    /// Whether it is for one app alone, and that app is this; each is, where no app is named.
    pub(crate) fn is_of(&self, app: Option<SdkAppId>) -> bool {
        app.is_none() || self.plan.scope.sdkappid == app
    }

    /// How often it has fired.
    pub(crate) fn hits(&self) -> u64 {
        self.lock().hits
    }

    /// How often it will fire yet; `None` for as long as it is armed.
    pub(crate) fn left(&self) -> Option<u64> {
        Some(self.plan.times? - self.hits())
    }

    /// Whether all that was asked of it has happened: each of its times, or one at least.
    pub(crate) fn is_consumed(&self) -> bool {
        self.left().map_or(self.hits() > 0, |left| left == 0)
    }

    /// The code that it answers, where it answers one.
    pub(crate) fn code(&self) -> Option<Code> {
        match self.plan.kind {
            Kind::ResultCode(code) | Kind::Ending(Ending::Code(code)) => Some(code),
            Kind::Delay(_) | Kind::Ending(Ending::Wire(_)) => None,
        }
    }

    fn ending(&self) -> Option<Ending> {
        match self.plan.kind {
            Kind::Ending(ending) => Some(ending),
            Kind::ResultCode(_) | Kind::Delay(_) => None,
        }
    }

    /// Whether this match fails.
    fn fires(&self) -> bool {
        let Plan {
            skip,
            times,
            chance,
            ..
        } = &self.plan;
        let mut progress = self.lock();
        if times.is_some_and(|times| progress.hits >= times) {
            return false;
        }
        progress.matches += 1;
        let fires = progress.matches > *skip
            && chance.is_none_or(|chance| progress.random.f64() < chance.probability);
        progress.hits += u64::from(fires);
        fires
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    /// A fault of this kind that fires wherever it matches.
    pub(crate) fn always(scope: Scope, kind: Kind) -> Self {
        Self {
            scope,
            skip: 0,
            times: None,
            chance: None,
            kind,
            commits: false,
        }
    }
}
