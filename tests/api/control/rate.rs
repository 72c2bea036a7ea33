//! `requests/rate`: the busiest windows of the calls, and the calls over a limit, exactly.

use super::calls::body_of;
use super::client::{Control, MadeApp};
use crate::harness::TestApp;
use serde_json::{Value, json};

const SECOND: u64 = 1_000_000_000;
const WINDOWS_MS: [u64; 5] = [10, 100, 1000, 10_000, 60_000];
const START: i64 = 1_700_000_000;

/// Gaps between calls, in nanoseconds: near the length of each window, and 0.
const GAPS: [u64; 20] = [
    0,
    0,
    0,
    0,
    0,
    0,
    1,
    999_999,
    5_000_000,
    9_999_999,
    10_000_000,
    10_000_001,
    99_999_999,
    100_000_000,
    250_000_000,
    999_999_999,
    SECOND,
    SECOND + 1,
    9_999_999_999,
    60 * SECOND,
];

/// A random number generator with a fixed seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((bits ^ (bits >> 31)) >> 33).expect("31 bits") % end
    }
}

/// The most calls in a window, and the first call that begins such a window, by brute force.
fn busiest(times: &[u64], window_ms: u64) -> (u64, usize) {
    let mut most = (0, 0);
    for (first, start) in times.iter().enumerate() {
        let is_within = |time: &&u64| **time >= *start && **time - start < window_ms * 1_000_000;
        let calls = times[first..].iter().filter(is_within).count() as u64;
        if calls > most.0 {
            most = (calls, first);
        }
    }
    most
}

/// The number of calls that a token bucket refuses. It holds `limit` tokens, gains `limit` tokens
/// per second, and counts in billionths of a token. Exact if `limit` divides a billion.
fn over_limit(times: &[u64], limit: u64) -> u64 {
    let (mut tokens, mut last, mut refused) = (limit * SECOND, 0, 0);
    for now in times {
        tokens = (tokens + (now - last) * limit).min(limit * SECOND);
        last = *now;
        match tokens.checked_sub(SECOND) {
            Some(left) => tokens = left,
            None => refused += 1,
        }
    }
    refused
}

async fn advance(control: &Control, nanoseconds: u64) {
    if nanoseconds > 0 {
        control.advance(nanoseconds as f64 / SECOND as f64).await;
    }
}

async fn rate(control: &Control, query: &str) -> Value {
    control.get(&format!("/requests/rate?{query}")).await.ok()
}

/// Compares the answer with the times of the calls, in nanoseconds since `origin` (in seconds).
#[track_caller]
fn check_busiest(rate: &Value, times: &[u64], origin: f64) {
    assert_eq!(rate["calls"], times.len());
    let said = rate["busiest"].as_array().expect("a list");
    assert_eq!(said.len(), WINDOWS_MS.len());
    for (said, window_ms) in said.iter().zip(WINDOWS_MS) {
        let (calls, first) = busiest(times, window_ms);
        assert_eq!(
            (&said["window_ms"], &said["calls"]),
            (&json!(window_ms), &json!(calls)),
            "{times:?}"
        );
        let from = said["from"].as_f64().expect("a time");
        let expected = origin + times[first] as f64 / SECOND as f64;
        assert!(
            (from - expected).abs() < 1e-6,
            "{window_ms}: {from} {expected} {times:?}"
        );
    }
}

/// Makes calls with these gaps. Returns the time of each call, and the number of refused calls.
async fn trace(made: &MadeApp, gaps: &[u64]) -> (Vec<u64>, u64) {
    let (mut now, mut times, mut refused) = (0, Vec::new(), 0);
    for gap in gaps {
        advance(&made.control, *gap).await;
        now += gap;
        times.push(now);
        refused += u64::from(made.ping().await == 60007);
    }
    (times, refused)
}

