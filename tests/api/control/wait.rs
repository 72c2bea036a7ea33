//! Waiting for calls: it succeeds at once, when the calls come, or not at all.

use super::calls::body_of;
use super::client::{Answer, Control};
use crate::harness::TestApp;
use crate::wire::Wire;
use serde_json::{Value, json};
use std::time::Duration;
use tencent_chat_emulator::clock::SystemMoment;
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(20);

fn wait(control: &Control, query: &str) -> JoinHandle<Answer> {
    let (control, path) = (control.clone(), format!("/requests/wait?{query}"));
    tokio::spawn(async move { control.get(&path).await })
}

/// Lets the spawned waiters begin to wait. They and the server run on this thread.
async fn let_arrive(control: &Control) {
    for _ in 0..20 {
        control.get("/health").await.ok();
    }
}

async fn end(waiter: JoinHandle<Answer>) -> Answer {
    let ended = tokio::time::timeout(PATIENCE, waiter).await;
    ended.expect("it ends").expect("it does not panic")
}

#[tokio::test]
async fn what_is_there_is_answered_at_once_even_with_no_time_at_all() {
    let app = TestApp::start().await;
    let control = app.control();
    for calls in 0..=3_u64 {
        for wished in 0..=calls {
            for timeout in ["timeout_ms=0", "timeout_ms=60000", ""] {
                let path = format!("/requests/wait?count={wished}&{timeout}");
                let answer = control.get(&path).await.ok();
                assert_eq!(answer["count"], calls, "{path}");
                assert_eq!(answer["last_id"], calls, "{path}");
            }
        }
        app.send_body(body_of("id")).await;
    }
}

#[tokio::test]
async fn each_waiter_goes_when_its_call_comes_and_not_before() {
    let app = TestApp::start().await;
    let control = app.control();
    let mut waiters: Vec<_> = (1..=8)
        .map(|count| {
            wait(
                &control,
                &format!("count={count}&from_account=id&timeout_ms=60000"),
            )
        })
        .collect();
    let mut default = Some(wait(&control, "from_account=id"));
    let_arrive(&control).await;

    for number in 1..=8_u64 {
        // No waiter waits for this call.
        app.send_body(body_of("other")).await;
        let_arrive(&control).await;
        assert!(
            waiters.iter().all(|waiter| !waiter.is_finished()),
            "{number}"
        );

        app.send_body(body_of("id")).await;

        assert_eq!(end(waiters.remove(0)).await.ok()["count"], number);
        if let Some(default) = default.take() {
            assert_eq!(end(default).await.ok()["count"], 1);
        }
    }
}

#[tokio::test]
async fn what_does_not_come_in_time_is_408_with_how_many_did() {
    let app = TestApp::start().await;
    let control = app.control();
    for came in 0..3_u64 {
        for (timeout, query) in [
            (0, "count=5"),
            (70, "count=5&code=0"),
            (70, "count=3&from_account=x"),
        ] {
            let counted = if query.contains("from") { 0 } else { came };
            let started = SystemMoment::now();

            let answer = control
                .get(&format!("/requests/wait?{query}&timeout_ms={timeout}"))
                .await;

            assert!(started.elapsed() >= Duration::from_millis(timeout));
            assert_eq!(answer.faults(408), []);
            let wished = &query[6..7];
            let detail = format!("{counted} of {wished} calls in {timeout} ms");
            assert_eq!(answer.json["detail"], detail);
        }
        assert_eq!(app.send_body(body_of("id")).await, 0);
    }
}

/// Timeouts do not use the emulator's clock.
#[tokio::test]
async fn time_is_the_systems_even_while_the_clock_is_held() {
    let app = TestApp::start().await;
    let control = app.control();
    control.hold(0).await;
    assert_eq!(
        control.get("/requests/wait?timeout_ms=50").await.status,
        408
    );
}

#[tokio::test]
async fn it_goes_on_through_a_cleared_journal_and_a_reset_and_counts_what_comes_then() {
    let app = TestApp::start().await;
    let control = app.control();
    for (method, path) in [("DELETE", "/requests"), ("POST", "/reset")] {
        let waiter = wait(&control, "count=3&timeout_ms=60000");
        let_arrive(&control).await;
        for _ in 0..2 {
            app.send_body(body_of("id")).await;
        }
        let_arrive(&control).await;

        let method = method.parse().expect("a method");
        control.send(method, path, None).await.ok();

        for _ in 0..2 {
            app.send_body(body_of("id")).await;
            let_arrive(&control).await;
            assert!(!waiter.is_finished(), "{path}");
        }
        app.send_body(body_of("id")).await;
        let answer = end(waiter).await.ok();
        assert_eq!(
            (&answer["count"], &answer["complete"]),
            (&json!(3), &json!(true)),
            "{path}"
        );
        control.delete("/requests").await.ok();
    }
}

#[tokio::test]
async fn it_ends_when_the_emulator_stops() {
    let app = TestApp::start().await;
    let mut wire = Wire::connect(app.emulator.addr()).await;
    let call =
        "GET /_emulator/v1/requests/wait?timeout_ms=60000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    wire.send(call.as_bytes()).await;
    let_arrive(&app.control()).await;

    let stopping = tokio::time::timeout(PATIENCE, app.emulator.stop());
    let (answer, stopped) = tokio::join!(wire.read_response(), stopping);

    stopped.expect("it stops");
    assert_eq!(answer.status, 503, "{}", answer.body);
    let problem: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(problem["detail"], "the emulator is shutting down");
}

#[tokio::test]
async fn bad_waits_are_refused_with_their_place() {
    let app = TestApp::start().await;
    for (query, pointer) in [
        ("count=-1", "/count"),
        ("count=x", "/count"),
        ("timeout_ms=60001", "/timeout_ms"),
        ("timeout_ms=-1", "/timeout_ms"),
        ("timeout=1", "/timeout"),
        ("limit=1", "/limit"),
    ] {
        let answer = app.control().get(&format!("/requests/wait?{query}")).await;
        let faults = answer.faults(422);
        assert_eq!(faults[0].0, pointer, "{query}: {faults:?}");
    }
}

#[tokio::test]
async fn a_command_that_there_is_not_is_refused_before_anybody_waits() {
    let app = TestApp::start().await;
    let control = app.control();
    for path in ["", "/count", "/wait", "/rate"] {
        for name in ["frend_add", "sns/frend_add"] {
            let answer = control
                .get(&format!("/requests{path}?command={name}"))
                .await;
            assert_eq!(answer.faults(422)[0].0, "/command", "{path}");
        }
        let unset = control.get(&format!("/requests{path}?sdkappid=")).await;
        assert_eq!(unset.faults(422)[0].0, "/sdkappid", "{path}");
        let twice = control
            .get(&format!(
                "/requests{path}?command=friend_add&command=friend_get"
            ))
            .await;
        assert_eq!(twice.faults(422)[0].1, "is given twice", "{path}");
    }
    // A name that was called is accepted, although there is no such command.
    app.post("/v4/sns/frend_add", &app.query(), "{}").await;
    assert_eq!(
        control.get("/requests/wait?command=frend_add").await.ok()["count"],
        1
    );
}
