//! The clock. No other module reads the system's time, so that tests can hold the clock.

use crate::protocol::ids::UnixTime;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The emulator's clock. UserSig expiry, AddTime, the rate limits and the limit of friend requests
/// per minute use it.
///
/// A held clock stands still until it is advanced or released. A clock that was set to another time keeps
/// its distance to the system's time when it runs again, until it is reset: it never runs back unasked.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    motion: RwLock<Motion>,
}

/// A moment on the emulator's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Wall-clock time since 1970-01-01 UTC. It jumps when the clock is set or reset.
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

impl Default for Clock {
    fn default() -> Self {
        let started = now();
        let motion = RwLock::new(Motion::Running {
            offset: Offset::ZERO,
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
        self.change(|now, _| {
            Motion::Held(Moment {
                wall: at.map_or(now.wall, wall),
                ..now
            })
        });
    }

    /// Advances the clock by `by`. A running clock goes on, and a held clock stays held.
    pub fn advance(&self, by: Duration) {
        self.change(|now, is_held| {
            let then = Moment {
                wall: now.wall.saturating_add(by),
                steady: now.steady.saturating_add(by),
            };
            match is_held {
                true => Motion::Held(then),
                false => then.go_on(),
            }
        });
    }

    /// Lets a held clock run on from its time.
    pub fn release(&self) {
        self.change(|now, _| now.go_on());
    }

    /// Lets the clock run with the system's time again. Steady time continues.
    pub fn reset(&self) {
        self.change(|moment, _| Motion::Running {
            offset: Offset::ZERO,
            steady: moment.steady,
            since: now(),
        });
    }

    /// Replaces the motion. `to` gets the present moment, and whether the clock is held.
    fn change(&self, to: impl FnOnce(Moment, bool) -> Motion) {
        let mut motion = self.motion.write().unwrap_or_else(PoisonError::into_inner);
        *motion = to(moment(&motion), matches!(*motion, Motion::Held(_)));
    }
}

impl Moment {
    /// A clock that runs on from this moment.
    fn go_on(self) -> Motion {
        Motion::Running {
            offset: Offset::between(self.wall, system_time()),
            steady: self.steady,
            since: now(),
        }
    }
}

fn moment(motion: &Motion) -> Moment {
    match *motion {
        Motion::Held(moment) => moment,
        Motion::Running {
            offset,
            steady,
            since,
        } => Moment {
            wall: offset.apply(system_time()),
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

    /// The time that a test may take.
    const SLACK: Duration = Duration::from_secs(60);

    #[test]
    fn released_it_runs_on_from_its_time_and_reset_it_tells_the_systems() {
        let clock = Clock::default();
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
            clock.advance(by);
            let now = clock.now();
            assert!(!clock.is_held());
            assert!(now.wall.abs_diff(system_time() + days * by) < SLACK);
            assert!(now.steady >= days * by && now.steady < days * by + SLACK);
        }
        clock.hold(None);
        let held = clock.now();
        clock.advance(by);
        assert!(clock.is_held());
        assert_eq!(clock.now().wall, held.wall + by);
        assert_eq!(clock.now().steady, held.steady + by);
    }
}
