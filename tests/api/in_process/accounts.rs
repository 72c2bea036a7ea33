//! Accounts, snapshots and answers to requests.

use super::{AccountSeed, add, start};
use serde_json::{Value, json};
use tencent_chat_emulator::accounts::{AccountDocument, Entry, FriendDocument};
use tencent_chat_emulator::config::AppConfig;
use tencent_chat_emulator::sns::model::AdminForbidType;
use tencent_chat_emulator::{AllowType, ErrorKind, FriendResponse, UserId};

fn user(text: &str) -> UserId {
    UserId::parse(text).expect("a legal UserID")
}

/// Each setting of a seed, and the body of `PUT accounts` that says the same.
fn pairs() -> Vec<(AccountSeed, Value)> {
    let seed = AccountSeed::new;
    vec![
        (seed(), json!({})),
        (
            seed()
                .allow_type(AllowType::DenyAny)
                .admin_forbid_type(AdminForbidType::SendOut),
            json!({"allow_type": "AllowType_Type_DenyAny", "admin_forbid_type": "AdminForbid_Type_SendOut"}),
        ),
        (
            seed()
                .profile("Tag_Profile_IM_Nick", "nick")
                .profile("Tag_Profile_IM_Level", "x"),
            json!({"profile": {"Tag_Profile_IM_Nick": "nick", "Tag_Profile_IM_Level": "x"}}),
        ),
        (
            seed().profile("Tag_Profile_IM_Nick", "nick"),
            json!({"profile": {"Tag_Profile_IM_Nick": "nick"}}),
        ),
        (
            seed().friend("bob").friend_one_way("cat").group("work"),
            json!({"friends": [{"to": "bob", "mutual": true}, "cat"], "groups": ["work"]}),
        ),
        (
            seed().blocks("eve").asked("dan").asked_by("fay"),
            json!({"blocklist": ["eve"], "sent": ["dan"], "received": ["fay"]}),
        ),
        (seed().group(""), json!({"groups": [""]})),
        (
            seed().friend("é").blocks("").asked("ok"),
            json!({"friends": [{"to": "é", "mutual": true}], "blocklist": [{"to": ""}], "sent": ["ok"]}),
        ),
        (
            seed().friend("id").blocks("b").blocks("b"),
            json!({"friends": [{"to": "id", "mutual": true}], "blocklist": ["b", "b"]}),
        ),
    ]
}

#[tokio::test]
async fn a_seed_makes_the_same_account_as_put_or_is_refused_with_the_same_words() {
    let (emulator, control) = start().await;
    emulator.clock().hold(None);
    let (mut made, mut refused) = (0, 0);
    for (seed, body) in pairs() {
        let of_rust = emulator.create_app(AppConfig::default()).await;
        let of_rust = of_rust.expect("there is room");
        let of_http = control.create(json!({})).await;

        let account = of_rust.put_account("id", seed).await;
        let path = of_http.path("/accounts/id");
        let answer = control.put(&path, body.clone()).await;

        match account {
            Ok(account) => {
                answer.ok();
                let path = format!("/apps/{}/state", of_rust.sdkappid());
                let ours = control.get(&path).await.ok();
                let theirs = control.get(&of_http.path("/state")).await.ok();
                assert_eq!(ours, theirs, "{body}");
                let read = of_rust.account("id").await;
                assert_eq!(read, Ok(account));
                made += 1;
            }
            Err(error) => {
                let faults = answer.faults(422).into_iter();
                let lines = faults.map(|(pointer, detail)| format!("{pointer} {detail}"));
                assert_eq!(error.messages, lines.collect::<Vec<_>>(), "{body}");
                let users = of_rust.accounts().await.expect("the app exists");
                assert_eq!(users, [of_rust.admin()], "{body}");
                refused += 1;
            }
        }
    }
    assert_eq!((made, refused), (5, 4));
}

#[tokio::test]
async fn a_document_has_all_fields_and_what_it_leaves_out_stays() {
    let (emulator, control) = start().await;
    let app = emulator.default_app();
    let seed = AccountSeed::new().friend("bob").blocks("eve");
    app.put_account("ann", seed).await.expect("a good account");
    let mut friend = FriendDocument::from(user("cat"));
    friend.groups = vec!["work".parse_group()];
    let document = AccountDocument {
        friends: Some(vec![Entry(friend)]),
        ..AccountDocument::default()
    };

    let ann = app.put_account("ann", document).await;

    let ann = ann.expect("a good document");
    assert_eq!(
        ann.friends.entry(user("cat")).map(|cat| cat.groups().len()),
        Some(1)
    );
    assert!(!ann.friends.has(user("bob")) && ann.blocklist.has(user("eve")));
    let path = format!("/apps/{}/accounts/ann", app.sdkappid());
    let shown = control.get(&path).await.ok();
    assert_eq!(shown["friends"][0]["groups"], json!(["work"]));
    assert_eq!(shown["blocklist"][0]["to"], "eve");
    assert!(
        app.account("bob")
            .await
            .expect("he stays")
            .friends
            .has(user("ann"))
    );
}

