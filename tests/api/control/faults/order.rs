//! Many faults at once: which fault decides, which hits are counted, and how faults are removed.

use super::{Bench, DELAY_MS, End, NAMES, friend_add, friend_check, merged, timed, way, ways};
use serde_json::{Value, json};
use std::time::Duration;

fn endings() -> Vec<(Value, End)> {
    let all = ways().into_iter();
    let ending = all.filter_map(|(way, end)| Some((way, end?)));
    let both = ending
        .flat_map(|(kind, end)| [false, true].map(|commits| (way(&kind, commits), end.clone())));
    both.collect()
}

#[tokio::test]
async fn of_two_faults_of_a_call_the_first_decides_and_the_other_is_kept() {
    let bench = Bench::start().await;
    for (first, first_end) in endings() {
        for (second, second_end) in endings() {
            let once = |way: &Value| merged(way.clone(), json!({"times": 1}));
            let set = json!([once(&first), once(&second)]);
            bench.control.put("/faults", set.clone()).await.ok();
            let body = friend_check("id", &["a"]);

            let mut ends = Vec::new();
            for counts in [
                [(1, Some(0)), (0, Some(1))],
                [(1, Some(0)), (1, Some(0))],
                [(1, Some(0)), (1, Some(0))],
            ] {
                ends.push(bench.call("sns/friend_check", &body).await);
                assert_eq!(bench.counts().await, counts, "{set}");
            }

            let wanted = [first_end.clone(), second_end, End::Done(vec![0])];
            assert_eq!(ends, wanted, "{set}");
        }
    }
}

#[tokio::test]
async fn of_two_faults_of_an_item_the_first_decides_and_the_other_is_kept() {
    let bench = Bench::start().await;
    for commits in [[false, false], [true, true], [false, true]] {
        let fault = |code: u64, commits| {
            let way = way(&json!({"result_code": code}), commits);
            merged(way, json!({"to_account": "b", "times": 2}))
        };
        let set = json!([fault(30007, commits[0]), fault(30008, commits[1])]);
        bench.control.put("/faults", set.clone()).await.ok();

        let body = friend_check("id", &["b", "a", "b", "b"]);
        let end = bench.call("sns/friend_check", &body).await;

        assert_eq!(end, End::Done(vec![30007, 0, 30007, 30008]), "{set}");
        let counts = [(2, Some(0)), (1, Some(1))];
        assert_eq!(bench.counts().await, counts, "{set}");
    }
}

#[tokio::test]
async fn delays_add_up_and_another_fault_still_decides() {
    let bench = Bench::start().await;
    let delay = json!({"delay_ms": DELAY_MS});
    for (ending, end) in endings() {
        let set = json!([delay, {"commit_then": delay}, delay, ending, delay]);
        bench.control.put("/faults", set.clone()).await.ok();

        let body = friend_check("id", &["a"]);
        let (met, took) = timed(bench.call("sns/friend_check", &body)).await;

        assert_eq!(met, end, "{set}");
        let late = Duration::from_millis(3 * DELAY_MS);
        assert!(took >= late, "{set}: {took:?}");
        let hits: Vec<_> = bench.counts().await.iter().map(|(hits, _)| *hits).collect();
        assert_eq!(hits, [1, 1, 1, 1, 0], "{set}");
    }
}

#[tokio::test]
async fn a_delayed_call_holds_up_no_other() {
    let bench = Bench::start().await;
    bench
        .arm(json!({"delay_ms": 20_000, "from_account": "id"}))
        .await;
    let body = friend_check("id", &["a"]);
    let late = bench.call("sns/friend_check", &body);
    let others = async {
        while bench.counts().await != [(1, None)] {}
        for from in ["other", "a", "b"] {
            let body = friend_check(from, &["c"]);
            let end = bench.call("sns/friend_check", &body).await;
            assert_eq!(end, End::Done(vec![0]));
        }
    };
    tokio::select! {
        end = late => panic!("{end:?} came before the others"),
        () = others => {}
    }
}

