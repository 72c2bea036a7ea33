//! `requests/rate`: the busiest windows of the calls, and the calls over a limit, in real time.

use super::calls::body_of;
use super::client::Control;
use crate::harness::TestApp;
use serde_json::{Value, json};
use std::time::Duration;
use tencent_chat_emulator::clock::SystemMoment;

async fn rate(control: &Control, query: &str) -> Value {
    control.get(&format!("/requests/rate?{query}")).await.ok()
}

/// The most calls in a window of this length.
fn busiest(rate: &Value, window_ms: u64) -> u64 {
    let windows = rate["busiest"].as_array().expect("a list").iter();
    let window = windows
        .clone()
        .find(|window| window["window_ms"] == window_ms);
    window.expect("it is there")["calls"]
        .as_u64()
        .expect("a number")
}

/// Neither a held clock nor one that is advanced changes how fast the client has called.
#[tokio::test]
async fn windows_are_of_real_time_however_the_clocks_are_moved() {
    let app = TestApp::start().await;
    let control = app.control();
    for clock in ["", "/apps/{}"] {
        let made = control.create_with(&[]).await;
        let clock = clock.replace("{}", &made.sdkappid.to_string());
        let post = async |change: &str, body: Value| {
            let path = format!("{clock}/clock/{change}");
            control.post(&path, body).await.ok()
        };
        post("hold", json!({"at": 1_700_000_000})).await;
        let before = SystemMoment::now().wall.as_secs_f64();
        // The calls are in the same second of the held clock.
        for _ in 0..3 {
            made.ping().await;
            tokio::time::sleep(Duration::from_millis(110)).await;
        }
        let query = format!("sdkappid={}&limit=1", made.sdkappid);
        let held = rate(&control, &query).await;
        assert_eq!(
            (busiest(&held, 100), busiest(&held, 60_000)),
            (1, 3),
            "{held}"
        );
        let from = held["busiest"][4]["from"].as_f64().expect("a time");
        assert!((from - before).abs() < 60.0, "{from} {before}");

        // These are hours apart on the moved clock.
        let since = held["last_id"].as_u64().expect("an id");
        for _ in 0..3 {
            post("advance", json!({"seconds": 3600})).await;
            made.ping().await;
        }
        let moved = rate(&control, &format!("{query}&since={since}")).await;
        assert_eq!(busiest(&moved, 60_000), 3, "{moved}");
        assert!(moved["over_limit"].as_u64() >= Some(1), "{moved}");
        post("reset", json!({})).await;
    }
}

#[tokio::test]
async fn calls_over_the_documented_limit_are_counted() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create_with(&[]).await;
    for _ in 0..201 {
        made.ping().await;
    }
    for (limit, over) in [("", None), ("limit=1000000", Some(0)), ("limit=1", Some(1))] {
        let rate = rate(&control, limit).await;
        let limit: u64 = limit
            .strip_prefix("limit=")
            .map_or(200, |limit| limit.parse().expect("a number"));
        assert_eq!(
            (&rate["calls"], &rate["limit_per_second"]),
            (&json!(201), &json!(limit))
        );
        let counted = rate["over_limit"].as_u64().expect("a number");
        match over {
            Some(0) => assert_eq!(counted, 0),
            // The calls took less than a minute.
            Some(_) => assert!(counted > 140, "{counted}"),
            None => assert!(counted <= 1, "{counted}"),
        }
    }
}

#[tokio::test]
async fn only_the_calls_that_are_asked_for_are_counted() {
    let app = TestApp::start().await;
    let control = app.control();
    let (one, other) = (
        control.create_with(&[]).await,
        control.create_with(&[]).await,
    );
    for (made, command, count) in [
        (&one, "sns/friend_add", 3),
        (&one, "sns/friend_get", 2),
        (&other, "sns/friend_add", 5),
    ] {
        for _ in 0..count {
            app.post(&format!("/v4/{command}"), &made.query, body_of("id"))
                .await;
        }
    }
    let (one, other) = (one.sdkappid, other.sdkappid);
    for (query, calls) in [
        (String::new(), 10),
        (format!("sdkappid={one}"), 5),
        (format!("sdkappid={other}"), 5),
        (format!("sdkappid={one}&command=friend_add"), 3),
        ("command=sns/friend_add".to_owned(), 8),
        ("command=friend_get".to_owned(), 2),
        ("since=3".to_owned(), 7),
        (format!("sdkappid={one}&since=3"), 2),
        ("since=10".to_owned(), 0),
    ] {
        let rate = rate(&control, &query).await;
        assert_eq!(rate["calls"], calls, "{query}");
        assert_eq!(rate["complete"], true, "{query}");
        assert_eq!(rate["last_id"], 10, "{query}");
        let minute = &rate["busiest"][4];
        assert_eq!(minute["window_ms"], 60_000);
        assert_eq!(minute["calls"], calls, "{query}");
        assert_eq!(minute["from"].is_null(), calls == 0, "{query}");
        assert_eq!(rate["over_limit"], 0, "{query}");
    }
    for (query, pointer) in [
        ("limit=0", "/limit"),
        ("limit=1000001", "/limit"),
        ("code=0", "/code"),
    ] {
        let refused = control.get(&format!("/requests/rate?{query}")).await;
        assert_eq!(refused.faults(422)[0].0, pointer, "{query}");
    }
}
