//! Each app's own clock: it is moved alone, everything of the app runs on it, and `/clock` moves all.

use super::{system_time, time};
use crate::control::client::{Control, MadeApp};
use crate::harness::TestApp;
use crate::webhooks::receiver::{Mood, Receiver};
use serde_json::{Value, json};
use tencent_chat_emulator::protocol::code::Code;

const START: i64 = 1_700_000_000;

impl MadeApp {
    async fn clock(&self, change: &str, body: Value) -> (f64, bool) {
        let path = self.path(&format!("/clock/{change}"));
        time(&self.control.post(&path, body).await.ok())
    }

    /// The time of the app's clock, and whether it is held.
    async fn now(&self) -> (f64, bool) {
        time(&self.control.get(&self.path("/clock")).await.ok())
    }
}

/// Two apps without rate limits.
async fn two_apps(control: &Control) -> (MadeApp, MadeApp) {
    let names = ["a", "b", "c"];
    (
        control.create_with(&names).await,
        control.create_with(&names).await,
    )
}

/// Whether a clock runs at this distance to the system's time.
fn runs_at((now, held): (f64, bool), distance: f64) -> bool {
    !held && (now - system_time() - distance).abs() < 30.0
}

#[tokio::test]
async fn an_apps_clock_is_moved_alone_and_advance_leaves_a_running_clock_running() {
    let app = TestApp::start().await;
    let control = app.control();
    let (one, other) = two_apps(&control).await;
    let day = json!({"seconds": 86_400});
    assert!(runs_at(one.now().await, 0.0));

    assert!(runs_at(one.clock("advance", day.clone()).await, 86_400.0));
    let (at, held) = one.clock("hold", json!({})).await;
    assert!(held);
    assert_eq!(one.now().await, (at, true));
    assert_eq!(one.clock("advance", day).await, (at + 86_400.0, true));
    assert!(runs_at(
        one.clock("release", json!({})).await,
        2.0 * 86_400.0
    ));
    let hold = json!({"at": START});
    assert_eq!(one.clock("hold", hold).await, (START as f64, true));
    let before = system_time();
    let (released, held) = one.clock("release", json!({})).await;
    assert!(!held && released >= START as f64);
    assert!(released - START as f64 <= system_time() - before + 1e-5);

    assert!(runs_at(other.now().await, 0.0));
    assert!(runs_at(time(&control.get("/clock").await.ok()), 0.0));
    assert!(runs_at(one.clock("reset", json!({})).await, 0.0));
}

#[tokio::test]
async fn the_emulators_clock_moves_every_apps_and_a_reset_makes_an_apps_a_copy_again() {
    let app = TestApp::start().await;
    let control = app.control();
    let (one, other) = two_apps(&control).await;
    let all = async |change: &str, body: Value| {
        let path = format!("/clock/{change}");
        time(&control.post(&path, body).await.ok())
    };
    one.clock("hold", json!({"at": START})).await;

    // A hold without a time keeps each clock's own time, and stops equal clocks at the same moment.
    let (at, _) = all("hold", json!({})).await;
    assert_eq!(one.now().await, (START as f64, true));
    assert_eq!(other.now().await, (at, true));
    all("advance", json!({"seconds": 10})).await;
    assert_eq!(one.now().await, (START as f64 + 10.0, true));
    assert_eq!(other.now().await, (at + 10.0, true));
    all("release", json!({})).await;
    assert!(!one.now().await.1 && !other.now().await.1);
    all("hold", json!({"at": 5})).await;
    assert_eq!(
        (one.now().await, other.now().await),
        ((5.0, true), (5.0, true))
    );

    // A new app begins with the emulator's time. A reset of an app or of its clock goes back to it.
    assert_eq!(control.create_with(&[]).await.now().await, (5.0, true));
    one.clock("advance", json!({"seconds": 7})).await;
    assert_eq!(one.clock("reset", json!({})).await, (5.0, true));
    one.clock("release", json!({})).await;
    let reset = control.post(&one.path("/reset"), json!({})).await.ok();
    assert_eq!(reset["clock_was_held"], false);
    assert_eq!(
        (one.now().await, other.now().await),
        ((5.0, true), (5.0, true))
    );
    let reset = control.post(&other.path("/reset"), json!({})).await.ok();
    assert_eq!(reset["clock_was_held"], true);
    all("reset", json!({})).await;
    one.clock("hold", json!({"at": START})).await;
    let reset = control.post(&one.path("/reset"), json!({})).await.ok();
    assert_eq!(reset["clock_was_held"], true);
    assert!(runs_at(one.now().await, 0.0) && runs_at(other.now().await, 0.0));

    // A reset of everything resets the clocks of the configured apps.
    let configured = "/apps/88888888/clock";
    let hold = format!("{configured}/hold");
    control.post(&hold, json!({"at": START})).await.ok();
    control.post("/reset", json!({})).await.ok();
    assert!(runs_at(time(&control.get(configured).await.ok()), 0.0));
}

