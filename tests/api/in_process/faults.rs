//! Faults that are armed from Rust and over HTTP are the same faults.

use super::{add, start};
use serde_json::{Value, json};
use std::time::Duration;
use tencent_chat_emulator::config::AppConfig;
use tencent_chat_emulator::{Code, Emulator, ErrorKind, Fault, SdkAppId};

/// Each setting, and the body of `POST faults` that says the same.
fn pairs(app: SdkAppId) -> Vec<(Fault, Value)> {
    let other = SdkAppId::new(77).expect("not 0");
    vec![
        (
            Fault::error_code(Code::Internal),
            json!({"code": "Internal"}),
        ),
        (
            Fault::result_code(Code::NetworkTimeout).to("bob").times(1),
            json!({"result_code": "NetworkTimeout", "to_account": "bob", "times": 1}),
        ),
        (
            Fault::delay(Duration::from_nanos(1)).from("ann").skip(2),
            json!({"delay_ms": 1, "from_account": "ann", "skip": 2}),
        ),
        (
            Fault::http_status(503).item(3),
            json!({"http_status": 503, "item": 3}),
        ),
        (
            Fault::close().commit_then().command("sns/friend_add"),
            json!({"commit_then": {"close": true}, "command": "sns/friend_add"}),
        ),
        (
            Fault::truncate().app(app),
            json!({"truncate": true, "sdkappid": app}),
        ),
        (
            Fault::malformed().probability(0.5, 9),
            json!({"malformed": true, "probability": 0.5, "seed": 9}),
        ),
        // These are refused.
        (Fault::error_code(Code::Ok), json!({"code": "Ok"})),
        (Fault::error_code(Code::AddSelf), json!({"code": "AddSelf"})),
        (
            Fault::result_code(Code::SigExpired).command("friend_ad"),
            json!({"result_code": "SigExpired", "command": "friend_ad"}),
        ),
        (
            Fault::close().app(other).item(u32::MAX),
            json!({"close": true, "sdkappid": 77, "item": u32::MAX}),
        ),
        (Fault::http_status(200), json!({"http_status": 200})),
        (Fault::delay(Duration::ZERO), json!({"delay_ms": 0})),
        (
            Fault::delay(Duration::MAX).times(0),
            json!({"delay_ms": u64::MAX, "times": 0}),
        ),
        (
            Fault::close().from("").to("é"),
            json!({"close": true, "from_account": "", "to_account": "é"}),
        ),
        (
            Fault::close().probability(0.0, 1),
            json!({"close": true, "probability": 0.0, "seed": 1}),
        ),
        (
            Fault::close().probability(1.5, 1),
            json!({"close": true, "probability": 1.5, "seed": 1}),
        ),
        (
            Fault::close().probability(f64::NAN, 1),
            json!({"close": true, "probability": "NaN", "seed": 1}),
        ),
        (
            Fault::result_code(Code::Internal)
                .command("friend_get")
                .to("x"),
            json!({"result_code": "Internal", "command": "friend_get", "to_account": "x"}),
        ),
    ]
}

#[tokio::test]
async fn each_fault_is_the_same_armed_from_rust_and_over_http_or_refused_with_the_same_words() {
    let (emulator, control) = start().await;
    let (mut armed, mut refused) = (0, 0);
    let app = emulator.default_app().sdkappid();
    for (fault, body) in pairs(app) {
        let of_rust = emulator.faults().arm(fault.clone());
        let of_http = control.post("/faults", body.clone()).await;

        match of_rust {
            Ok(fault) => {
                let of_http = of_http.ok();
                let list = control.get("/faults").await.ok();
                assert_eq!(list[0]["id"], fault.id());
                assert_eq!(list[0]["fault"], list[1]["fault"], "{body}");
                let line = fault.to_string();
                assert!(
                    line.starts_with(&format!("fault {} {{", fault.id())),
                    "{line}"
                );
                assert_eq!(fault.left(), of_http["left"].as_u64());
                emulator.faults().clear();
                armed += 1;
            }
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::Invalid, "{body}");
                let faults = of_http.faults(422).into_iter();
                let lines = faults.map(|(pointer, detail)| format!("{pointer} {detail}"));
                assert_eq!(error.messages, lines.collect::<Vec<_>>(), "{body}");
                refused += 1;
            }
        }
    }
    assert_eq!((armed, refused), (7, 12));
    assert_eq!(control.get("/faults").await.ok(), json!([]));
}

