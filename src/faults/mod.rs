//! Fault injection: which calls or items fail, when, and how.
//!
//! Faults of whole calls fire when the body is decoded, before the command runs. Faults of items fire
//! when the items are validated, before they are judged. With `commit_then`, both fire after the
//! command. Faults are tried in the order in which they were armed: delays add up until a fault ends
//! the call. While no fault is armed, a call only checks an empty list.

mod scope;
mod wire;

pub(crate) use scope::{Scope, Targets};
pub(crate) use wire::{ResetConnection, WireFault};

use crate::client_stream::Connection;
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::protocol::reply::Answer;
use crate::protocol::service::CommandInfo;
use crate::sns::pair::ItemTarget;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The armed faults, in the order in which they were armed. Copy-on-write: clones share the counters of
/// the faults.
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

/// The definition of a fault: what fails, when, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) scope: Scope,
    /// The number of matches to ignore before the fault can fire.
    pub(crate) skip: u64,
    /// The maximum number of hits; `None` means no limit.
    pub(crate) times: Option<u64>,
    /// The probability that a match fires; `None` means always.
    pub(crate) chance: Option<Chance>,
    pub(crate) kind: Kind,
    /// Whether the command runs before the answer fails (`commit_then`).
    pub(crate) commits: bool,
}

/// A reproducible sequence of random decisions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Chance {
    /// Above 0, and at most 1.
    pub(crate) probability: f64,
    pub(crate) seed: u64,
}

/// How a call or an item fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The ResultCode of an item.
    ResultCode(Code),
    /// The answer is delayed.
    Delay(Duration),
    /// The ErrorCode of the whole call.
    ErrorCode(Code),
    /// The answer of the whole call is damaged.
    Wire(WireFault),
}

#[derive(Clone, Debug)]
struct Progress {
    matches: u64,
    hits: u64,
    random: fastrand::Rng,
}

/// The faults that fire for a whole call, before its command runs and after.
#[derive(Debug, Default)]
pub(crate) struct TriggeredFaults {
    pub(crate) before: DelayThenEnd,
    pub(crate) after: DelayThenEnd,
}

/// A delay, and then the fault that ends the call, if there is one.
#[derive(Debug, Default)]
pub(crate) struct DelayThenEnd {
    delay: Duration,
    pub(crate) end: Option<Arc<Fault>>,
}

/// From_Account, and the account of each item that is valid and for which no fault has fired yet.
#[derive(Debug)]
pub(crate) struct ItemTargets {
    /// If it is `None`, each item's own account is used instead.
    from: Option<UserId>,
    tos: Vec<Option<UserId>>,
    /// The fault that has fired for each item.
    pub(crate) fired: FiredForItems,
}

/// The fault that fires for each item; empty if no fault is armed.
pub(crate) type FiredForItems = Vec<Option<Arc<Fault>>>;

impl ItemTargets {
    pub(crate) fn of<I: ItemTarget>(from: Option<UserId>, items: &[Result<I, Code>]) -> Self {
        let to = |item: &Result<I, Code>| item.as_ref().ok().map(ItemTarget::to);
        let tos = items.iter().map(to).collect();
        Self {
            from,
            tos,
            fired: Vec::new(),
        }
    }

    pub(crate) fn with_fired(self, fired: FiredForItems) -> Self {
        Self { fired, ..self }
    }
}

impl TriggeredFaults {
    /// The fault that ends the call, if there is one.
    pub(crate) fn end(&self) -> Option<&Arc<Fault>> {
        self.before.end.as_ref().or(self.after.end.as_ref())
    }
}

impl DelayThenEnd {
    /// Waits for the delay. Then the fault, if there is one, fails the call or sets `wire_fault`.
    ///
    /// The delay runs on the system's clock, because it tests the client's timeouts. It is cut short
    /// when one of the tokens is cancelled. It goes on when the client hangs up, but the connection is
    /// closed then.
    pub(crate) async fn apply(
        self,
        [stopping, app_ended]: [&CancellationToken; 2],
        connection: &Connection,
        wire_fault: &mut Option<WireFault>,
    ) -> Result<(), Code> {
        if !self.delay.is_zero() {
            let _watch = connection.watch();
            tokio::select! {
                () = tokio::time::sleep(self.delay) => {}
                () = stopping.cancelled() => {}
                () = app_ended.cancelled() => {}
            }
        }
        match self.end.as_ref().map(|fault| fault.plan.kind) {
            Some(Kind::ErrorCode(code)) => return Err(code),
            Some(Kind::Wire(fault)) => *wire_fault = Some(fault),
            Some(Kind::ResultCode(_) | Kind::Delay(_)) | None => {}
        }
        Ok(())
    }
}

impl Faults {
    /// Arms a fault. Faults that were armed earlier take precedence.
    pub(crate) fn arm(&mut self, plan: Plan) -> Arc<Fault> {
        self.last_id += 1;
        let seed = plan.chance.map_or(0, |chance| chance.seed);
        let progress = Progress {
            matches: 0,
            hits: 0,
            random: fastrand::Rng::with_seed(seed),
        };
        let fault = Arc::new(Fault {
            id: self.last_id,
            plan,
            progress: progress.into(),
        });
        Arc::make_mut(&mut self.armed).push(Arc::clone(&fault));
        fault
    }

    /// Removes the faults that match the predicate and returns them.
    pub(crate) fn disarm(&mut self, matches: impl Fn(&Fault) -> bool) -> Vec<Arc<Fault>> {
        let armed = Arc::make_mut(&mut self.armed);
        armed.extract_if(.., |fault| matches(fault)).collect()
    }