#[tokio::test]
async fn an_item_that_is_malformed_by_itself_is_not_counted() {
    let bench = Bench::start().await;
    let items = json!([
        {"To_Account": "a", "AddSource": "nonsense"}, {"To_Account": ""},
        {"To_Account": "id"}, {"To_Account": "b", "Remark": "r".repeat(97)}, {"To_Account": "c"},
    ]);
    for commits in [false, true] {
        bench
            .arm(way(&json!({"result_code": 30007}), commits))
            .await;

        let body = json!({"From_Account": "id", "AddFriendItem": items});
        let end = bench.call("sns/friend_add", &body).await;

        assert_eq!(end, End::Done(vec![30001, 30001, 30001, 30001, 30007]));
        assert_eq!(bench.counts().await, [(1, None)], "{commits}");
    }
}

#[tokio::test]
async fn a_fault_that_the_answer_does_not_show_is_not_counted() {
    let bench = Bench::start().await;
    let check = friend_check("id", &["a"]);
    let cases = [
        // The call fails without the fault: its From_Account, its body or its UserSig.
        (
            "result_code",
            friend_check("nobody", &["a"]),
            End::Code(30003),
            None,
        ),
        (
            "commit_then",
            friend_check("nobody", &["a"]),
            End::Code(30003),
            None,
        ),
        ("result_code", json!({}), End::Code(30001), None),
        ("code", json!({}), End::Code(30001), None),
        // Another fault ends the call.
        (
            "commit_then",
            check.clone(),
            End::Code(30008),
            Some(json!({"commit_then": {"code": 30008}})),
        ),
        (
            "commit_then",
            check.clone(),
            End::NotJson,
            Some(json!({"commit_then": {"malformed": true}})),
        ),
        (
            "result_code",
            check.clone(),
            End::Code(30008),
            Some(json!({"code": 30008})),
        ),
    ];
    for (kind, body, wanted, other) in cases {
        let fault = match kind {
            "commit_then" => json!({"commit_then": {"result_code": 30007}}),
            kind => json!({kind: 30007}),
        };
        let set: Vec<_> = [Some(fault), other].into_iter().flatten().collect();
        bench.control.put("/faults", json!(set)).await.ok();

        let end = bench.call("sns/friend_check", &body).await;

        assert_eq!(end, wanted, "{set:?} {body}");
        assert_eq!(bench.counts().await[0].0, 0, "{set:?} {body}");
    }
}

#[tokio::test]
async fn a_call_that_the_gateway_refuses_meets_no_fault() {
    let bench = Bench::start().await;
    for (kind, _) in ways() {
        bench.arm(kind.clone()).await;
        let path = "/v4/sns/friend_check";
        let query = bench.app.query.replace("usersig=", "usersig=x");
        let reply = bench.server.post(path, &query, "{}").await;
        assert_eq!(reply.error_code(), 70003, "{kind}: {}", reply.text);
        assert_eq!(bench.counts().await, [(0, None)], "{kind}");
    }
}

#[tokio::test]
async fn explaining_a_call_consumes_no_fault() {
    let bench = Bench::start().await;
    let set = json!([
        {"result_code": 30007, "times": 1}, {"delay_ms": 1, "times": 1},
        {"commit_then": {"code": 30008}, "times": 1},
    ]);
    bench.control.put("/faults", set).await.ok();

    let path = bench.app.path("/explain");
    for _ in 0..2 {
        let explained = bench
            .control
            .post(&path, friend_add("id", &["a"]))
            .await
            .ok();
        assert_eq!(explained["items"][0]["code"], 30007, "{explained}");
    }

    assert_eq!(bench.counts().await, [(0, Some(1)); 3]);
}

/// A `commit_then` replaces the result even if the call fails by itself.
#[tokio::test]
async fn a_call_that_is_refused_by_itself_is_explained_by_the_fault_that_ends_it() {
    let bench = Bench::start().await;
    let body = friend_add("nobody", &["a"]);
    for (fault, code) in [
        (json!({"code": 30008}), 30008),
        (json!({"commit_then": {"code": 30008}}), 30008),
        (json!({"commit_then": {"result_code": 30008}}), 30003),
    ] {
        bench.arm(fault.clone()).await;

        let path = bench.app.path("/explain");
        let explained = bench.control.post(&path, body.clone()).await.ok();
        let end = bench.call("sns/friend_add", &body).await;

        assert_eq!(end, End::Code(code), "{fault}");
        assert_eq!(explained["code"], code, "{fault}");
    }
}