#[tokio::test]
async fn hits_are_counted_for_rust_as_for_http_and_verify_says_the_same() {
    let (emulator, control) = start().await;
    let app = emulator.default_app();
    for user in ["ann", "bob"] {
        app.put_account(user, super::AccountSeed::new())
            .await
            .expect("a good account");
    }
    emulator.faults().verify().expect("there is none");
    let fails = Fault::result_code(Code::NetworkTimeout).to("bob").times(2);
    let fails = emulator.faults().arm(fails).expect("it can fire");
    let by_http = json!({"delay_ms": 1, "command": "friend_get"});
    control.post("/faults", by_http).await.ok();

    assert_eq!(add(&app, "ann", &["bob"]).await, [30007]);

    assert_eq!((fails.hits(), fails.left()), (1, Some(1)));
    assert!(!fails.is_consumed());
    let error = emulator.faults().verify().expect_err("one hit is left");
    assert_eq!(error.kind, ErrorKind::Conflict);
    let answer = control.post("/faults/verify", json!({})).await;
    let mut expected = vec![answer.json["detail"].as_str().expect("a text").to_owned()];
    expected.extend(answer.faults(409).into_iter().map(|(_, detail)| detail));
    assert_eq!(error.messages, expected);
    assert_eq!(error.messages.len(), 3);
    assert_eq!(error.messages[1], fails.to_string());
    assert_eq!(error.to_string(), expected.join("\n"));

    assert_eq!(add(&app, "ann", &["bob"]).await, [30007]);
    assert!(fails.is_consumed());
    let of_http = &emulator.faults().list()[1];
    of_http.disarm();
    of_http.disarm();
    emulator.faults().verify().expect("it has fired twice");
    assert_eq!(add(&app, "ann", &["bob"]).await, [0]);
    emulator.reset().await;
    assert!(emulator.faults().list().is_empty());
    assert_eq!(fails.hits(), 2);
}

#[tokio::test]
async fn an_apps_faults_are_its_own() {
    let (emulator, control) = start().await;
    let ours = emulator.default_app();
    let theirs = emulator.create_app(AppConfig::default()).await;
    let theirs = theirs.expect("there is room");

    ours.faults().arm(Fault::close()).expect("it can fire");
    emulator.faults().arm(Fault::truncate()).expect("it, too");
    let of_other = ours.faults().arm(Fault::close().app(theirs.sdkappid()));

    let of_other = of_other.expect_err("it is another app's");
    assert!(of_other.to_string().starts_with("/sdkappid differs"));
    let listed = control.get("/faults").await.ok();
    assert_eq!(listed[0]["fault"]["sdkappid"], json!(ours.sdkappid()));
    assert_eq!(listed[1]["fault"].get("sdkappid"), None);
    theirs.faults().verify().expect("it has none");
    theirs.faults().clear();
    let pending = ours.faults().verify().expect_err("it has not fired");
    assert!(
        pending.to_string().starts_with("1 of 1 faults"),
        "{pending}"
    );
    assert_eq!(
        (ours.faults().list().len(), emulator.faults().list().len()),
        (1, 2)
    );
    ours.faults().clear();
    assert_eq!(emulator.faults().list().len(), 1);

    theirs.remove().await.expect("it exists");
    let gone = theirs.faults().arm(Fault::close()).expect_err("it is gone");
    assert!(
        gone.to_string().contains("is not an existing app"),
        "{gone}"
    );
    let gone = theirs.faults().verify().expect_err("it is gone");
    assert_eq!(gone.kind, ErrorKind::Invalid);
}

/// The control API has the same limit.
#[tokio::test]
async fn at_most_1000_faults_are_armed_from_both_sides_together() {
    let emulator = Emulator::builder().start().await.expect("a port is free");
    let control = super::Control::of(&emulator);
    let faults = emulator.faults();
    for _ in 0..999 {
        faults.arm(Fault::close()).expect("there is room");
    }
    control.post("/faults", json!({"close": true})).await.ok();

    let full = faults.arm(Fault::close()).expect_err("there is no room");

    assert_eq!(full.kind, ErrorKind::Full);
    assert_eq!(full.to_string(), "at most 1000 faults may be armed");
    faults.list()[7].disarm();
    faults.arm(Fault::close()).expect("there is room again");
    control
        .post("/faults", json!({"close": true}))
        .await
        .faults(507);
}
