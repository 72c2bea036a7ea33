//! The state file of an emulator in the test's process, and the control routes for the accounts of all apps.

use crate::control::client::Answer;
use crate::harness::{APP, ConfigExt, TestApp, app_id};
use crate::model::steps::steps;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tencent_chat_emulator::config::{AppConfig, Config, Sources};
use tencent_chat_emulator::protocol::ids::UnixTime;
use tencent_chat_emulator::sns::texts::Keyword;

const SEEDS: u64 = 6;
const STEPS: usize = 120;
const START: i64 = 1_800_000_000;

/// An emulator with a state file that is saved only at the end.
async fn start(file: &Path) -> TestApp {
    TestApp::start_with(|config| {
        config.state_file = Some(file.to_owned());
        config.state_interval = Duration::from_secs(3600);
        let app = config.app();
        let test = || Keyword::parse("Test").into_iter().collect();
        (app.custom_fields.friend, app.custom_fields.profile) = (test(), test());
    })
    .await
}

fn place() -> (TempDir, PathBuf) {
    let dir = TempDir::new().expect("a place for files");
    let file = dir.path().join("state.json");
    (dir, file)
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).expect("it was saved")
}

async fn all_states(app: &TestApp) -> String {
    app.control().get("/state").await.text
}

/// Values at the edges of what accounts can have, and every field that the random steps do not set.
async fn set_edge_values(app: &TestApp) {
    let far = json!({"From_Account": "ann", "AddFriendItem": [
        {"To_Account": "/~ \"\\'<>", "AddSource": "AddSource_Type_Web", "AddWording": "", "Remark": "",
            "RemarkTime": 1, "AddTime": 0, "CustomItem": [{"Tag": "Tag_SNS_Custom_Test", "Value": 7}]},
        {"To_Account": "x", "AddSource": "AddSource_Type_ABCDEFGH", "AddWording": "\u{0}\u{1f600}\u{2028}",
            "Remark": "友", "RemarkTime": 4_294_967_295_u32, "AddTime": 4_294_967_295_u32,
            "GroupName": ["work", "\u{7f}"], "CustomItem": [{"Tag": "Tag_SNS_Custom_Test", "Value": ""}]},
    ]});
    let wish = json!({
        "allow_type": "AllowType_Type_NeedConfirm", "admin_forbid_type": "AdminForbid_Type_SendOut",
        "profile": {"Tag_Profile_IM_Nick": "\u{0}\"\\", "Tag_Profile_Custom_Test": "x",
            "Tag_Profile_IM_BirthDay": 19_900_101, "Tag_Profile_IM_Image": ""},
        "groups": ["empty"], "blocklist": [{"to": "x", "add_time": 5}],
        "sent": [{"with": "x", "add_time": 3, "add_wording": "hi", "remark": "R", "groups": ["g"]}],
        "received": [{"with": "ann", "add_source": "AddSource_Type_Web"}],
        "sequences": {"standard": i32::MAX, "custom": 1, "groups": 2, "blocklist": 3},
        "request_minute": {"since": 1_799_999_999, "requests": 30},
    });
    let control = app.control();
    for name in ["ann", "x", "%2F~%20%22%5C'%3C%3E"] {
        control
            .put(&format!("/apps/{APP}/accounts/{name}"), json!({}))
            .await
            .ok();
    }
    app.arrange("sns/friend_import", far).await;
    control
        .put(&format!("/apps/{APP}/accounts/bob"), wish)
        .await
        .ok();
    let asked = json!({"From_Account": "ann", "AddFriendItem": [{"To_Account": "bob", "Remark": "",
        "GroupName": "", "AddSource": "AddSource_Type_Web", "AddWording": ""}]});
    app.call("sns/friend_add", asked).await;
}

#[tokio::test]
async fn every_state_is_saved_read_and_saved_again_byte_for_byte() {
    for seed in 1..=SEEDS {
        let (_dir, file) = place();
        let app = start(&file).await;
        app.emulator.clock().hold(Some(UnixTime(START)));
        for step in steps(seed, STEPS) {
            app.emulator.clock().advance(Duration::from_secs(1));
            let command = step["call"].as_str().expect("a command");
            app.call(command, step["body"].clone()).await;
        }
        set_edge_values(&app).await;
        let shown = all_states(&app).await;
        app.emulator.stop().await;
        let saved = read(&file);
        assert_eq!(saved, shown, "seed {seed}");

        let app = start(&file).await;
        assert_eq!(all_states(&app).await, saved, "seed {seed}");
        // Equal accounts in place of the old ones: they are saved again.
        let state: Value = serde_json::from_str(&saved).expect("JSON");
        fs::remove_file(&file).expect("it is there");
        app.control().put("/state", state).await.ok();
        app.emulator.stop().await;
        assert_eq!(read(&file), saved, "seed {seed}");
    }
}

