//! `commit_then`: the command runs, and its answer is replaced. Other faults: the command does not
//! run.

use super::{Bench, End, friend_add, merged, way, ways};
use crate::commands::COMMANDS;
use serde_json::{Value, json};

/// Arms the fault, or disarms all, and makes a call. Returns the end of the call, the hits of the
/// fault, and the app's state.
async fn met(bench: &Bench, fault: Option<Value>, path: &str, body: &Value) -> (End, u64, Value) {
    match fault {
        Some(fault) => drop(bench.arm(fault).await),
        None => drop(bench.control.delete("/faults").await.ok()),
    }
    let end = bench.call(path, body).await;
    let hits = bench.counts().await.iter().map(|(hits, _)| hits).sum();
    (end, hits, bench.app.relations().await)
}

/// Two states: empty, and one in which "id" has "id1" as a friend, in a group, and on its
/// blocklist, for commands that change or delete. The clock is held, so that states can be
/// compared.
async fn start(bench: &mut Bench) -> [Value; 2] {
    bench.control.post("/clock/hold", json!({})).await.ok();
    let app =
        json!({"accounts": ["id", "id1"], "calls_per_second": 0, "custom_friend_fields": ["Test"]});
    bench.app = bench.control.create(app).await;
    let path = bench.app.path("/state");
    let strangers = bench.control.get(&path).await.ok();
    let account = json!({"friends": [{"to": "id1", "groups": ["g"]}], "blocklist": ["id1"]});
    let id = bench.app.path("/accounts/id");
    bench.control.put(&id, account).await.ok();
    let friends = bench.control.get(&path).await.ok();
    [strangers, friends]
}

/// For every command, and every fault that ends the whole call.
#[tokio::test]
async fn a_whole_call_that_commits_leaves_what_it_would_and_one_that_does_not_leaves_nothing() {
    let mut bench = Bench::start().await;
    let starts = start(&mut bench).await;
    let state = bench.app.path("/state");
    for command in COMMANDS {
        let (path, body) = (command.path(), (command.request)());
        let mut changes = false;
        for start in &starts {
            bench.control.put(&state, start.clone()).await.ok();
            let before = bench.app.relations().await;
            let (_, _, after) = met(&bench, None, &path, &body).await;
            changes |= before != after;
            for (kind, wanted) in ways() {
                let Some(wanted) = wanted else { continue };
                for (commits, left) in [(false, &before), (true, &after)] {
                    bench.control.put(&state, start.clone()).await.ok();
                    let fault = way(&kind, commits);

                    let (end, hits, now) = met(&bench, Some(fault.clone()), &path, &body).await;

                    assert_eq!((end, hits), (wanted.clone(), 1), "{path}: {fault}");
                    assert_eq!(&now, left, "{path}: {fault}");
                }
            }
        }
        let reads = ["check", "get", "get_list"];
        let reads = reads.iter().any(|word| command.name.ends_with(word));
        assert_eq!(changes, !reads, "{path} has nothing to do");
    }
}

/// For every command with a From_Account and a result for each item.
#[tokio::test]
async fn an_item_that_commits_is_done_and_reported_failed_and_one_that_does_not_is_not_done() {
    let mut bench = Bench::start().await;
    let starts = start(&mut bench).await;
    let state = bench.app.path("/state");
    let lists = ["AddFriendItem", "UpdateItem", "To_Account"];
    let mut commands = 0;
    for command in COMMANDS {
        let (path, body) = (command.path(), (command.request)());
        let has_items = lists.iter().any(|list| body.get(list).is_some());
        if !has_items || body.get("From_Account").is_none() {
            continue;
        }
        commands += 1;
        let mut was_done = false;
        for start in &starts {
            bench.control.put(&state, start.clone()).await.ok();
            let before = bench.app.relations().await;
            let (free, _, after) = met(&bench, None, &path, &body).await;
            was_done |= free == End::Done(vec![0]);
            for commits in [false, true] {
                bench.control.put(&state, start.clone()).await.ok();
                let fault = way(&json!({"result_code": 30007, }), commits);
                let fault = merged(fault, json!({"command": command.name}));

                let (end, hits, now) = met(&bench, Some(fault.clone()), &path, &body).await;

                let wanted = (End::Done(vec![30007]), 1);
                assert_eq!((end, hits), wanted, "{path}: {fault}");
                match commits {
                    true => assert_eq!(now, after, "{path}: {fault}"),
                    // group_add creates the groups before it processes its items.
                    false if command.name == "group_add" => {
                        let groups = |state: &Value| state["accounts"]["id"]["friends"].clone();
                        assert_eq!(groups(&now), groups(&before), "{path}: {fault}");
                    }
                    false => assert_eq!(now, before, "{path}: {fault}"),
                }
            }
        }
        assert!(was_done, "{path} never succeeds by itself");
    }
    assert_eq!(commands, 10);
}