#[tokio::test]
async fn over_any_trace_each_busiest_window_and_each_limit_are_exact() {
    let app = TestApp::start().await;
    let control = app.control();
    for seed in 0..10 {
        let mut random = Random(seed);
        // Half of the traces have a rate limit. Refused calls count as calls, too.
        let limit = [0, 5][(seed % 2) as usize];
        let made = control.create(json!({"calls_per_second": limit})).await;
        let gaps: Vec<_> = (0..60).map(|_| GAPS[random.below(GAPS.len())]).collect();
        control.hold(START).await;

        let (times, refused) = trace(&made, &gaps).await;

        let app_id = made.sdkappid;
        for limit in [1, 2, 4, 5, 8, 10, 200] {
            let answer = rate(&control, &format!("sdkappid={app_id}&limit={limit}")).await;
            check_busiest(&answer, &times, START as f64);
            assert_eq!(answer["limit_per_second"], limit);
            assert_eq!(
                answer["over_limit"],
                over_limit(&times, limit),
                "seed {seed}: {times:?}"
            );
        }
        if limit > 0 {
            assert!(refused > 0, "seed {seed}");
            assert_eq!(over_limit(&times, limit), refused, "seed {seed}");
        }
    }
}

#[tokio::test]
async fn two_calls_a_windows_length_apart_are_not_in_one() {
    let app = TestApp::start().await;
    let control = app.control();
    for (at, window_ms) in WINDOWS_MS.iter().enumerate() {
        for (gap, calls) in [(window_ms * 1_000_000, 1), (window_ms * 1_000_000 - 1, 2)] {
            let made = control.create_with(&[]).await;
            control.hold(START).await;

            trace(&made, &[0, gap]).await;

            let rate = rate(&control, &format!("sdkappid={}", made.sdkappid)).await;
            assert_eq!(rate["busiest"][at]["calls"], calls, "{window_ms}: {rate}");
        }
    }
}

#[tokio::test]
async fn the_201st_in_a_second_is_over_the_documented_limit() {
    let app = TestApp::start().await;
    let control = app.control();
    control.hold(START).await;
    let made = control.create(json!({})).await;
    let (times, refused) = trace(&made, &[0; 201]).await;
    assert_eq!(refused, 1);

    let first = rate(&control, "").await;
    check_busiest(&first, &times, START as f64);
    assert_eq!(
        (&first["limit_per_second"], &first["over_limit"]),
        (&json!(200), &json!(1))
    );
    for (limit, over) in [(200, 1), (201, 0), (1, 200), (1_000_000, 0)] {
        let rate = rate(&control, &format!("limit={limit}")).await;
        assert_eq!(rate["over_limit"], over);
    }
}

#[tokio::test]
async fn only_the_calls_that_are_asked_for_are_counted() {
    let app = TestApp::start().await;
    let control = app.control();
    control.hold(START).await;
    let (one, other) = (
        control.create_with(&[]).await,
        control.create_with(&[]).await,
    );
    for (made, command, count) in [
        (&one, "sns/friend_add", 3),
        (&one, "sns/friend_get", 2),
        (&other, "sns/friend_add", 5),
    ] {
        for _ in 0..count {
            app.post(&format!("/v4/{command}"), &made.query, body_of("id"))
                .await;
        }
    }
    let (one, other) = (one.sdkappid, other.sdkappid);
    for (query, calls) in [
        (String::new(), 10),
        (format!("sdkappid={one}"), 5),
        (format!("sdkappid={other}"), 5),
        (format!("sdkappid={one}&command=friend_add"), 3),
        ("command=sns/friend_add".to_owned(), 8),
        ("command=friend_get".to_owned(), 2),
        ("since=3".to_owned(), 7),
        (format!("sdkappid={one}&since=3"), 2),
        ("since=10".to_owned(), 0),
    ] {
        let rate = rate(&control, &query).await;
        assert_eq!(rate["calls"], calls, "{query}");
        assert_eq!(rate["complete"], true, "{query}");
        assert_eq!(rate["last_id"], 10, "{query}");
        for window in rate["busiest"].as_array().expect("a list") {
            assert_eq!(window["calls"], calls, "{query}");
            let from = if calls > 0 {
                json!(START as f64)
            } else {
                Value::Null
            };
            assert_eq!(window["from"], from, "{query}");
        }
        assert_eq!(rate["over_limit"], 0, "{query}");
    }
    for (query, pointer) in [
        ("limit=0", "/limit"),
        ("limit=1000001", "/limit"),
        ("code=0", "/code"),
    ] {
        let refused = control.get(&format!("/requests/rate?{query}")).await;
        assert_eq!(refused.faults(422)[0].0, pointer, "{query}");
    }
}
