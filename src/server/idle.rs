//! Notices that nothing happens on a connection.

use std::time::Duration;
use tokio::time::sleep;

/// Completes when `activity` has not changed for at least `timeout`, and at most twice as long. `None` means that
/// a call is in progress.
pub(super) async fn until_idle(timeout: Duration, activity: impl Fn() -> Option<u64>) {
    let mut before = activity();
    loop {
        sleep(timeout).await;
        let now = activity();
        if now.is_some() && now == before {
            return;
        }
        before = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tokio::time::Instant;

    const TIMEOUT: Duration = Duration::from_secs(75);

    #[tokio::test(start_paused = true)]
    async fn silence_ends_after_the_timeout_and_activity_begins_it_anew() {
        let began = Instant::now();
        until_idle(TIMEOUT, || Some(7)).await;
        assert_eq!(began.elapsed().as_secs(), 75);

        let (began, count) = (Instant::now(), AtomicU64::new(0));
        let work = async {
            for _ in 0..10 {
                sleep(Duration::from_secs(60)).await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        };
        let idle = until_idle(TIMEOUT, || Some(count.load(Ordering::Relaxed)));
        tokio::join!(work, idle);
        let seconds = began.elapsed().as_secs();
        assert!((675..=750).contains(&seconds), "{seconds} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_in_progress_is_no_silence() {
        let began = Instant::now();
        let idle = until_idle(TIMEOUT, || (began.elapsed() > 3 * TIMEOUT).then_some(0));
        idle.await;
        assert!(began.elapsed() >= 4 * TIMEOUT);
    }
}
