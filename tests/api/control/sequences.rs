//! A change by the control API moves an account's sequences as Tencent's calls do, so that a client that
//! asks whether anything has changed learns of it.

use super::client::{Control, MadeApp};
use crate::harness::TestApp;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// An account's sequences as clients read them: StandardSequence, CustomSequence, and those of the
/// groups and of the blocklist.
async fn sequences(made: &MadeApp, user: &str) -> [u64; 4] {
    let ask = async |command: &str, body: Value, fields: &[&str]| -> Vec<u64> {
        let answer = made.call(command, &body).await.json;
        let number = |field: &&str| answer[*field].as_u64().expect("a number");
        fields.iter().map(number).collect()
    };
    let body = json!({"From_Account": user, "StartIndex": 0});
    let fields = ["StandardSequence", "CustomSequence"];
    let mut sequences = ask("sns/friend_get", body, &fields).await;
    let body = json!({"From_Account": user});
    sequences.extend(ask("sns/group_get", body, &["CurrentSequence"]).await);
    let body = json!({"From_Account": user, "StartIndex": 0, "MaxLimited": 1, "LastSequence": 0});
    sequences.extend(ask("sns/black_list_get", body, &["CurrentSequence"]).await);
    sequences.try_into().expect("four")
}

/// How far each sequence has moved since.
async fn moved(made: &MadeApp, user: &str, since: [u64; 4]) -> [u64; 4] {
    let now = sequences(made, user).await;
    std::array::from_fn(|place| now[place] - since[place])
}

/// The friends of "a" in each start.
fn friends() -> Value {
    json!([
        {"to": "b", "groups": ["g"], "custom": {"Tag_SNS_Custom_Test": "x"}},
        {"to": "c", "add_time": 7},
    ])
}

/// An app in which "a" has friends, groups and a blocklist.
async fn start(control: &Control) -> MadeApp {
    let a = json!({"friends": friends(), "groups": ["g", "h"], "blocklist": [{"to": "d", "add_time": 7}]});
    let accounts = json!({"a": a, "e": {}, "x": {"sent": ["y"]}});
    let app =
        json!({"accounts": accounts, "calls_per_second": 0, "custom_friend_fields": ["Test"]});
    control.create(app).await
}

#[tokio::test]
async fn accounts_that_are_created_with_lists_have_sequences_that_clients_do_not_know() {
    let app = TestApp::start_held().await;
    let made = start(&app.control()).await;
    assert_eq!(sequences(&made, "a").await, [1, 1, 1, 1]);
    for user in ["b", "e", "x"] {
        assert_eq!(sequences(&made, user).await, [0; 4], "{user}");
    }
}

/// The same change by a call of Tencent's and by PUT of the account.
#[tokio::test]
async fn an_account_that_is_put_moves_the_sequences_that_tencents_call_moves() {
    let app = TestApp::start_held().await;
    let control = app.control();
    let friend = |place: usize, fields: Value| {
        let mut friends = friends();
        for (name, value) in fields.as_object().expect("an object") {
            friends[place][name] = value.clone();
        }
        json!({ "friends": friends })
    };
    let update = |tag: &str, value: Value| json!({"UpdateItem": [{"To_Account": "c", "SnsItem": [{"Tag": tag, "Value": value}]}]});
    for (command, mut body, wish, expected) in [
        (
            "friend_delete",
            json!({"To_Account": ["c"]}),
            json!({"friends": [friends()[0]]}),
            [1, 0, 0, 0],
        ),
        (
            "friend_delete",
            json!({"To_Account": ["b"]}),
            json!({"friends": [friends()[1]]}),
            [1, 1, 1, 0],
        ),
        (
            "friend_add",
            json!({"AddType": "Add_Type_Single", "AddFriendItem": [{"To_Account": "e"}]}),
            json!({"friends": [friends()[0], friends()[1], "e"]}),
            [1, 0, 0, 0],
        ),
        (
            "friend_add",
            json!({"AddType": "Add_Type_Single", "AddFriendItem": [{"To_Account": "e", "GroupName": "new"}]}),
            json!({"friends": [friends()[0], friends()[1], {"to": "e", "groups": ["new"]}]}),
            [1, 0, 1, 0],
        ),
        (
            "friend_update",
            update("Tag_SNS_IM_Remark", "C".into()),
            friend(1, json!({"remark": "C"})),
            [1, 0, 0, 0],
        ),
        (
            "friend_update",
            update("Tag_SNS_Custom_Test", "y".into()),
            friend(1, json!({"custom": {"Tag_SNS_Custom_Test": "y"}})),
            [0, 1, 0, 0],
        ),
        (
            "friend_update",
            update("Tag_SNS_IM_Group", json!(["g"])),
            friend(1, json!({"groups": ["g"]})),
            [1, 0, 1, 0],
        ),
        (
            "group_add",
            json!({"GroupName": ["new"]}),
            json!({"groups": ["g", "h", "new"]}),
            [0, 0, 1, 0],
        ),
        (
            "group_delete",
            json!({"GroupName": ["h"]}),
            json!({"groups": ["g"]}),
            [0, 0, 1, 0],
        ),
        (
            "black_list_add",
            json!({"To_Account": ["e"]}),
            json!({"blocklist": [{"to": "d", "add_time": 7}, "e"]}),
            [0, 0, 0, 1],
        ),
        (
            "black_list_delete",
            json!({"To_Account": ["d"]}),
            json!({"blocklist": []}),
            [0, 0, 0, 1],
        ),
    ] {
        body["From_Account"] = "a".into();
        let [called, put] = [start(&control).await, start(&control).await];
        let before = sequences(&called, "a").await;
        let reply = called.call(&format!("sns/{command}"), &body).await;
        assert_eq!(reply.error_code(), 0, "{}", reply.text);
        control
            .put(&put.path("/accounts/a"), wish.clone())
            .await
            .ok();

        assert_eq!(
            moved(&called, "a", before).await,
            expected,
            "{command} {body}"
        );
        assert_eq!(moved(&put, "a", before).await, expected, "{wish}");
    }
}

