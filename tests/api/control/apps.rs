//! Apps.

use crate::harness::TestApp;
use serde_json::json;
use std::collections::HashSet;

#[tokio::test]
async fn an_app_is_made_with_what_is_given_and_comes_with_a_usersig_that_works() {
    let app = TestApp::start().await;
    let control = app.control();
    let wish = json!({
        "sdkappid": 1400000001, "secret_key": "a key", "admins": ["boss", "vice"],
        "accounts": ["a", "b"], "default_allow_type": "AllowType_Type_DenyAny", "calls_per_second": 7,
        "remain_friends": true, "custom_friend_fields": ["Test"], "custom_profile_fields": ["Test"],
        "webhook": {"url": "http://127.0.0.1:9/hook", "token": "t", "retries": 1},
    });

    let made = control.post("/apps", wish).await;

    assert_eq!(made.status, 201);
    let shown = control.get("/apps/1400000001").await.ok();
    let said = |key: &str| shown[key].clone();
    assert_eq!(said("admins"), json!(["boss", "vice"]));
    assert_eq!(
        (said("accounts"), said("secret_key")),
        (json!(4), json!("a key"))
    );
    let url = format!(
        "{}/v4/sns/friend_add?{}",
        app.emulator.url(),
        shown["query"].as_str().expect("a query")
    );
    let body = json!({"From_Account": "a", "AddFriendItem": [{"To_Account": "b"}]}).to_string();
    let reply = app.send(app.client.post(url).body(body)).await;
    assert_eq!(
        reply.only().0,
        30516,
        "b refuses everybody, as is the app's default"
    );
    let limits = control.get("/apps/1400000001/limits").await.ok();
    assert_eq!(limits["friend_get"]["calls_per_second"], 7);
}

#[tokio::test]
async fn an_app_that_says_nothing_gets_a_number_a_key_and_an_admin_of_its_own() {
    let app = TestApp::start().await;
    let control = app.control();
    let (mut ids, mut keys) = (HashSet::new(), HashSet::new());
    for _ in 0..20 {
        let made = control.post("/apps", json!({})).await.ok();
        assert_eq!(made["admins"], json!(["administrator"]));
        ids.insert(made["sdkappid"].as_u64().expect("a number"));
        let key = made["secret_key"].as_str().expect("a key").to_owned();
        assert_eq!(key.len(), 64);
        keys.insert(key);
        control
            .delete(&format!("/apps/{}", made["sdkappid"]))
            .await
            .ok();
    }
    assert_eq!(
        (ids.len(), keys.len()),
        (20, 20),
        "no number is given twice, not even of an app that is gone"
    );
}

#[tokio::test]
async fn an_app_that_cannot_be_is_refused_with_all_that_is_wrong_and_none_is_made() {
    let app = TestApp::start().await;
    let control = app.control();
    let before = control.get("/apps").await.ok().as_array().map(Vec::len);

    let taken = control.post("/apps", json!({"sdkappid": 88888888})).await;
    assert_eq!(taken.faults(409), []);
    for (wish, pointers) in [
        (json!({"sdkappid": 0}), vec!["/sdkappid"]),
        (json!({"sdkappid": 4294967296_u64}), vec!["/sdkappid"]),
        (json!({"sdkappid": "1"}), vec!["/sdkappid"]),
        (
            json!({"secret_key": "", "admins": []}),
            vec!["/admins", "/secret_key"],
        ),
        (
            json!({"admins": ["", "x".repeat(33), "ü", 7]}),
            vec!["/admins/0", "/admins/1", "/admins/2", "/admins/3"],
        ),
        (
            json!({"calls_per_second": 1000001, "custom_friend_fields": ["a b"]}),
            vec!["/calls_per_second", "/custom_friend_fields/0"],
        ),
        (
            json!({"webhook": {"uri": "http://x/"}}),
            vec!["/webhook/uri", "/webhook/url"],
        ),
        (
            json!({"webhook": {"url": "https://x/"}}),
            vec!["/webhook/url"],
        ),
        (
            json!({"default_allow_type": "AllowAny"}),
            vec!["/default_allow_type"],
        ),
    ] {
        let answer = control.post("/apps", wish.clone()).await;
        let mut found: Vec<_> = answer
            .faults(422)
            .into_iter()
            .map(|(pointer, _)| pointer)
            .collect();
        found.sort();
        assert_eq!(found, pointers, "{wish}: {}", answer.text);
    }
    let answer = control.post("/apps", json!({"admin": ["x"]})).await;
    assert_eq!(answer.faults(422)[0].1, "is unknown; did you mean admins?");

    assert_eq!(
        control.get("/apps").await.ok().as_array().map(Vec::len),
        before
    );
}

