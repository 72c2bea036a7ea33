//! `/_emulator/v1/webhooks`: which webhooks were sent, how each ended, and why.

use super::receiver::{Mood, Receiver};
use super::{start, start_with, tos, webhook};
use crate::control::Control;
use crate::harness::{ADMIN, APP, ConfigExt, TestApp, app_id};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use tencent_chat_emulator::protocol::ids::UnixTime;
use tencent_chat_emulator::protocol::user_sig::SecretKey;

/// Waits for this many deliveries, and lists them.
async fn deliveries(control: &Control, count: usize) -> Vec<Value> {
    let path = format!("/webhooks/wait?count={count}&timeout_ms=20000");
    assert_eq!(control.get(&path).await.ok()["count"], count);
    let answer = control.get("/webhooks").await.ok();
    assert_eq!(
        (&answer["count"], &answer["complete"]),
        (&json!(count), &json!(true))
    );
    let list = answer["webhooks"].as_array().expect("a list").clone();
    assert_eq!(list.len(), count);
    list
}

/// The emulator's counter of this result.
async fn metric(control: &Control, result: &str) -> u64 {
    let text = control.get(&control.outside("/metrics")).await.text;
    let name = format!("emulator_webhooks_total{{result=\"{result}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&*name));
    line.map_or(0, |value| value.parse().expect("a number"))
}

#[tokio::test]
async fn a_delivery_has_the_event_the_answer_and_a_url_without_secrets() {
    let mut receiver = Receiver::start(Mood::Good).await;
    let app = start_with(&receiver, |config| {
        let webhook = config.app().webhook.as_mut().expect("it was set");
        webhook.url += "?key=hidden&hidden";
        webhook.token = SecretKey::new("hidden");
    })
    .await;
    app.emulator.clock().hold(Some(UnixTime(1_669_872_112)));

    app.add("id", &["id1"]).await;

    let delivery = &deliveries(&app.control(), 1).await[0];
    let told = receiver.next().await;
    assert_eq!(delivery["id"], 1);
    assert_eq!(delivery["time"], 1_669_872_112.0);
    assert_eq!(delivery["sdkappid"], app_id(APP).get());
    assert_eq!(delivery["command"], "Sns.CallbackFriendAdd");
    assert_eq!(delivery["attempts"], 1);
    assert_eq!(delivery["status"], 200);
    assert_eq!(delivery["error"], Value::Null);
    assert_eq!(delivery["request"], told.json());
    assert_eq!(delivery["cut"], false);
    let (_, own) = told
        .query
        .split_once("hidden&hidden&")
        .expect("it was sent");
    let (own, _) = own.split_once("&Sign=").expect("it was signed");
    let expected = format!(
        "{}?key=***&***&{own}&Sign=***&RequestTime=1669872112",
        receiver.url
    );
    assert_eq!(delivery["url"], expected);
    assert_eq!(metric(&app.control(), "delivered").await, 1);
}

/// Accepts connections, reads from each, answers with these bytes, and closes.
fn answer_with(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // Errors mean that the test is over.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
        }
    });
    format!("http://{addr}/callback")
}

#[tokio::test]
async fn a_failure_says_in_words_what_went_wrong_at_the_last_of_all_attempts() {
    let [broken, nonsense, silent] = [Mood::Broken, Mood::Nonsense, Mood::Silent];
    let broken = Receiver::start(broken).await;
    let nonsense = Receiver::start(nonsense).await;
    let silent = Receiver::start(silent).await;
    for (url, retries, status, error) in [
        (
            &*broken.url,
            2,
            json!(500),
            "the status is 500 Internal Server Error",
        ),
        (
            &nonsense.url,
            0,
            json!(200),
            "the reply is not JSON: expected ident at line 1 column 2",
        ),
        (&silent.url, 0, Value::Null, "no answer in 2 s"),
        ("http://127.0.0.1:1/", 1, Value::Null, "connection refused"),
        (
            &answer_with(b""),
            0,
            Value::Null,
            "connection closed before message completed",
        ),
        (
            &answer_with(b"what?\r\n\r\n"),
            0,
            Value::Null,
            "invalid HTTP version parsed",
        ),
    ] {
        let app = TestApp::start_with(|config| {
            let mut webhook = webhook(url);
            webhook.retries = retries;
            config.app().webhook = Some(webhook);
        })
        .await;

        app.add("id", &["id1"]).await;

        let delivery = &deliveries(&app.control(), 1).await[0];
        assert_eq!(delivery["error"], error, "{delivery}");
        assert_eq!(delivery["status"], status, "{delivery}");
        assert_eq!(delivery["attempts"], retries + 1, "{delivery}");
        let took = delivery["duration_ms"].as_f64().expect("a number");
        assert_eq!(took >= 2000.0, url == silent.url, "{delivery}");
        assert_eq!(metric(&app.control(), "failed").await, 1);
    }
}