#[tokio::test]
async fn what_changes_no_list_moves_no_sequence_and_what_only_sorts_a_list_moves_one() {
    let app = TestApp::start_held().await;
    let control = app.control();
    let made = start(&control).await;
    let a = made.path("/accounts/a");
    let saved = control.get(&a).await.ok();
    let before = sequences(&made, "a").await;
    let sorted = json!({"friends": [saved["friends"][1], saved["friends"][0]]});
    for (wish, expected) in [
        (json!({}), [0; 4]),
        (saved.clone(), [0; 4]),
        (
            json!({"allow_type": "AllowType_Type_DenyAny", "sent": ["e"]}),
            [0; 4],
        ),
        (
            json!({"friends": saved["friends"], "groups": ["g", "h"]}),
            [0; 4],
        ),
        (sorted, [1, 0, 0, 0]),
    ] {
        control.put(&a, wish.clone()).await.ok();
        assert_eq!(moved(&made, "a", before).await, expected, "{wish}");
    }
}

/// A document that was read before a change has the old sequences, which no longer count.
#[tokio::test]
async fn a_sequence_never_goes_back_and_a_larger_one_is_taken() {
    let app = TestApp::start_held().await;
    let control = app.control();
    let made = start(&control).await;
    let a = made.path("/accounts/a");
    let old = control.get(&a).await.ok();
    control.put(&a, json!({"friends": []})).await.ok();
    assert_eq!(sequences(&made, "a").await, [2, 2, 2, 1]);

    let put = control.put(&a, old.clone()).await.ok();
    assert_eq!(sequences(&made, "a").await, [3, 3, 3, 1]);
    assert_eq!(put["friends"], old["friends"]);

    let larger = json!({"standard": 9, "custom": 0, "groups": 3, "blocklist": 8});
    let put = control.put(&a, json!({ "sequences": larger })).await.ok();
    assert_eq!(sequences(&made, "a").await, [9, 3, 3, 8]);
    assert_eq!(
        put["sequences"],
        json!({"standard": 9, "custom": 3, "groups": 3, "blocklist": 8})
    );
}

#[tokio::test]
async fn the_other_accounts_of_a_change_move_their_sequences_too() {
    let app = TestApp::start_held().await;
    let control = app.control();
    let made = start(&control).await;
    let [a, c, x, y] = ["a", "c", "x", "y"].map(|user| (user, [0; 4]));
    let mut known = [a, c, x, y];
    for (user, since) in &mut known {
        *since = sequences(&made, user).await;
    }
    let moves = async |known: &mut [(&str, [u64; 4]); 4]| {
        let mut moves = Vec::new();
        for (user, since) in known {
            moves.push(moved(&made, user, *since).await);
            *since = sequences(&made, user).await;
        }
        moves
    };
    let none = [0; 4];

    // A mutual friendship of an account that has the friend already.
    let wish = json!({"friends": [friends()[0], {"to": "c", "add_time": 7, "mutual": true}]});
    control.put(&made.path("/accounts/a"), wish).await.ok();
    assert_eq!(moves(&mut known).await, [none, [1, 0, 0, 0], none, none]);

    control.delete(&made.path("/accounts/b")).await.ok();
    assert_eq!(moves(&mut known).await, [[1, 1, 1, 0], none, none, none]);
    control.delete(&made.path("/accounts/d")).await.ok();
    assert_eq!(moves(&mut known).await, [[0, 0, 0, 1], none, none, none]);

    let action = json!({"action": "agree_and_add"});
    control.post(&made.path("/pending/x/y"), action).await.ok();
    let added = [1, 0, 0, 0];
    assert_eq!(moves(&mut known).await, [none, none, added, added]);
}

