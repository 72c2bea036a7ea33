//! The clock over HTTP: it is exact while it is held, and everything that uses it agrees.

mod apps;

use super::client::Control;
use crate::harness::{ConfigExt, TestApp};
use serde_json::{Value, json};
use std::time::Duration;
use tencent_chat_emulator::clock::SystemMoment;

/// The last second of the year 9999.
const LATEST: i64 = 253_402_300_799;

async fn now(control: &Control) -> (f64, bool) {
    time(&control.get("/clock").await.ok())
}

#[track_caller]
fn time(answer: &Value) -> (f64, bool) {
    let (now, held) = (answer["now"].as_f64(), answer["held"].as_bool());
    (now.expect("a number"), held.expect("a boolean"))
}

fn system_time() -> f64 {
    SystemMoment::now().wall.as_secs_f64()
}

#[tokio::test]
async fn it_is_held_at_any_time_and_moves_only_when_it_is_advanced() {
    let app = TestApp::start().await;
    let control = app.control();
    for at in [0, 1, 1_700_000_000, 4_000_000_000, LATEST - 1000] {
        let held = control.post("/clock/hold", json!({"at": at})).await.ok();
        assert_eq!(time(&held), (at as f64, true));
        let mut expected = Duration::from_secs(at.unsigned_abs());
        for seconds in [
            0.0,
            1e-9,
            5e-3,
            0.004_999_999,
            0.3,
            1.0,
            59.999_999_999,
            900.0,
        ] {
            let advanced = control
                .post("/clock/advance", json!({"seconds": seconds}))
                .await;
            expected += Duration::from_secs_f64(seconds);
            assert_eq!(time(&advanced.ok()), (expected.as_secs_f64(), true));
            assert_eq!(now(&control).await, (expected.as_secs_f64(), true));
        }
        // `hold` without a time keeps the time.
        let held = control.post("/clock/hold", json!({})).await.ok();
        assert_eq!(time(&held), (expected.as_secs_f64(), true));
    }
}

