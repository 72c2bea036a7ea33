//! The call-frequency limit: one token bucket for each app and command.

use crate::protocol::ids::SdkAppId;
use dashmap::DashMap;
use std::time::Duration;

/// The buckets of all apps. A bucket is made, full, at its first call.
///
/// Its capacity is one second's calls. Time is an argument, and a bucket is one number, so a test
/// that holds the clock still gets exact answers.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    buckets: DashMap<(SdkAppId, &'static str), Bucket>,
}

impl Limiter {
    /// Takes a token at `now` (steady time) from a bucket that holds `calls_per_second` and gains
    /// as many a second; 0 is no limit. A refused call takes nothing.
    pub(crate) fn admit(
        &self,
        app: SdkAppId,
        command: &'static str,
        calls_per_second: u32,
        now: Duration,
    ) -> bool {
        calls_per_second == 0
            || self
                .buckets
                .entry((app, command))
                .or_default()
                .take(calls_per_second, now)
    }
}

/// A token bucket kept as the moment at which it is full again (the generic cell rate algorithm):
/// the tokens that are out are the time from now to then, in units of one token's interval.
#[derive(Debug, Default)]
struct Bucket {
    full_at: Duration,
}

impl Bucket {
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

    const MS: Duration = Duration::from_millis(1);

    fn app(number: &str) -> SdkAppId {
        SdkAppId::parse(number).expect("a legal SDKAppID")
    }

    fn admitted(limiter: &Limiter, rate: u32, calls: u32, now: Duration) -> usize {
        (0..calls)
            .filter(|_| limiter.admit(app("1"), "friend_add", rate, now))
            .count()
    }

    #[test]
    fn a_full_bucket_passes_one_seconds_calls_and_no_more() {
        for rate in [1, 3, 7, 100, 200, 999, 100_000] {
            assert_eq!(
                admitted(&Limiter::default(), rate, 2 * rate, MS),
                rate as usize,
                "{rate}"
            );
        }
    }

    #[test]
    fn five_milliseconds_give_exactly_one_token_at_200_a_second() {
        let limiter = Limiter::default();
        assert_eq!(admitted(&limiter, 200, 201, MS), 200);

        assert_eq!(
            admitted(&limiter, 200, 2, MS + 5 * MS - Duration::from_nanos(1)),
            0
        );
        assert_eq!(admitted(&limiter, 200, 2, 6 * MS), 1);
        assert_eq!(admitted(&limiter, 200, 400, 1006 * MS), 200);
    }

    #[test]
    fn refused_calls_cost_nothing() {
        let limiter = Limiter::default();
        admitted(&limiter, 200, 200, MS);

        assert_eq!(admitted(&limiter, 200, 10_000, 5 * MS), 0);
        assert_eq!(admitted(&limiter, 200, 1, 6 * MS), 1);
    }

    #[test]
    fn over_a_long_steady_run_the_rate_is_kept_to_the_call() {
        let limiter = Limiter::default();
        let calls = (0..10_000)
            .filter(|ms| limiter.admit(app("1"), "friend_add", 200, *ms * MS))
            .count();
        assert_eq!(calls, 200 + 9_999 / 5);
    }

    #[test]
    fn apps_and_commands_have_buckets_of_their_own() {
        let limiter = Limiter::default();
        assert!(limiter.admit(app("1"), "friend_add", 1, MS));
        assert!(!limiter.admit(app("1"), "friend_add", 1, MS));
        assert!(limiter.admit(app("2"), "friend_add", 1, MS));
        assert!(limiter.admit(app("1"), "friend_get", 1, MS));
    }

    #[test]
    fn zero_is_no_limit() {
        assert_eq!(admitted(&Limiter::default(), 0, 1000, MS), 1000);
    }
}
