//! Apps: their keys, URLs, limits and clocks, and handles to apps that were reset or removed.

use super::{AccountSeed, call, start};
use serde_json::json;
use std::time::Duration;
use tencent_chat_emulator::config::AppConfig;
use tencent_chat_emulator::protocol::ids::UnixTime;
use tencent_chat_emulator::{Emulator, ErrorKind, Fault, SdkAppId};

const NOBODY: &str = r#"{"CheckItem":[{"UserID":"nobody"}]}"#;

async fn check(app: &tencent_chat_emulator::AppHandle) -> u64 {
    let body = serde_json::from_str(NOBODY).expect("JSON");
    let answer = call(app, "account_check", &body).await;
    answer["ErrorCode"].as_u64().expect("a number")
}

#[tokio::test]
async fn a_created_app_is_as_the_control_api_shows_it_and_the_reverse() {
    let (emulator, control) = start().await;
    let config = AppConfig {
        accounts: [("ann", None)]
            .map(|(name, none)| (super::user(name), none))
            .into(),
        ..AppConfig::default()
    };
    let app = emulator.create_app(config).await.expect("there is room");
    let shown = control.get(&format!("/apps/{}", app.sdkappid())).await.ok();
    assert_eq!(shown["admins"], json!([app.admin()]));
    assert_eq!(shown["secret_key"], app.secret_key());
    assert_eq!(shown["accounts"], 2);
    assert_eq!(app.secret_key().len(), 64);

    let made = control.create(json!({"accounts": ["bob"]})).await;
    let number = u32::try_from(made.sdkappid).expect("an SDKAppID");
    let sdkappid = SdkAppId::new(number).expect("not 0");
    let made = emulator.app(sdkappid).expect("it was created");
    assert!(made.account("bob").await.is_ok());
    let shown = control.get(&format!("/apps/{sdkappid}")).await.ok();
    assert_eq!(shown["secret_key"], made.secret_key());

    for app in [&app, &made, &emulator.default_app()] {
        assert_eq!(check(app).await, 0);
        let body = json!({"usersig": app.user_sig("ann"), "identifier": "ann"});
        let path = format!("/apps/{}/user_sig/inspect", app.sdkappid());
        let inspected = control.post(&path, body).await.ok();
        assert_eq!(inspected["contents"]["identifier"], "ann");
        assert_eq!(inspected["contents"]["expire_seconds"], 180 * 86_400);
        // Its signature is good: it fails only because "ann" is no admin.
        assert_eq!(inspected["failed_step"], "admin");
    }
    assert!(emulator.app(SdkAppId::new(7).expect("not 0")).is_none());
    let base = format!("{}/v4/sns/friend_add?{}", emulator.url(), app.query());
    for name in ["friend_add", "sns/friend_add"] {
        let url = app.url(name);
        let end = url.find("&usersig").expect("it has a UserSig");
        assert_eq!(url[..end], base[..end]);
    }
    let own = app.url("my_service/my_command");
    assert!(own.starts_with(&format!("{}/v4/my_service/my_command?", emulator.url())));
}

#[tokio::test]
async fn an_app_that_cannot_exist_is_not_created() {
    let (emulator, control) = start().await;
    let no_admin = AppConfig {
        admins: Vec::new(),
        ..AppConfig::default()
    };
    let own_friend = AppConfig {
        accounts: [(
            super::user("ann"),
            Some(Box::new(tencent_chat_emulator::accounts::AccountDocument {
                friends: Some(vec![super::user("ann").into()]),
                ..Default::default()
            })),
        )]
        .into(),
        ..AppConfig::default()
    };
    let too_fast = AppConfig {
        calls_per_second: Some(1_000_001),
        ..AppConfig::default()
    };
    for (config, message) in [
        (no_admin, "/admins should not be empty"),
        (too_fast, "/calls_per_second should be at most 1000000"),
        (own_friend, "/accounts/ann/friends/0 is the account itself"),
    ] {
        let mut of_start = emulator_config();
        of_start
            .apps
            .values_mut()
            .for_each(|app| *app = config.clone());

        let error = emulator.create_app(config).await.expect_err(message);
        let start = Emulator::start(of_start).await.expect_err(message);

        assert_eq!(
            (error.kind, &*error.to_string()),
            (ErrorKind::Invalid, message)
        );
        let of_key = message.replace('/', ".");
        assert_eq!(start.to_string(), format!("apps.88888888{of_key}"));
    }
    let apps = control.get("/apps").await.ok();
    assert_eq!(apps.as_array().map(Vec::len), Some(1));
    let mut without = emulator_config();
    without.apps.clear();
    let error = Emulator::start(without).await.expect_err("there is no app");
    assert_eq!(error.to_string(), "apps should not be empty");
}

fn emulator_config() -> tencent_chat_emulator::config::Config {
    let mut config = tencent_chat_emulator::config::Config::load(&Default::default());
    let config = config.as_mut().expect("the defaults are good");
    config.listen.set_port(0);
    config.clone()
}

