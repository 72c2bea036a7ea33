//! Recorded calls.

use super::{AccountSeed, add, call, start};
use serde_json::{Value, json};
use std::time::Duration;
use tencent_chat_emulator::config::AppConfig;
use tencent_chat_emulator::{AllowType, Code, Emulator, ErrorKind};

const MOMENT: Duration = Duration::from_millis(20);

#[tokio::test]
async fn each_filter_finds_the_calls_that_http_finds() {
    let (emulator, control) = start().await;
    let app = emulator.default_app();
    let deny = AccountSeed::new().allow_type(AllowType::DenyAny);
    for (name, seed) in [
        ("ann", AccountSeed::new()),
        ("bob", deny),
        ("cat", AccountSeed::new()),
    ] {
        app.put_account(name, seed).await.expect("a good account");
    }
    let other = emulator.create_app(AppConfig::default()).await;
    let other = other.expect("there is room");
    add(&app, "ann", &["cat"]).await;
    add(&app, "cat", &["bob"]).await;
    call(&app, "friend_get", &json!({"From_Account": "ann"})).await;
    call(&other, "sns/friend_get", &json!({"From_Account": "nobody"})).await;
    call(&app, "no/such", &json!({})).await;
    let all = emulator.requests();

    let filters = [
        (all.clone(), String::new(), 5),
        (
            all.clone().command("friend_get"),
            "command=friend_get".to_owned(),
            2,
        ),
        (
            all.clone().command("sns/friend_add").from("ann"),
            "command=friend_add&from_account=ann".to_owned(),
            1,
        ),
        (all.clone().account("cat"), "account=cat".to_owned(), 2),
        (all.clone().code(30516), "code=30516".to_owned(), 1),
        (
            all.clone().code(Code::NoSuchCommand.number()),
            "code=60009".to_owned(),
            1,
        ),
        (all.clone().since(3), "since=3".to_owned(), 2),
        (app.requests(), format!("sdkappid={}", app.sdkappid()), 4),
        (
            all.clone().app(other.sdkappid()),
            format!("sdkappid={}", other.sdkappid()),
            1,
        ),
        (
            other.requests().from("ann"),
            format!("sdkappid={}&from_account=ann", other.sdkappid()),
            0,
        ),
    ];
    for (requests, query, count) in filters {
        let shown = control.get(&format!("/requests?{query}")).await.ok();
        let calls = requests.list().expect("a good filter");
        let ids: Vec<_> = calls.iter().map(|call| call.id).collect();
        let shown_ids = shown["calls"].as_array().expect("a list").iter();
        let shown_ids: Vec<_> = shown_ids
            .map(|call| call["id"].as_u64().expect("a number"))
            .collect();
        assert_eq!(ids, shown_ids, "{query}");
        assert_eq!(ids.len(), count, "{query}");
        assert_eq!(requests.count().expect("a good filter"), count, "{query}");
        assert_eq!(requests.wait(count, MOMENT).await, Ok(count), "{query}");
    }
    let refused = [
        (all.clone().command("friend_ad"), "command=friend_ad"),
        (all.clone().from("é"), "from_account=%C3%A9"),
        (all.clone().account(""), "account="),
    ];
    for (requests, query) in refused {
        control.get(&format!("/requests?{query}")).await.faults(422);
        let error = requests.list().expect_err("it never matches");
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert_eq!(requests.count(), Err(error.clone()));
        assert_eq!(requests.wait(0, MOMENT).await, Err(error));
    }
}

#[tokio::test]
async fn a_recorded_call_has_what_http_shows_and_no_secret() {
    let (emulator, control) = start().await;
    let app = emulator.default_app();
    let usersig = app.user_sig("ann");
    let body = json!({"From_Account": "ann", "AddFriendItem": [], "x": usersig});
    call(&app, "friend_add", &body).await;

    let calls = emulator.requests().list().expect("a good filter");

    let shown = control.get("/requests").await.ok()["calls"][0].take();
    let [call] = &calls[..] else {
        panic!("not one call: {calls:?}")
    };
    let given = |text: &Option<String>| json!(text);
    let json = |text: &Option<String>| -> Value {
        text.as_ref().map_or(Value::Null, |text| {
            serde_json::from_str(text).expect("JSON")
        })
    };
    let ours = json!({
        "id": call.id, "time": call.time.as_secs_f64(), "duration_ms": call.took.as_secs_f64() * 1000.0,
        "sdkappid": call.sdkappid, "command": call.command, "method": call.method, "query": call.query,
        "from_account": call.from_account, "status": call.status, "code": call.code.number(),
        "outcome": call.code.name(), "warning": given(&call.warning), "hint": given(&call.hint),
        "request": json(&call.request), "response": json(&call.response), "cut": call.is_cut,
    });
    assert_eq!(ours, shown);
    assert_eq!(call.request_json::<Value>().expect("JSON")["x"], "***");
    assert_eq!(
        call.response_json::<Value>().expect("JSON")["ErrorCode"],
        call.code.number()
    );
    assert!(!format!("{call:?}{emulator:?}{app:?}").contains(&usersig));
}

#[tokio::test]
async fn a_wait_ends_with_the_call_with_the_time_or_with_the_emulator() {
    let (emulator, control) = start().await;
    let app = emulator.default_app();
    let requests = app.requests().command("friend_get");

    let late = requests
        .wait(1, MOMENT)
        .await
        .expect_err("there is no call");
    let same = control.get("/requests/wait?command=friend_get&timeout_ms=20");
    assert_eq!(late.kind, ErrorKind::TimedOut);
    assert_eq!(json!(late.messages), json!([same.await.json["detail"]]));
    let body = json!({"From_Account": "ann"});
    let (counted, _) = tokio::join!(
        requests.wait(1, Duration::from_secs(20)),
        call(&app, "friend_get", &body)
    );
    assert_eq!(counted, Ok(1));

    let waits = tokio::spawn({
        let requests = requests.clone();
        async move { requests.wait(2, Duration::from_secs(20)).await }
    });
    tokio::task::yield_now().await;
    drop(emulator);
    let stopped = waits.await.expect("it does not panic");
    assert_eq!(
        stopped.expect_err("it was stopped").kind,
        ErrorKind::Stopped
    );
}

#[tokio::test]
async fn clear_empties_the_journal_or_an_apps_part_of_it() {
    let (emulator, control) = start().await;
    let app = emulator.default_app();
    let other = emulator.create_app(AppConfig::default()).await;
    let other = other.expect("there is room");
    let body = json!({"From_Account": "ann"});
    for app in [&app, &other, &app] {
        call(app, "friend_get", &body).await;
    }
    let count = async || control.get("/requests/count").await.ok()["count"].clone();
    assert_eq!(count().await, 3);
    app.requests().clear();
    assert_eq!(count().await, 1);
    emulator.requests().clear();
    assert_eq!(count().await, 0);

    call(&app, "friend_get", &body).await;
    control.delete("/requests").await.ok();
    assert_eq!(emulator.requests().count(), Ok(0));

    let mut config =
        tencent_chat_emulator::config::Config::load(&Default::default()).expect("good");
    config.journal.bytes = 0;
    let emulator = Emulator::builder().config(config).start().await;
    let emulator = emulator.expect("a port is free");
    let off = emulator.requests().wait(1, MOMENT).await;
    assert_eq!(off.expect_err("it is off").kind, ErrorKind::Conflict);
}