/// The same documents as in PUT of an account, and the same accounts.
#[tokio::test]
async fn an_app_is_made_with_whole_accounts_and_gets_them_again_when_it_is_reset() {
    let app = TestApp::start().await;
    let control = app.control();
    control.post("/clock/hold", json!({"at": 1000})).await.ok();
    let fields = json!({"custom_friend_fields": ["Test"], "custom_profile_fields": ["Test"]});
    let ann = json!({
        "allow_type": "AllowType_Type_NeedConfirm", "admin_forbid_type": "AdminForbid_Type_SendOut",
        "profile": {"Tag_Profile_IM_Nick": "Ann", "Tag_Profile_Custom_Test": 7},
        "friends": ["bob", {"to": "cyd", "mutual": true, "remark": "C", "groups": ["work"], "custom": {"Tag_SNS_Custom_Test": "x"}}],
        "groups": ["home"], "blocklist": ["dan", {"to": "eve", "add_time": 9}],
        "sent": [{"with": "fay", "add_wording": "hi", "remark": "F"}], "received": ["gil"],
        "request_minute": {"since": 990, "requests": 3},
    });
    let by_put = control.create(fields.clone()).await;
    control
        .put(&by_put.path("/accounts/ann"), ann.clone())
        .await
        .ok();
    let expected = control.get(&by_put.path("/state")).await.ok();

    let mut wish = fields;
    wish["accounts"] = json!({"ann": ann, "bob": {}});
    let created = control.create(wish).await;

    assert_eq!(control.get(&created.path("/state")).await.ok(), expected);
    control.delete(&created.path("/accounts/cyd")).await.ok();
    control
        .put(&created.path("/accounts/new"), json!({}))
        .await
        .ok();
    let reset = control.post(&created.path("/reset"), json!({})).await.ok();
    let sdkappid = created.sdkappid;
    assert_eq!(
        reset,
        json!({"sdkappid": sdkappid, "accounts_before": 8, "faults": 0, "clock_was_held": true})
    );
    assert_eq!(control.get(&created.path("/state")).await.ok(), expected);
}

#[tokio::test]
async fn all_that_is_wrong_in_the_accounts_of_a_new_app_is_named_at_once() {
    let app = TestApp::start().await;
    let control = app.control();
    control.post("/clock/hold", json!({})).await.ok();
    let before = control.get("/apps").await.ok();
    for (accounts, pointers) in [
        (
            json!({"a": {"frends": []}, "b": {"friends": [{"to": "a", "mutual": 1}, 7]}}),
            vec!["/a/frends", "/b/friends/0/mutual", "/b/friends/1"],
        ),
        (
            json!({"a": {"friends": ["a", "b", "b"]}, "b": {"blocklist": ["b"], "profile": {"Tag_No": 1}}}),
            vec![
                "/a/friends/0",
                "/a/friends/2",
                "/b/blocklist/0",
                "/b/profile/Tag_No",
            ],
        ),
        (
            json!({"a/b": {"friends": [{"to": "c", "custom": {"Tag_SNS_Custom_No": 1}}]}}),
            vec!["/a~1b/friends/0/custom/Tag_SNS_Custom_No"],
        ),
        // Few characters, but many bytes, which a schema does not check.
        (
            json!({"a": {"sent": [{"with": "b", "remark": "\u{5b57}".repeat(33)}]}}),
            vec!["/a/sent/0/remark"],
        ),
        (json!(["a", ""]), vec!["/1"]),
        (json!("a"), vec![""]),
    ] {
        let answer = control.post("/apps", json!({ "accounts": accounts })).await;
        let faults = answer.faults(422).into_iter();
        let mut found: Vec<_> = faults.map(|(pointer, _)| pointer).collect();
        found.sort();
        let pointers: Vec<_> = pointers.iter().map(|at| format!("/accounts{at}")).collect();
        assert_eq!(found, pointers, "{accounts}: {}", answer.text);
    }
    assert_eq!(control.get("/apps").await.ok(), before);
}

