//! The routes that explain a recorded call, and what a call would be answered.

use crate::harness::{ADMIN, TestApp, one};
use serde_json::{Value, json};

/// An account of an item can be a UserSig by mistake.
#[tokio::test]
async fn an_explanation_shows_no_secret() {
    let app = TestApp::start().await;
    let (control, sig) = (app.control(), app.user_sig(ADMIN));
    let body = one(json!({"To_Account": sig}));
    app.friend_add(body.clone()).await;
    for answer in [
        control.get("/requests/1/explain").await,
        control.post("/apps/88888888/explain", body).await,
    ] {
        assert_eq!(answer.status, 200);
        assert!(answer.text.contains("***"), "{}", answer.text);
        assert!(!answer.text.contains(&sig[..20]), "{}", answer.text);
    }
}

/// The body is shown as it was sent, but for secrets.
#[tokio::test]
async fn an_explanation_has_the_body_as_a_text() {
    let app = TestApp::start().await;
    let (query, sig) = (app.query(), app.user_sig(ADMIN));
    let broken = format!("{{\"From_Account\": \"{sig}\"");
    let secret = format!(r#"{{"From_Account":"{sig}", "N": 1.0}}"#);
    for (body, shown) in [
        (
            r#"{"A": 1.0, "A": 12345678901234567890}"#,
            Some(r#"{"A": 1.0, "A": 12345678901234567890}"#),
        ),
        (r#""a string""#, Some(r#""a string""#)),
        ("not JSON \u{e9}", Some("not JSON \u{e9}")),
        ("", None),
        (&secret, Some(r#"{"From_Account":"***","N":1.0}"#)),
        (&broken, Some(r#"{"From_Account": "***""#)),
    ] {
        app.post("/v4/sns/friend_get", &query, body.to_owned())
            .await;
        let last = app.control().get("/requests?limit=1").await.ok()["last_id"].clone();
        let answer = app
            .control()
            .get(&format!("/requests/{last}/explain"))
            .await;
        assert_eq!(answer.ok()["body"], json!(shown), "{body}");
    }
}

/// A failing item of each command that has items.
#[tokio::test]
async fn each_failed_item_is_explained_with_the_present_facts() {
    let app = TestApp::start().await;
    let control = app.control();
    control
        .put("/apps/88888888/accounts/zoe", json!({"blocklist": ["id"]}))
        .await
        .ok();
    let items = |list: &str, item: Value| json!({"From_Account": "id", list: [item]});
    let to = |to: &str| json!({"From_Account": "id", "To_Account": [to]});
    let tag = |to: &str| json!({"From_Account": "id", "To_Account": [to], "TagList": ["Tag_SNS_IM_Remark"]});
    let cases = [
        (
            "sns/friend_add",
            one(json!({"To_Account": "zoe"})),
            "InPeerBlocklist",
        ),
        (
            "sns/friend_import",
            items("AddFriendItem", json!({"To_Account": "zoe"})),
            "SourceIllegal",
        ),
        (
            "sns/friend_update",
            items(
                "UpdateItem",
                json!({"To_Account": "zoe", "SnsItem": [
            {"Tag": "Tag_SNS_IM_Remark", "Value": "x"}]}),
            ),
            "FriendNotExist",
        ),
        ("sns/friend_delete", to("zoe"), "NotFriend"),
        ("sns/friend_get_list", tag("zoe"), "FriendNotExist"),
        ("sns/black_list_delete", to("zoe"), "NotBlocked"),
        (
            "sns/group_add",
            json!({"From_Account": "id", "GroupName": ["g"], "To_Account": ["zoe"]}),
            "NotInFriendList",
        ),
        (
            "profile/portrait_get",
            json!({"To_Account": ["nobody"], "TagList": ["Tag_Profile_IM_Nick"]}),
            "ProfileAccountNotExist",
        ),
        (
            "im_open_login_svc/account_delete",
            json!({"DeleteItem": [{"UserID": "nobody"}]}),
            "AccountNotExist",
        ),
    ];
    for (command, body, outcome) in cases {
        let reply = app.call(command, body.clone()).await;
        assert_eq!(reply.error_code(), 0, "{command}: {}", reply.text);
        let calls = control.get("/requests?limit=1").await.ok();
        let path = format!("/requests/{}/explain", calls["calls"][0]["id"]);
        let explained = control.get(&path).await.ok();
        let item = &explained["failed_items"][0];
        assert_eq!(item["outcomes"][0]["outcome"], outcome, "{command}: {item}");
        assert_eq!(
            item["outcomes"].as_array().map(Vec::len),
            Some(1),
            "{command}"
        );
        let fix = item["outcomes"][0]["fix"].as_str().expect("a text");
        assert!(!fix.is_empty());
        let facts = &item["facts_now"];
        match body["From_Account"].is_string() {
            true => assert_eq!(
                (&facts["from_has_to"], &facts["to_blocks_from"]),
                (&json!(false), &json!(true))
            ),
            false => assert!(facts.is_null()),
        }
        match command {
            "sns/friend_add" => {
                let now = &explained["if_sent_again"];
                assert_eq!((&now["code"], &now["failed_items"]), (&json!(0), &json!(1)));
                assert_eq!(
                    now["items"][0]["result_info"],
                    "Err_SNS_FriendAdd_Reverse_Black_List"
                );
                assert!(now["items"][0]["to_be_0"].is_object());
            }
            _ => assert!(explained["if_sent_again"].is_null()),
        }
    }
}

#[tokio::test]
async fn a_call_that_is_not_recorded_is_a_404_that_says_why() {
    let off = TestApp::start_with(|config| config.journal.bytes = 0).await;
    off.friend_add(one(json!({"To_Account": "id1"}))).await;
    let answer = off.control().get("/requests/1/explain").await;
    assert!(
        answer.text.contains("the journal is off"),
        "{}",
        answer.text
    );
    let app = TestApp::start_with(|config| config.journal.bytes = 3000).await;
    let control = app.control();
    let says = async |id: &str| {
        let answer = control.get(&format!("/requests/{id}/explain")).await;
        assert_eq!(answer.faults(404), []);
        answer.json["detail"].as_str().expect("a text").to_owned()
    };
    assert!(
        says("1")
            .await
            .contains("it was not made yet; the last id is 0")
    );
    for _ in 0..9 {
        app.friend_add(one(json!({"To_Account": "id1"}))).await;
    }
    assert!(
        says("1")
            .await
            .contains("dropped because the journal was full")
    );
    control.delete("/requests").await.ok();
    assert!(says("9").await.contains("it was removed"));
    for bad in ["0", "x", "-1"] {
        let answer = control.get(&format!("/requests/{bad}/explain")).await;
        assert_eq!(answer.status, 422, "{bad}");
    }
}
