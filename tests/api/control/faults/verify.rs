//! `POST faults/verify`: whether all armed faults have been consumed.

use super::{Bench, friend_check};
use serde_json::{Value, json};

/// Faults, and whether two calls with one item each consume them.
fn faults() -> [(Value, bool); 10] {
    [
        (json!({"result_code": 30007, "times": 1}), true),
        (
            json!({"result_code": 30007, "from_account": "other", "times": 1}),
            false,
        ),
        (json!({"delay_ms": 1}), true),
        (json!({"delay_ms": 2, "times": 1}), true),
        (json!({"delay_ms": 3, "times": 2}), true),
        (json!({"delay_ms": 4, "times": 3}), false),
        (json!({"delay_ms": 5, "skip": 1}), true),
        (json!({"delay_ms": 6, "skip": 2}), false),
        (json!({"commit_then": {"delay_ms": 7}, "times": 3}), false),
        (json!({"commit_then": {"delay_ms": 8}, "times": 2}), true),
    ]
}

#[tokio::test]
async fn it_names_each_fault_that_is_not_consumed_and_no_other() {
    let bench = Bench::start().await;
    let documents: Vec<_> = faults().into_iter().map(|(fault, _)| fault).collect();
    let armed = bench.control.put("/faults", json!(documents)).await.ok();
    let ids: Vec<_> = armed["armed"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|fault| fault["id"].clone())
        .collect();
    assert_eq!(ids.len(), documents.len());

    let untouched = bench.control.post("/faults/verify", json!({})).await;
    for _ in 0..2 {
        let body = friend_check("id", &["a"]);
        bench.call("sns/friend_check", &body).await;
    }
    let verified = bench.control.post("/faults/verify", json!({})).await;

    assert_eq!(untouched.faults(409).len(), documents.len());
    let named: Vec<_> = verified
        .faults(409)
        .into_iter()
        .map(|(_, what)| what)
        .collect();
    let pending = ids
        .iter()
        .zip(faults())
        .filter(|(_, (_, consumed))| !consumed);
    let pending: Vec<_> = pending.map(|(id, _)| id).collect();
    assert_eq!(named.len(), pending.len(), "{named:?}");
    for (what, id) in named.iter().zip(pending) {
        assert!(what.starts_with(&format!("fault {id} ")), "{id}: {what}");
    }
    let lefts = [
        "0 hits, 1 left",
        "2 hits, 1 left",
        "0 hits",
        "2 hits, 1 left",
    ];
    for (what, left) in named.iter().zip(lefts) {
        assert!(what.ends_with(left), "{left}: {what}");
    }
    let total = format!("{} of {} faults", named.len(), documents.len());
    assert!(verified.text.contains(&total), "{}", verified.text);
}

#[tokio::test]
async fn it_is_content_once_every_fault_has_fired_as_often_as_it_should() {
    let bench = Bench::start().await;
    let faults = json!([{"result_code": 30007, "times": 3}, {"delay_ms": 1}]);
    bench.control.put("/faults", faults).await.ok();

    for (tos, status) in [(1, 409), (1, 409), (1, 200), (1, 200)] {
        let body = friend_check("id", &["a", "b"][..tos]);
        bench.call("sns/friend_check", &body).await;
        let verified = bench.control.post("/faults/verify", json!({})).await;
        assert_eq!(verified.status, status, "{}", verified.text);
    }

    let verified = bench.control.post("/faults/verify", json!({})).await.ok();
    assert_eq!(verified, json!({"faults": 2}));
}

#[tokio::test]
async fn where_nothing_is_armed_nothing_is_missed() {
    let bench = Bench::start().await;
    let verified = bench.control.post("/faults/verify", json!({})).await.ok();
    assert_eq!(verified, json!({"faults": 0}));
}
