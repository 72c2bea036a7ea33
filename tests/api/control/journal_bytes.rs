//! The journal is limited by size, and says exactly which calls it dropped.

use super::calls::{body_of, ids};
use super::client::Control;
use crate::harness::TestApp;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;

const BYTES: &str = "emulator_journal_bytes";

async fn start(journal_bytes: usize) -> (TestApp, Control) {
    let app = TestApp::start_with(|config| config.journal.bytes = journal_bytes).await;
    let control = app.control();
    (app, control)
}

/// Checks the journal after `last` calls, for several `since`. Returns the number of dropped calls.
async fn check(control: &Control, capacity: usize, last: u64) -> u64 {
    assert!(control.metric(BYTES).await <= capacity);
    let all = control.calls("limit=100000").await;
    let dropped = all["dropped_to"].as_u64().expect("a number");
    let held: Vec<u64> = (dropped + 1..=last).collect();
    assert_eq!(ids(&all), held);
    assert_eq!(all["last_id"], last);
    for since in [
        0,
        1,
        dropped.saturating_sub(1),
        dropped,
        dropped + 1,
        last,
        last + 1,
    ] {
        let calls = control.calls(&format!("since={since}")).await;
        let behind: Vec<u64> = held.iter().copied().filter(|id| *id > since).collect();
        assert_eq!(ids(&calls), behind, "since {since}");
        // True if no requested call is missing.
        assert_eq!(
            calls["complete"],
            dropped <= since,
            "since {since}: {calls}"
        );
        assert_eq!(calls["dropped_to"], dropped);
        assert_eq!(calls["last_id"], last);
    }
    dropped
}

#[test]
fn it_never_holds_more_and_says_exactly_what_made_room() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().expect("a runtime");
    let cases = Cases {
        cases: 4,
        failure_persistence: None,
        ..Cases::default()
    };
    let mut runner =
        TestRunner::new_with_rng(cases, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let trace = (
        1_000_usize..12_000,
        prop::collection::vec(0_usize..3_000, 1..20),
    );
    let tested = runner.run(&trace, |(capacity, sizes)| {
        runtime.block_on(async {
            let (app, control) = start(capacity).await;
            let mut dropped = 0;
            for (number, size) in (1..).zip(sizes) {
                app.send_body("x".repeat(size)).await;
                let now = check(&control, capacity, number).await;
                assert!(now >= dropped);
                dropped = now;
            }
        });
        Ok(())
    });
    tested.expect("every trace is kept right");
}

/// It does not drop more calls than necessary.
#[tokio::test]
async fn of_equal_calls_it_holds_as_many_as_fit_to_the_byte() {
    let (app, control) = start(1 << 20).await;
    app.send_body("{").await;
    let one = control.metric(BYTES).await;

    for (capacity, fit) in [(5 * one - 1, 4), (5 * one, 5), (5 * one + 1, 5)] {
        let (app, control) = start(capacity).await;
        for number in 1..=9 {
            app.send_body("{").await;
            let calls = control.calls("").await;
            let held = number.min(fit);
            let ids = ids(&calls);
            assert_eq!(ids.len() as u64, held, "{capacity}: {calls}");
            assert_eq!(calls["dropped_to"], number - held);
        }
    }
}

#[tokio::test]
async fn a_body_over_an_eighth_is_cut_to_it_and_marked() {
    let (app, control) = start(16_000).await;
    for (size, is_cut) in [
        (1_999, false),
        (2_000, false),
        (2_001, true),
        (100_000, true),
    ] {
        let body = "x".repeat(size);
        app.send_body(body.clone()).await;

        let calls = control.calls("").await;
        let entry = calls["calls"]
            .as_array()
            .expect("a list")
            .last()
            .expect("one");
        assert_eq!(entry["cut"], is_cut, "{size}");
        assert_eq!(entry["request"], body[..size.min(2_000)], "{size}");
        assert_eq!(entry["response"]["ErrorCode"], 60003, "{size}");
    }
}

/// Long answers are cut, too. A cut answer is shown as text.
#[tokio::test]
async fn an_answer_that_is_cut_is_text() {
    let (app, control) = start(8_000).await;
    app.import(["id"]);
    let items: Vec<_> = (0..40)
        .map(|n| json!({"To_Account": format!("id{n}")}))
        .collect();
    let body = json!({"From_Account": "id", "AddFriendItem": items});

    let reply = app.friend_add(body).await;

    let entry = &control.calls("").await["calls"][0];
    assert!(reply.text.len() > 1_000);
    assert_eq!(entry["cut"], true);
    assert_eq!(entry["response"], reply.text[..1_000]);
}

#[tokio::test]
async fn with_no_bytes_it_keeps_nothing_and_says_what_it_let_go() {
    let (app, control) = start(0).await;
    let untouched = control.calls("").await;
    assert_eq!(
        (&untouched["complete"], &untouched["last_id"]),
        (&json!(true), &json!(0))
    );
    for number in 1..=3_u64 {
        app.send_body(body_of("id")).await;

        assert_eq!(check(&control, 0, number).await, number);
        let count = control.get("/requests/count").await.ok();
        let gone = json!({"count": 0, "last_id": number, "complete": false, "dropped_to": number});
        assert_eq!(count, gone);
    }
    // Waiting cannot succeed.
    let wait = control.get("/requests/wait?timeout_ms=60000").await;
    assert_eq!(wait.status, 409);
    let rate = control.get("/requests/rate").await.ok();
    assert_eq!(
        (&rate["calls"], &rate["complete"]),
        (&json!(0), &json!(false))
    );
    assert_eq!(control.delete("/requests").await.ok(), json!({"calls": 0}));
}