#[tokio::test]
async fn a_state_that_is_put_or_restored_moves_the_sequences_of_changed_lists_alone() {
    let app = TestApp::start_held().await;
    let control = app.control();
    for way in ["state", "state without sequences", "snapshot"] {
        let made = start(&control).await;
        let mut saved = control.get(&made.path("/state")).await.ok();
        control
            .post(&made.path("/snapshots/s"), json!({}))
            .await
            .ok();
        if way == "state without sequences" {
            let accounts = saved["accounts"].as_object_mut().expect("an object");
            for account in accounts.values_mut() {
                account["sequences"] = Value::Null;
            }
        }
        let restore = async || match way {
            "snapshot" => control
                .post(&made.path("/snapshots/s/restore"), json!({}))
                .await
                .ok(),
            _ => control.put(&made.path("/state"), saved.clone()).await.ok(),
        };
        let users = ["a", "b", "c", "e"];
        let known = async || {
            let mut known = Vec::new();
            for user in users {
                known.push(sequences(&made, user).await);
            }
            known
        };

        let before = known().await;
        restore().await;
        assert_eq!(known().await, before, "{way}");

        // "a" gains "e", and both restores take it away again.
        for round in 1..3 {
            assert_eq!(made.add("a", &["e"]).await.codes(), [0]);
            let body = json!({"From_Account": "a", "StartIndex": 0,
                "StandardSequence": sequences(&made, "a").await[0]});
            restore().await;

            let answer = made.call("sns/friend_get", &body).await.json;
            assert_eq!(answer["FriendNum"], 2, "{way}");
            let tags = &answer["UserDataItem"][1]["ValueItem"];
            assert!(
                tags.as_array().is_some_and(|tags| !tags.is_empty()),
                "{way}: {answer}"
            );
            let [standard, ..] = before[0];
            assert_eq!(
                sequences(&made, "a").await,
                [standard + 2 * round, 1, 1, 1],
                "{way}"
            );
            assert_eq!(sequences(&made, "e").await, [2 * round, 0, 0, 0], "{way}");
            assert_eq!(known().await[1..3], before[1..3], "{way}");
        }
        restore().await;
        assert_eq!(sequences(&made, "e").await, [4, 0, 0, 0], "{way}");
    }
}

#[tokio::test]
async fn an_arranged_state_has_the_sequences_of_its_lists() {
    let app = TestApp::start_held().await;
    let control = app.control();
    let made = start(&control).await;
    for (outcome, expected) in [
        ("FriendExist", [1, 0, 0, 0]),
        ("InMyBlocklist", [0, 0, 0, 1]),
        ("GroupsFull", [0, 0, 1, 0]),
        ("DenyAny", [0; 4]),
    ] {
        let arranged = control
            .post(&made.path("/arrange"), json!({"code": outcome}))
            .await
            .ok();
        let from = arranged["request"]["From_Account"]
            .as_str()
            .expect("a UserID");
        assert_eq!(sequences(&made, from).await, expected, "{outcome}");
        assert_eq!(
            arranged["accounts"][from],
            made.account(from).await,
            "{outcome}"
        );
    }
}

/// While calls and states change a list, a client that reads it never sees a sequence go back, and
/// never two lists with one sequence. The states are large, so that lists change while a state is compared
/// with the accounts that it replaces.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sequence_stands_for_one_list_also_while_states_are_put() {
    let app = TestApp::start_held().await;
    let control = app.control();
    let made = start(&control).await;
    let friends: Vec<_> = (0..4000).map(|number| format!("u{number}")).collect();
    let large = json!({ "friends": friends });
    control.put(&made.path("/accounts/large"), large).await.ok();
    let state = control.get(&made.path("/state")).await.ok();
    let stop = Arc::new(AtomicBool::new(false));
    let changes = tokio::spawn({
        let (made, stop) = (made.clone(), Arc::clone(&stop));
        async move {
            for round in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                made.add("a", &[&format!("u{round}")]).await;
            }
        }
    });
    let reads = tokio::spawn({
        let (made, stop) = (made.clone(), Arc::clone(&stop));
        async move {
            let (mut seen, mut last) = (HashMap::new(), 0);
            while !stop.load(Ordering::Relaxed) {
                let body = json!({"From_Account": "a", "StartIndex": 0});
                let answer = made.call("sns/friend_get", &body).await.json;
                let sequence = answer["StandardSequence"].as_u64().expect("a number");
                assert!(sequence >= last, "from {last} to {sequence}");
                last = sequence;
                let names = answer["UserDataItem"].as_array().expect("a list").iter();
                let names: Vec<_> = names.map(|item| item["To_Account"].to_string()).collect();
                let names = (answer["FriendNum"].clone(), names);
                let first = seen.entry(sequence).or_insert_with(|| names.clone());
                assert_eq!(*first, names, "two lists with the sequence {sequence}");
            }
            seen.len()
        }
    });

    for _ in 0..6 {
        control.put(&made.path("/state"), state.clone()).await.ok();
    }
    stop.store(true, Ordering::Relaxed);
    changes.await.expect("no panic");
    let seen = reads.await.expect("no panic");
    assert!(seen > 20, "{seen} lists were seen");
}