#[tokio::test]
async fn it_runs_on_from_every_time_until_it_is_reset() {
    let app = TestApp::start().await;
    let control = app.control();
    // The clock runs, at a distance to the system's time that is between these.
    let runs = async |control: &Control, least: f64, most: f64| {
        let before = system_time() + least;
        let (now, held) = now(control).await;
        let after = system_time() + most;
        // A `f64` of this size has a resolution of a microsecond.
        assert!(
            !held && before - 1e-5 <= now && now <= after + 1e-5,
            "{now}"
        );
    };
    runs(&control, 0.0, 0.0).await;
    // A running clock goes on when it is advanced.
    for days in 1..3 {
        let advanced = control
            .post("/clock/advance", json!({"seconds": 86_400}))
            .await;
        assert!(!time(&advanced.ok()).1);
        let ahead = f64::from(days) * 86_400.0;
        runs(&control, ahead, ahead).await;
    }
    control.post("/clock/reset", json!({})).await.ok();
    runs(&control, 0.0, 0.0).await;
    for body in [
        json!({}),
        json!({"at": 5}),
        json!({"at": LATEST - 1_000_000}),
    ] {
        let (at, held) = time(&control.post("/clock/hold", body.clone()).await.ok());
        assert!(held, "{body}");
        let (advanced, held) = time(
            &control
                .post("/clock/advance", json!({"seconds": 10}))
                .await
                .ok(),
        );
        assert!(held && advanced == at + 10.0, "{body}");
        assert_eq!(now(&control).await, (advanced, true));

        let before = system_time();
        let released = control.post("/clock/release", json!({})).await.ok();
        let after = system_time();

        // It runs on from its time, also after a second release.
        let released = time(&released).0;
        assert!(released >= advanced && released <= advanced + (after - before) + 1e-5);
        let (least, most) = (advanced - after, released - before);
        runs(&control, least, most).await;
        control.post("/clock/release", json!({})).await.ok();
        runs(&control, least, most).await;

        let reset = control.post("/clock/reset", json!({})).await.ok();
        assert!(!time(&reset).1);
        runs(&control, 0.0, 0.0).await;
    }
    // A reset of everything resets the clock, held or not.
    for held in [true, false] {
        control.hold(5).await;
        if !held {
            control.post("/clock/release", json!({})).await.ok();
        }
        control.post("/reset", json!({})).await.ok();
        runs(&control, 0.0, 0.0).await;
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_place_and_changes_nothing() {
    let app = TestApp::start().await;
    let control = app.control();
    control.hold(1_700_000_000).await;
    let hold = |at: Value| ("/clock/hold", json!({"at": at}), "/at");
    let advance = |seconds: Value| ("/clock/advance", json!({"seconds": seconds}), "/seconds");
    let cases = [
        hold(json!(-1)),
        hold(json!(LATEST + 1)),
        hold(json!(1.5)),
        hold(json!(1e300)),
        hold(json!("now")),
        hold(json!("1700000000")),
        advance(json!(-1)),
        advance(json!(-1e-9)),
        advance(json!("NaN")),
        advance(json!("5")),
        advance(json!(1e300)),
        advance(json!(LATEST + 1)),
        // This would advance the clock beyond the year 9999.
        advance(json!(LATEST - 1_700_000_000 + 1)),
        advance(json!(null)),
        ("/clock/advance", json!({}), "/seconds"),
        (
            "/clock/advance",
            json!({"seconds": 1, "second": 1}),
            "/second",
        ),
        ("/clock/hold", json!({"time": 5}), "/time"),
        ("/clock/release", json!({"at": 5}), "/at"),
        ("/clock/reset", json!({"at": 5}), "/at"),
    ];
    for (path, body, pointer) in cases {
        let faults = control.post(path, body.clone()).await.faults(422);
        assert_eq!(faults.len(), 1, "{path} {body}: {faults:?}");
        assert_eq!(faults[0].0, pointer, "{path} {body}: {faults:?}");
        assert_eq!(
            now(&control).await,
            (1_700_000_000.0, true),
            "{path} {body}"
        );
    }
    // These bodies are not JSON.
    for body in [
        "{\"seconds\": 1e400}",
        "{\"seconds\": NaN}",
        "{\"seconds\": Infinity}",
        "{",
    ] {
        let request = control.request(reqwest::Method::POST, "/clock/advance");
        let request = request
            .header("content-type", "application/json")
            .body(body);
        assert_eq!(
            request.send().await.expect("an answer").status(),
            400,
            "{body}"
        );
        assert_eq!(now(&control).await, (1_700_000_000.0, true), "{body}");
    }
    control.advance((LATEST - 1_700_000_000) as f64).await;
    assert_eq!(now(&control).await.0, LATEST as f64);
}

#[tokio::test]
async fn a_usersig_is_good_to_its_last_second_and_expired_one_later() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create_with(&["id", "id1"]).await;
    for (at, expire) in [
        (1_700_000_000, 1),
        (0, 60),
        (1_000_000, 86_400),
        (4_000_000_000, 7),
    ] {
        control.hold(at).await;
        let body = json!({"identifier": "administrator", "expire_seconds": expire});
        let signed = control.post(&made.path("/user_sig"), body).await.ok();
        let usersig = signed["usersig"].as_str().expect("a UserSig");
        let app_id = made.sdkappid;
        let query = format!(
            "sdkappid={app_id}&identifier=administrator&usersig={usersig}&random=1&contenttype=json"
        );
        for (seconds, code) in [
            (0.0, 0),
            (f64::from(expire), 0),
            (0.999_999_999, 0),
            (1e-9, 70001),
            (1e6, 70001),
        ] {
            control.advance(seconds).await;
            let body = json!({"From_Account": "id"}).to_string();
            let reply = app
                .post("/v4/sns/friend_get_list", &query, body.clone())
                .await;
            let reply = match reply.error_code() {
                // Any other code means that the UserSig was accepted.
                70001 => 70001,
                _ => 0,
            };
            assert_eq!(reply, code, "{at} {expire} {seconds}");
        }
        // When the clock goes back, the UserSig is valid again.
        control.hold(at).await;
        let reply = app.post("/v4/sns/friend_get_list", &query, "{}").await;
        assert_ne!(reply.error_code(), 70001);
    }
}

#[tokio::test]
async fn friends_and_requests_are_made_at_the_held_time() {
    let app = TestApp::start().await;
    let control = app.control();
    for (at, fraction) in [
        (0, 0.0),
        (1_700_000_000, 0.999_999),
        (5, 0.5),
        (4_000_000_000, 0.0),
        (LATEST - 1_000_000_000, 0.0),
    ] {
        control.hold(at).await;
        control.advance(fraction).await;
        let made = control.create_with(&["id", "open"]).await;
        let path = made.path("/accounts/asks");
        let confirms = json!({"allow_type": "AllowType_Type_NeedConfirm"});
        control.put(&path, confirms).await.ok();

        let reply = made.add("id", &["open", "asks"]).await;

        assert_eq!(reply.codes(), [0, 30539], "{at}");
        let (account, asked) = (made.account("id").await, made.account("asks").await);
        assert_eq!(account["friends"][0]["add_time"], at, "{account}");
        assert_eq!(account["sent"][0]["add_time"], at, "{account}");
        assert_eq!(asked["received"][0]["add_time"], at, "{asked}");
        // The AddTime of a confirmed friend is the time of the confirmation.
        control.advance(7.0).await;
        let agree = json!({"action": "agree"});
        let path = made.path("/pending/id/asks");
        control.post(&path, agree).await.ok();
        let account = made.account("id").await;
        let friends = account["friends"].as_array().expect("a list").iter();
        let times: Vec<_> = friends.map(|friend| friend["add_time"].as_i64()).collect();
        assert!(times.contains(&Some(at + 7)), "{account}");
        assert_eq!(made.list("id", "friends").await.len(), 2);
    }
}

#[tokio::test]
async fn the_minute_of_friend_requests_runs_on_it() {
    let app = TestApp::start_with(|config| {
        config.sns.max_requests_per_minute = 2;
        config.app().calls_per_second = Some(0);
    })
    .await;
    let control = app.control();
    let tos: Vec<_> = (0..20).map(|number| format!("to{number}")).collect();
    let names: Vec<_> = tos.iter().map(String::as_str).chain(["id"]).collect();
    let made = control.create_with(&names).await;
    control.hold(1_700_000_000).await;
    let mut tos = tos.iter();
    for (seconds, code) in [
        (0.0, 0),
        (0.0, 0),
        (0.0, 30540),
        (59.999_999_999, 30540),
        (1e-9, 0),
        (0.0, 0),
        (30.0, 30540),
        (29.0, 30540),
        (1.0, 0),
        (1000.0, 0),
        (59.0, 0),
        (0.0, 30540),
        (1.0, 0),
    ] {
        control.advance(seconds).await;
        let reply = made.add("id", &[tos.next().expect("enough")]).await;
        assert_eq!(reply.codes(), [code], "after {seconds}");
    }
    // A time before the minute begins a new minute.
    control.hold(5).await;
    let reply = made.add("id", &[tos.next().expect("enough")]).await;
    assert_eq!(reply.codes(), [0]);
}
