//! What time it is. The only file that asks the system, so that tests can hold time still.

use crate::protocol::ids::UnixTime;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The emulator's clock: UserSig expiry, AddTime, the limiter and request windows all run on it.
///
/// Held, it stands still until it is advanced or released.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    motion: RwLock<Motion>,
}

/// A moment on the emulator's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The wall's time, since 1970-01-01 UTC. It may jump when the clock is held or released.
    pub wall: Duration,
    /// The time since the clock was made. It never runs backwards.
    pub steady: Duration,
}

impl Moment {
    /// The wall's time in whole seconds, as the protocol counts.
    pub fn unix_time(self) -> UnixTime {
        UnixTime(i64::try_from(self.wall.as_secs()).unwrap_or(i64::MAX))
    }
}

#[derive(Debug)]
enum Motion {
    /// As the system's clock runs; what steady time lost or gained while it was held stays.
    Running {
        behind: Duration,
        ahead: Duration,
    },
    Held(Moment),
}

impl Default for Clock {
    fn default() -> Self {
        let motion = Motion::Running {
            behind: Duration::ZERO,
            ahead: Duration::ZERO,
        };
        Self {
            started: now(),
            motion: RwLock::new(motion),
        }
    }
}

impl Clock {
    /// The present moment.
    pub fn now(&self) -> Moment {
        self.moment(&self.motion.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The system's time since the clock was made, held or not.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether it is held.
    pub fn is_held(&self) -> bool {
        let motion = self.motion.read().unwrap_or_else(PoisonError::into_inner);
        matches!(*motion, Motion::Held(_))
    }

    /// Stops the clock, at `at` seconds of wall time if given, else where it is.
    pub fn hold(&self, at: Option<UnixTime>) {
        self.change(|now| Moment {
            wall: at.map_or(now.wall, wall),
            ..now
        });
    }

    /// Holds the clock, moved on by `by`.
    pub fn advance(&self, by: Duration) {
        self.change(|now| Moment {
            wall: now.wall.saturating_add(by),
            steady: now.steady.saturating_add(by),
        });
    }

    /// Lets the clock run again: wall time is the system's, steady time goes on from where it is.
    pub fn release(&self) {
        let mut motion = self.motion.write().unwrap_or_else(PoisonError::into_inner);
        let steady = self.moment(&motion).steady;
        let elapsed = self.started.elapsed();
        *motion = Motion::Running {
            behind: elapsed.saturating_sub(steady),
            ahead: steady.saturating_sub(elapsed),
        };
    }

    fn change(&self, to: impl FnOnce(Moment) -> Moment) {
        let mut motion = self.motion.write().unwrap_or_else(PoisonError::into_inner);
        *motion = Motion::Held(to(self.moment(&motion)));
    }

    fn moment(&self, motion: &Motion) -> Moment {
        match *motion {
            Motion::Held(moment) => moment,
            Motion::Running { behind, ahead } => Moment {
                wall: system_time(),
                steady: self
                    .started
                    .elapsed()
                    .saturating_add(ahead)
                    .saturating_sub(behind),
            },
        }
    }
}

fn wall(time: UnixTime) -> Duration {
    Duration::from_secs(u64::try_from(time.0).unwrap_or(0))
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
fn now() -> Instant {
    Instant::now()
}

/// The system's own time, since 1970-01-01 UTC.
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
pub(crate) fn system_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_it_stands_still_and_moves_only_when_advanced() {
        let clock = Clock::default();

        clock.hold(Some(UnixTime(1_700_000_000)));
        let held = clock.now();
        clock.advance(Duration::from_millis(5));

        assert_eq!(held.unix_time(), UnixTime(1_700_000_000));
        assert_eq!(clock.now().wall - held.wall, Duration::from_millis(5));
        assert_eq!(clock.now().steady - held.steady, Duration::from_millis(5));
        assert_eq!(clock.now(), clock.now());
    }

    #[test]
    fn released_it_tells_the_systems_time_and_steady_time_never_runs_back() {
        let clock = Clock::default();
        for ahead in [Duration::ZERO, Duration::from_secs(3600)] {
            clock.hold(Some(UnixTime(1)));
            clock.advance(ahead);
            let held = clock.now();

            clock.release();

            let now = clock.now();
            assert!(now.unix_time() > UnixTime(1_700_000_000));
            assert!(now.steady >= held.steady);
            assert!(now.steady - held.steady < Duration::from_secs(60));
        }
    }
}
