//! The whole graph of an app: saved, restored, compared and drawn.

use super::client::{Answer, Control, MadeApp};
use crate::harness::TestApp;
use reqwest::Method;
use serde_json::{Value, json};

/// An app with all parts that a graph can have.
async fn rich(app: &TestApp) -> (Control, MadeApp) {
    let control = app.control();
    let made = control
        .create(json!({
            "accounts": ["a", "b", "c"], "calls_per_second": 0,
            "custom_friend_fields": ["Test"], "custom_profile_fields": ["Test"],
        }))
        .await;
    let wish = json!({
        "allow_type": "AllowType_Type_DenyAny", "admin_forbid_type": "AdminForbid_Type_SendOut",
        "profile": {"Tag_Profile_IM_Nick": "Ann", "Tag_Profile_Custom_Test": "x"},
        "friends": [{"to": "b", "remark": "B", "groups": ["work"], "custom": {"Tag_SNS_Custom_Test": 7}}],
        "groups": ["home"], "blocklist": ["c"], "sent": [{"with": "c", "add_wording": "hi", "remark": "C"}],
    });
    control.put(&made.path("/accounts/a"), wish).await.ok();
    assert_eq!(made.add("b", &["c"]).await.codes(), [0]);
    let update = json!({"From_Account": "b", "UpdateItem": [
        {"To_Account": "c", "SnsItem": [{"Tag": "Tag_SNS_IM_Remark", "Value": "new"}]},
    ]});
    assert_eq!(made.call("sns/friend_update", &update).await.codes(), [0]);
    (control, made)
}

#[tokio::test]
async fn a_state_goes_out_and_comes_back_the_same_also_into_another_app() {
    let app = TestApp::start().await;
    let (control, made) = rich(&app).await;
    let saved = control.get(&made.path("/state")).await.ok();
    let relations = made.relations().await;
    assert_eq!(saved["version"], 1);
    let other = control
        .create(json!({"accounts": ["z"], "calls_per_second": 0,
            "custom_friend_fields": ["Test"], "custom_profile_fields": ["Test"]}))
        .await;

    for made in [&made, &other] {
        made.add("administrator", &["b"]).await;
        let size = control.put(&made.path("/state"), saved.clone()).await.ok();
        assert_eq!(size, json!({"accounts": 4, "friendships": 3}));
        assert_eq!(made.relations().await, relations);
    }
    // A new app takes over the sequences. In the old app, the sequences of changed lists move on.
    assert_eq!(control.get(&other.path("/state")).await.ok(), saved);
    let standard = made.account("b").await["sequences"]["standard"].as_u64();
    let was = saved["accounts"]["b"]["sequences"]["standard"].as_u64();
    assert_eq!(standard, was.map(|was| was + 2), "added, and restored");
    // The restored state works.
    assert_eq!(other.add("b", &["a"]).await.only().0, 30516);
    let get = json!({"From_Account": "b", "StartIndex": 0});
    let (one, two) = (
        made.call("sns/friend_get", &get).await,
        other.call("sns/friend_get", &get).await,
    );
    assert_eq!(one.json["UserDataItem"], two.json["UserDataItem"]);
    assert!(one.text.contains("new"), "{}", one.text);
}

#[tokio::test]
async fn a_state_that_cannot_be_changes_nothing_and_says_all_that_is_wrong() {
    let app = TestApp::start().await;
    let (control, made) = rich(&app).await;
    let saved = control.get(&made.path("/state")).await.ok();
    for (change, pointer) in [
        (json!({"version": 2}), "/version"),
        (
            json!({"accounts": {"a": {"friends": ["nobody"]}}}),
            "/accounts/a",
        ),
        (
            json!({"accounts": {"a": {"friends": ["a"]}}}),
            "/accounts/a/friends/0",
        ),
        (json!({"accounts": {"": {}}}), "/accounts"),
        (
            json!({"accounts": {"a": {"frends": []}}}),
            "/accounts/a/frends",
        ),
        (json!({"acounts": {}}), "/acounts"),
    ] {
        let mut state = saved.clone();
        for (key, value) in change.as_object().expect("an object") {
            state[key] = value.clone();
        }
        let answer = control.put(&made.path("/state"), state).await;
        let faults = answer.faults(422);
        assert!(
            faults.iter().any(|(at, _)| at.starts_with(pointer)),
            "{pointer}: {}",
            answer.text
        );
        assert_eq!(control.get(&made.path("/state")).await.ok(), saved);
    }
}

