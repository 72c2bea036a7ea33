//! Accounts: any situation in one call, and the answers of the other user to friend requests.

use super::client::{Control, MadeApp};
use crate::harness::TestApp;
use crate::webhooks::receiver::{Mood, Receiver};
use serde_json::json;

async fn app_with(app: &TestApp, accounts: &[&str]) -> (Control, MadeApp) {
    let control = app.control();
    let made = control.create_with(accounts).await;
    (control, made)
}

fn path(made: &MadeApp, user: &str) -> String {
    made.path(&format!("/accounts/{user}"))
}

#[tokio::test]
async fn one_call_makes_an_account_and_everybody_it_names() {
    let app = TestApp::start().await;
    let (control, made) = app_with(&app, &["b"]).await;
    control.post("/clock/hold", json!({"at": 1000})).await.ok();
    let wish = json!({
        "allow_type": "AllowType_Type_NeedConfirm",
        "admin_forbid_type": "AdminForbid_Type_SendOut",
        "profile": {"Tag_Profile_IM_Nick": "Ann", "Tag_Profile_IM_Level": 3},
        "friends": ["b", {"to": "c", "remark": "C", "groups": ["work"], "add_source": "AddSource_Type_Web", "add_time": 7}],
        "groups": ["home"],
        "blocklist": ["d", {"to": "e", "add_time": 9}],
        "sent": [{"with": "f", "add_wording": "hi", "remark": "F"}],
        "received": ["g"],
    });

    let account = control.put(&path(&made, "a"), wish).await.ok();

    let all = control.get(&made.path("/accounts")).await.ok();
    let names = json!(["a", "administrator", "b", "c", "d", "e", "f", "g"]);
    assert_eq!(all["accounts"], names);
    assert_eq!(account["groups"], json!(["home", "work"]));
    assert_eq!(
        account["friends"],
        json!([
            {"to": "b", "mutual": false, "add_time": 1000},
            {"to": "c", "mutual": false, "add_time": 7, "add_source": "AddSource_Type_Web", "remark": "C", "groups": ["work"]},
        ])
    );
    assert_eq!(
        account["blocklist"],
        json!([{"to": "d", "add_time": 1000}, {"to": "e", "add_time": 9}])
    );
    assert_eq!(
        account["profile"],
        json!({"Tag_Profile_IM_Level": 3, "Tag_Profile_IM_Nick": "Ann"})
    );
    // A friendship is one-way; a request is stored on both sides, but the remark only by the
    // sender.
    assert!(made.list("b", "friends").await.is_empty());
    let received = made.account("f").await["received"].clone();
    assert_eq!(
        received,
        json!([{"with": "a", "add_time": 1000, "add_wording": "hi"}])
    );
    assert_eq!(made.list("g", "sent").await, ["a"]);
    assert_eq!(control.get(&path(&made, "a")).await.ok(), account);
    // Tencent's commands see the same state.
    let portrait = json!({"To_Account": ["a"], "TagList": ["Tag_Profile_IM_Nick"]});
    let reply = made.call("profile/portrait_get", &portrait).await;
    assert!(reply.text.contains("Ann"), "{}", reply.text);
    assert_eq!(made.add("a", &["b"]).await.only().0, 30009);
    assert_eq!(made.add("b", &["a"]).await.only().0, 30539);
}

#[tokio::test]
async fn what_is_left_out_stays_and_a_list_that_is_given_is_the_whole_list() {
    let app = TestApp::start().await;
    let (control, made) = app_with(&app, &["a", "b", "c"]).await;
    let wish = json!({"friends": ["b"], "blocklist": ["c"], "sent": ["c"], "profile": {"Tag_Profile_IM_Nick": "Ann"}});
    let before = control.put(&path(&made, "a"), wish).await.ok();

    control.put(&path(&made, "a"), json!({})).await.ok();
    assert_eq!(made.account("a").await, before);
    control
        .put(
            &path(&made, "a"),
            json!({"friends": ["c"], "sent": [], "profile": {}}),
        )
        .await
        .ok();

    assert_eq!(made.list("a", "friends").await, ["c"]);
    assert_eq!(made.list("a", "blocklist").await, ["c"]);
    assert!(
        made.list("c", "received").await.is_empty(),
        "the other side's end is gone, too"
    );
    assert_eq!(made.account("a").await["profile"], json!({}));
}

