//! Apps, their UserSigs and limits, and the process: health, codes, configuration, metrics.

use super::client::Control;
use crate::harness::{APP, TestApp};
use serde_json::{Value, json};
use std::collections::HashSet;
use tencent_chat_emulator::protocol::code::Code;
use tencent_chat_emulator::protocol::ids::{SdkAppId, UnixTime};
use tencent_chat_emulator::protocol::user_sig::{self, SecretKey};

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

#[tokio::test]
async fn usersigs_are_made_for_anybody_and_inspected_step_by_step() {
    let app = TestApp::start().await;
    let control = app.control();
    control
        .post("/clock/hold", json!({"at": 1_700_000_000}))
        .await
        .ok();
    let made = control
        .create(json!({"sdkappid": 5, "secret_key": "a key", "admins": ["a"]}))
        .await;
    let sign = |key: &str, app: &str, time: i64| {
        let (key, app) = (
            SecretKey::new(key).expect("not empty"),
            SdkAppId::parse(app).expect("legal"),
        );
        user_sig::sign(&key, app, "a", UnixTime(time), 100)
    };
    let wish = json!({"identifier": "a", "expire_seconds": 100});
    let good = made.control.post("/apps/5/user_sig", wish).await.ok();
    assert_eq!(good["expires_at"], 1_700_000_100);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    for (usersig, identifier, step, code, left) in [
        (text(&good["usersig"]), None, None, Code::Ok, Some(100)),
        (
            sign("a key", "5", 1_699_999_900),
            Some("a"),
            None,
            Code::Ok,
            Some(0),
        ),
        (
            sign("a key", "5", 1_699_999_899),
            Some("a"),
            Some("expiry"),
            Code::SigExpired,
            Some(-1),
        ),
        (
            sign("other", "5", 1_600_000_000),
            Some("a"),
            Some("key"),
            Code::SigKey,
            Some(-99_999_900),
        ),
        (
            sign("other", "5", 1_700_000_000),
            Some("b"),
            Some("identifier"),
            Code::SigIdentifier,
            Some(100),
        ),
        (
            sign("other", "6", 1_700_000_000),
            Some("b"),
            Some("sdkappid"),
            Code::SigSdkAppId,
            Some(100),
        ),
        (
            "nonsense".to_owned(),
            Some("a"),
            Some("read"),
            Code::SigIllegal,
            None,
        ),
        (String::new(), None, Some("read"), Code::SigIllegal, None),
    ] {
        let mut wish = json!({"usersig": usersig});
        if let Some(identifier) = identifier {
            wish["identifier"] = identifier.into();
        }
        let seen = control.post("/apps/5/user_sig/inspect", wish).await.ok();
        assert_eq!(seen["failed_step"], json!(step), "{seen}");
        assert_eq!(seen["code"], code.number(), "{seen}");
        assert_eq!(seen["seconds_left"], json!(left), "{seen}");
        assert_eq!(seen["contents"].is_null(), step == Some("read"), "{seen}");
        assert_eq!(seen["now"], 1_700_000_000);
    }
}

#[tokio::test]
async fn limits_are_shown_and_put_by_command_and_a_command_that_is_not_there_changes_none() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create(json!({"accounts": ["a", "b"]})).await;
    control.post("/clock/hold", json!({})).await.ok();
    let path = made.path("/limits");
    let documented = control.get(&path).await.ok();
    assert_eq!(
        documented["friend_add"],
        json!({"calls_per_second": 200, "tokens_left": 200})
    );
    assert_eq!(documented["account_check"]["calls_per_second"], 100);

    let refused = control
        .put(
            &path,
            json!({"friend_add": 1, "frend_get": 2, "friend_check": -1}),
        )
        .await;
    let mut faults = refused.faults(422);
    faults.sort();
    let places: Vec<_> = faults.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["/frend_get", "/friend_check"]);
    assert_eq!(control.get(&path).await.ok(), documented);
    let refused = control
        .put(&path, json!({"frend_get": 2}))
        .await
        .faults(422);
    assert_eq!(refused[0].1, "is unknown; did you mean friend_get?");

    let put = control
        .put(&path, json!({"friend_add": 2, "friend_get": 0}))
        .await
        .ok();
    assert_eq!(
        put["friend_get"],
        json!({"calls_per_second": 0, "tokens_left": null})
    );
    for left in [1, 0] {
        assert_eq!(made.add("a", &["b"]).await.error_code(), 0);
        let now = control.get(&path).await.ok();
        assert_eq!(
            now["friend_add"],
            json!({"calls_per_second": 2, "tokens_left": left})
        );
    }
    assert_eq!(made.add("a", &["b"]).await.error_code(), 60007);
    control.put(&path, json!({"friend_add": null})).await.ok();
    assert_eq!(
        control.get(&path).await.ok()["friend_add"],
        documented["friend_add"]
    );
}

