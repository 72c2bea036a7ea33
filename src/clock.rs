//! The clocks. No other module reads the system's time, so that tests can hold a clock.
//!
//! The emulator has a clock, and each app has one of its own, so that tests that run in parallel can each
//! move the time of their app:
//!
//! - An app's clock begins as a copy of the emulator's clock, and is moved alone. A reset of the app, or of
//!   its clock, makes it a copy again.
//! - What is done to the emulator's clock is done to every app's clock as well.
//!
//! An app's clock is independent, not an offset from the emulator's clock: a held emulator clock could
//! otherwise not be released for one app.

use crate::protocol::ids::UnixTime;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The latest time that a clock can be moved to, in seconds: the end of the year 9999.
pub(crate) const LATEST: i64 = 253_402_300_799;

/// A reading of the system's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemMoment {
    /// The system's wall-clock time since 1970-01-01 UTC.
    pub wall: Duration,
    instant: Instant,
}

/// A clock. UserSig expiry, AddTime, the rate limits and the limit of friend requests per minute use the
/// clock of their app.
///
/// A held clock stands still until it is advanced or released. A clock that was set to another time keeps
/// its distance to the system's time when it runs again, until it is reset: it never runs back unasked.
#[derive(Debug)]
pub(crate) struct Clock {
    motion: RwLock<Motion>,
}

/// The emulator's clock. It moves the clocks of all apps as well.
#[derive(Debug, Default)]
pub struct EmulatorClock {
    own: Clock,
    /// The clocks of the apps. Locked while any of them is made, moved with this one or reset, so that a
    /// new clock misses no change.
    apps: Mutex<Vec<Weak<Clock>>>,
}

/// The clock of one app. It can be moved alone.
#[derive(Clone, Debug)]
pub struct AppClock {
    own: Arc<Clock>,
    emulator: Arc<EmulatorClock>,
}

/// A moment on a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Wall-clock time since 1970-01-01 UTC. It jumps when the clock is set or reset.
    pub wall: Duration,
    /// The time that has passed on the clock. It is monotonic.
    pub steady: Duration,
}

/// A change of a clock.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    /// Holds it, at this wall-clock time or at its present time.
    Hold(Option<UnixTime>),
    /// Moves it on. A running clock goes on, and a held clock stays held.
    Advance(Duration),
    /// Lets it run on from its time.
    Release,
}

#[derive(Clone, Copy, Debug)]
enum Motion {
    /// Runs with the system's clock. The steady time was `steady` at `since`.
    Running {
        offset: Offset,
        steady: Duration,
        since: Instant,
    },
    Held(Moment),
}

/// A distance to the system's time.
#[derive(Clone, Copy, Debug)]
enum Offset {
    Ahead(Duration),
    Behind(Duration),
}

impl Offset {
    const ZERO: Self = Self::Ahead(Duration::ZERO);

    fn between(wall: Duration, system: Duration) -> Self {
        match wall.checked_sub(system) {
            Some(ahead) => Self::Ahead(ahead),
            None => Self::Behind(system - wall),
        }
    }

    fn apply(self, system: Duration) -> Duration {
        match self {
            Self::Ahead(ahead) => system.saturating_add(ahead),
            Self::Behind(behind) => system.saturating_sub(behind),
        }
    }
}

impl SystemMoment {
    /// Reads the system's clocks.
    #[expect(
        clippy::disallowed_methods,
        reason = "only this module reads the system's time"
    )]
    pub fn now() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            wall: wall.unwrap_or_default(),
            instant: Instant::now(),
        }
    }

    /// The wall-clock time in whole seconds.
    pub fn unix_time(self) -> UnixTime {
        unix_time(self.wall)
    }

    /// The time from an earlier moment to this one. A change of the system's date does not count.
    pub fn since(self, earlier: Self) -> Duration {
        self.instant.saturating_duration_since(earlier.instant)
    }

    /// The time since this moment.
    pub fn elapsed(self) -> Duration {
        Self::now().since(self)
    }
}

impl Moment {
    /// The wall-clock time in whole seconds, as the protocol uses it.
    pub fn unix_time(self) -> UnixTime {
        unix_time(self.wall)
    }

    /// A clock that runs on from this moment.
    fn go_on(self, system: SystemMoment) -> Motion {
        Motion::Running {
            offset: Offset::between(self.wall, system.wall),
            steady: self.steady,
            since: system.instant,
        }
    }
}

impl Motion {
    fn moment(self, system: SystemMoment) -> Moment {
        match self {
            Self::Held(moment) => moment,
            Self::Running {
                offset,
                steady,
                since,
            } => Moment {
                wall: offset.apply(system.wall),
                steady: steady.saturating_add(system.instant.saturating_duration_since(since)),
            },
        }
    }

