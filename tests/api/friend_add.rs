//! friend_add with real state: every code of the page's table, limits, pending requests, and the
//! stored fields.

use crate::harness::{ConfigExt, TestApp, one, user, with};
use serde_json::json;
use tencent_chat_emulator::AccountSeed;
use tencent_chat_emulator::accounts::AccountDocument;
use tencent_chat_emulator::protocol::code::Code;
use tencent_chat_emulator::protocol::ids::UnixTime;
use tencent_chat_emulator::sns::model::{AdminForbidType, AllowType, UnknownAccounts};

fn allowing(allow_type: AllowType) -> AccountSeed {
    AccountSeed::new().allow_type(allow_type)
}

fn blocking(name: &str) -> AccountSeed {
    AccountSeed::new().blocks(name)
}

#[tokio::test]
async fn both_is_the_default_and_single_makes_one_direction() {
    let app = TestApp::start().await;

    app.friend_add(one(json!({"To_Account": "id1"}))).await;
    app.friend_add(with(
        one(json!({"To_Account": "id2"})),
        "AddType",
        json!("Add_Type_Single"),
    ))
    .await;

    assert_eq!(app.friends("id"), ["id1", "id2"]);
    assert_eq!(app.friends("id1"), ["id"]);
    assert!(app.friends("id2").is_empty());
}

#[tokio::test]
async fn the_missing_direction_is_made_where_only_the_other_one_is_there() {
    let app = TestApp::start().await;
    let single = json!({"From_Account": "id1", "AddFriendItem": [{"To_Account": "id"}], "AddType": "Add_Type_Single"});
    app.friend_add(single).await;

    assert_eq!(
        app.friend_add(one(json!({"To_Account": "id1"})))
            .await
            .only(),
        (0, "")
    );

    assert_eq!(
        (app.friends("id"), app.friends("id1")),
        (vec!["id1".to_owned()], vec!["id".to_owned()])
    );
}

#[tokio::test]
async fn what_the_item_alone_shows_is_30001_with_a_text_of_its_own() {
    let app = TestApp::start().await;
    let long = |length| "x".repeat(length);
    let cases = [
        (
            json!({"To_Account": ""}),
            "Err_SNS_FriendAdd_To_Account_Illegal",
        ),
        (
            json!({"To_Account": long(33)}),
            "Err_SNS_FriendAdd_To_Account_Illegal",
        ),
        (
            json!({"To_Account": "用户"}),
            "Err_SNS_FriendAdd_To_Account_Illegal",
        ),
        (json!({"To_Account": "id"}), "Err_SNS_FriendAdd_Add_Self"),
        (
            json!({"To_Account": "id1", "AddSource": "Web"}),
            "Err_SNS_FriendAdd_Source_Illegal",
        ),
        (
            json!({"To_Account": "id1", "AddSource": "AddSource_Type_XXXXXXXXX"}),
            "Err_SNS_FriendAdd_Source_Illegal",
        ),
        (
            json!({"To_Account": "id1", "Remark": long(97)}),
            "Err_SNS_FriendAdd_Req_Remark_Len_Illegal",
        ),
        (
            json!({"To_Account": "id1", "GroupName": long(31)}),
            "Err_SNS_FriendAdd_Req_Group_Name_Len_Illegal",
        ),
        (
            json!({"To_Account": "id1", "AddWording": long(257)}),
            "Err_SNS_FriendAdd_Req_Add_Wording_Len_Illegal",
        ),
    ];
    for (item, text) in cases {
        assert_eq!(
            app.friend_add(one(item.clone())).await.only(),
            (30001, text),
            "{item}"
        );
    }
    assert!(app.friends("id").is_empty());
}

#[tokio::test]
async fn an_account_that_nobody_imported_is_30003_for_its_item_or_for_the_call() {
    let app = TestApp::start().await;

    let to = app.friend_add(one(json!({"To_Account": "nobody"}))).await;
    let from = app
        .friend_add(with(
            one(json!({"To_Account": "id1"})),
            "From_Account",
            json!("nobody"),
        ))
        .await;

    assert_eq!(to.only(), (30003, "Err_SNS_FriendAdd_To_Account_Not_Exist"));
    assert_eq!(from.error_code(), 30003);
}

#[tokio::test]
async fn unknown_accounts_are_made_where_that_is_asked_for() {
    let app =
        TestApp::start_with(|config| config.sns.unknown_accounts = UnknownAccounts::Create).await;
    assert_eq!(app.add("new1", &["new2"]).await, [0]);
    assert_eq!(app.friends("new2"), ["new1"]);
}

#[tokio::test]
async fn who_is_forbidden_to_add_gets_30009_forced_or_not() {
    let app = TestApp::start().await;
    app.put(
        "id",
        AccountSeed::new().admin_forbid_type(AdminForbidType::SendOut),
    );
    for force in [0, 1] {
        let body = with(
            one(json!({"To_Account": "id1"})),
            "ForceAddFlags",
            json!(force),
        );
        assert_eq!(
            app.friend_add(body).await.only(),
            (30009, "Err_SNS_FriendAdd_Forbid_By_Admin")
        );
    }
}

