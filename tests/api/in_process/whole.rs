//! A test as a user writes it: no JSON but in the call itself.

use std::time::Duration;
use tencent_chat_emulator::config::AppConfig;
use tencent_chat_emulator::{
    AccountSeed, AllowType, Code, Emulator, Fault, FriendResponse, SdkAppId, UserId,
};

#[tokio::test]
async fn a_client_that_tries_again_after_a_lost_answer_is_tested_without_json() {
    let emulator = Emulator::builder()
        .app(
            SdkAppId::new(1_400_000_001).expect("not 0"),
            AppConfig::default(),
        )
        .seed("ann", AccountSeed::new().friend("bob"))
        .seed("cat", AccountSeed::new().allow_type(AllowType::NeedConfirm))
        .start()
        .await
        .expect("good seeds");
    let app = emulator.default_app();
    let before = app.snapshot().await.expect("the app exists");
    let lost = Fault::close().commit_then().command("friend_add").times(1);
    let lost = app.faults().arm(lost).expect("it can fire");
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let body = r#"{"From_Account":"ann","AddFriendItem":[{"To_Account":"cat","AddSource":"AddSource_Type_Test"}]}"#;
    let call = async || client.post(app.url("friend_add")).body(body).send().await;

    let pending = app.faults().verify().expect_err("no call yet");
    assert!(pending.to_string().contains("1 left"), "{pending}");
    assert!(call().await.is_err());
    let answer = call()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("a body");

    assert!(answer.contains(r#""ResultCode":30539"#), "{answer}");
    app.faults().verify().expect("it has fired");
    assert_eq!(lost.hits(), 1);
    let by_ann = app.requests().command("friend_add").from("ann");
    assert_eq!(by_ann.wait(2, Duration::from_secs(5)).await, Ok(2));
    let calls = by_ann.list().expect("a good filter");
    assert_eq!([calls[0].code, calls[1].code], [Code::Ok; 2]);
    let hint = calls[1].hint.as_ref().expect("an item failed");
    assert!(hint.contains("NeedConfirm"), "{hint}");
    let agree = FriendResponse::AgreeAndAdd;
    app.respond("ann", "cat", agree)
        .await
        .expect("it is pending");
    let cat = UserId::parse("cat").expect("a UserID");
    assert!(
        app.account("ann")
            .await
            .expect("she exists")
            .friends
            .has(cat)
    );

    // A UserSig is valid for 180 days.
    let old = app.url("friend_add");
    app.clock()
        .expect("the app exists")
        .advance(Duration::from_secs(181 * 86_400));
    let expired = client.post(old).body(body).send().await.expect("an answer");
    assert!(expired.text().await.expect("a body").contains("70001"));
    app.restore(&before).await.expect("it is of this app");
    assert!(
        !app.account("ann")
            .await
            .expect("she exists")
            .friends
            .has(cat)
    );
    emulator.reset().await;
    assert_eq!(app.requests().count(), Ok(0));
    emulator.stop().await;
}