    /// The same motion, with another steady time at this moment.
    fn with_steady(self, steady: Duration, system: SystemMoment) -> Self {
        match self {
            Self::Held(moment) => Self::Held(Moment { steady, ..moment }),
            Self::Running { offset, .. } => Self::Running {
                offset,
                steady,
                since: system.instant,
            },
        }
    }
}

/// Runs with the system's time.
impl Default for Clock {
    fn default() -> Self {
        Self {
            motion: RwLock::new(Motion::Running {
                offset: Offset::ZERO,
                steady: Duration::ZERO,
                since: SystemMoment::now().instant,
            }),
        }
    }
}

impl Clock {
    /// The present moment.
    pub(crate) fn now(&self) -> Moment {
        self.at(SystemMoment::now())
    }

    /// The moment on this clock at a reading of the system's clocks.
    pub(crate) fn at(&self, system: SystemMoment) -> Moment {
        self.motion().moment(system)
    }

    /// Whether the clock is held.
    pub(crate) fn is_held(&self) -> bool {
        matches!(self.motion(), Motion::Held(_))
    }

    pub(crate) fn change(&self, change: Change) {
        self.change_at(change, SystemMoment::now());
    }

    fn change_at(&self, change: Change, system: SystemMoment) {
        self.replace(|motion| {
            let now = motion.moment(system);
            match change {
                Change::Hold(at) => Motion::Held(Moment {
                    wall: at.map_or(now.wall, wall),
                    ..now
                }),
                Change::Advance(by) => {
                    let then = Moment {
                        // At the latest time, it stays where it is.
                        wall: now
                            .wall
                            .saturating_add(by)
                            .min(wall(UnixTime(LATEST)).max(now.wall)),
                        steady: now.steady.saturating_add(by),
                    };
                    match motion {
                        Motion::Held(_) => Motion::Held(then),
                        Motion::Running { .. } => then.go_on(system),
                    }
                }
                Change::Release => now.go_on(system),
            }
        });
    }

    /// Makes the clock tell the time of `motion`, and run or stand still like it. Steady time continues,
    /// so that the rate limits do.
    fn follow(&self, motion: Motion, system: SystemMoment) {
        self.replace(|own| motion.with_steady(own.moment(system).steady, system));
    }

    fn motion(&self) -> Motion {
        *self.motion.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, to: impl FnOnce(Motion) -> Motion) {
        let mut motion = self.motion.write().unwrap_or_else(PoisonError::into_inner);
        *motion = to(*motion);
    }
}

impl EmulatorClock {
    /// The present moment on the emulator's clock.
    pub fn now(&self) -> Moment {
        self.own.now()
    }

    /// The moment on the emulator's clock at a reading of the system's clocks.
    pub(crate) fn at(&self, system: SystemMoment) -> Moment {
        self.own.at(system)
    }

    /// Whether the emulator's clock is held.
    pub fn is_held(&self) -> bool {
        self.own.is_held()
    }

    /// Holds all clocks: at the wall-clock time `at`, or each at its present time.
    pub fn hold(&self, at: Option<UnixTime>) {
        self.change(Change::Hold(at));
    }

    /// Moves all clocks on. A running clock goes on, and a held clock stays held.
    pub fn advance(&self, by: Duration) {
        self.change(Change::Advance(by));
    }

    /// Lets all held clocks run on, each from its time.
    pub fn release(&self) {
        self.change(Change::Release);
    }

    /// Lets all clocks run with the system's time again. Steady time continues.
    pub fn reset(&self) {
        let start = Clock::default().motion();
        self.each(|clock, system| clock.follow(start, system));
    }

    pub(crate) fn change(&self, change: Change) {
        self.each(|clock, system| clock.change_at(change, system));
    }

    /// A clock for an app.
    pub(crate) fn new_app_clock(&self) -> Arc<Clock> {
        let mut apps = self.lock();
        let motion = RwLock::new(self.own.motion());
        let clock = Arc::new(Clock { motion });
        if apps.len() == apps.capacity() {
            apps.retain(|app| app.strong_count() > 0);
        }
        apps.push(Arc::downgrade(&clock));
        clock
    }

    /// Makes an app's clock a copy of the emulator's clock again. Steady time continues.
    pub(crate) fn reset_app_clock(&self, app: &Clock) {
        let _apps = self.lock();
        app.follow(self.own.motion(), SystemMoment::now());
    }