#[tokio::test]
async fn health_says_what_runs_and_where() {
    let app = TestApp::start().await;

    let health = app.control().get("/health").await.ok();

    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(health["pid"], std::process::id());
    assert_eq!(health["listen"], app.emulator.addr().to_string());
    assert_eq!(health["apps"].to_string(), format!("[{APP}]"));
    let now = app.control().get("/clock").await.ok()["now"].as_f64();
    assert!(health["started"].as_f64() <= now && now < Some(1e10));
    assert!(health["uptime_seconds"].as_f64().expect("a time") < 60.0);
}

#[tokio::test]
async fn every_outcome_is_told_with_its_provenance_and_how_to_meet_it() {
    let app = TestApp::start().await;

    let codes = app.control().get("/codes").await.ok();

    let codes = codes.as_array().expect("a list");
    assert_eq!(codes.len(), Code::ALL.len());
    for (told, code) in codes.iter().zip(Code::ALL) {
        assert_eq!(
            (&told["code"], &told["outcome"]),
            (&json!(code.number()), &json!(code.name()))
        );
        for (key, basis) in [
            ("code_is", code.number_basis()),
            ("info_is", code.info_basis()),
        ] {
            assert_eq!(told[key], basis.to_string());
        }
        let how = told["how"].as_str().expect("a text");
        assert!(
            how.contains("arrange") || how.contains("by a fault"),
            "{how}"
        );
    }
    let of = |code: u32| {
        codes
            .iter()
            .find(|told| told["code"] == code)
            .expect("it is there")["how"]
            .to_string()
    };
    assert!(of(30516).contains("makes the state"), "{}", of(30516));
    assert!(of(30008).contains("arms the fault"), "{}", of(30008));
    let deleted = "makes the state in which friend_delete answers it";
    assert!(of(31704).contains(deleted), "{}", of(31704));
    assert!(of(10004).contains("as `meaning` says"), "{}", of(10004));
}

#[tokio::test]
async fn the_configuration_is_told_with_its_origins_and_without_secrets() {
    let app = TestApp::start().await;

    let config = app.control().get("/config").await;

    assert!(!config.text.contains("5bd2850fff3ecb11"), "{}", config.text);
    let config = config.ok();
    let of = |key: &str| {
        let mut settings = config.as_array().expect("a list").iter();
        settings
            .find(|setting| setting["key"] == key)
            .expect(key)
            .clone()
    };
    assert_eq!(of("apps.88888888.secret_key")["value"], "\"***\"");
    assert_eq!(of("sns.max_friends")["value"], "3000");
    assert!(
        of("sns.max_friends")["origin"]
            .as_str()
            .expect("a text")
            .contains("built-in")
    );
}

async fn metric(control: &Control, app: &TestApp, name: &str) -> String {
    let url = format!("{}/metrics", app.emulator.url());
    let text = control.get(&url).await.text;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(name));
    lines.next().unwrap_or_default().trim().to_owned()
}

#[tokio::test]
async fn metrics_count_calls_by_command_and_code_refusals_accounts_relations_and_the_journal() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control
        .create(json!({"accounts": ["a", "b"], "calls_per_second": 2}))
        .await;
    control.post("/clock/hold", json!({})).await.ok();
    let accounts: u64 = metric(&control, &app, "emulator_accounts")
        .await
        .parse()
        .expect("a number");
    for expected in [0, 0, 60007, 60007] {
        assert_eq!(made.add("a", &["b"]).await.error_code(), expected);
    }
    app.post("/v4/sns/no_such", "", "{}").await;
    control.put(&made.path("/accounts/c"), json!({})).await.ok();

    for (name, value) in [
        (
            r#"emulator_calls_total{command="friend_add",code="0"}"#,
            "2",
        ),
        (
            r#"emulator_calls_total{command="friend_add",code="60007"}"#,
            "2",
        ),
        (r#"emulator_calls_total{command="",code="60009"}"#, "1"),
        (
            r#"emulator_limiter_refusals_total{command="friend_add"}"#,
            "2",
        ),
        ("emulator_call_duration_seconds_count", "5"),
        ("emulator_friendships", "2"),
        ("emulator_accounts", &(accounts + 1).to_string()),
    ] {
        assert_eq!(metric(&control, &app, name).await, value, "{name}");
    }
    let bytes: u64 = metric(&control, &app, "emulator_journal_bytes")
        .await
        .parse()
        .expect("a number");
    assert!(bytes > 0);
}
