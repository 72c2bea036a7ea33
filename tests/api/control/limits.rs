//! Rate limits with a held clock: the exact number of admitted calls and of tokens left.

use super::client::MadeApp;
use crate::commands::COMMANDS;
use crate::harness::TestApp;
use serde_json::{Value, json};
use std::time::Duration;
use tencent_chat_emulator::clock::SystemMoment;

/// The last second of the year 9999.
const LATEST: i64 = 253_402_300_799;

/// The tokens that an app has left for friend_add.
async fn left(made: &MadeApp) -> u64 {
    let limits = made.control.get(&made.path("/limits")).await.ok();
    limits["friend_add"]["tokens_left"]
        .as_u64()
        .expect("a number")
}

/// Makes calls and returns the number of admitted calls.
async fn admitted(made: &MadeApp, calls: u64) -> u64 {
    let mut admitted = 0;
    for _ in 0..calls {
        admitted += u64::from(made.ping().await != 60007);
    }
    admitted
}

#[tokio::test]
async fn two_hundred_pass_and_5_ms_later_exactly_one_more() {
    let app = TestApp::start().await;
    let control = app.control();
    control.hold(1_700_000_000).await;
    let made = control.create(json!({})).await;
    assert_eq!(left(&made).await, 200);
    for used in 1..=200 {
        assert_eq!(admitted(&made, 1).await, 1);
        if used % 40 == 0 {
            assert_eq!(left(&made).await, 200 - used);
        }
    }

    assert_eq!(admitted(&made, 2).await, 0);
    control.advance(0.004_999).await;
    assert_eq!((left(&made).await, admitted(&made, 2).await), (0, 0));
    control.advance(0.000_000_999).await;
    assert_eq!((left(&made).await, admitted(&made, 2).await), (0, 0));
    control.advance(0.000_000_001).await;
    assert_eq!((left(&made).await, admitted(&made, 3).await), (1, 1));
    for (seconds, tokens) in [
        (0.009_999, 1),
        (0.000_001, 2),
        (0.5, 102),
        (0.489_999_999, 199),
        (1e-9, 200),
        (3600.0, 200),
    ] {
        control.advance(seconds).await;
        assert_eq!(left(&made).await, tokens, "{seconds}");
    }
    // A jump of the date has no effect on it.
    assert_eq!(admitted(&made, 3).await, 3);
    for at in [0, LATEST, 1_700_000_000] {
        control.hold(at).await;
        assert_eq!(left(&made).await, 197);
    }
}

#[tokio::test]
async fn a_limit_that_is_put_begins_full_and_the_others_stay() {
    let app = TestApp::start().await;
    let control = app.control();
    control.hold(0).await;
    for (of_app, documented) in [(Value::Null, 200), (json!(7), 7)] {
        let made = control.create(json!({"calls_per_second": of_app})).await;
        let path = made.path("/limits");
        assert_eq!(admitted(&made, 2).await, 2);
        let look = |limits: &Value, command: &str| {
            (
                limits[command]["calls_per_second"].clone(),
                limits[command]["tokens_left"].clone(),
            )
        };
        for limit in [1, 4, 1000, 1_000_000] {
            let put = control.put(&path, json!({"friend_get": limit})).await.ok();
            assert_eq!(look(&put, "friend_get"), (json!(limit), json!(limit)));
            assert_eq!(
                look(&put, "friend_add"),
                (json!(documented), json!(documented - 2))
            );
        }
        control.put(&path, json!({"friend_add": 3})).await.ok();
        assert_eq!(admitted(&made, 5).await, 3);
        assert_eq!(left(&made).await, 0);
        control.advance(0.333_333_333).await;
        assert_eq!(left(&made).await, 1);
        let none = control.put(&path, json!({"friend_add": 0})).await.ok();
        assert_eq!(look(&none, "friend_add"), (json!(0), Value::Null));
        assert_eq!(admitted(&made, 20).await, 20);
        let back = control.put(&path, json!({"friend_add": null})).await.ok();
        assert_eq!(
            look(&back, "friend_add"),
            (json!(documented), json!(documented))
        );
        let bad = json!({"friend_ad": 1, "friend_get": 9, "friend_add": -1});
        let faults = control.put(&path, bad).await.faults(422);
        assert_eq!(faults[0].0, "/friend_add", "{faults:?}");
        let bad = json!({"friend_ad": 1, "friend_get": 9});
        let faults = control.put(&path, bad).await.faults(422);
        assert_eq!(
            faults,
            [(
                "/friend_ad".to_owned(),
                "is unknown; did you mean friend_add?".to_owned()
            )]
        );
        assert_eq!(
            control.get(&path).await.ok()["friend_get"]["calls_per_second"],
            1_000_000
        );
    }
}