/// The app's fields are checked by their types, its accounts also against each other.
#[tokio::test]
async fn all_that_is_wrong_in_a_new_app_and_in_its_accounts_is_named_at_once() {
    let app = TestApp::start().await;
    let custom = json!({"x": {"friends": ["x", {"to": "y", "custom": {"Tag_SNS_Custom_A": 1}}]}});
    for (wish, pointers) in [
        (
            json!({"accounts": {"x": {"friends": ["x"]}}, "foo": 1, "secret_key": 7}),
            vec!["/accounts/x/friends/0", "/foo", "/secret_key"],
        ),
        // Whether the accounts fit the custom fields cannot be said without these.
        (
            json!({"accounts": custom, "custom_friend_fields": 7}),
            vec!["/custom_friend_fields"],
        ),
    ] {
        let answer = app.control().post("/apps", wish.clone()).await;
        let faults = answer.faults(422).into_iter();
        let mut found: Vec<_> = faults.map(|(pointer, _)| pointer).collect();
        found.sort();
        assert_eq!(found, pointers, "{wish}: {}", answer.text);
    }
}

/// More accounts than a body of an ordinary call could hold.
#[tokio::test]
async fn an_app_is_made_with_many_accounts() {
    let app = TestApp::start().await;
    let control = app.control();
    let friends: Vec<_> = (0..3000)
        .map(|number| json!({"to": format!("u{number}"), "remark": "x".repeat(90)}))
        .collect();
    let accounts = (0..15).map(|number| (format!("a{number}"), json!({ "friends": friends })));
    let accounts: serde_json::Map<_, _> = accounts.collect();
    let wish = json!({ "accounts": accounts });
    assert!(wish.to_string().len() > 4 << 20);

    let made = control.post("/apps", wish).await.ok();

    assert_eq!(made["accounts"], 3016);
}

#[tokio::test]
async fn an_app_that_is_not_there_is_a_404_everywhere() {
    let app = TestApp::start().await;
    let control = app.control();
    for path in [
        "",
        "/accounts",
        "/accounts/a",
        "/state",
        "/snapshots",
        "/snapshots/a/diff",
        "/limits",
    ] {
        let answer = control.get(&format!("/apps/7{path}")).await;
        assert_eq!(answer.faults(404), [], "{path}");
        assert_eq!(
            answer.json["detail"],
            "there is no app 7; there is 88888888"
        );
    }
    control.delete("/apps/7").await.faults(404);
    control.post("/apps/7/reset", json!({})).await.faults(404);
    assert_eq!(control.get("/apps/0").await.faults(422)[0].0, "/sdkappid");
}

/// A reset of everything restores a configured app that was removed.
#[tokio::test]
async fn a_reset_makes_what_is_configured_and_says_what_it_took_away() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create_with(&["a"]).await;
    control.delete("/apps/88888888").await.ok();
    assert_eq!(
        control.get("/health").await.ok()["apps"],
        json!([made.sdkappid])
    );
    made.add("a", &["b"]).await;
    control.post("/faults", json!({"code": 30006})).await.ok();
    control.post("/clock/hold", json!({"at": 0})).await.ok();

    let reset = control.post("/reset", json!({})).await.ok();

    assert_eq!(
        reset,
        json!({
            "apps": [88888888], "apps_gone": [made.sdkappid], "accounts_before": 2, "faults": 1, "calls": 1,
            "webhooks": 0, "clock_was_held": true,
        })
    );
    assert_eq!(control.get("/clock").await.ok()["held"], false);
    assert_eq!(app.add("id", &["id1"]).await, [0]);
}