#[tokio::test]
async fn blocklists_are_30515_and_30525_mine_first_forced_or_not() {
    let app = TestApp::start().await;
    app.put("id", blocking("id1"));
    app.put("id1", blocking("id"));
    app.put("id2", blocking("id"));
    for force in [0, 1] {
        let items = json!([{"To_Account": "id1"}, {"To_Account": "id2"}]);
        let body = json!({"From_Account": "id", "AddFriendItem": items, "ForceAddFlags": force});
        assert_eq!(app.friend_add(body).await.codes(), [30515, 30525]);
    }
}

#[tokio::test]
async fn deny_any_is_30516_unless_forced() {
    let app = TestApp::start().await;
    app.put("id1", allowing(AllowType::DenyAny));

    let denied = app.friend_add(one(json!({"To_Account": "id1"}))).await;
    let forced = app
        .friend_add(with(
            one(json!({"To_Account": "id1"})),
            "ForceAddFlags",
            json!(1),
        ))
        .await;

    assert_eq!(
        denied.only(),
        (30516, "Err_SNS_FriendAdd_Friend_Allow_Type_Forbid")
    );
    assert_eq!(forced.only(), (0, ""));
    assert_eq!(app.friends("id1"), ["id"]);
}

#[tokio::test]
async fn need_confirm_is_30539_and_leaves_a_request_on_both_sides() {
    let app = TestApp::start().await;
    app.put("id1", allowing(AllowType::NeedConfirm));
    app.emulator.clock().hold(Some(UnixTime(1_700_000_000)));
    let item = json!({"To_Account": "id1", "Remark": "r", "AddWording": "hi", "AddSource": "AddSource_Type_Web"});

    let reply = app.friend_add(one(item)).await;

    assert_eq!(reply.only().0, 30539);
    assert_eq!(reply.json["Fail_Account"], json!(["id1"]));
    assert_eq!(reply.error_code(), 0);
    let (mine, theirs) = (app.account("id"), app.account("id1"));
    assert!(mine.friends.is_empty() && theirs.friends.is_empty());
    assert_eq!(
        (mine.sent[0].with, theirs.received[0].with),
        (user("id1"), user("id"))
    );
    assert_eq!(mine.sent[0].add_time, UnixTime(1_700_000_000));
    let (sent, received) = (
        mine.sent[0].details.as_ref(),
        theirs.received[0].details.as_ref(),
    );
    assert_eq!(
        sent.and_then(|texts| texts.remark.as_ref())
            .map(|remark| remark.as_str()),
        Some("r")
    );
    assert!(received.is_some_and(|texts| texts.remark.is_none() && texts.add_wording.is_some()));
}

#[tokio::test]
async fn a_repeated_request_is_refreshed_and_a_friendship_settles_requests_both_ways() {
    let app = TestApp::start().await;
    app.put("id", allowing(AllowType::NeedConfirm));
    app.put("id1", allowing(AllowType::NeedConfirm));
    app.emulator.clock().hold(Some(UnixTime(1_000)));
    assert_eq!(app.add("id", &["id1"]).await, [30539]);
    assert_eq!(app.add("id1", &["id"]).await, [30539]);
    app.emulator.clock().hold(Some(UnixTime(2_000)));
    assert_eq!(app.add("id", &["id1"]).await, [30539]);
    assert_eq!(app.account("id").sent[0].add_time, UnixTime(2_000));
    assert_eq!(
        (
            app.account("id").sent.len(),
            app.account("id").received.len()
        ),
        (1, 1)
    );

    app.friend_add(with(
        one(json!({"To_Account": "id1"})),
        "ForceAddFlags",
        json!(1),
    ))
    .await;

    for name in ["id", "id1"] {
        let account = app.account(name);
        assert!(
            account.sent.is_empty() && account.received.is_empty(),
            "{name}"
        );
        assert_eq!(account.friends.len(), 1);
    }
}

#[tokio::test]
async fn pending_requests_are_capped_on_either_side_at_30012() {
    let app = TestApp::start_with(|config| config.sns.max_pending = 2).await;
    app.import(["a", "b"]);
    for name in ["id1", "id2", "id3"] {
        app.put(name, allowing(AllowType::NeedConfirm));
    }

    assert_eq!(
        app.add("id", &["id1", "id2", "id3"]).await,
        [30539, 30539, 30012]
    );
    assert_eq!(
        app.add("id", &["id1"]).await,
        [30539],
        "a repeat is not new"
    );
    assert_eq!(app.add("a", &["id3"]).await, [30539]);
    assert_eq!(app.add("b", &["id3"]).await, [30539]);
    app.put("a", allowing(AllowType::AllowAny));
    assert_eq!(
        app.add("id1", &["id3"]).await,
        [30012],
        "To's side counts too"
    );
}