#[tokio::test]
async fn a_restored_app_goes_on_where_it_was() {
    let (_dir, file) = place();
    let app = start(&file).await;
    app.add("id", &["id1", "id2"]).await;
    let (account, friend) = (app.account("id"), app.account("id1"));
    app.emulator.stop().await;

    let app = start(&file).await;

    assert_eq!((app.account("id"), app.account("id1")), (account, friend));
    assert_eq!(app.add("id", &["id1", "id3"]).await, [30001, 0]);
    assert_eq!(app.account("id").sequences.standard, 3);
}

#[tokio::test]
async fn nothing_is_written_when_nothing_has_changed() {
    let (_dir, file) = place();
    let app = start(&file).await;
    app.add("id", &["id1"]).await;
    app.emulator.stop().await;
    // The same state in another spelling, which a save would lose.
    let spelled = read(&file).replacen('{', "{ ", 1);
    fs::write(&file, &spelled).expect("it can be written");

    let app = start(&file).await;
    // Calls that fail, and calls that read.
    assert_eq!(app.add("id", &["id1", "nobody"]).await, [30001, 30003]);
    app.call(
        "sns/friend_get",
        json!({"From_Account": "id", "StartIndex": 0}),
    )
    .await;
    app.emulator.stop().await;
    assert_eq!(read(&file), spelled);

    let app = start(&file).await;
    app.add("id", &["id2"]).await;
    app.emulator.stop().await;
    assert_ne!(read(&file), spelled);
}

/// A test drops its emulator in the middle of a save, and starts the next one at once.
#[tokio::test]
async fn a_dropped_emulator_leaves_its_file_to_the_next_one() {
    let (dir, file) = place();
    let start = async || {
        TestApp::start_with(|config| {
            config.state_file = Some(file.clone());
            config.state_interval = Duration::from_millis(1);
        })
        .await
    };
    let is_saving = || {
        let mut entries = fs::read_dir(dir.path()).expect("it is there");
        entries
            .any(|entry| entry.is_ok_and(|entry| entry.path().extension() == Some("tmp".as_ref())))
    };
    let friends: Vec<_> = (0..2000).map(|number| format!("u{number}")).collect();
    let mut app = start().await;
    let path = format!("/apps/{APP}/accounts/ann");
    let ann = json!({"friends": friends});
    app.control().put(&path, ann).await.ok();
    for round in 0..3 {
        // Each change leads to a save, which the test can miss.
        let mut changes = 0;
        while !is_saving() {
            changes += 1;
            assert!(changes < 10_000, "it does not save");
            let path = format!("/apps/{APP}/accounts/bob");
            let bob = json!({"groups": [format!("{round} {changes}")]});
            app.control().put(&path, bob).await.ok();
        }

        drop(app);
        app = start().await;
    }
}

/// The configuration of an emulator with two apps.
fn two_apps() -> Config {
    let mut config = Config::load(&Sources::default()).expect("the defaults are good");
    let second = AppConfig {
        accounts: BTreeMap::new(),
        ..config.app().clone()
    };
    config.apps.insert(app_id("7"), second);
    config
}

#[tokio::test]
async fn a_reset_goes_to_the_configured_start_and_the_file_follows() {
    for path in ["/reset", "/apps/88888888/reset"] {
        let (_dir, file) = place();
        let app = start(&file).await;
        let configured = all_states(&app).await;
        app.add("id", &["id1"]).await;
        app.emulator.stop().await;
        let app = start(&file).await;
        assert_ne!(all_states(&app).await, configured);

        app.control().post(path, json!({})).await.ok();

        assert_eq!(all_states(&app).await, configured, "{path}");
        app.emulator.stop().await;
        assert_eq!(read(&file), configured, "{path}");
    }
}