    /// All armed faults, in order.
    pub(crate) fn all(&self) -> &[Arc<Fault>] {
        &self.armed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    /// A copy of the armed faults with their current counters, for dry runs: hits on the copy do not
    /// count.
    pub(crate) fn copy_for_dry_run(&self) -> Self {
        let copy = |fault: &Arc<Fault>| Fault {
            id: fault.id,
            plan: fault.plan,
            progress: fault.lock().clone().into(),
        };
        let copies = self.armed.iter().map(|fault| copy(fault).into());
        Self {
            last_id: self.last_id,
            armed: Arc::new(copies.collect()),
        }
    }

    /// Counts the call for each matching fault, up to the fault that ends it, and returns the faults that
    /// fire.
    pub(crate) fn trigger<'a>(
        &self,
        app: SdkAppId,
        command: &CommandInfo,
        targets: &mut Targets<'a, dyn Iterator<Item = &'a str> + 'a>,
    ) -> TriggeredFaults {
        let mut triggered = TriggeredFaults::default();
        if self.of(app, command).next().is_none() {
            return triggered;
        }
        let (from, tos) = (targets.from_account, &mut targets.to_accounts);
        let tos: Vec<_> = tos.collect();
        for fault in self.of(app, command) {
            let plan = &fault.plan;
            let stage = match plan.commits {
                true => &mut triggered.after,
                false => &mut triggered.before,
            };
            match plan.kind {
                Kind::ResultCode(_) => {}
                _ if !plan.scope.matches_call(from, &tos) || !fault.fires() => {}
                Kind::Delay(delay) => stage.delay = stage.delay.saturating_add(delay),
                Kind::ErrorCode(_) | Kind::Wire(_) => {
                    stage.end = Some(Arc::clone(fault));
                    break;
                }
            }
        }
        // A call that ends before its command runs also waits for the `commit_then` delays.
        if triggered.before.end.is_some() {
            let after = std::mem::take(&mut triggered.after.delay);
            triggered.before.delay = triggered.before.delay.saturating_add(after);
        }
        triggered
    }

    /// Fails the items for which faults fire, before they are judged. Returns the fault of each item, or
    /// an empty list if no fault is armed.
    pub(crate) fn fail_items_before<I: ItemTarget>(
        &self,
        app: SdkAppId,
        command: &CommandInfo,
        from: Option<UserId>,
        items: &mut [Result<I, Code>],
    ) -> FiredForItems {
        if self.is_empty() {
            return Vec::new();
        }
        let triggered = self.trigger_items(app, command, false, &ItemTargets::of(from, items));
        for (item, fault) in items.iter_mut().zip(&triggered) {
            if let Some(code) = fault.as_ref().and_then(|fault| fault.code()) {
                *item = Err(code);
            }
        }
        triggered
    }

    /// Applies `commit_then` faults: the items were processed, but their result codes are replaced.
    /// Returns the fault of each item.
    pub(crate) fn fail_items_after(
        &self,
        app: SdkAppId,
        command: &CommandInfo,
        targets: &ItemTargets,
        answer: &mut impl Answer,
    ) -> FiredForItems {
        let fired = self.trigger_items(app, command, true, targets);
        answer.replace_codes(&mut |at| fired.get(at)?.as_ref()?.code());
        fired
    }

    /// Counts the items as matches, and returns the first fault that fires for each item. `commits`
    /// selects the `commit_then` faults instead of the others.
    pub(crate) fn trigger_items(
        &self,
        app: SdkAppId,
        command: &CommandInfo,
        commits: bool,
        ItemTargets { from, tos, .. }: &ItemTargets,
    ) -> FiredForItems {
        let mut triggered = vec![None; tos.len()];
        let is_of_items = |fault: &&Arc<Fault>| {
            matches!(fault.plan.kind, Kind::ResultCode(_)) && fault.plan.commits == commits
        };
        for fault in self.of(app, command).filter(is_of_items) {
            for (at, to) in tos.iter().enumerate() {
                let Some(to) = *to else { continue };
                let matches = fault.plan.scope.matches_item(at, from.unwrap_or(to), to);
                if triggered[at].is_none() && matches && fault.fires() {
                    triggered[at] = Some(Arc::clone(fault));
                }
            }
        }
        triggered
    }

    /// The faults of an app's command.
    fn of(&self, app: SdkAppId, command: &CommandInfo) -> impl Iterator<Item = &Arc<Fault>> {
        let faults = self.armed.iter();
        faults.filter(move |fault| fault.plan.scope.matches_command(app, command))
    }
}

impl Fault {
    /// Whether the fault is limited to this app; always true for `None`.
    pub(crate) fn is_of(&self, app: Option<SdkAppId>) -> bool {
        app.is_none() || self.plan.scope.sdkappid == app
    }

    /// The number of times that it has fired.
    pub(crate) fn hits(&self) -> u64 {
        self.lock().hits
    }

    /// The number of times that it can still fire; `None` means no limit.
    pub(crate) fn left(&self) -> Option<u64> {
        Some(self.plan.times? - self.hits())
    }

    /// Whether it has no hits left; without `times`, whether it has fired at least once.
    pub(crate) fn is_consumed(&self) -> bool {
        self.left().map_or(self.hits() > 0, |left| left == 0)
    }

    /// The fault's ErrorCode or ResultCode, if its kind has one.
    pub(crate) fn code(&self) -> Option<Code> {
        match self.plan.kind {
            Kind::ResultCode(code) | Kind::ErrorCode(code) => Some(code),
            Kind::Delay(_) | Kind::Wire(_) => None,
        }
    }

    /// Counts a match, and returns whether the fault fires.
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
    /// A fault of this kind that fires for every match.
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
