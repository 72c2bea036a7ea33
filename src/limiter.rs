//! The rate limits of an app: one token bucket for each command.
//!
//! The governor crate has the same algorithm, but it shows the remaining tokens only when a call takes
//! one, and it reads a clock instead of taking the time as an argument, which [`Replay`] needs.

use crate::protocol::service::CommandInfo;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The buckets by command name.
type Buckets = HashMap<&'static str, Bucket, RandomState>;

/// An app's rate limits. A bucket is full at first, and its capacity is the calls of one second.
///
/// The time is an argument, so that tests with a held clock get exact results.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    /// The limit of every command, in place of the documented one.
    calls_per_second: Option<u32>,
    buckets: Mutex<Buckets>,
}

impl Limiter {
    /// `calls_per_second` is the limit of every command; `None`: each has its documented limit; 0: no
    /// limit.
    pub(crate) fn new(calls_per_second: Option<u32>) -> Self {
        Self {
            calls_per_second,
            buckets: Mutex::default(),
        }
    }

    /// A command's limit in calls per second (0: no limit), and its remaining tokens.
    pub(crate) fn look(&self, command: &CommandInfo, now: Duration) -> (u32, u32) {
        let buckets = self.lock();
        let bucket = buckets.get(command.name).copied().unwrap_or_default();
        let limit = bucket.limit(self.calls_per_second, command);
        (limit, bucket.left(limit, now))
    }

    /// Sets limits of single commands, with full buckets; `None` removes such a limit.
    pub(crate) fn set(&self, limits: &[(&CommandInfo, Option<u32>)]) {
        let mut buckets = self.lock();
        for (command, calls_per_second) in limits {
            let bucket = Bucket {
                calls_per_second: *calls_per_second,
                full_at: Duration::ZERO,
            };
            buckets.insert(command.name, bucket);
        }
    }

    /// Takes a token at `now` (steady time). A rejected call takes no token.
    pub(crate) fn admit(&self, command: &CommandInfo, now: Duration) -> bool {
        let mut buckets = self.lock();
        let bucket = buckets.entry(command.name).or_default();
        match bucket.limit(self.calls_per_second, command) {
            0 => true,
            calls_per_second => bucket.take(calls_per_second, now),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A separate bucket, for calls that were made before.
pub(crate) struct Replay {
    calls_per_second: u32,
    bucket: Bucket,
}

impl Replay {
    /// `calls_per_second` must not be 0.
    pub(crate) fn new(calls_per_second: u32) -> Self {
        Self {
            calls_per_second,
            bucket: Bucket::default(),
        }
    }

    /// Whether a call at `now` (steady time) would have been admitted.
    pub(crate) fn admits(&mut self, now: Duration) -> bool {
        self.bucket.take(self.calls_per_second, now)
    }
}

/// A token bucket, stored as the time at which it is full again (generic cell rate algorithm): the
/// time until then, divided by the interval of one token, is the number of tokens taken.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// The limit of this command alone.
    calls_per_second: Option<u32>,
    full_at: Duration,
}

impl Bucket {
    fn limit(&self, of_all: Option<u32>, command: &CommandInfo) -> u32 {
        let limit = self.calls_per_second.or(of_all);
        limit.unwrap_or(command.calls_per_second)
    }

    fn left(&self, calls_per_second: u32, now: Duration) -> u32 {
        if calls_per_second == 0 {
            return 0;
        }
        let interval = Duration::from_secs(1) / calls_per_second;
        let out = self.full_at.saturating_sub(now).as_nanos();
        let out = out.div_ceil(interval.as_nanos());
        calls_per_second.saturating_sub(u32::try_from(out).unwrap_or(u32::MAX))
    }

    fn take(&mut self, calls_per_second: u32, now: Duration) -> bool {
        let interval = Duration::from_secs(1) / calls_per_second;
        let full_at = self.full_at.max(now) + interval;
        let admitted = full_at - now <= interval * calls_per_second;
        if admitted {
            self.full_at = full_at;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::service::{Service, Subject};

    const MS: Duration = Duration::from_millis(1);

    const FRIEND_ADD: &CommandInfo =
        &Service::Sns.command("friend_add", 200, Subject::FromAndItems);

    fn admitted(limiter: &Limiter, calls: u32, now: Duration) -> usize {
        (0..calls)
            .filter(|_| limiter.admit(FRIEND_ADD, now))
            .count()
    }

    #[test]
    fn a_full_bucket_passes_one_seconds_calls_and_no_more() {
        for rate in [1, 3, 7, 100, 200, 999, 100_000] {
            let limiter = Limiter::new(Some(rate));
            assert_eq!(admitted(&limiter, 2 * rate, MS), rate as usize, "{rate}");
        }
    }

    #[test]
    fn five_milliseconds_give_exactly_one_token_at_200_a_second() {
        let limiter = Limiter::default();
        assert_eq!(admitted(&limiter, 201, MS), 200);

        let almost = MS + 5 * MS - Duration::from_nanos(1);
        assert_eq!(admitted(&limiter, 2, almost), 0);
        assert_eq!(admitted(&limiter, 2, 6 * MS), 1);
        assert_eq!(admitted(&limiter, 400, 1006 * MS), 200);
    }

    #[test]
    fn refused_calls_cost_nothing() {
        let limiter = Limiter::default();
        admitted(&limiter, 200, MS);

        assert_eq!(admitted(&limiter, 10_000, 5 * MS), 0);
        assert_eq!(admitted(&limiter, 1, 6 * MS), 1);
    }

    #[test]
    fn over_a_long_steady_run_the_rate_is_kept_to_the_call() {
        let limiter = Limiter::default();
        let calls = (0..10_000)
            .filter(|ms| limiter.admit(FRIEND_ADD, *ms * MS))
            .count();
        assert_eq!(calls, 200 + 9_999 / 5);
    }

    #[test]
    fn commands_have_buckets_of_their_own() {
        let limiter = Limiter::new(Some(1));
        let other = CommandInfo {
            name: "friend_get",
            ..*FRIEND_ADD
        };
        assert!(limiter.admit(FRIEND_ADD, MS));
        assert!(!limiter.admit(FRIEND_ADD, MS));
        assert!(limiter.admit(&other, MS));
    }

    #[test]
    fn zero_is_no_limit() {
        assert_eq!(admitted(&Limiter::new(Some(0)), 1000, MS), 1000);
    }
}