#[tokio::test]
async fn an_account_that_cannot_be_is_refused_with_all_that_is_wrong_and_nothing_is_changed() {
    let app = TestApp::start().await;
    let (control, made) = app_with(&app, &["a", "b"]).await;
    let before = control.get(&made.path("/state")).await.ok();
    for (wish, mut pointers) in [
        (
            json!({"friends": ["a"], "blocklist": ["b", "b"]}),
            vec!["/friends/0", "/blocklist/1"],
        ),
        (
            json!({"friends": [{"to": "b", "remark": "x".repeat(97), "add_source": "web"}]}),
            vec!["/friends/0/remark", "/friends/0/add_source"],
        ),
        (
            json!({"friends": [{"to": "b", "groups": ["", "x".repeat(31)]}]}),
            vec!["/friends/0/groups/0", "/friends/0/groups/1"],
        ),
        (
            json!({"friends": [{"to": "b", "custom": {"Tag_SNS_Custom_No": "x"}}]}),
            vec!["/friends/0/custom/Tag_SNS_Custom_No"],
        ),
        (
            json!({"profile": {"Tag_Profile_IM_No": "x", "Tag_Profile_IM_Gender": "x"}}),
            vec![
                "/profile/Tag_Profile_IM_No",
                "/profile/Tag_Profile_IM_Gender",
            ],
        ),
        (
            json!({"groups": [""], "sent": [{"with": "b", "add_wording": "x".repeat(257)}]}),
            vec!["/groups/0", "/sent/0/add_wording"],
        ),
        (json!({"friend": ["b"]}), vec!["/friend"]),
        (
            json!({"allow_type": "DenyAny", "friends": ["", 7]}),
            vec!["/allow_type", "/friends/0", "/friends/1"],
        ),
        (
            json!({"friends": [{"to": "b", "remarc": "x"}]}),
            vec!["/friends/0/remarc"],
        ),
        (
            json!({"friends": ["a"], "profile": {"Tag_Profile_IM_No": "x"}, "foo": 1, "allow_type": 7}),
            vec![
                "/allow_type",
                "/foo",
                "/friends/0",
                "/profile/Tag_Profile_IM_No",
            ],
        ),
    ] {
        let answer = control.put(&path(&made, "a"), wish.clone()).await;
        let mut found: Vec<_> = answer
            .faults(422)
            .into_iter()
            .map(|(pointer, _)| pointer)
            .collect();
        found.sort();
        pointers.sort_unstable();
        assert_eq!(found, pointers, "{wish}: {}", answer.text);
    }
    let misspelt = control.put(&path(&made, "a"), json!({"frends": []})).await;
    assert_eq!(
        misspelt.faults(422)[0].1,
        "is unknown; did you mean friends?"
    );
    let number = json!({"allow_type": 7});
    let faults = control.put(&path(&made, "a"), number).await.faults(422);
    assert!(faults[0].1.ends_with("DenyAny\""), "{faults:?}");
    let name = control.put(&path(&made, &"x".repeat(33)), json!({})).await;
    assert_eq!(name.faults(422)[0].0, "/user");
    assert_eq!(control.get(&made.path("/state")).await.ok(), before);
}

#[tokio::test]
async fn names_of_all_legal_characters_are_reached() {
    let app = TestApp::start().await;
    let (control, made) = app_with(&app, &[]).await;
    let all: String = (' '..='~').collect();
    for name in all
        .as_bytes()
        .chunks(32)
        .map(|bytes| std::str::from_utf8(bytes).expect("ASCII"))
    {
        let escaped: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        control
            .put(
                &path(&made, &escaped),
                json!({"allow_type": "AllowType_Type_DenyAny"}),
            )
            .await
            .ok();
        let accounts = control.get(&made.path("/accounts")).await.ok();
        assert!(
            accounts["accounts"]
                .as_array()
                .expect("a list")
                .contains(&json!(name)),
            "{name}"
        );
        assert_eq!(made.add("administrator", &[name]).await.only().0, 30516);
        let gone = control.delete(&path(&made, &escaped)).await.ok();
        assert_eq!(gone["allow_type"], "AllowType_Type_DenyAny");
        assert_eq!(made.add("administrator", &[name]).await.only().0, 30003);
    }
}