    /// Changes all clocks at the same moment, so that clocks with the same time keep the same time.
    fn each(&self, change: impl Fn(&Clock, SystemMoment)) {
        let apps = self.lock();
        let system = SystemMoment::now();
        change(&self.own, system);
        for app in apps.iter().filter_map(Weak::upgrade) {
            change(&app, system);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Clock>>> {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AppClock {
    /// `emulator` is the clock that moves `own` as well.
    pub(crate) fn new(own: Arc<Clock>, emulator: Arc<EmulatorClock>) -> Self {
        Self { own, emulator }
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        self.own.now()
    }

    /// Whether the clock is held.
    pub fn is_held(&self) -> bool {
        self.own.is_held()
    }

    /// Holds the clock: at the wall-clock time `at`, or at its present time.
    pub fn hold(&self, at: Option<UnixTime>) {
        self.change(Change::Hold(at));
    }

    /// Moves the clock on, to the end of the year 9999 at most. A running clock goes on, and a held clock stays
    /// held.
    pub fn advance(&self, by: Duration) {
        self.change(Change::Advance(by));
    }

    /// Lets the clock, if it is held, run on from its time.
    pub fn release(&self) {
        self.change(Change::Release);
    }

    /// Makes the clock a copy of the emulator's clock again. Steady time continues.
    pub fn reset(&self) {
        self.emulator.reset_app_clock(&self.own);
    }

    pub(crate) fn change(&self, change: Change) {
        self.own.change(change);
    }
}

fn wall(time: UnixTime) -> Duration {
    Duration::from_secs(u64::try_from(time.0).unwrap_or(0))
}

fn unix_time(wall: Duration) -> UnixTime {
    UnixTime(i64::try_from(wall.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time that a test may take.
    const SLACK: Duration = Duration::from_secs(60);

    fn system_time() -> Duration {
        SystemMoment::now().wall
    }

    #[test]
    fn released_it_runs_on_from_its_time_and_reset_it_tells_the_systems() {
        let clock = EmulatorClock::default();
        for at in [1, 1_000_000_000, 4_000_000_000] {
            for ahead in [Duration::ZERO, Duration::from_secs(3600)] {
                clock.hold(Some(UnixTime(at)));
                clock.advance(ahead);
                let held = clock.now();
                assert_eq!(clock.now(), held);

                clock.release();

                let now = clock.now();
                assert!(!clock.is_held());
                assert!(now.wall >= held.wall && now.wall - held.wall < SLACK);
                assert!(now.steady >= held.steady && now.steady - held.steady < SLACK);

                clock.reset();

                let reset = clock.now();
                assert!(reset.wall.abs_diff(system_time()) < SLACK);
                assert!(reset.steady >= now.steady);
            }
        }
    }

    #[test]
    fn advanced_it_runs_on_if_it_ran_and_stands_still_if_it_was_held() {
        let clock = Clock::default();
        let by = Duration::from_secs(86_400);
        for days in 1..4 {
            clock.change(Change::Advance(by));
            let now = clock.now();
            assert!(!clock.is_held());
            assert!(now.wall.abs_diff(system_time() + days * by) < SLACK);
            assert!(now.steady >= days * by && now.steady < days * by + SLACK);
        }
        clock.change(Change::Hold(None));
        let held = clock.now();
        clock.change(Change::Advance(by));
        assert!(clock.is_held());
        assert_eq!(clock.now().wall, held.wall + by);
        assert_eq!(clock.now().steady, held.steady + by);
    }

    /// Each change of the emulator's clock, with an app's clock that is a copy and one that was moved.
    #[test]
    fn clocks_with_the_same_time_keep_it_and_a_moved_one_keeps_its_distance() {
        let clock = EmulatorClock::default();
        let (copy, moved) = (clock.new_app_clock(), clock.new_app_clock());
        let by = Duration::from_secs(500);
        moved.change(Change::Advance(by));
        let same = |apart: Duration| {
            let system = SystemMoment::now();
            assert_eq!(copy.at(system), clock.at(system));
            assert_eq!(moved.at(system).wall, clock.at(system).wall + apart);
            assert_eq!(moved.at(system).steady, clock.at(system).steady + by);
            assert_eq!(
                (copy.is_held(), moved.is_held()),
                (clock.is_held(), clock.is_held())
            );
        };
        same(by);
        clock.hold(None);
        same(by);
        clock.advance(by);
        same(by);
        clock.release();
        same(by);
        clock.hold(Some(UnixTime(5)));
        same(Duration::ZERO);
        moved.change(Change::Advance(by));
        clock.reset_app_clock(&moved);
        assert_eq!(moved.now().wall, clock.now().wall);
        assert_eq!(moved.now().steady, clock.now().steady + 2 * by);
        clock.reset();
        let system = SystemMoment::now();
        assert_eq!(
            (copy.at(system).wall, moved.at(system).wall),
            (system.wall, system.wall)
        );
    }

    #[test]
    fn the_clocks_of_removed_apps_do_not_pile_up() {
        let clock = EmulatorClock::default();
        let stays = clock.new_app_clock();
        for _ in 0..10_000 {
            clock.new_app_clock();
        }
        assert!(clock.lock().len() < 10, "{}", clock.lock().len());
        clock.hold(None);
        assert!(stays.is_held());
    }
}