/// The queue holds 16 MiB; each of these events has about 170 kB.
#[tokio::test]
async fn an_event_that_is_dropped_is_listed_without_an_attempt() {
    let receiver = Receiver::start(Mood::Silent).await;
    let app = start(&receiver).await;
    let names: Vec<_> = (0..1000).map(|number| format!("{number:032}")).collect();
    app.import(&names);
    let tos: Vec<_> = names.iter().map(|name| &**name).collect();
    let control = app.control();

    while metric(&control, "dropped").await == 0 {
        app.add("id", &tos).await;
        let all = json!({"From_Account": "id", "DeleteType": "Delete_Type_Both"});
        app.call("sns/friend_delete_all", all).await;
    }

    let listed = control.get("/webhooks").await.ok();
    let dropped = listed["webhooks"].as_array().expect("a list").last();
    let dropped = dropped.expect("it was dropped");
    assert_eq!(
        (&dropped["attempts"], &dropped["status"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(dropped["error"], "the queue is full");
}

#[tokio::test]
async fn deliveries_are_filtered_by_app_event_and_id() {
    let receiver = Receiver::start(Mood::Good).await;
    let app = start_with(&receiver, |config| {
        let second = config.app().clone();
        config.apps.insert(app_id("2"), second);
    })
    .await;
    let control = app.control();
    app.add("id", &["id1"]).await;
    deliveries(&control, 1).await;
    app.call("sns/black_list_add", tos("id", &["id2"])).await;
    deliveries(&control, 2).await;
    let body = json!({"From_Account": "id", "AddFriendItem": [{"To_Account": "id1"}]});
    let query = app.query_of("2", ADMIN);
    app.post("/v4/sns/friend_add", &query, body.to_string())
        .await;
    deliveries(&control, 3).await;

    for (filter, ids) in [
        ("", vec![1, 2, 3]),
        ("sdkappid=2", vec![3]),
        (&format!("sdkappid={APP}"), vec![1, 2]),
        ("sdkappid=3", vec![]),
        ("command=Sns.CallbackFriendAdd", vec![1, 3]),
        ("command=Sns.CallbackBlackListAdd&sdkappid=2", vec![]),
        ("command=Profile.CallbackPortraitSet", vec![]),
        ("since=1", vec![2, 3]),
        ("since=1&command=Sns.CallbackFriendAdd", vec![3]),
        ("since=3", vec![]),
    ] {
        let answer = control.get(&format!("/webhooks?{filter}")).await.ok();
        let list = answer["webhooks"].as_array().expect("a list").iter();
        let found: Vec<_> = list.map(|delivery| delivery["id"].as_u64()).collect();
        let expected: Vec<_> = ids.iter().map(|id| Some(*id)).collect();
        assert_eq!(found, expected, "{filter}");
        assert_eq!(answer["count"], ids.len(), "{filter}");
        let path = format!("/webhooks/wait?{filter}&timeout_ms=0&count={}", ids.len());
        assert_eq!(
            control.get(&path).await.ok()["count"],
            ids.len(),
            "{filter}"
        );
    }
    let newest = control.get("/webhooks?limit=1").await.ok();
    assert_eq!(
        (&newest["webhooks"][0]["id"], &newest["count"]),
        (&json!(3), &json!(3))
    );
    for path in ["/webhooks?", "/webhooks/wait?"] {
        let wrong = control
            .get(&format!("{path}command=Sns.CallbackFriendAd"))
            .await;
        let (pointer, detail) = wrong.faults(422).remove(0);
        assert_eq!(pointer, "/command");
        assert!(detail.contains("\"Sns.CallbackFriendAdd\""), "{detail}");
    }
}

#[tokio::test]
async fn a_wait_ends_with_the_delivery_or_with_the_number_that_came() {
    let receiver = Receiver::start(Mood::Good).await;
    let app = start(&receiver).await;
    let control = app.control();
    let waiter = control.clone();
    let waiter = tokio::spawn(async move { waiter.get("/webhooks/wait?count=2").await });

    app.add("id", &["id1"]).await;
    deliveries(&control, 1).await;
    assert!(!waiter.is_finished());
    app.add("id", &["id2"]).await;

    assert_eq!(waiter.await.expect("a task").ok()["count"], 2);
    let late = control.get("/webhooks/wait?count=3&timeout_ms=20").await;
    assert_eq!(late.status, 408);
    assert_eq!(late.json["detail"], "2 of 3 deliveries in 20 ms");
}

#[tokio::test]
async fn resets_and_delete_remove_deliveries_and_the_numbers_go_on() {
    let receiver = Receiver::start(Mood::Good).await;
    let app = start(&receiver).await;
    let control = app.control();
    let of_app = format!("/apps/{APP}/reset");
    let of_webhooks = format!("/webhooks?sdkappid={APP}");
    for (id, to, method, path) in [
        (1, "id1", Method::DELETE, "/webhooks"),
        (2, "id2", Method::DELETE, &*of_webhooks),
        (3, "id3", Method::POST, "/reset"),
        (4, "id1", Method::POST, &*of_app),
        (5, "id1", Method::DELETE, of_app.trim_end_matches("/reset")),
    ] {
        app.add("id", &[to]).await;
        assert_eq!(deliveries(&control, 1).await[0]["id"], id);
        let of_other = control.delete("/webhooks?sdkappid=2").await.ok();
        assert_eq!(of_other["webhooks"], 0);

        let answer = control.send(method, path, None).await.ok();

        if !path.starts_with("/apps") {
            assert_eq!(answer["webhooks"], 1, "{path}");
        }
        assert_eq!(control.get("/webhooks").await.ok()["count"], 0, "{path}");
    }
}

#[tokio::test]
async fn the_record_is_bounded_by_the_journals_bytes_and_0_turns_it_off() {
    for bytes in [0, 3000] {
        let receiver = Receiver::start(Mood::Good).await;
        let app = start_with(&receiver, |config| config.journal.bytes = bytes).await;
        let control = app.control();
        for _ in 0..10 {
            app.add("id", &["id1"]).await;
            app.call("sns/friend_delete", tos("id", &["id1"])).await;
        }
        while metric(&control, "delivered").await < 20 {
            tokio::task::yield_now().await;
        }

        let answer = control.get("/webhooks").await.ok();
        let count = answer["count"].as_u64().expect("a number");
        assert_eq!(answer["last_id"], 20);
        assert_eq!(answer["dropped_to"], 20 - count);
        assert_eq!(answer["complete"], false);
        assert_eq!(count > 0, bytes > 0, "{answer}");
        assert!(count < 10, "{answer}");
        if bytes == 0 {
            assert_eq!(control.get("/webhooks/wait").await.status, 409);
        }
    }
}

#[tokio::test]
async fn a_url_that_webhooks_cannot_use_is_refused_with_the_reason() {
    let app = TestApp::start().await;
    for (url, detail) in [
        ("https://h/", "should be an http:// URL"),
        ("http://h:99999/", "should have a port from 1 to 65535"),
        ("http://h:0/", "should have a port from 1 to 65535"),
        ("http://h:/", "should have a port from 1 to 65535"),
        ("http://h:x/", "should have a port from 1 to 65535"),
        ("http://:80/", "should be an http:// URL"),
        (
            "http://user@h/",
            "should have no user name and no password, because they would not be sent",
        ),
        (
            "http://user:pass@h:1/",
            "should have no user name and no password, because they would not be sent",
        ),
        ("http://h/#part", "should have no fragment (#...)"),
    ] {
        let answer = app
            .control()
            .post("/apps", json!({"webhook": {"url": url}}))
            .await;
        let expected = [("/webhook/url".to_owned(), detail.to_owned())];
        assert_eq!(answer.faults(422), expected, "{url}");
    }
    for url in ["http://h", "http://h:1/?a=b", "http://[::1]:65535/x"] {
        app.control()
            .post("/apps", json!({"webhook": {"url": url}}))
            .await
            .ok();
    }
}
