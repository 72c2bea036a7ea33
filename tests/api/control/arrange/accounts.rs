//! `arrange` with the names of the accounts: new ones, and accounts that exist.

use super::{call, code_of, small, text};
use crate::commands::COMMANDS;
use crate::control::client::MadeApp;
use crate::harness::TestApp;
use serde_json::{Value, json};
use tencent_chat_emulator::protocol::code::Code;

async fn start() -> (TestApp, MadeApp) {
    let app = TestApp::start_with(|config| {
        small(config);
        config.sns.max_blocklist = 3;
    })
    .await;
    let made = app.control().create_with(&[]).await;
    (app, made)
}

async fn arrange(made: &MadeApp, wish: &Value) -> Value {
    made.control
        .post(&made.path("/arrange"), wish.clone())
        .await
        .ok()
}

/// An account whose every list is full, and names the other account.
async fn fill(made: &MadeApp, name: &str, other: &str) {
    let own = |list: &str| {
        (0..6)
            .map(|number| format!("{name}-{list}-{number}"))
            .collect::<Vec<_>>()
    };
    let with_other = |list: &str, length: usize| {
        let mut names = own(list);
        names.truncate(length - 1);
        names.push(other.to_owned());
        names
    };
    let document = json!({
        "allow_type": "AllowType_Type_DenyAny",
        "admin_forbid_type": "AdminForbid_Type_SendOut",
        "profile": {"Tag_Profile_IM_Nick": "nick"},
        "friends": with_other("friend", 5),
        "blocklist": with_other("blocked", 3),
        "groups": ["1", "2", "3"],
        "sent": with_other("sent", 2),
        "received": own("received")[..2],
        "request_minute": {"since": 1, "requests": 9},
    });
    made.control
        .put(&made.path(&format!("/accounts/{name}")), document)
        .await
        .ok();
}

#[tokio::test]
async fn the_given_names_are_used_and_the_request_gets_the_code() {
    let (_app, made) = start().await;
    let wish = json!({"code": 30525, "from_account": "ann", "to_account": "bob"});

    let arranged = arrange(&made, &wish).await;

    let request = &arranged["request"];
    assert_eq!(request["From_Account"], "ann");
    assert_eq!(request["AddFriendItem"][0]["To_Account"], "bob");
    let names: Vec<_> = arranged["accounts"]
        .as_object()
        .expect("an object")
        .keys()
        .collect();
    assert_eq!(names, ["ann", "bob"]);
    assert_eq!(made.list("bob", "blocklist").await, ["ann"]);
    let reply = call(&made.control, text(&arranged["url"]), request).await;
    assert_eq!(reply.codes(), [30525]);
}

/// Every command and code, with accounts whose every list is full and names the other account.
#[tokio::test]
async fn accounts_that_exist_are_changed_as_the_code_needs_it_and_the_answer_shows_them() {
    let (_app, made) = start().await;
    let control = &made.control;
    let mut met = 0;
    for command in &COMMANDS {
        for code in Code::ALL {
            let has_from = (command.request)().get("From_Account").is_some();
            let mut wish =
                json!({"code": code.name(), "command": command.name, "to_account": "bob"});
            if has_from {
                wish["from_account"] = "ann".into();
            }
            fill(&made, "ann", "bob").await;
            fill(&made, "bob", "ann").await;
            let answer = control.post(&made.path("/arrange"), wish.clone()).await;
            if answer.status == 422 {
                continue;
            }
            let arranged = answer.ok();
            for (name, account) in arranged["accounts"].as_object().expect("an object") {
                assert_eq!(*account, made.account(name).await, "{wish} {name}");
                let nick = &account["profile"]["Tag_Profile_IM_Nick"];
                assert_eq!(nick, "nick", "{wish}: the rest stays");
                assert!(
                    account["friends"].as_array().map(Vec::len) >= Some(3),
                    "{wish} {account}"
                );
            }
            let reply = call(control, text(&arranged["url"]), &arranged["request"]).await;
            let number = match arranged["carried_by"] == "ErrorCode" {
                true => reply.error_code(),
                false => reply.outcome().0.into(),
            };
            assert_eq!(arranged["code"], number, "{wish}: {}", reply.text);
            met += 1;
        }
    }
    assert!(met > 500, "{met}");
}

