//! The gateway: every check of a call before its command, alone and in order.

use crate::harness::{ADMIN, APP, ConfigExt, Reply, TestApp, app_id};
use serde_json::json;
use std::time::Duration;
use tencent_chat_emulator::protocol::ids::{SdkAppId, UnixTime};
use tencent_chat_emulator::protocol::user_sig::{self, SecretKey};

const FRIEND_ADD: &str = "/v4/sns/friend_add";
const OTHER_APP: &str = "1400000001";

fn body() -> String {
    json!({"From_Account": "id", "AddFriendItem": [{"To_Account": "id1"}]}).to_string()
}

/// The built-in app, another app, and a held clock.
async fn start() -> TestApp {
    let app = TestApp::start_with(|config| {
        let other = config.app().clone();
        config.apps.insert(app_id(OTHER_APP), other);
    })
    .await;
    app.emulator.clock().hold(None);
    app
}

async fn post(app: &TestApp, query: &str) -> Reply {
    app.post(FRIEND_ADD, query, body()).await
}

fn sign(key: &str, app: SdkAppId, identifier: &str, time: i64, expire: i64) -> String {
    let key = SecretKey::new(key).expect("not empty");
    user_sig::sign(&key, app, identifier, UnixTime(time), expire)
}

#[tokio::test]
async fn a_path_that_names_no_command_is_60002_or_60009() {
    let app = start().await;
    for path in [
        "/",
        "/v4",
        "/v4/",
        "/v4/sns",
        "/v4/sns/",
        "/v4//friend_add",
        "/v3/sns/friend_add",
        "/V4/sns/friend_add",
    ] {
        let reply = app.post(path, &app.query(), body()).await;
        assert_eq!(
            reply.text,
            r#"{"ActionStatus":"FAIL","ErrorCode":60002,"ErrorInfo":"HTTP parse Error"}"#,
            "{path}"
        );
    }
    for path in [
        "/v4/sns/friend_add/",
        "/v4/sns/friend_add/x",
        "//v4/sns/friend_add",
    ] {
        assert_eq!(
            app.post(path, &app.query(), body()).await.error_code(),
            60002,
            "{path}"
        );
    }
    for path in [
        "/v4/sns/friend_nope",
        "/v4/nope/friend_add",
        "/v4/sns/Friend_add",
        "/v4/sns/friend%5Fadd",
    ] {
        assert_eq!(
            app.post(path, &app.query(), body()).await.error_code(),
            60009,
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_first_fault_in_the_documented_order_answers() {
    let app = start().await;
    let query = |sdkappid: &str, identifier: &str, usersig: &str| {
        format!(
            "sdkappid={sdkappid}&identifier={identifier}&usersig={usersig}&random=1&contenttype=json"
        )
    };
    let now = app.emulator.clock().now().unix_time().0;
    let foreign = sign("another key", app_id("7"), "x", 0, 0);
    let anothers = sign("another key", app_id(APP), "x", 0, 0);
    let key = sign("another key", app_id(APP), "id", 0, 0);
    let expired = app
        .emulator
        .user_sig(app_id(APP), "id", -1)
        .expect("the app exists");
    let stranger = app.user_sig("id");
    assert!(now > 0);

    // Each call also fails all later checks: it is a GET without a body.
    let cases = [
        ("/nowhere", String::new(), 60002),
        ("/v4/sns/nope", String::new(), 60009),
        (FRIEND_ADD, String::new(), 60012),
        (FRIEND_ADD, "sdkappid=0".to_owned(), 60025),
        (FRIEND_ADD, "sdkappid=7".to_owned(), 60025),
        (FRIEND_ADD, query("7", "id", "xxx"), 70020),
        (FRIEND_ADD, query(APP, "id", "xxx"), 70003),
        (FRIEND_ADD, query(APP, "id", &foreign), 70014),
        (FRIEND_ADD, query(APP, "id", &anothers), 70013),
        (FRIEND_ADD, query(APP, "id", &key), 70009),
        (FRIEND_ADD, query(APP, "id", &expired), 70001),
        (FRIEND_ADD, query(APP, "id", &stranger), 30004),
        (FRIEND_ADD, app.query(), 60008),
    ];
    for (path, query, code) in cases {
        let reply = app.send(app.client.get(app.url(path, &query))).await;
        assert_eq!(reply.error_code(), code, "{path}?{query}: {}", reply.text);
    }
    for (body, code, says) in [
        ("", 60003, "empty"),
        ("{", 60003, "line 1 column 1"),
        ("{}", 30001, "From_Account"),
    ] {
        let reply = app.post(FRIEND_ADD, &app.query(), body).await;
        assert_eq!(reply.error_code(), code, "{body:?}");
        let why = app.why(&reply).await;
        assert!(why.contains(says), "{why}");
    }
}

#[tokio::test]
async fn each_missing_parameter_is_named() {
    let app = start().await;
    for name in ["identifier", "usersig", "contenttype"] {
        let query = app.query().replace(&format!("{name}="), "x=");
        let reply = post(&app, &query).await;
        assert_eq!(reply.error_code(), 60025);
        assert!(reply.error_info().contains(name), "{}", reply.error_info());
    }
    let reply = post(&app, &app.query().replace("sdkappid=", "x=")).await;
    assert_eq!(
        (reply.error_code(), reply.error_info()),
        (60012, "Rest Api need sdkappid")
    );
}

#[tokio::test]
async fn the_last_second_of_a_user_sig_counts_and_the_next_does_not() {
    let app = start().await;
    let query = app.query();

    app.emulator.clock().advance(Duration::from_secs(86_400));
    let last = post(&app, &query).await;
    app.emulator.clock().advance(Duration::from_secs(1));
    let late = post(&app, &query).await;

    assert_eq!(last.error_code(), 0);
    assert_eq!(late.error_code(), 70001);
    assert!(
        late.error_info()
            .starts_with("The UserSig in use is expired"),
        "{}",
        late.error_info()
    );
}

#[tokio::test]
async fn a_user_sig_from_the_future_is_accepted() {
    let app = start().await;
    let query = app.query();
    app.emulator.clock().hold(Some(UnixTime(1_000_000_000)));
    assert_eq!(post(&app, &query).await.error_code(), 0);
}

#[tokio::test]
async fn mismatches_say_what_was_asked_for_and_what_was_signed() {
    let app = start().await;
    let usersig = app
        .emulator
        .user_sig(app_id(OTHER_APP), ADMIN, 60)
        .expect("the app exists");
    let query = format!("sdkappid={APP}&identifier={ADMIN}&usersig={usersig}&contenttype=json");
    let other_app = post(&app, &query).await;
    let query = format!(
        "sdkappid={APP}&identifier=admin&usersig={}&contenttype=json",
        app.user_sig(ADMIN)
    );
    let other_identifier = post(&app, &query).await;

    assert_eq!(other_app.error_code(), 70014);
    assert_eq!(
        other_app.error_info(),
        "The requested SDKAppID(88888888) does not match the Usersig(1400000001). You can run a self-checking with the assistant tool on the console."
    );
    assert_eq!(other_identifier.error_code(), 70013);
    assert!(
        other_identifier
            .error_info()
            .starts_with("The requested UserID(admin) does not match the Usersig(administrator).")
    );
}

#[tokio::test]
async fn who_is_no_admin_gets_the_pages_30004_or_60010_where_that_is_asked_for() {
    let app = start().await;
    let stranger = |app: &TestApp| {
        format!(
            "sdkappid={APP}&identifier=id&usersig={}&contenttype=json",
            app.user_sig("id")
        )
    };
    let page = post(&app, &stranger(&app)).await;
    let app = TestApp::start_with(|config| config.non_admins_get_60010()).await;
    let gateway = post(&app, &stranger(&app)).await;

    assert_eq!(
        (page.error_code(), page.json["ErrorDisplay"].as_str()),
        (30004, Some(""))
    );
    assert_eq!(
        (gateway.error_code(), gateway.json.get("ErrorDisplay")),
        (60010, None)
    );
}

#[tokio::test]
async fn both_built_in_admins_may_call_and_exist_as_accounts() {
    let app = start().await;
    for admin in [ADMIN, "admin"] {
        let query = format!(
            "sdkappid={APP}&identifier={admin}&usersig={}&contenttype=json",
            app.user_sig(admin)
        );
        assert_eq!(post(&app, &query).await.error_code(), 0, "{admin}");
        assert!(app.account_of(APP, admin).is_some());
    }
}

#[tokio::test]
async fn an_odd_random_passes_unless_the_query_is_strict() {
    let lenient = start().await;
    let strict = TestApp::start_with(|config| config.strict_query = true).await;
    for random in [
        "",
        "-5",
        "+1",
        "123456789012345678901",
        "0f8fad5bd9cb469fa16570867728950e",
        "4294967296",
    ] {
        let query = |app: &TestApp| app.query().replace("99999999", random);
        assert_eq!(
            post(&lenient, &query(&lenient)).await.error_code(),
            0,
            "{random}"
        );
        assert_eq!(
            post(&strict, &query(&strict)).await.error_code(),
            60025,
            "{random}"
        );
    }
    for random in ["99999999", "0", "4294967295", "0099"] {
        let query = strict.query().replace("99999999", random);
        assert_eq!(post(&strict, &query).await.error_code(), 0, "{random}");
    }
}

#[tokio::test]
async fn a_preflight_gets_the_documented_headers_and_needs_no_user_sig() {
    let app = start().await;
    let url = app.url(FRIEND_ADD, "");

    let response = app
        .client
        .request(reqwest::Method::OPTIONS, url)
        .send()
        .await
        .expect("an answer");

    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert_eq!(
        response.headers()["access-control-allow-headers"],
        "X-Requested-With"
    );
    assert_eq!(response.headers()["access-control-allow-methods"], "POST");
    assert_eq!(
        response.text().await.expect("a body"),
        r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#
    );
}

#[tokio::test]
async fn apps_are_isolated_from_each_other() {
    let app = start().await;
    let usersig = app
        .emulator
        .user_sig(app_id(OTHER_APP), ADMIN, 60)
        .expect("the app exists");
    let query =
        format!("sdkappid={OTHER_APP}&identifier={ADMIN}&usersig={usersig}&contenttype=json");

    assert_eq!(post(&app, &query).await.codes(), [0]);

    assert!(app.friends("id").is_empty());
    let there = app.account_of(OTHER_APP, "id").expect("imported");
    assert_eq!(there.friends.len(), 1);
    assert_eq!(post(&app, &app.query()).await.codes(), [0]);
}

#[tokio::test]
async fn probes_answer_in_plain_http() {
    let app = start().await;
    for path in ["/healthz", "/readyz"] {
        let response = app
            .client
            .get(app.emulator.url() + path)
            .send()
            .await
            .expect("an answer");
        assert_eq!(
            (
                response.status().as_u16(),
                response.text().await.expect("a body").as_str()
            ),
            (200, "ok\n")
        );
    }
}