/// PUT takes what GET gives, up to the memory for bodies.
#[tokio::test]
async fn a_state_may_be_as_large_as_the_memory_for_bodies_and_an_error_names_the_key() {
    let app = TestApp::start_with(|config| config.max_bodies_bytes = 40 << 20).await;
    let (control, made) = rich(&app).await;
    let saved = control.get(&made.path("/state")).await;
    let path = made.path("/state");
    let put = async |spaces: usize| {
        let body = saved
            .text
            .replacen('{', &("{".to_owned() + &" ".repeat(spaces)), 1);
        let request = control.request(Method::PUT, &path);
        let request = request.header("content-type", "application/json");
        Answer::of(request.body(body).send().await.expect("an answer")).await
    };

    put(36 << 20).await.ok();

    assert_eq!(control.get(&path).await.text, saved.text);
    let too_large = put(41 << 20).await;
    assert_eq!(too_large.status, 413);
    let detail = "the body is larger than 41943040 bytes, the value of `max_bodies_bytes` in the configuration";
    assert_eq!(too_large.json["detail"], detail);
}

#[tokio::test]
async fn a_body_that_is_no_state_is_refused_with_the_place() {
    let app = TestApp::start().await;
    let (control, made) = rich(&app).await;
    let path = made.path("/state");
    let long = "x".repeat(200);
    for (body, status, detail) in [
        ("[1]", 422, "the body should be an object"),
        ("", 422, "/version is missing"),
        (r#"{"version":1}"#, 422, "/accounts is missing"),
        (
            r#"{"version":1,"accounts":["a"]}"#,
            422,
            "/accounts should be an object",
        ),
        (
            &format!(r#"{{"version":1,"accounts":{{}},"x":"{long}"}}"#),
            422,
            "/x is unknown",
        ),
        (
            &format!(r#"{{"version":"{long}","accounts":{{}}}}"#),
            422,
            "/version should be",
        ),
        (
            r#"{"version":1,"accounts":{"a":7}}"#,
            422,
            "/accounts/a should be an object",
        ),
        (
            r#"{"version":1,"accounts":{"a":{}"#,
            400,
            "the body is not JSON: EOF",
        ),
        (
            r#"{"version":1,"accounts":{"a":{"groups":["\ud800"]}}}"#,
            400,
            "the body is not JSON: ",
        ),
    ] {
        let request = control.request(Method::PUT, &path);
        let request = request.header("content-type", "application/json");
        let sent = request.body(body.to_owned()).send().await;
        let answer = Answer::of(sent.expect("an answer")).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        let found = answer.json["detail"].as_str().expect("a text");
        assert!(found.starts_with(detail), "{body}: {found}");
    }
    let two = json!({"version": 1, "accounts": {"a": {"frends": []}, "b": {"groops": []}}});
    let faults = control.put(&path, two).await.faults(422);
    let places: Vec<_> = faults.iter().map(|(place, _)| &**place).collect();
    assert_eq!(places, ["/accounts/a/frends", "/accounts/b/groops"]);
}

/// A request that the document has on one side only gets its other side, and the admins are added.
#[tokio::test]
async fn a_state_written_by_hand_is_completed() {
    let app = TestApp::start().await;
    let (control, made) = rich(&app).await;
    let state = json!({"version": 1, "accounts": {"x": {"sent": ["y"]}, "y": {}, "z": {"received": ["x"]}}});

    control.put(&made.path("/state"), state).await.ok();

    assert_eq!(made.list("y", "received").await, ["x"]);
    assert_eq!(made.list("x", "sent").await, ["y", "z"]);
    assert_eq!(made.add("administrator", &["x"]).await.codes(), [0]);
}

#[tokio::test]
async fn a_snapshot_is_restored_and_the_difference_is_told_edge_by_edge() {
    let app = TestApp::start().await;
    let (control, made) = rich(&app).await;
    let saved = made.relations().await;
    let nothing = json!({"accounts_added": [], "accounts_removed": [], "added": [], "removed": [], "changed": []});
    control
        .post(&made.path("/snapshots/before"), json!({}))
        .await
        .ok();
    assert_eq!(
        control.get(&made.path("/snapshots/before/diff")).await.ok(),
        nothing
    );

    control.put(&made.path("/accounts/d"), json!({})).await.ok();
    assert_eq!(made.add("d", &["b"]).await.codes(), [0]);
    control
        .put(
            &made.path("/accounts/a"),
            json!({"friends": [{"to": "b", "remark": "other"}]}),
        )
        .await
        .ok();
    let unfriend = json!({"From_Account": "b", "To_Account": ["c"]});
    assert_eq!(made.call("sns/friend_delete", &unfriend).await.codes(), [0]);
    control.delete(&made.path("/accounts/c")).await.ok();

    let diff = control.get(&made.path("/snapshots/before/diff")).await.ok();
    let ends = |list: &str| -> Vec<String> {
        let edges = diff[list].as_array().expect("a list").iter();
        let mut ends: Vec<_> = edges
            .map(|edge| {
                format!("{} {}>{}", edge["kind"], edge["from"], edge["to"]).replace('"', "")
            })
            .collect();
        ends.sort();
        ends
    };
    assert_eq!(diff["accounts_added"], json!(["d"]));
    assert_eq!(diff["accounts_removed"], json!(["c"]));
    assert_eq!(ends("added"), ["friend b>d", "friend d>b"]);
    assert_eq!(
        ends("removed"),
        ["asked a>c", "blocked a>c", "friend b>c", "friend c>b"]
    );
    assert_eq!(ends("changed"), ["friend a>b"]);
    assert_eq!(
        (
            &diff["changed"][0]["was"]["remark"],
            &diff["changed"][0]["is"]["remark"]
        ),
        (&json!("B"), &json!("other"))
    );

    control
        .post(&made.path("/snapshots/before/restore"), json!({}))
        .await
        .ok();
    assert_eq!(made.relations().await, saved);
    assert_eq!(
        control.get(&made.path("/snapshots/before/diff")).await.ok(),
        nothing
    );
}

#[tokio::test]
async fn snapshots_have_names_are_kept_for_their_app_alone_and_go_with_its_reset() {
    let app = TestApp::start().await;
    let (control, made) = rich(&app).await;
    for name in ["b", "a", "b"] {
        control
            .post(&made.path(&format!("/snapshots/{name}")), json!({}))
            .await
            .ok();
    }
    assert_eq!(
        control.get(&made.path("/snapshots")).await.ok(),
        json!(["a", "b"])
    );
    assert_eq!(
        control.get("/apps/88888888/snapshots").await.ok(),
        json!([])
    );

    control.delete(&made.path("/snapshots/a")).await.ok();
    let gone = control
        .post(&made.path("/snapshots/a/restore"), json!({}))
        .await;
    gone.faults(404);
    assert!(
        gone.json["detail"]
            .as_str()
            .expect("a text")
            .ends_with("; there is b")
    );
    for number in 0..99 {
        control
            .post(&made.path(&format!("/snapshots/n{number}")), json!({}))
            .await
            .ok();
    }
    control
        .post(&made.path("/snapshots/more"), json!({}))
        .await
        .faults(507);
    control
        .post(&made.path("/snapshots/b"), json!({}))
        .await
        .ok();
    control.post(&made.path("/reset"), json!({})).await.ok();
    assert_eq!(control.get(&made.path("/snapshots")).await.ok(), json!([]));
}

#[tokio::test]
async fn the_graph_is_drawn_with_any_legal_name() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control
        .create(json!({"admins": ["admin"], "accounts": ["a\"\\<b>", "c;]--"]}))
        .await;
    let escaped = "a%22%5C%3Cb%3E";
    let wish = json!({"friends": ["c;]--"], "blocklist": ["admin"], "sent": ["admin"]});
    control
        .put(&made.path(&format!("/accounts/{escaped}")), wish)
        .await
        .ok();

    let drawn = async |format: &str| {
        let url = format!(
            "{}/_emulator/v1{}",
            app.emulator.url(),
            made.path(&format!("/state?format={format}"))
        );
        app.client
            .get(url)
            .send()
            .await
            .expect("an answer")
            .text()
            .await
            .expect("a text")
    };

    assert_eq!(
        drawn("dot").await,
        r#"digraph relations {
  "a\"\\<b>";
  "admin";
  "c;]--";
  "a\"\\<b>" -> "c;]--";
  "a\"\\<b>" -> "admin" [color=red, label=blocks];
  "a\"\\<b>" -> "admin" [style=dashed, label=asks];
}
"#
    );
    assert_eq!(
        drawn("mermaid").await,
        r#"graph LR
  n0["a#34;#92;#60;b#62;"]
  n1["admin"]
  n2["c#59;#93;--"]
  n0 --> n2
  n0 -- blocks --x n1
  n0 -. asks .-> n1
"#
    );
    let faults = control
        .get(&made.path("/state?format=svg"))
        .await
        .faults(422);
    assert_eq!(faults[0].0, "/format");
}

/// A list with the product's maximum of friends in one call, and a whole state of that size.
#[tokio::test]
async fn large_states_are_taken() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create_with(&[]).await;
    let friends: Vec<_> = (0..3000).map(|number| format!("user{number}")).collect();

    control
        .put(&made.path("/accounts/a"), json!({"friends": friends}))
        .await
        .ok();

    let state: Value = control.get(&made.path("/state")).await.ok();
    assert_eq!(
        state["accounts"].as_object().map(serde_json::Map::len),
        Some(3002)
    );
    let size = control.put(&made.path("/state"), state).await.ok();
    assert_eq!(size, json!({"accounts": 3002, "friendships": 3000}));
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_and_of_a_long_one_the_first_fault_is_named() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create_with(&[]).await;
    let zeros = |count: usize| format!("[{}0]", "0,".repeat(count));
    for (path, body, status) in [
        ("/faults".to_owned(), zeros(3 << 20), 413),
        ("/faults".to_owned(), zeros(1 << 20), 422),
        (made.path("/state"), zeros(4 << 20), 422),
        (made.path("/state"), zeros(17 << 20), 422),
        (made.path("/accounts/a"), zeros(17 << 20), 413),
    ] {
        let request = control.request(Method::PUT, &path).body(body);
        let request = request.header("content-type", "application/json");
        let answer = Answer::of(request.send().await.expect("an answer")).await;
        let faults = answer.faults(status);
        assert_eq!(faults.len(), usize::from(status == 422), "{path}");
    }
}