#[tokio::test]
async fn the_documented_caps_are_exact() {
    let app = TestApp::start().await;
    let names: Vec<_> = (0..3001).map(|number| format!("u{number}")).collect();
    app.import(&names);
    for batch in names[..3000].chunks(1000) {
        let tos: Vec<_> = batch.iter().map(String::as_str).collect();
        assert!(app.add("id", &tos).await.iter().all(|code| *code == 0));
    }

    let mine = app.friend_add(one(json!({"To_Account": "u3000"}))).await;
    let theirs = app
        .friend_add(json!({"From_Account": "u3000", "AddFriendItem": [{"To_Account": "id"}]}))
        .await;
    let single = json!({"From_Account": "u3000", "AddFriendItem": [{"To_Account": "id"}], "AddType": "Add_Type_Single"});

    assert_eq!(
        mine.only(),
        (30010, "Err_SNS_FriendAdd_My_Friend_Num_Exceed_Threshold")
    );
    assert_eq!(theirs.only().0, 30014);
    assert_eq!(
        app.friend_add(single).await.only(),
        (0, ""),
        "To gains none"
    );
    assert_eq!(app.friends("id").len(), 3000);
}

#[tokio::test]
async fn the_33rd_group_is_30011_and_known_groups_still_serve() {
    let app = TestApp::start().await;
    let names: Vec<_> = (0..34).map(|number| format!("u{number}")).collect();
    app.import(&names);
    let item = |to: usize, group: usize| json!({"To_Account": names[to], "GroupName": format!("group {group}")});
    let items: Vec<_> = (0..33).map(|number| item(number, number)).collect();

    let reply = app
        .friend_add(json!({"From_Account": "id", "AddFriendItem": items}))
        .await;

    let codes = reply.codes();
    assert!(codes[..32].iter().all(|code| *code == 0));
    assert_eq!(codes[32], 30011);
    assert_eq!(app.friend_add(one(item(33, 0))).await.only(), (0, ""));
    assert_eq!(app.account("id").groups.len(), 32);
}

#[tokio::test]
async fn too_many_requests_a_minute_are_30540_where_that_is_configured() {
    let app = TestApp::start_with(|config| config.sns.max_requests_per_minute = 2).await;
    app.emulator.clock().hold(Some(UnixTime(1_000)));
    assert_eq!(app.add("id", &["id1", "id2", "id3"]).await, [0, 0, 30540]);
    app.emulator.clock().hold(Some(UnixTime(1_059)));
    assert_eq!(app.add("id", &["id3"]).await, [30540]);

    app.emulator.clock().hold(Some(UnixTime(1_060)));

    assert_eq!(app.add("id", &["id3"]).await, [0]);
}

#[tokio::test]
async fn outcomes_that_no_state_gives_are_met_by_script() {
    let app = TestApp::start().await;
    let scripted = [
        Code::SdkAppIdIllegal,
        Code::Internal,
        Code::NetworkTimeout,
        Code::WriteConflict,
        Code::TooManyRequests,
    ];
    for code in scripted {
        let fault = app.script("id", "id1", code);
        let reply = app.friend_add(one(json!({"To_Account": "id1"}))).await;
        fault.disarm();
        let info = code.info().replace("<Api>", "FriendAdd");
        assert_eq!(reply.only(), (u64::from(code.number()), &*info));
    }
    assert!(app.friends("id").is_empty());
}

#[tokio::test]
async fn a_second_item_for_the_same_account_meets_friend_exist() {
    let app = TestApp::start().await;
    let reply = app.friend_add(json!({"From_Account": "id", "AddFriendItem": [{"To_Account": "id1"}, {"To_Account": "id1"}]}));
    let reply = reply.await;
    assert_eq!(reply.codes(), [0, 30001]);
    assert_eq!(reply.json["Fail_Account"], json!(["id1"]));
}

#[tokio::test]
async fn if_every_item_fails_the_call_is_still_ok() {
    let app = TestApp::start().await;
    let reply = app.friend_add(
        json!({"From_Account": "id", "AddFriendItem": [{"To_Account": "x"}, {"To_Account": "y"}]}),
    );
    let reply = reply.await;
    assert_eq!((reply.error_code(), reply.codes()), (0, vec![30003, 30003]));
}

#[tokio::test]
async fn accounts_start_as_the_configuration_says() {
    let app = TestApp::start_with(|config| {
        let shy = AccountDocument {
            allow_type: Some(AllowType::NeedConfirm),
            ..AccountDocument::default()
        };
        let rude = AccountDocument {
            blocklist: Some(vec![user("id").into()]),
            ..AccountDocument::default()
        };
        let accounts = [(user("shy"), shy), (user("rude"), rude)];
        let accounts = accounts.map(|(user, account)| (user, Some(account.into())));
        config.app().accounts.extend(accounts);
    })
    .await;
    assert_eq!(app.add("id", &["shy", "rude"]).await, [30539, 30525]);
}