/// The tokens gained match the time that the clock ran. Held time and jumps of the date do not
/// count.
#[tokio::test]
async fn released_the_limiter_goes_on_from_where_it_was_held() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create(json!({"calls_per_second": 100})).await;
    for (at, ahead, held_for) in [
        (None, 0.0, 0),
        (None, 0.0, 300),
        (Some(5), 0.0, 150),
        (Some(LATEST), 0.0, 0),
        (None, 0.25, 0),
        (Some(5), 0.25, 150),
    ] {
        // The calls need a date on which their UserSig is valid.
        control.post("/clock/reset", json!({})).await.ok();
        control.post("/clock/hold", json!({})).await.ok();
        control
            .put(&made.path("/limits"), json!({"friend_add": 100}))
            .await
            .ok();
        assert_eq!(admitted(&made, 101).await, 100);
        if let Some(at) = at {
            control.hold(at).await;
        }
        control.post("/clock/hold", json!({})).await.ok();
        tokio::time::sleep(Duration::from_millis(held_for)).await;
        control.post("/clock/hold", json!({})).await.ok();
        if ahead > 0.0 {
            control.hold(5).await;
            control.advance(ahead).await;
        }
        let held = left(&made).await;
        assert_eq!(held, (ahead * 100.0) as u64);

        let outer = SystemMoment::now();
        control.post("/clock/release", json!({})).await.ok();
        let inner = SystemMoment::now();
        tokio::time::sleep(Duration::from_millis(30)).await;
        let ran_at_least = inner.elapsed();
        control.post("/clock/hold", json!({})).await.ok();
        let ran_at_most = outer.elapsed();

        let gained = left(&made).await - held;
        let tokens = |ran: Duration| u64::try_from(ran.as_millis() / 10).expect("it is short");
        let bounds = tokens(ran_at_least)..=tokens(ran_at_most);
        assert!(
            bounds.contains(&gained) || *bounds.end() > 100 - held,
            "{gained} {bounds:?}"
        );
    }
}

/// Each command, the app's own stub, and each kind of limit: the documented one, another one, and none.
#[tokio::test]
async fn what_is_shown_can_be_put_and_changes_nothing() {
    let app = TestApp::start().await;
    let control = app.control();
    control.hold(1_700_000_000).await;
    let stub = json!({"openim/getroammsg": {"calls_per_second": 9}});
    let made = control.create(json!({"stubs": stub})).await;
    let path = made.path("/limits");
    let put = json!({"friend_get": 7, "friend_check": 0, "sns/group_add": 5});
    control.put(&path, put).await.ok();
    assert_eq!(admitted(&made, 3).await, 3);
    let shown = control.get(&path).await.ok();
    assert_eq!(
        shown["friend_add"],
        json!({"calls_per_second": 200, "tokens_left": 197})
    );
    assert_eq!(
        shown["friend_check"],
        json!({"calls_per_second": 0, "tokens_left": null})
    );
    assert_eq!(shown["group_add"]["calls_per_second"], 5);
    assert_eq!(shown["getroammsg"]["calls_per_second"], 9);
    let commands = shown.as_object().expect("an object");
    assert!(commands.len() > 30, "{shown}");

    // All at once, and one by one with and without the service and the tokens.
    assert_eq!(control.put(&path, shown.clone()).await.ok(), shown);
    for (name, limit) in commands {
        let rate = &limit["calls_per_second"];
        let with_service = match COMMANDS.iter().find(|command| command.name == name) {
            Some(command) => command.path(),
            None => name.clone(),
        };
        for body in [
            json!({name: limit}),
            json!({with_service.clone(): limit}),
            json!({name: {"calls_per_second": rate}}),
            json!({name: {"calls_per_second": rate, "tokens_left": 1}}),
        ] {
            assert_eq!(control.put(&path, body.clone()).await.ok(), shown, "{body}");
        }
        // Another limit is set, and its bucket is full.
        let other = json!({"calls_per_second": 3, "tokens_left": 1});
        let changed = control.put(&path, json!({with_service: other})).await.ok();
        assert_eq!(
            changed[name],
            json!({"calls_per_second": 3, "tokens_left": 3}),
            "{name}"
        );
        control.put(&path, json!({name: rate})).await.ok();
        if name == "friend_add" {
            assert_eq!(admitted(&made, 3).await, 3);
        }
        assert_eq!(control.get(&path).await.ok(), shown, "{name}");
    }

    for (body, pointer) in [
        (
            json!({"friend_add": {"calls_per_second": 1_000_001}}),
            "/friend_add/calls_per_second",
        ),
        (
            json!({"friend_add": {"tokens_left": 1}}),
            "/friend_add/calls_per_second",
        ),
        (
            json!({"friend_add": {"calls_per_second": 1, "token": 1}}),
            "/friend_add/token",
        ),
        (json!({"friend_add": 1_000_001}), "/friend_add"),
        (json!({"friend_add": "1"}), "/friend_add"),
        (json!({"sns/friend_ad": 1}), "/sns~1friend_ad"),
        (
            json!({"friend_add": 1, "sns/friend_add": 2}),
            "/sns~1friend_add",
        ),
    ] {
        let faults = control.put(&path, body.clone()).await.faults(422);
        assert_eq!(faults.len(), 1, "{body}: {faults:?}");
        assert_eq!(faults[0].0, pointer, "{body}: {faults:?}");
        assert_eq!(control.get(&path).await.ok(), shown, "{body}");
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