/// With this many groups and friends, a linear search for each would take minutes.
#[tokio::test]
async fn many_groups_are_taken_as_fast_as_few() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create_with(&[]).await;
    let groups: Vec<_> = (0..40_000).map(|number| format!("g{number}")).collect();
    let friend =
        |number: usize| json!({"to": format!("u{number}"), "groups": [format!("f{number}")]});
    let friends: Vec<_> = (0..20_000).map(friend).collect();

    let wish = json!({"groups": groups, "friends": friends});
    control.put(&made.path("/accounts/a"), wish).await.ok();

    let account = made.account("a").await;
    assert_eq!(account["groups"].as_array().map(Vec::len), Some(60_000));
}

#[tokio::test]
async fn a_sequence_begins_anew_behind_the_largest_that_clients_read() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create_with(&["a", "b"]).await;
    let most = i32::MAX;
    let sequences = json!({"standard": most, "custom": most, "groups": most, "blocklist": most});
    control
        .put(&made.path("/accounts/a"), json!({ "sequences": sequences }))
        .await
        .ok();

    assert_eq!(made.add("a", &["b"]).await.codes(), [0]);

    let account = made.account("a").await;
    assert_eq!(account["sequences"]["standard"], 0);
    assert_eq!(account["sequences"]["custom"], most);
    let state = control.get(&made.path("/state")).await.ok();
    control.put(&made.path("/state"), state).await.ok();
}