#[tokio::test]
async fn fail_account_names_the_items_that_were_done_after_all() {
    let bench = Bench::start().await;
    bench
        .arm(json!({"commit_then": {"result_code": "NetworkTimeout"}, "to_account": "b"}))
        .await;

    let reply = bench.app.add("id", &["a", "b", "c"]).await;

    assert_eq!(reply.codes(), [0, 30007, 0]);
    assert_eq!(reply.json["Fail_Account"], json!(["b"]));
    let info = reply.json["ResultItem"][1]["ResultInfo"].as_str();
    assert_eq!(info, Some("Err_SNS_FriendAdd_Network_Timeout"));
    assert_eq!(bench.app.list("id", "friends").await, ["a", "b", "c"]);
    for to in ["a", "b", "c"] {
        assert_eq!(bench.app.list(to, "friends").await, ["id"], "{to}");
    }
}

#[tokio::test]
async fn a_client_that_tries_again_converges_whether_the_work_was_done_or_not() {
    let mut all = ways().to_vec();
    all.retain(|(kind, _)| kind.get("delay_ms").is_none());
    for (kind, _) in all {
        for commits in [false, true] {
            let bench = Bench::start().await;
            let fault = merged(way(&kind, commits), json!({"times": 3}));
            bench.arm(fault.clone()).await;
            let body = friend_add("id", &["a", "b", "c"]);

            let mut ends = Vec::new();
            while ends.last() != Some(&End::Done(vec![30001; 3])) && ends.len() < 6 {
                ends.push(bench.call("sns/friend_add", &body).await);
            }

            // A fault of calls ends three calls; a fault of items fails the three items of one
            // call.
            let lost = if kind.get("result_code").is_some() {
                1
            } else {
                3
            };
            let done_at = match commits {
                true => lost,
                false => lost + 1,
            };
            assert_eq!(ends.len(), done_at + 1, "{fault}: {ends:?}");
            if !commits {
                assert_eq!(ends[lost], End::Done(vec![0; 3]), "{fault}: {ends:?}");
            }
            let reply = bench.app.call("sns/friend_add", &body).await;
            let infos = reply.json["ResultItem"].as_array().expect("items").iter();
            for item in infos {
                assert_eq!(item["ResultInfo"], "Err_SNS_FriendAdd_Friend_Exist");
            }
            assert_eq!(bench.app.list("id", "friends").await, ["a", "b", "c"]);
            for to in ["a", "b", "c"] {
                assert_eq!(bench.app.list(to, "friends").await, ["id"], "{to}");
            }
            assert_eq!(bench.counts().await, [(3, Some(0))], "{fault}");
        }
    }
}

/// A result other than 0 can change state, too: here the request becomes pending.
#[tokio::test]
async fn an_item_that_waits_for_the_other_side_waits_behind_a_lost_answer() {
    let bench = Bench::start().await;
    let path = bench.app.path("/accounts/b");
    bench
        .control
        .put(&path, json!({"allow_type": "AllowType_Type_NeedConfirm"}))
        .await
        .ok();
    bench
        .arm(json!({"commit_then": {"result_code": 30007}}))
        .await;

    let end = bench
        .call("sns/friend_add", &friend_add("id", &["a", "b"]))
        .await;

    assert_eq!(end, End::Done(vec![30007; 2]));
    assert_eq!(bench.app.list("id", "friends").await, ["a"]);
    assert_eq!(bench.app.list("b", "received").await, ["id"]);
}