#[tokio::test]
async fn a_limit_is_set_as_over_http() {
    let (emulator, control) = start().await;
    let app = emulator.default_app();
    app.clock().expect("it exists").hold(None);
    let path = format!("/apps/{}/limits", app.sdkappid());
    let limit = async || control.get(&path).await.ok()["account_check"]["calls_per_second"].clone();

    app.set_limit("account_check", 2).expect("a good limit");

    assert_eq!(limit().await, 2);
    assert_eq!(
        [check(&app).await, check(&app).await, check(&app).await],
        [0, 0, 60007]
    );
    app.clock()
        .expect("it exists")
        .advance(Duration::from_secs(1));
    assert_eq!(check(&app).await, 0);
    app.set_limit("account_check", 0).expect("a good limit");
    for _ in 0..300 {
        assert_eq!(check(&app).await, 0);
    }
    app.set_limit("im_open_login_svc/account_check", None)
        .expect("a good limit");
    assert_eq!(limit().await, 100);
    for (command, new) in [("account_chek", 1), ("account_check", 1_000_001)] {
        let error = app.set_limit(command, new).expect_err("it is invalid");
        let answer = control.put(&path, json!({command: new})).await;
        let (pointer, detail) = answer.faults(422).remove(0);
        assert_eq!(error.messages, [format!("{pointer} {detail}")]);
    }
}

#[tokio::test]
async fn an_apps_clock_is_the_one_that_http_shows_and_moves() {
    let (emulator, control) = start().await;
    let app = emulator.default_app();
    let path = format!("/apps/{}/clock", app.sdkappid());
    let clock = app.clock().expect("it exists");
    let shown = async |path: &str| {
        let shown = control.get(path).await.ok();
        (
            shown["now"].as_f64().expect("a number"),
            shown["held"] == true,
        )
    };

    clock.hold(Some(UnixTime(1_000)));
    assert_eq!(shown(&path).await, (1_000.0, true));
    clock.advance(Duration::from_secs(5));
    assert_eq!(shown(&path).await, (1_005.0, true));
    assert!(!emulator.clock().is_held());
    let advance = format!("{path}/advance");
    control.post(&advance, json!({"seconds": 5})).await.ok();
    assert_eq!(clock.now().unix_time(), UnixTime(1_010));
    clock.release();
    assert!(!clock.is_held() && !shown(&path).await.1);
    clock.hold(Some(UnixTime(1_000)));
    clock.reset();
    assert!(clock.now().wall.abs_diff(emulator.clock().now().wall) < Duration::from_secs(60));
    emulator.clock().hold(Some(UnixTime(2_000)));
    assert_eq!(
        (clock.now().unix_time(), clock.is_held()),
        (UnixTime(2_000), true)
    );
    assert_eq!(shown("/clock").await, (2_000.0, true));
}

#[tokio::test]
async fn a_handle_outlives_resets_and_names_an_app_that_was_removed() {
    let (emulator, control) = start().await;
    let app = emulator.default_app();
    let made = emulator.create_app(AppConfig::default()).await;
    let made = made.expect("there is room");
    for app in [&app, &made] {
        app.put_account("ann", AccountSeed::new())
            .await
            .expect("good");
        app.clock().expect("it exists").hold(Some(UnixTime(5)));
        app.faults().arm(Fault::close()).expect("it can fire");
        let key = app.secret_key();

        app.reset().await.expect("it exists");

        let gone = app.account("ann").await.expect_err("it is reset");
        assert!(gone.to_string().starts_with("there is no account ann"));
        assert!(!app.clock().expect("it exists").is_held());
        assert!(app.faults().list().is_empty());
        assert_eq!((app.secret_key(), check(app).await), (key, 0));
    }

    emulator.reset().await;

    assert_eq!(check(&app).await, 0);
    let error = made.account("ann").await.expect_err("it is removed");
    let path = format!("/apps/{}", made.sdkappid());
    let answer = control.get(&path).await;
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(json!(error.messages), json!([answer.json["detail"]]));
    let errors = [
        made.put_account("a", AccountSeed::new()).await.err(),
        made.accounts().await.err(),
        made.delete_account("a").await.err(),
        made.snapshot().await.err(),
        made.set_limit("friend_add", 1).err(),
        made.clock().err(),
        made.reset().await.err(),
        made.remove().await.err(),
    ];
    assert_eq!(errors, [(); 8].map(|()| Some(error.clone())));
    assert_eq!(check(&made).await, 70020);

    control
        .delete(&format!("/apps/{}", app.sdkappid()))
        .await
        .ok();
    assert_eq!(
        emulator
            .default_app()
            .reset()
            .await
            .expect_err("it is gone")
            .kind,
        ErrorKind::NotFound
    );
    emulator.reset().await;
    emulator.default_app().reset().await.expect("it is back");
}