/// A made app may have another configuration than the one of its SDKAppID, so that the file could not be read.
#[tokio::test]
async fn apps_that_post_apps_makes_are_not_kept_also_in_place_of_a_configured_one() {
    let (_dir, file) = place();
    let start = async || {
        TestApp::start_from(two_apps(), |config| config.state_file = Some(file.clone())).await
    };
    let app = start().await;
    let control = app.control();
    app.add("id", &["id1"]).await;
    control.create(json!({"accounts": ["a"]})).await;
    control.delete("/apps/7").await.ok();
    let again = json!({"sdkappid": 7, "accounts": ["b"], "custom_friend_fields": ["Other"]});
    control.create(again).await;
    control.post("/apps/7/reset", json!({})).await.ok();
    app.emulator.stop().await;

    let saved: Value = serde_json::from_str(&read(&file)).expect("JSON");
    let apps: Vec<_> = saved["apps"].as_object().expect("apps").keys().collect();
    assert_eq!(apps, [APP]);

    // The app that the file lacks begins as configured, and is saved from now on.
    let app = start().await;
    assert_eq!(app.friends("id"), ["id1"]);
    assert!(app.account_of("7", "administrator").is_some() && app.account_of("7", "b").is_none());
    app.control()
        .put("/apps/7/accounts/c", json!({}))
        .await
        .ok();
    app.emulator.stop().await;
    assert!(start().await.account_of("7", "c").is_some());
}

#[tokio::test]
async fn all_states_are_replaced_together_or_not_at_all() {
    let app = TestApp::start_from(two_apps(), |_| ()).await;
    let control = app.control();
    app.add("id", &["id1"]).await;
    control
        .put("/apps/7/accounts/a", json!({"friends": ["b"]}))
        .await
        .ok();
    let before: Value = control.get("/state").await.ok();
    let made = control.create_with(&["a"]).await.sdkappid;

    for (pointer, value, detail) in [
        ("/version", json!(2), "is 2: a newer version"),
        ("/version", json!("1"), "should be"),
        ("/more", json!(1), "is unknown"),
        ("/apps", json!([]), "should be an object"),
        ("/apps/7", json!([]), "should be an object"),
        (
            "/apps/7/acounts",
            json!({}),
            "is unknown; did you mean accounts?",
        ),
        (
            "/apps/9",
            json!({"accounts": {}}),
            "is not an app of the configuration, so its accounts would be lost; there are 7, 88888888",
        ),
        (
            "/apps/088888888",
            json!({"accounts": {}}),
            "is not an app of the configuration",
        ),
        (
            &format!("/apps/{made}"),
            json!({"accounts": {}}),
            "is not an app of the configuration",
        ),
        (
            "/apps/7/accounts/a/frends",
            json!([]),
            "is unknown; did you mean friends?",
        ),
        (
            "/apps/88888888/accounts/id/friends/0/add_time",
            json!("x"),
            "should be an integer",
        ),
        (
            "/apps/88888888/accounts/id/friends/0/custom",
            json!({"Tag_SNS_Custom_No": "x"}),
            "is not a custom field of the app",
        ),
        (
            "/apps/88888888/accounts/id/friends",
            json!(["nobody"]),
            "names nobody",
        ),
    ] {
        let mut body = before.clone();
        body["apps"]["7"]["accounts"]["a"]["friends"] = json!([]);
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        let parent = body.pointer_mut(parent).expect("it is there");
        match parent.get_mut(name) {
            Some(place) => *place = value,
            None => parent[name] = value,
        }
        let answer = control.put("/state", body).await;
        let faults = answer.faults(422);
        let found = |(at, text): &(String, String)| {
            (at.starts_with(pointer) || pointer.starts_with(at)) && text.starts_with(detail)
        };
        assert!(faults.iter().any(found), "{pointer}: {faults:?}");
        assert_eq!(control.get("/state").await.ok(), before, "{pointer}");
    }

    // Faults of two apps are named at once, and a name that occurs twice is not lost.
    let text = r#"{"version":1,"apps":{"7":{"accounts":{"a":{},"a":{}}},"88888888":{}}}"#;
    let request = control.request(Method::PUT, "/state");
    let request = request.header("content-type", "application/json");
    let answer = Answer::of(request.body(text).send().await.expect("an answer")).await;
    let faults = answer.faults(422);
    let pointers: Vec<_> = faults.iter().map(|(pointer, _)| &**pointer).collect();
    assert_eq!(pointers, ["/apps/7/accounts/a", "/apps/88888888/accounts"]);

    // An app that the body lacks stays as it is.
    let body =
        json!({"version": 1, "apps": {"7": {"accounts": {"z": {"friends": ["a"]}, "a": {}}}}});
    let sizes: Value = control.put("/state", body).await.ok();
    assert_eq!(
        sizes,
        json!([{"sdkappid": 7, "accounts": 4, "friendships": 1}])
    );
    assert_eq!(app.friends("id"), ["id1"]);
    assert!(app.account_of("7", "z").is_some());
}