/// An app's clock is at START, the other app's clock and the emulator's tell the real time.
#[tokio::test]
async fn everything_of_an_app_runs_on_its_clock() {
    let app = TestApp::start_with(|config| config.sns.max_requests_per_minute = 1).await;
    let control = app.control();
    let mut receiver = Receiver::start(Mood::Good).await;
    let made = control
        .create(json!({
            "accounts": ["a", "b", "c", "d"],
            "webhook": {"url": receiver.url, "token": "t"},
        }))
        .await;
    let (other, _) = two_apps(&control).await;
    made.clock("hold", json!({"at": START})).await;

    // A UserSig is made and expires on it.
    let body = json!({"identifier": "administrator", "expire_seconds": 60});
    let signed = control.post(&made.path("/user_sig"), body).await.ok();
    assert_eq!(signed["expires_at"], START + 60);
    let usersig = &signed["usersig"];
    let inspect = async || {
        let body = json!({"usersig": usersig});
        control
            .post(&made.path("/user_sig/inspect"), body)
            .await
            .ok()
    };
    assert_eq!(
        (&inspect().await["now"], &inspect().await["seconds_left"]),
        (&json!(START), &json!(60))
    );
    let query = format!(
        "sdkappid={}&identifier=administrator&usersig={}&contenttype=json",
        made.sdkappid,
        usersig.as_str().expect("a text")
    );
    let call = async |to: &str| {
        let body = json!({"From_Account": "a", "AddFriendItem": [{"To_Account": to}]});
        app.post("/v4/sns/friend_add", &query, body.to_string())
            .await
    };

    // AddTime, the minute of friend requests, the journal and explain.
    assert_eq!(call("b").await.codes(), [0]);
    assert_eq!(call("c").await.codes(), [30540]);
    let body = json!({"From_Account": "a", "AddFriendItem": [{"To_Account": "c"}]});
    let explain = async || {
        control
            .post(&made.path("/explain"), body.clone())
            .await
            .ok()
    };
    assert_eq!(explain().await["items"][0]["code"], 30540);
    assert_eq!(made.account("a").await["friends"][0]["add_time"], START);
    made.clock("advance", json!({"seconds": 60})).await;
    assert_eq!(explain().await["items"][0]["code"], 0);
    assert_eq!(call("c").await.codes(), [0]);
    let calls = control
        .get(&format!("/requests?sdkappid={}", made.sdkappid))
        .await
        .ok();
    let times: Vec<_> = calls["calls"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|call| call["time"].as_f64())
        .collect();
    assert_eq!(
        times,
        [START, START, START + 60].map(|time| Some(time as f64))
    );
    made.clock("advance", json!({"seconds": 1e-9})).await;
    assert_eq!(call("d").await.error_code(), 0, "the whole second counts");
    made.clock("advance", json!({"seconds": 1})).await;
    assert_eq!(call("d").await.error_code(), 70001);

    // The control API's accounts, arranged ones and the URL of their request.
    control
        .put(&made.path("/accounts/d"), json!({"friends": ["b"]}))
        .await
        .ok();
    assert_eq!(
        made.account("d").await["friends"][0]["add_time"],
        START + 61
    );
    let arranged = control
        .post(&made.path("/arrange"), json!({"code": "FriendExist"}))
        .await
        .ok();
    let accounts = arranged["accounts"].as_object().expect("an object");
    let added = accounts
        .values()
        .find_map(|account| account["friends"][0]["add_time"].as_i64());
    assert_eq!(added, Some(START + 61), "{arranged}");
    let url = arranged["url"].as_str().expect("a URL");
    let reply = app.client.post(url).body(arranged["request"].to_string());
    let reply = reply
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("a body");
    assert!(reply.contains("Friend_Exist"), "{reply}");

    // The webhook's time.
    let query = receiver.next().await.query;
    let sent = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("RequestTime="));
    let sent: i64 = sent.expect("it is signed").parse().expect("a number");
    assert!((START..START + 100).contains(&sent), "{query}");

    // The other app does not notice.
    assert_eq!(other.add("a", &["b"]).await.codes(), [0]);
    let added = other.account("a").await["friends"][0]["add_time"].as_f64();
    assert!((added.expect("a time") - system_time()).abs() < 30.0);
}

