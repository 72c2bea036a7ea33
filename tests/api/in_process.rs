//! The functions that Rust tests call on an emulator in their own process.

use crate::harness::{APP, ConfigExt, TestApp, app_id, user};
use serde_json::{Value, json};
use tencent_chat_emulator::Emulator;
use tencent_chat_emulator::accounts::AccountDocument;
use tencent_chat_emulator::config::{Config, Sources};
use tencent_chat_emulator::protocol::code::Code;
use tencent_chat_emulator::sns::model::AccountSeed;

async fn armed(app: &TestApp) -> usize {
    let faults: Value = app.control().get("/faults").await.ok();
    faults.as_array().map_or(0, Vec::len)
}

/// The control API has the same limit.
#[tokio::test]
async fn scripts_arm_at_most_as_many_faults_as_may_be_armed() {
    let app = TestApp::start().await;
    let id = app_id(APP);
    let script = |to: &str, code| app.emulator.script(id, user("id"), user(to), code);
    for number in 0..1000 {
        script(&format!("u{number}"), Some(Code::Internal)).expect("there is room");
    }

    let full = script("more", Some(Code::Internal)).expect_err("there is no room");
    assert_eq!(full.to_string(), "at most 1000 faults may be armed");
    let full = app
        .emulator
        .script_call(id, "friend_add", Some(Code::Internal));
    assert!(full.is_err());
    app.control()
        .post("/faults", json!({"code": 30006}))
        .await
        .faults(507);
    assert_eq!(armed(&app).await, 1000);

    // A fault with the same scope is replaced, and a removed fault makes room.
    script("u7", Some(Code::SensitiveWord)).expect("it is replaced");
    assert_eq!(armed(&app).await, 1000);
    assert_eq!(
        app.add("id", &["u7"]).await,
        [u64::from(Code::SensitiveWord.number())]
    );
    script("u7", None).expect("the app exists");
    script("more", Some(Code::Internal)).expect("there is room");
    assert_eq!(armed(&app).await, 1000);
}

#[tokio::test]
async fn a_script_of_an_app_that_is_not_there_is_an_error() {
    let app = TestApp::start().await;
    let none = app_id("7");
    let script = (app.emulator).script(none, user("a"), user("b"), Some(Code::Internal));
    assert!(script.is_err());
    let script = app
        .emulator
        .script_call(none, "friend_add", Some(Code::Internal));
    assert!(script.is_err());
    assert_eq!(armed(&app).await, 0);
}

/// As PUT of an account does.
#[tokio::test]
async fn the_blocklist_of_a_seed_is_checked_and_its_accounts_are_created() {
    let app = TestApp::start().await;
    let put = async |names: &[&str]| {
        let seed = AccountSeed {
            blocklist: names.iter().map(|name| user(name)).collect(),
            ..AccountSeed::default()
        };
        app.emulator
            .put_account(app_id(APP), user("id"), &seed)
            .await
    };
    let before = app.account("id");

    let invalid = put(&["a", "id", "a"])
        .await
        .expect_err("two entries are invalid");
    let expected = [
        "/blocklist/1 is the account itself",
        "/blocklist/2 is listed twice",
    ];
    assert_eq!(invalid.errors, expected);
    assert_eq!(app.account("id"), before);
    let a = async || app.emulator.account(app_id(APP), user("a")).await;
    assert!(a().await.is_none());

    put(&["a"]).await.expect("a good seed");
    let sequences = app.account("id").sequences;
    assert_eq!((sequences.blocklist, sequences.standard), (1, 0));
    assert!(a().await.is_some());
}

/// A configuration can be changed after it was loaded.
#[tokio::test]
async fn a_changed_configuration_with_an_account_that_cannot_be_does_not_start() {
    let mut config = Config::load(&Sources::default()).expect("the defaults are good");
    config.listen = "127.0.0.1:0".parse().expect("an address");
    let account = AccountDocument {
        friends: Some(vec![user("a").into(), user("b").into(), user("b").into()]),
        ..AccountDocument::default()
    };
    let accounts = &mut config.app().accounts;
    accounts.insert(user("a"), Some(account.into()));

    let error = Emulator::start(config)
        .await
        .expect_err("it is its own friend");

    let expected = "apps.88888888.accounts.a.friends.0 is the account itself\n\
                    apps.88888888.accounts.a.friends.2 is listed twice";
    assert_eq!(error.to_string(), expected);
}
