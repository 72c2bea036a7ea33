//! Apps are isolated from each other, and operations that replace many things are atomic.

use super::client::{Control, MadeApp};
use crate::harness::TestApp;
use crate::webhooks::receiver::{Mood, Receiver};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const APPS: usize = 100;

/// Uses the same names in every app, but makes different changes.
async fn use_an_app(control: Control, number: usize) -> u64 {
    let made = control.create_with(&["a", "b", "c"]).await;
    let (befriended, other) = if number.is_multiple_of(2) {
        ("b", "c")
    } else {
        ("c", "b")
    };
    let code = 30006 + number as u64 % 3;
    let fault = json!({"sdkappid": made.sdkappid, "to_account": other, "result_code": code});
    control.post("/faults", fault).await.ok();

    let reply = made.add("a", &["b", "c"]).await;

    let code_of = |to: &str| if to == befriended { 0 } else { code };
    assert_eq!(reply.codes(), [code_of("b"), code_of("c")]);
    assert_eq!(made.list("a", "friends").await, [befriended]);
    let calls = control
        .get(&format!("/requests?sdkappid={}", made.sdkappid))
        .await
        .ok();
    assert_eq!(calls["count"], 1, "{calls}");
    assert!(
        calls["calls"][0]["response"]
            .to_string()
            .contains(&code.to_string())
    );

    let gone = control.post(&made.path("/reset"), json!({})).await.ok();

    assert_eq!(
        (&gone["accounts_before"], &gone["faults"]),
        (&json!(4), &json!(1))
    );
    assert!(made.list("a", "friends").await.is_empty());
    let count = control
        .get(&format!("/requests/count?sdkappid={}", made.sdkappid))
        .await;
    assert_eq!(count.ok()["count"], 0);
    assert_eq!(made.add("a", &["b", "c"]).await.codes(), [0, 0]);
    if number.is_multiple_of(3) {
        control.delete(&made.path("")).await.ok();
        assert_eq!(made.add("a", &["b"]).await.error_code(), 70020);
    }
    made.sdkappid
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_apps_used_and_reset_at_once_never_see_each_other() {
    let app = TestApp::start().await;
    let tasks = (0..APPS).map(|number| tokio::spawn(use_an_app(app.control(), number)));

    let ids = join_all(tasks).await;

    let ids: HashSet<u64> = ids
        .into_iter()
        .map(|id| id.expect("it went well"))
        .collect();
    assert_eq!(ids.len(), APPS);
    let left = app.control().get("/apps").await.ok();
    let left = left.as_array().expect("a list").len();
    assert_eq!(left, 1 + APPS - APPS.div_ceil(3));
    assert_eq!(app.control().get("/faults").await.ok(), json!([]));
}

/// Starts tasks that call in a loop until `stop` is true. They return the answers.
fn hammer<T: Send + 'static, F: Future<Output = T> + Send>(
    stop: &Arc<AtomicBool>,
    call: impl Fn() -> F + Clone + Send + 'static,
) -> Vec<tokio::task::JoinHandle<Vec<T>>> {
    let one = |_| {
        let (stop, call) = (Arc::clone(stop), call.clone());
        tokio::spawn(async move {
            let mut seen = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                seen.push(call().await);
            }
            seen
        })
    };
    (0..4).map(one).collect()
}

async fn stopped<T>(stop: &AtomicBool, tasks: Vec<tokio::task::JoinHandle<Vec<T>>>) -> Vec<T> {
    stop.store(true, Ordering::Relaxed);
    let seen = join_all(tasks).await.into_iter();
    seen.flat_map(|seen| seen.expect("no call failed"))
        .collect()
}

