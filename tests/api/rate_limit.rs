//! The rate limit, exact, with a held clock.

use crate::commands::COMMANDS;
use crate::harness::{ADMIN, APP, ConfigExt, TestApp, app_id};
use serde_json::json;
use std::time::Duration;

/// An emulator with a held clock, and this limit or the limits of the pages.
async fn start(calls_per_second: Option<u32>) -> TestApp {
    let app = TestApp::start_with(|config| config.app().calls_per_second = calls_per_second).await;
    app.emulator.clock().hold(None);
    app
}

/// Makes calls and returns the number of admitted calls. The others have to get 60007.
async fn admitted(app: &TestApp, calls: usize) -> usize {
    let body = json!({"From_Account": "id", "AddFriendItem": [{"To_Account": "id1"}]}).to_string();
    let mut admitted = 0;
    for _ in 0..calls {
        match app
            .post("/v4/sns/friend_add", &app.query(), body.clone())
            .await
            .error_code()
        {
            0 => admitted += 1,
            code => assert_eq!(code, 60007),
        }
    }
    admitted
}

#[tokio::test]
async fn two_hundred_pass_the_next_is_turned_away_and_5_ms_later_exactly_one_more_passes() {
    let app = start(None).await;

    assert_eq!(admitted(&app, 200).await, 200);
    assert_eq!(admitted(&app, 1).await, 0);
    app.emulator.clock().advance(Duration::from_millis(5));
    assert_eq!(admitted(&app, 3).await, 1);
    app.emulator.clock().advance(Duration::from_secs(1));
    assert_eq!(admitted(&app, 205).await, 200);
}

#[tokio::test]
async fn a_refused_call_costs_nothing() {
    let app = start(Some(2)).await;
    assert_eq!(admitted(&app, 2).await, 2);

    assert_eq!(admitted(&app, 50).await, 0);

    app.emulator.clock().advance(Duration::from_millis(500));
    assert_eq!(admitted(&app, 2).await, 1);
}

#[tokio::test]
async fn a_bad_signature_spends_no_token_and_neither_does_a_stranger() {
    let app = start(Some(1)).await;
    let body = json!({"From_Account": "id", "AddFriendItem": [{"To_Account": "id1"}]}).to_string();
    let stranger = format!(
        "sdkappid={APP}&identifier=id&usersig={}&contenttype=json",
        app.user_sig("id")
    );
    for (query, code) in [
        (app.query().replace("usersig=", "usersig=x"), 70003),
        (stranger, 30004),
    ] {
        for _ in 0..3 {
            assert_eq!(
                app.post("/v4/sns/friend_add", &query, body.clone())
                    .await
                    .error_code(),
                code
            );
        }
    }

    assert_eq!(admitted(&app, 2).await, 1);
}

#[tokio::test]
async fn the_limit_comes_before_the_method_and_each_app_has_its_own() {
    let app = TestApp::start_with(|config| {
        config.app().calls_per_second = Some(1);
        let other = config.app().clone();
        config.apps.insert(app_id("7"), other);
    })
    .await;
    app.emulator.clock().hold(None);
    assert_eq!(admitted(&app, 2).await, 1);

    let get = app.client.get(app.url("/v4/sns/friend_add", &app.query()));
    assert_eq!(app.send(get).await.error_code(), 60007);
    let usersig = app
        .emulator
        .user_sig(app_id("7"), ADMIN, 60)
        .expect("the app exists");
    let query = format!("sdkappid=7&identifier={ADMIN}&usersig={usersig}&contenttype=json");
    let get = app.client.get(app.url("/v4/sns/friend_add", &query));
    assert_eq!(app.send(get).await.error_code(), 60008);
}

#[tokio::test]
async fn a_call_with_a_bad_body_costs_a_token() {
    let app = start(Some(1)).await;
    assert_eq!(
        app.post("/v4/sns/friend_add", &app.query(), "{")
            .await
            .error_code(),
        60003
    );
    assert_eq!(admitted(&app, 1).await, 0);
}

#[tokio::test]
async fn zero_is_no_limit() {
    let app = start(Some(0)).await;
    assert_eq!(admitted(&app, 250).await, 250);
}

#[tokio::test]
async fn every_command_may_be_called_as_often_as_its_page_says_and_no_more() {
    let app = start(None).await;
    let query = app.query();
    for command in &COMMANDS {
        let path = format!("/v4/{}", command.path());
        // The body is checked after the rate limit.
        for _ in 0..command.calls_per_second {
            let code = app.post(&path, &query, "{}").await.error_code();
            assert_eq!(code, command.bad_body(), "{path}");
        }
        assert_eq!(
            app.post(&path, &query, "{}").await.error_code(),
            60007,
            "{path}"
        );
    }
}