#[tokio::test]
async fn an_account_that_must_not_exist_is_deleted_unless_it_is_an_admin() {
    let (_app, made) = start().await;
    let control = &made.control;
    for (code, command, gone) in [
        ("FromAccountNotExist", "friend_get", "ann"),
        ("FromAccountNotExist", "friend_add", "ann"),
        ("ToAccountNotExist", "friend_update", "bob"),
        ("ToAccountNotExist", "black_list_delete", "bob"),
        ("ProfileAccountNotExist", "portrait_set", "ann"),
    ] {
        fill(&made, "ann", "bob").await;
        fill(&made, "bob", "ann").await;
        let wish =
            json!({"code": code, "command": command, "from_account": "ann", "to_account": "bob"});

        let arranged = arrange(&made, &wish).await;

        let stays = if gone == "ann" { "bob" } else { "ann" };
        assert_eq!(
            control
                .get(&made.path(&format!("/accounts/{gone}")))
                .await
                .status,
            404
        );
        let names: Vec<_> = arranged["accounts"]
            .as_object()
            .expect("an object")
            .keys()
            .collect();
        assert_eq!(names, [stays]);
        for list in ["friends", "blocklist", "sent", "received"] {
            assert!(
                !made.list(stays, list).await.contains(&gone.to_owned()),
                "{wish} {list}"
            );
        }
        let reply = call(control, text(&arranged["url"]), &arranged["request"]).await;
        let answered = reply.error_code().max(reply.outcome().0.into());
        assert_eq!(arranged["code"], answered, "{wish}: {}", reply.text);

        let mut wish = wish;
        wish[if gone == "ann" {
            "from_account"
        } else {
            "to_account"
        }] = "administrator".into();
        let refused = control.post(&made.path("/arrange"), wish.clone()).await;
        assert_eq!(refused.status, 409, "{wish}: {}", refused.text);
    }
    // An admin can be either account of the other codes.
    let wish = json!({"code": 30516, "from_account": "administrator", "to_account": "bob"});
    let arranged = arrange(&made, &wish).await;
    let reply = call(control, text(&arranged["url"]), &arranged["request"]).await;
    assert_eq!(code_of(&reply), 30516);
    let wish = json!({"code": 30004, "from_account": "administrator"});
    let arranged = arrange(&made, &wish).await;
    let reply = call(control, text(&arranged["url"]), &arranged["request"]).await;
    assert_eq!(code_of(&reply), 30004, "the caller is no admin");
}

#[tokio::test]
async fn names_that_cannot_be_are_refused_and_change_nothing() {
    let (_app, made) = start().await;
    let control = &made.control;
    let before = control.get(&made.path("/state")).await.ok();
    for (wish, pointer, why) in [
        (
            json!({"code": 0, "from_account": "a", "to_account": "a"}),
            "/to_account",
            "must differ",
        ),
        (
            json!({"code": 0, "command": "account_check", "from_account": "a"}),
            "/from_account",
            "account_check has no From_Account",
        ),
        (json!({"code": 0, "from_account": ""}), "/from_account", ""),
        (json!({"code": 0, "to_account": 7}), "/to_account", ""),
        (
            json!({"code": 0, "command": "friend_ad"}),
            "/command",
            "did you mean friend_add?",
        ),
        (
            json!({"code": 0, "command": "sendmsg"}),
            "/command",
            "is a stub",
        ),
        (
            json!({"code": 0, "comand": "friend_add"}),
            "/comand",
            "did you mean command?",
        ),
    ] {
        let answer = control.post(&made.path("/arrange"), wish.clone()).await;
        let faults = answer.faults(422);
        assert_eq!(faults.len(), 1, "{wish}: {faults:?}");
        assert_eq!(faults[0].0, pointer, "{wish}");
        assert!(faults[0].1.contains(why), "{wish}: {faults:?}");
    }
    assert_eq!(control.get(&made.path("/state")).await.ok(), before);
    assert_eq!(control.get("/faults").await.ok(), json!([]));
}