#[tokio::test]
async fn a_rate_limit_gains_tokens_with_its_apps_clock_and_the_hint_says_how() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create(json!({"calls_per_second": 2})).await;
    let other = control.create(json!({"calls_per_second": 2})).await;
    let details = async |made: &MadeApp| {
        let query = format!("/requests?sdkappid={}&code=60007", made.sdkappid);
        let calls = control.get(&query).await.ok();
        let calls = calls["calls"].as_array().expect("a list").clone();
        calls
            .into_iter()
            .map(|call| {
                let hint = call["hint"].as_str().expect("a hint");
                let fix = Code::TooManyCalls
                    .advice()
                    .fix
                    .replace("{sdkappid}", &made.sdkappid.to_string());
                let why = hint.strip_suffix(&*fix);
                json!(why.and_then(|why| why.strip_suffix("; ")))
            })
            .collect::<Vec<_>>()
    };
    let limit = "friend_add is over its limit of 2 calls per second";
    for app in [&made, &other] {
        app.clock("hold", json!({})).await;
    }
    for expected in [false, false, true] {
        assert_eq!(made.ping().await == 60007, expected);
    }
    let held = format!(
        "{limit}; the app's clock is held, so no tokens come back: \
         POST /_emulator/v1/apps/{}/clock/release",
        made.sdkappid
    );
    assert_eq!(details(&made).await, [json!(held)]);
    made.clock("advance", json!({"seconds": 0.5})).await;
    assert_eq!(
        (made.ping().await != 60007, made.ping().await),
        (true, 60007)
    );
    // A clock that goes back by a day loses no token and gains none: the limit is of the time that passes.
    let left = async || {
        let limits = control.get(&other.path("/limits")).await.ok();
        limits["friend_add"]["tokens_left"]
            .as_u64()
            .expect("a number")
    };
    other.clock("advance", json!({"seconds": 86_400})).await;
    for expected in [false, false, true] {
        assert_eq!(other.ping().await == 60007, expected);
    }
    other.clock("reset", json!({})).await;
    other.clock("hold", json!({})).await;
    let before = left().await;
    other.clock("advance", json!({"seconds": 0.5})).await;
    assert_eq!(left().await, before + 1);

    made.clock("reset", json!({})).await;
    // Running, it says nothing of a hold.
    let path = made.path("/limits");
    control.put(&path, json!({"friend_add": 1})).await.ok();
    while made.ping().await != 60007 {}
    assert_eq!(
        details(&made).await.last(),
        Some(&json!("friend_add is over its limit of 1 calls per second"))
    );
}

#[tokio::test]
async fn a_call_of_no_app_is_recorded_with_the_emulators_time() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create_with(&[]).await;
    control.hold(START).await;
    made.clock("hold", json!({"at": 5})).await;
    let of_app = format!("sdkappid={}", made.sdkappid);
    for (path, query, at) in [
        (
            "/v4/sns/friend_add",
            "sdkappid=4294967295&identifier=a&usersig=b&contenttype=json",
            START,
        ),
        ("/v4/sns/friend_add", "", START),
        ("/v4/sns/nothing", "", START),
        ("/nothing", "", START),
        ("/v4/sns/nothing", &of_app, 5),
        ("/v4/sns/friend_add", &of_app, 5),
        ("/v4/sns/friend_add", &made.query, 5),
    ] {
        app.post(path, query, "{}").await;
        let calls = control.get("/requests?limit=1").await.ok();
        assert_eq!(calls["calls"][0]["time"], at as f64, "{path} {query}");
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_leaves_an_apps_clock_as_it_is() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create_with(&[]).await;
    made.clock("hold", json!({"at": START})).await;
    for (change, body, pointer) in [
        ("hold", json!({"at": -1}), "/at"),
        ("hold", json!({"at": super::LATEST + 1}), "/at"),
        ("advance", json!({"seconds": -1}), "/seconds"),
        (
            "advance",
            json!({"seconds": super::LATEST - START + 1}),
            "/seconds",
        ),
        ("advance", json!({}), "/seconds"),
        ("release", json!({"at": 5}), "/at"),
        ("reset", json!({"at": 5}), "/at"),
    ] {
        let path = made.path(&format!("/clock/{change}"));
        let faults = control.post(&path, body.clone()).await.faults(422);
        assert_eq!(faults[0].0, pointer, "{change} {body}");
        assert_eq!(made.now().await, (START as f64, true), "{change} {body}");
    }
    for change in ["hold", "release", "reset"] {
        let path = format!("/apps/1/clock/{change}");
        assert_eq!(control.post(&path, json!({})).await.status, 404, "{change}");
    }
    let advance = control
        .post("/apps/1/clock/advance", json!({"seconds": 1}))
        .await;
    assert_eq!(advance.status, 404);
    assert_eq!(control.get("/apps/1/clock").await.status, 404);
    // An app's clock that is far ahead does not stop the emulator's, and stays in the year 9999.
    made.clock("hold", json!({"at": super::LATEST})).await;
    control.advance(5.0).await;
    assert_eq!(made.now().await, (super::LATEST as f64, true));
}

/// A released clock runs on beyond the latest time to which a clock can be moved.
#[tokio::test]
async fn at_the_latest_time_no_advance_moves_a_clock_back() {
    const LATEST: i64 = 253_402_300_799;
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create(json!({})).await;
    made.clock("hold", json!({"at": LATEST})).await;
    let (mut before, _) = made.clock("release", json!({})).await;
    while before < LATEST as f64 + 0.01 {
        before = time(&control.get(&made.path("/clock")).await.ok()).0;
    }

    control
        .post("/clock/advance", json!({"seconds": 0}))
        .await
        .ok();

    let (after, _) = time(&control.get(&made.path("/clock")).await.ok());
    assert!(after >= before, "{before} {after}");
}