#[tokio::test]
async fn accounts_are_listed_a_page_at_a_time() {
    let app = TestApp::start().await;
    let (control, made) = app_with(&app, &["c", "a", "b"]).await;
    for (query, names) in [
        ("", vec!["a", "administrator", "b", "c"]),
        ("?start=1&limit=2", vec!["administrator", "b"]),
        ("?start=4", vec![]),
    ] {
        let page = control
            .get(&made.path(&format!("/accounts{query}")))
            .await
            .ok();
        assert_eq!(page, json!({"accounts": names, "total": 4}), "{query}");
    }
    for query in ["?limit=0", "?limit=x", "?start=-1", "?strat=1"] {
        let answer = control.get(&made.path(&format!("/accounts{query}"))).await;
        assert_eq!(answer.faults(422).len(), 1, "{query}: {}", answer.text);
        assert_eq!(answer.json["errors"][0]["in"], "query", "{query}");
    }
}

#[tokio::test]
async fn a_deleted_account_is_in_nobodys_lists_and_an_admin_cannot_be_deleted() {
    let app = TestApp::start().await;
    let (control, made) = app_with(&app, &["a", "b"]).await;
    control
        .put(
            &path(&made, "a"),
            json!({"friends": ["b"], "blocklist": ["b"], "sent": ["b"]}),
        )
        .await
        .ok();

    control.delete(&path(&made, "b")).await.ok();

    for list in ["friends", "blocklist", "sent"] {
        assert!(made.list("a", list).await.is_empty(), "{list}");
    }
    control.delete(&path(&made, "b")).await.faults(404);
    control.get(&path(&made, "b")).await.faults(404);
    control
        .delete(&path(&made, "administrator"))
        .await
        .faults(409);
}

/// The effect of each answer on the friend lists of the sender and the receiver.
#[tokio::test]
async fn a_pending_request_is_answered_as_the_other_users_client_would() {
    let app = TestApp::start().await;
    for (action, of_asker, of_asked) in [
        ("agree", vec!["b"], vec![]),
        ("agree_and_add", vec!["b"], vec!["a"]),
        ("reject", vec![], vec![]),
    ] {
        let (control, made) = app_with(&app, &["a", "b"]).await;
        control
            .put(
                &path(&made, "b"),
                json!({"allow_type": "AllowType_Type_NeedConfirm"}),
            )
            .await
            .ok();
        let item =
            json!({"To_Account": "b", "Remark": "B", "GroupName": "work", "AddWording": "hi"});
        let body = json!({"From_Account": "a", "AddFriendItem": [item]});
        assert_eq!(made.call("sns/friend_add", &body).await.codes(), [30539]);
        control
            .post("/clock/hold", json!({"at": 1_900_000_000}))
            .await
            .ok();

        let wish = json!({"action": action});
        let answered = control
            .post(&made.path("/pending/a/b"), wish.clone())
            .await
            .ok();

        assert_eq!(made.list("a", "friends").await, of_asker, "{action}");
        assert_eq!(made.list("b", "friends").await, of_asked, "{action}");
        for (user, side) in [("a", "sent"), ("b", "received")] {
            assert!(made.list(user, side).await.is_empty(), "{action}");
        }
        assert_eq!(answered["from"], made.account("a").await);
        if let Some(friend) = answered["from"]["friends"].get(0) {
            let expected = json!({"to": "b", "mutual": action == "agree_and_add", "add_time": 1_900_000_000, "remark": "B", "groups": ["work"], "add_wording": "hi"});
            assert_eq!(*friend, expected);
        }
        if let Some(friend) = answered["to"]["friends"].get(0) {
            assert_eq!(
                *friend,
                json!({"to": "a", "mutual": true, "add_time": 1_900_000_000, "add_wording": "hi"})
            );
        }
        control
            .post(&made.path("/pending/a/b"), wish)
            .await
            .faults(404);
        control.post("/clock/reset", json!({})).await.ok();
    }
}

