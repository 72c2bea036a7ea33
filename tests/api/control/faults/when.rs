//! When faults fire: `skip`, `times` and `probability`.

use super::{Bench, End, friend_check, merged};
use futures_util::future::join_all;
use serde_json::{Value, json};

const MATCHES: usize = 8;

/// Whether each match has to fire.
fn fires(skip: usize, times: Option<usize>) -> Vec<bool> {
    let last = times.map_or(usize::MAX, |times| skip + times);
    (0..MATCHES).map(|at| (skip..last).contains(&at)).collect()
}

fn rules() -> impl Iterator<Item = (usize, Option<usize>, Value)> {
    let times = [None, Some(1), Some(2), Some(5), Some(20)];
    (0..4).flat_map(move |skip| {
        times.into_iter().map(move |times| {
            let rule = match times {
                Some(times) => json!({"skip": skip, "times": times}),
                None => json!({"skip": skip}),
            };
            (skip, times, rule)
        })
    })
}

/// The expected `hits` and `left`.
fn counts(fired: &[bool], times: Option<usize>) -> (u64, Option<u64>) {
    let hits = fired.iter().filter(|fires| **fires).count() as u64;
    (hits, times.map(|times| times as u64 - hits))
}

#[tokio::test]
async fn skip_lets_so_many_calls_pass_and_then_times_of_them_fail() {
    let bench = Bench::start().await;
    for (skip, times, rule) in rules() {
        bench
            .arm(merged(json!({"code": 30008}), rule.clone()))
            .await;
        let wanted = fires(skip, times);

        for at in 0..MATCHES {
            let body = friend_check("id", &["a"]);
            let end = bench.call("sns/friend_check", &body).await;

            assert_eq!(end == End::Code(30008), wanted[at], "{rule}: call {at}");
            let counted = bench.counts().await;
            assert_eq!(counted, [counts(&wanted[..=at], times)], "{rule}: {at}");
        }
    }
}

#[tokio::test]
async fn skip_lets_so_many_items_pass_and_then_times_of_them_fail() {
    let bench = Bench::start().await;
    for commits in [false, true] {
        for (skip, times, rule) in rules() {
            let way = super::way(&json!({"result_code": 30007}), commits);
            bench.arm(merged(way, rule.clone())).await;

            let mut fired = Vec::new();
            for _ in 0..2 {
                let body = friend_check("id", &["a"; MATCHES / 2]);
                let End::Done(codes) = bench.call("sns/friend_check", &body).await else {
                    panic!("{rule}")
                };
                fired.extend(codes.iter().map(|code| *code == 30007));
            }

            assert_eq!(fired, fires(skip, times), "{rule}");
            assert_eq!(bench.counts().await, [counts(&fired, times)], "{rule}");
        }
    }
}

#[tokio::test]
async fn only_what_is_in_the_scope_is_skipped() {
    let bench = Bench::start().await;
    bench
        .arm(json!({"result_code": 30007, "to_account": "b", "skip": 1, "times": 1}))
        .await;

    let body = friend_check("id", &["a", "b", "a", "b", "b"]);
    let end = bench.call("sns/friend_check", &body).await;

    assert_eq!(end, End::Done(vec![0, 0, 0, 30007, 0]));
}

/// Whether the fault fired for each of 1000 items of a call.
async fn drawn(bench: &Bench, rule: &Value) -> Vec<bool> {
    bench
        .arm(merged(json!({"result_code": 30007}), rule.clone()))
        .await;
    let body = friend_check("id", &["a"; 1000]);
    let End::Done(codes) = bench.call("sns/friend_check", &body).await else {
        panic!("{rule}")
    };
    let fired: Vec<_> = codes.iter().map(|code| *code == 30007).collect();
    let hits = fired.iter().filter(|fires| **fires).count() as u64;
    assert_eq!(bench.counts().await[0].0, hits, "{rule}");
    fired
}

fn share(fired: &[bool]) -> usize {
    fired.iter().filter(|fires| **fires).count()
}

#[tokio::test]
async fn the_same_seed_gives_the_same_sequence_and_another_one_another() {
    let bench = Bench::start().await;
    let mut all = Vec::new();
    for seed in [0, 1, 7, u64::MAX] {
        let rule = json!({"probability": 0.5, "seed": seed});
        let fired = drawn(&bench, &rule).await;
        assert_eq!(drawn(&bench, &rule).await, fired, "{rule}");
        assert!(!all.contains(&fired), "{rule}");
        all.push(fired);
    }
}

#[tokio::test]
async fn about_as_many_fire_as_the_probability_says() {
    let bench = Bench::start().await;
    // Five standard deviations are at most 80 of 1000.
    for (probability, wanted) in [(0.01, 10), (0.1, 100), (0.5, 500), (0.9, 900)] {
        for seed in 0..5 {
            let rule = json!({"probability": probability, "seed": seed});
            let count = share(&drawn(&bench, &rule).await);
            let deviation = (1000.0_f64 * probability * (1.0 - probability)).sqrt();
            let off = (count as f64 - f64::from(wanted)).abs();
            assert!(off < 5.0 * deviation, "{rule}: {count}");
        }
    }
    assert_eq!(
        share(&drawn(&bench, &json!({"probability": 1})).await),
        1000
    );
}

#[tokio::test]
async fn without_a_seed_one_is_made_and_shown_and_gives_the_same_again() {
    let bench = Bench::start().await;
    let fired = drawn(&bench, &json!({"probability": 0.5})).await;

    let armed = bench.control.get("/faults").await.ok();
    let seed = armed[0]["fault"]["seed"].clone();

    assert!(seed.is_u64(), "{armed}");
    let again = drawn(&bench, &json!({"probability": 0.5, "seed": seed})).await;
    assert_eq!(again, fired);
    assert_ne!(drawn(&bench, &json!({"probability": 0.5})).await, fired);
}

#[tokio::test]
async fn chances_are_taken_behind_skip_and_end_after_times() {
    let bench = Bench::start().await;
    let free = drawn(&bench, &json!({"probability": 0.3, "seed": 3})).await;

    let bound = json!({"probability": 0.3, "seed": 3, "skip": 100, "times": 10});
    let bound = drawn(&bench, &bound).await;

    assert_eq!(share(&bound), 10);
    assert_eq!(share(&bound[..100]), 0);
    let last = bound.iter().rposition(|fires| *fires).expect("ten did");
    assert_eq!(bound[100..=last], free[..=last - 100]);
}

#[tokio::test]
async fn a_fault_without_times_never_ends() {
    let bench = Bench::start().await;
    bench.arm(json!({"result_code": 30007})).await;
    for call in 1..=5 {
        let body = friend_check("id", &["a"; 1000]);
        let end = bench.call("sns/friend_check", &body).await;
        assert_eq!(end, End::Done(vec![30007; 1000]));
        assert_eq!(bench.counts().await, [(1000 * call, None)]);
    }
}

#[tokio::test]
async fn of_calls_at_the_same_moment_exactly_so_many_fail() {
    let bench = Bench::start().await;
    for times in [1, 7, 20] {
        bench
            .arm(json!({"code": 30008, "times": times, "skip": 10}))
            .await;

        let body = friend_check("id", &["a"]);
        let calls = (0..40).map(|_| bench.call("sns/friend_check", &body));
        let ends = join_all(calls).await;

        let failed = ends.iter().filter(|end| **end == End::Code(30008));
        assert_eq!(failed.count() as u64, times, "{ends:?}");
        assert_eq!(bench.counts().await, [(times, Some(0))]);
    }
}