/// The text of a group, as a type that only JSON makes.
trait ParseGroup {
    fn parse_group(self) -> tencent_chat_emulator::sns::texts::GroupName;
}

impl ParseGroup for &str {
    fn parse_group(self) -> tencent_chat_emulator::sns::texts::GroupName {
        serde_json::from_value(json!(self)).expect("a legal name")
    }
}

#[tokio::test]
async fn accounts_are_listed_and_deleted_as_over_http() {
    let (emulator, control) = start().await;
    let app = emulator.create_app(AppConfig::default()).await;
    let app = app.expect("there is room");
    let seed = AccountSeed::new().friend("ann");
    app.put_account("bob", seed).await.expect("a good account");
    let path = format!("/apps/{}/accounts", app.sdkappid());
    let listed = control.get(&path).await.ok();

    let users = app.accounts().await.expect("the app exists");
    assert_eq!(json!(users), listed["accounts"]);
    assert_eq!(json!(users), json!(["administrator", "ann", "bob"]));
    let deleted = app.delete_account("bob").await.expect("he exists");

    assert!(deleted.friends.has(user("ann")));
    control.get(&format!("{path}/bob")).await.faults(404);
    assert!(
        app.account("ann")
            .await
            .expect("she stays")
            .friends
            .iter()
            .next()
            .is_none()
    );
    for user in ["bob", "nobody"] {
        let answer = control.delete(&format!("{path}/{user}")).await;
        let error = app.delete_account(user).await.expect_err("it is gone");
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert_eq!(json!(error.messages), json!([answer.json["detail"]]));
        let read = app.account(user).await.expect_err("it is gone");
        assert_eq!(read, error);
    }
    let admin = app.delete_account("administrator").await;
    assert_eq!(
        admin.expect_err("it always exists").kind,
        ErrorKind::Conflict
    );
    let illegal = app.account("a\nb").await.expect_err("no UserID");
    assert_eq!(illegal.kind, ErrorKind::Invalid);
    assert_eq!(
        illegal.to_string(),
        r#""a\nb" should be a UserID, 1 to 32 bytes of printable ASCII"#
    );
}

#[tokio::test]
async fn a_request_is_answered_as_over_http() {
    let (emulator, control) = start().await;
    let app = emulator.default_app();
    let shy = AccountSeed::new().allow_type(AllowType::NeedConfirm);
    for name in ["cat", "dan"] {
        let put = app.put_account(name, shy.clone()).await;
        put.expect("a good account");
    }
    let ann = app.put_account("ann", AccountSeed::new()).await;
    ann.expect("a good account");
    assert_eq!(add(&app, "ann", &["cat", "dan"]).await, [30539, 30539]);

    let agreed = app.respond("ann", "cat", FriendResponse::AgreeAndAdd).await;
    agreed.expect("it is pending");
    let rejected = app.respond("ann", "dan", FriendResponse::Reject).await;
    rejected.expect("it is pending");

    let path = format!("/apps/{}/accounts/ann", app.sdkappid());
    let shown = control.get(&path).await.ok();
    assert_eq!(shown["friends"][0]["to"], "cat");
    assert_eq!(shown["friends"][0]["mutual"], true);
    assert_eq!(shown["sent"], json!([]));
    let again = app.respond("ann", "cat", FriendResponse::Agree).await;
    let again = again.expect_err("it was answered");
    assert_eq!(again.kind, ErrorKind::NotFound);
    let pending = format!("/apps/{}/pending/ann/cat", app.sdkappid());
    let answer = control.post(&pending, json!({"action": "agree"})).await;
    assert_eq!(json!(again.messages), json!([answer.json["detail"]]));
}

#[tokio::test]
async fn a_snapshot_restores_the_accounts_of_its_app_alone() {
    let (emulator, control) = start().await;
    let app = emulator.default_app();
    let seed = AccountSeed::new().friend("bob");
    app.put_account("ann", seed).await.expect("a good account");
    let path = format!("/apps/{}/state", app.sdkappid());
    let before = control.get(&path).await.ok();
    let snapshot = app.snapshot().await.expect("the app exists");

    app.delete_account("bob").await.expect("he exists");
    app.put_account("new", AccountSeed::new())
        .await
        .expect("a good account");
    app.restore(&snapshot).await.expect("it is of this app");

    let relations = |mut state: Value| {
        let accounts = state["accounts"].as_object_mut().expect("an object");
        let accounts = accounts.values_mut();
        accounts.for_each(|account| account["sequences"] = json!(null));
        state
    };
    let after = control.get(&path).await.ok();
    assert_eq!(relations(after), relations(before));
    let other = emulator.create_app(AppConfig::default()).await;
    let other = other.expect("there is room");
    let error = other.restore(&snapshot).await.expect_err("another app's");
    assert_eq!(error.kind, ErrorKind::Invalid);
    app.reset().await.expect("it exists");
    app.restore(&snapshot).await.expect("it outlives a reset");
    assert!(
        app.account("ann")
            .await
            .expect("she is back")
            .friends
            .has(user("bob"))
    );
}