#[tokio::test]
async fn an_answer_that_a_full_list_forbids_changes_nothing() {
    let app = TestApp::start_with(|config| config.sns.max_friends = 1).await;
    let (control, made) = app_with(&app, &["a", "b", "c"]).await;
    control
        .put(&path(&made, "a"), json!({"sent": ["b"]}))
        .await
        .ok();
    control
        .put(&path(&made, "b"), json!({"friends": ["c"]}))
        .await
        .ok();

    let refused = control
        .post(
            &made.path("/pending/a/b"),
            json!({"action": "agree_and_add"}),
        )
        .await;

    refused.faults(409);
    assert_eq!(made.list("a", "sent").await, ["b"]);
    control
        .post(&made.path("/pending/a/b"), json!({"action": "agree"}))
        .await
        .ok();
    assert_eq!(made.list("a", "friends").await, ["b"]);
    for (body, pointer) in [
        (json!({}), "/action"),
        (json!({"action": "accept"}), "/action"),
    ] {
        let faults = control
            .post(&made.path("/pending/a/b"), body)
            .await
            .faults(422);
        assert_eq!(faults[0].0, pointer);
    }
}

#[tokio::test]
async fn an_agreement_is_told_to_the_webhook_and_a_refusal_is_not() {
    let app = TestApp::start().await;
    let mut receiver = Receiver::start(Mood::Good).await;
    let control = app.control();
    let hook = json!({"accounts": ["a", "b"], "webhook": {"url": receiver.url}});
    let made = control.create(hook).await;
    for action in ["reject", "agree_and_add"] {
        control
            .put(&path(&made, "a"), json!({"sent": ["b"]}))
            .await
            .ok();
        control
            .post(&made.path("/pending/a/b"), json!({"action": action}))
            .await
            .ok();
    }

    let told = receiver.next().await.json();

    assert_eq!(told["CallbackCommand"], "Sns.CallbackFriendAdd");
    let pairs = told["PairList"].as_array().expect("a list");
    assert_eq!(pairs.len(), 2, "{told}");
    assert_eq!(
        (&pairs[0]["From_Account"], &pairs[0]["To_Account"]),
        (&json!("a"), &json!("b"))
    );
}

/// A request that is sent again while it is answered: if the new request comes first (30539), it is
/// the one that is granted.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_request_made_anew_while_it_is_answered_is_granted_as_it_is_then() {
    let app = TestApp::start().await;
    let (control, made) = app_with(&app, &[]).await;
    let confirm = json!({"allow_type": "AllowType_Type_NeedConfirm"});
    let mut in_time = 0;
    for round in 0..300 {
        let (from, to) = (format!("a{round}"), format!("b{round}"));
        control.put(&path(&made, &from), json!({})).await.ok();
        control.put(&path(&made, &to), confirm.clone()).await.ok();
        let ask = |remark: &str| {
            let item = json!({"To_Account": to, "Remark": remark});
            json!({"From_Account": from, "AddFriendItem": [item]})
        };
        let (old, new) = (ask("old"), ask("new"));
        assert_eq!(made.call("sns/friend_add", &old).await.codes(), [30539]);

        let pending = made.path(&format!("/pending/{from}/{to}"));
        let (again, answered) = tokio::join!(
            made.call("sns/friend_add", &new),
            control.post(&pending, json!({"action": "agree"})),
        );

        let is_in_time = again.codes() == [30539];
        in_time += usize::from(is_in_time);
        let remark = answered.ok()["from"]["friends"][0]["remark"].clone();
        assert_eq!(remark, if is_in_time { "new" } else { "old" }, "{round}");
    }
    assert!(in_time > 0, "the two never met");
}