#[tokio::test]
async fn faults_of_one_app_never_touch_another_and_go_with_it() {
    let bench = Bench::start().await;
    let other = bench.control.create_with(&NAMES).await;
    let of = |app: u64, code: u64| json!({"code": code, "sdkappid": app});
    let set = json!([of(bench.app.sdkappid, 30007), of(other.sdkappid, 30008)]);
    bench.control.put("/faults", set).await.ok();
    let body = friend_check("id", &["a"]);

    for call in 1..=3 {
        let mine = bench.call("sns/friend_check", &body).await;
        let others = bench.call_of(&other, "sns/friend_check", &body).await;
        assert_eq!((mine, others), (End::Code(30007), End::Code(30008)));
        assert_eq!(bench.counts().await, [(call, None), (call, None)]);
    }

    bench.control.delete(&other.path("")).await.ok();
    assert_eq!(bench.counts().await, [(3, None)]);
    let mine = bench.call("sns/friend_check", &body).await;
    assert_eq!(mine, End::Code(30007));
}

#[tokio::test]
async fn a_fault_is_taken_away_by_its_number_or_with_all_others() {
    let bench = Bench::start().await;
    let body = friend_check("id", &["a"]);
    let mut ids = Vec::new();
    for code in [30006, 30007, 30008] {
        let armed = bench.control.post("/faults", json!({"code": code})).await;
        assert_eq!(armed.status, 201, "{}", armed.text);
        ids.push(armed.json["id"].as_u64().expect("a number"));
    }

    for (at, code) in [30006, 30007].into_iter().enumerate() {
        let met = bench.call("sns/friend_check", &body).await;
        assert_eq!(met, End::Code(code));
        let gone = bench
            .control
            .delete(&format!("/faults/{}", ids[at]))
            .await
            .ok();
        assert_eq!((&gone["id"], &gone["hits"]), (&json!(ids[at]), &json!(1)));
        let again = bench.control.delete(&format!("/faults/{}", ids[at])).await;
        assert_eq!(again.status, 404, "{}", again.text);
        assert_eq!(bench.counts().await.len(), 2 - at);
    }
    assert_eq!(bench.control.delete("/faults/999999").await.status, 404);
    let all = bench.control.delete("/faults").await.ok();
    assert_eq!(all["disarmed"][0]["id"], ids[2]);

    assert!(bench.counts().await.is_empty());
    let met = bench.call("sns/friend_check", &body).await;
    assert_eq!(met, End::Done(vec![0]));
}

#[tokio::test]
async fn what_is_shown_of_faults_arms_the_same_again() {
    let bench = Bench::start().await;
    let scope = json!({"sdkappid": bench.app.sdkappid, "command": "friend_add", "from_account": "id", "to_account": "a", "item": 3, "skip": 2, "times": 4, "probability": 0.25, "seed": 7});
    let all = ways().into_iter().flat_map(|(kind, _)| {
        [false, true].map(|commits| merged(way(&kind, commits), scope.clone()))
    });
    let set: Vec<_> = all.collect();
    let armed = bench.control.put("/faults", json!(set)).await.ok();
    let shown: Vec<_> = armed["armed"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|fault| fault["fault"].clone())
        .collect();

    let again = bench.control.put("/faults", json!(shown)).await.ok();

    for (at, fault) in set.iter().enumerate() {
        assert_eq!(again["armed"][at]["fault"], shown[at]);
        assert_eq!(again["disarmed"][at]["fault"], shown[at]);
        for (name, value) in fault.as_object().expect("an object") {
            let as_shown = &shown[at][name];
            let codes = ["code", "result_code", "commit_then"];
            assert!(
                as_shown == value || codes.contains(&name.as_str()),
                "{fault}: {as_shown}"
            );
        }
    }
}
