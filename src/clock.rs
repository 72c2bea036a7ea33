//! The clock. No other module reads the system's time, so that tests can hold the clock.

use crate::protocol::ids::UnixTime;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The emulator's clock. UserSig expiry, AddTime, the rate limits and the limit of friend requests
/// per minute use it.
///
/// A held clock stands still until it is advanced or released.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    motion: RwLock<Motion>,
}

/// A moment on the emulator's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Wall-clock time since 1970-01-01 UTC. It can jump when the clock is held or released.
    pub wall: Duration,
    /// Time since the clock was created. It is monotonic.
    pub steady: Duration,
}

impl Moment {
    /// The wall-clock time in whole seconds, as the protocol uses it.
    pub fn unix_time(self) -> UnixTime {
        UnixTime(i64::try_from(self.wall.as_secs()).unwrap_or(i64::MAX))
    }
}

#[derive(Debug)]
enum Motion {
    /// Runs with the system's clock. The steady time was `steady` at `since`.
    Running {
        steady: Duration,
        since: Instant,
    },
    Held(Moment),
}

impl Default for Clock {
    fn default() -> Self {
        let started = now();
        let motion = RwLock::new(Motion::Running {
            steady: Duration::ZERO,
            since: started,
        });
        Self { started, motion }
    }
}

impl Clock {
    /// The present moment.
    pub fn now(&self) -> Moment {
        moment(&self.motion.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The time since the clock was created, by the system's clock. A hold does not change it.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether the clock is held.
    pub fn is_held(&self) -> bool {
        let motion = self.motion.read().unwrap_or_else(PoisonError::into_inner);
        matches!(*motion, Motion::Held(_))
    }

    /// Holds the clock, at the wall-clock time `at` or at the current time.
    pub fn hold(&self, at: Option<UnixTime>) {
        self.change(|now| Moment {
            wall: at.map_or(now.wall, wall),
            ..now
        });
    }

    /// Holds the clock and advances it by `by`.
    pub fn advance(&self, by: Duration) {
        self.change(|now| Moment {
            wall: now.wall.saturating_add(by),
            steady: now.steady.saturating_add(by),
        });
    }

    /// Lets the clock run again: wall-clock time is the system's, steady time continues.
    pub fn release(&self) {
        let mut motion = self.motion.write().unwrap_or_else(PoisonError::into_inner);
        *motion = Motion::Running {
            steady: moment(&motion).steady,
            since: now(),
        };
    }

    fn change(&self, to: impl FnOnce(Moment) -> Moment) {
        let mut motion = self.motion.write().unwrap_or_else(PoisonError::into_inner);
        *motion = Motion::Held(to(moment(&motion)));
    }
}

fn moment(motion: &Motion) -> Moment {
    match *motion {
        Motion::Held(moment) => moment,
        Motion::Running { steady, since } => Moment {
            wall: system_time(),
            steady: steady.saturating_add(since.elapsed()),
        },
    }
}

fn wall(time: UnixTime) -> Duration {
    Duration::from_secs(u64::try_from(time.0).unwrap_or(0))
}

#[expect(
    clippy::disallowed_methods,
    reason = "only this module reads the system's time"
)]
fn now() -> Instant {
    Instant::now()
}

/// The system's time since 1970-01-01 UTC.
#[expect(
    clippy::disallowed_methods,
    reason = "only this module reads the system's time"
)]
fn system_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

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
