//! The rate limits of an app: one token bucket for each command.
//!
//! The governor crate has the same algorithm, but it shows the remaining tokens only when a call takes
//! one, and it reads a clock instead of taking the time as an argument, which the control API's check
//! of past calls needs.

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
    /// The limit of every command, in place of the documented limits.
    calls_per_second: Option<u32>,
    buckets: Mutex<Buckets>,
}

/// A new limit of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NewLimit {
    /// In calls per second, with a full bucket; `None` restores the app's limit.
    Full(Option<u32>),
    /// The same, but nothing changes if the command has this limit already.
    FullIfOther(u32),
}

impl Limiter {
    /// `calls_per_second` is the limit of every command. `None` means the documented limits, 0
    /// means no limit.
    pub(crate) fn new(calls_per_second: Option<u32>) -> Self {
        Self {
            calls_per_second,
            buckets: Mutex::default(),
        }
    }

    /// A command's limit in calls per second (0 means no limit), and its remaining tokens.
    pub(crate) fn limit_and_left(&self, command: &CommandInfo, now: Duration) -> (u32, u32) {
        let buckets = self.lock();
        let bucket = buckets.get(command.name).copied().unwrap_or_default();
        let limit = bucket.limit(self.calls_per_second, command);
        (limit, bucket.left(limit, now))
    }

    /// Sets the limits of single commands.
    pub(crate) fn set<'a>(&self, limits: impl Iterator<Item = (&'a CommandInfo, NewLimit)>) {
        let mut buckets = self.lock();
        for (command, limit) in limits {
            let bucket = buckets.entry(command.name).or_default();
            let calls_per_second = match limit {
                NewLimit::Full(calls_per_second) => calls_per_second,
                NewLimit::FullIfOther(limit) => {
                    if bucket.limit(self.calls_per_second, command) == limit {
                        continue;
                    }
                    Some(limit)
                }
            };
            *bucket = Bucket {
                calls_per_second,
                full_at: Duration::ZERO,
            };
        }
    }

    /// Takes a token at `now` (steady time). If no token is left, the error is the limit in calls per
    /// second.
    pub(crate) fn admit(&self, command: &CommandInfo, now: Duration) -> Result<(), u32> {
        let mut buckets = self.lock();
        let bucket = buckets.entry(command.name).or_default();
        match bucket.limit(self.calls_per_second, command) {
            0 => Ok(()),
            limit => bucket.take(limit, now).then_some(()).ok_or(limit),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token bucket, stored as the time at which it is full again (generic cell rate algorithm): the
/// time until then, divided by the interval of one token, is the number of tokens taken.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    /// The limit of this command, in place of the app's limit.
    calls_per_second: Option<u32>,
    full_at: Duration,
}

impl Bucket {
    fn limit(&self, of_app: Option<u32>, command: &CommandInfo) -> u32 {
        let limit = self.calls_per_second.or(of_app);
        limit.unwrap_or(command.calls_per_second)
    }

    fn left(&self, calls_per_second: u32, now: Duration) -> u32 {
        if calls_per_second == 0 {
            return 0;
        }
        let interval = Duration::from_secs(1) / calls_per_second;
        let until_full = self.full_at.saturating_sub(now).as_nanos();
        let taken = until_full.div_ceil(interval.as_nanos());
        calls_per_second.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX))
    }

    /// Takes a token at `now` (steady time), if one is left. `calls_per_second` must not be 0.
    pub(crate) fn take(&mut self, calls_per_second: u32, now: Duration) -> bool {
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

    #[test]
    fn a_full_bucket_passes_one_seconds_calls_and_no_more() {
        for rate in [1, 3, 7, 100, 200, 999, 100_000] {
            let limiter = Limiter::new(Some(rate));
            let calls = 0..2 * rate;
            let admitted = calls
                .filter(|_| limiter.admit(FRIEND_ADD, MS).is_ok())
                .count();
            assert_eq!(admitted, rate as usize, "{rate}");
        }
    }
}