/// Resets while calls run. Before the reset, there are an account with DenyAny and a fault that
/// replaces its result: items get 30006. After the reset, both are gone: 30003. A call that gets
/// 30516 or 0 has seen a partial reset.
async fn reset_under_fire(made: &MadeApp, reset: &str) {
    let control = &made.control;
    for round in 0..30 {
        let fault = json!({"sdkappid": made.sdkappid, "to_account": "x", "result_code": 30006});
        control.post("/faults", fault).await.ok();
        let deny = json!({"allow_type": "AllowType_Type_DenyAny"});
        control.put(&made.path("/accounts/x"), deny).await.ok();
        let (stop, client) = (Arc::default(), made.clone());
        let tasks = hammer(&stop, move || {
            let client = client.clone();
            async move { client.add("a", &["x"]).await.only().0 }
        });
        let before = format!("/requests/wait?sdkappid={}&count=4", made.sdkappid);
        control.get(&before).await.ok();

        control.post(reset, json!({})).await.ok();

        // Calls that were answered before the reset are no longer in the journal.
        let after = format!("/requests/wait?sdkappid={}&count=4", made.sdkappid);
        control.get(&after).await.ok();
        let calls = control.get("/requests").await.ok();
        for call in calls["calls"].as_array().expect("a list") {
            let answer = call["response"].to_string();
            assert!(answer.contains("30003"), "round {round} of {reset}: {call}");
        }
        let seen: HashSet<u64> = stopped(&stop, tasks).await.into_iter().collect();
        assert_eq!(
            seen,
            HashSet::from([30006, 30003]),
            "round {round} of {reset}"
        );
        assert_eq!(control.get("/faults").await.ok(), json!([]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_apps_reset_is_one_step_to_the_calls_that_hammer_it() {
    let app = TestApp::start().await;
    let made = app.control().create_with(&["a"]).await;
    reset_under_fire(&made, &made.path("/reset")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reset_of_everything_is_one_step_to_the_calls_that_hammer_it() {
    let app = TestApp::start_with(|config| {
        let seed = Default::default();
        let accounts = &mut crate::harness::ConfigExt::app(config).accounts;
        accounts.insert(crate::harness::user("a"), seed);
    })
    .await;
    let made = MadeApp {
        control: app.control(),
        sdkappid: 88_888_888,
        query: app.query(),
    };
    reset_under_fire(&made, "/reset").await;
}

/// Two states of an app: without a friendship, and with a and b as mutual friends.
async fn states(made: &MadeApp) -> [Value; 2] {
    let apart = made.control.get(&made.path("/state")).await.ok();
    assert_eq!(made.add("a", &["b"]).await.codes(), [0]);
    let together = made.control.get(&made.path("/state")).await.ok();
    [apart, together]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_is_put_or_restored_is_never_seen_by_halves() {
    let app = TestApp::start().await;
    let made = app.control().create_with(&["a", "b"]).await;
    let control = &made.control;
    let [apart, together] = states(&made).await;
    let relations = made.relations().await;
    control
        .post(&made.path("/snapshots/together"), json!({}))
        .await
        .ok();
    let stop = Arc::default();
    let client = made.clone();
    let tasks = hammer(&stop, move || {
        let client = client.clone();
        async move {
            let check = json!({
                "From_Account": "a", "To_Account": ["b"], "CheckType": "CheckResult_Type_Both",
            });
            let reply = client.call("sns/friend_check", &check).await;
            assert_eq!(reply.error_code(), 0, "{}", reply.text);
            reply.json["InfoItem"][0].to_string()
        }
    });

    for _ in 0..50 {
        control.put(&made.path("/state"), apart.clone()).await.ok();
        control
            .put(&made.path("/state"), together.clone())
            .await
            .ok();
        control.put(&made.path("/state"), apart.clone()).await.ok();
        control
            .post(&made.path("/snapshots/together/restore"), json!({}))
            .await
            .ok();
    }

    for seen in stopped(&stop, tasks).await {
        assert!(
            seen.contains("NoRelation") || seen.contains("BothWay"),
            "{seen}"
        );
    }
    assert_eq!(made.relations().await, relations);
}

/// While mutual friendships are made and ended, a state always has both directions or none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_is_looked_at_is_of_one_moment() {
    let app = TestApp::start().await;
    let made = app.control().create_with(&["a", "b"]).await;
    let stop = Arc::default();
    let client = made.clone();
    let tasks = hammer(&stop, move || {
        let client = client.clone();
        async move {
            client.add("a", &["b"]).await;
            let body =
                json!({"From_Account": "a", "To_Account": ["b"], "DeleteType": "Delete_Type_Both"});
            client.call("sns/friend_delete", &body).await;
        }
    });

    let mut seen = HashSet::new();
    for _ in 0..100 {
        let state = made.control.get(&made.path("/state")).await.ok();
        let friends = |user: &str| state["accounts"][user]["friends"].as_array().map(Vec::len);
        assert_eq!(friends("a"), friends("b"), "{state}");
        seen.insert(friends("a"));
    }

    stopped(&stop, tasks).await;
    assert_eq!(seen.len(), 2, "both states were met");
}

/// Two tests use one server, each with its own faults and journal.
#[tokio::test]
async fn faults_and_journal_can_be_looked_at_and_replaced_for_one_app_alone() {
    let app = TestApp::start().await;
    let control = app.control();
    let (one, two) = (
        control.create_with(&["a"]).await,
        control.create_with(&["a"]).await,
    );
    let of = |made: &MadeApp, path: &str| format!("{path}?sdkappid={}", made.sdkappid);
    let fault = json!([{"code": 30006, "times": 1}]);
    control
        .put("/faults", json!([{"code": 30007, "skip": 100}]))
        .await
        .ok();
    for made in [&one, &two] {
        let changed = control.put(&of(made, "/faults"), fault.clone()).await.ok();
        assert_eq!(changed["disarmed"], json!([]));
        assert_eq!(changed["armed"][0]["fault"]["sdkappid"], made.sdkappid);
    }
    assert_eq!(
        control.get("/faults").await.ok().as_array().map(Vec::len),
        Some(3)
    );

    assert_eq!(one.add("a", &["b"]).await.error_code(), 30006);

    control
        .post(&of(&one, "/faults/verify"), json!({}))
        .await
        .ok();
    control
        .post(&of(&two, "/faults/verify"), json!({}))
        .await
        .faults(409);
    // A fault of no app is no app's: it is only looked at without an app.
    let of_all = control.post("/faults/verify", json!({})).await;
    let pending = of_all.faults(409);
    assert_eq!(pending.len(), 2, "{pending:?}");
    assert!(pending[0].1.contains("NetworkTimeout"), "{pending:?}");
    let unknown = control.post("/faults/verify?sdkappid=1", json!({})).await;
    assert_eq!(unknown.faults(422)[0].0, "/sdkappid");
    let other = json!([{"sdkappid": two.sdkappid, "code": 30006}]);
    let refused = control.put(&of(&one, "/faults"), other).await.faults(422);
    assert_eq!(refused[0].0, "/0/sdkappid");
    two.add("a", &["b"]).await;
    assert_eq!(
        control.delete(&of(&one, "/requests")).await.ok(),
        json!({"calls": 1})
    );
    assert_eq!(control.get("/requests/count").await.ok()["count"], 1);
    let gone = control.delete(&of(&one, "/faults")).await.ok();
    assert_eq!(gone["disarmed"].as_array().map(Vec::len), Some(1));
    let left = control.get(&of(&two, "/faults")).await.ok();
    assert_eq!(left.as_array().map(Vec::len), Some(1));
    assert_eq!(
        control.get("/faults").await.ok().as_array().map(Vec::len),
        Some(2)
    );
}

/// account_check only checks whether accounts exist.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_state_is_put_no_account_is_missing_that_is_in_the_old_and_the_new() {
    let app = TestApp::start().await;
    let names: Vec<_> = (0..50).map(|number| format!("user{number}")).collect();
    let made = app
        .control()
        .create(json!({"accounts": names, "calls_per_second": 0}))
        .await;
    let state = made.control.get(&made.path("/state")).await.ok();
    let (stop, client) = (Arc::default(), made.clone());
    let items: Vec<_> = names.iter().map(|name| json!({"UserID": name})).collect();
    let check = Arc::new(json!({ "CheckItem": items }));
    let tasks = hammer(&stop, move || {
        let (client, check) = (client.clone(), Arc::clone(&check));
        async move {
            client
                .call("im_open_login_svc/account_check", &check)
                .await
                .text
        }
    });

    for _ in 0..100 {
        made.control
            .put(&made.path("/state"), state.clone())
            .await
            .ok();
    }

    for answer in stopped(&stop, tasks).await {
        assert!(!answer.contains("NotImported"), "{answer}");
    }
}

/// A call that is running during a reset finishes in the old app, but is in no journal and no
/// webhook.
#[tokio::test]
async fn what_happened_in_an_app_before_its_reset_is_not_told_after_it() {
    let app = TestApp::start().await;
    let mut receiver = Receiver::start(Mood::Good).await;
    let control = app.control();
    let wish = json!({"accounts": ["a", "b", "c"], "webhook": {"url": receiver.url}});
    let made = control.create(wish).await;
    // The reset comes before the call's work, also on a busy machine, and the call keeps its app
    // for a while after the work.
    let faults = json!([{"delay_ms": 3000}, {"commit_then": {"delay_ms": 300}}]);
    let path = format!("/faults?sdkappid={}", made.sdkappid);
    control.put(&path, faults).await.ok();
    let client = made.clone();
    let slow = tokio::spawn(async move { client.add("a", &["b"]).await });
    let hits = async || control.get("/faults").await.ok()[0]["hits"].clone();
    while hits().await == 0 {
        tokio::task::yield_now().await;
    }

    control.post(&made.path("/reset"), json!({})).await.ok();

    assert_eq!(slow.await.expect("a task").codes(), [0]);
    assert!(made.list("a", "friends").await.is_empty());
    assert_eq!(made.add("a", &["c"]).await.codes(), [0]);
    assert_eq!(receiver.next().await.pairs()[0].1, "c");
}
