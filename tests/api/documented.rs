//! The samples of the friend_add page (2025-10-23): its requests, and its answers byte for byte.

use crate::harness::TestApp;
use serde_json::{Value, json};
use tencent_chat_emulator::protocol::code::Code;

const BASIC: &str = include_str!("../vectors/friend_add/basic.json");
const COMPLETE: &str = include_str!("../vectors/friend_add/complete.json");
const BATCH: &str = include_str!("../vectors/friend_add/batch.json");

/// The page's answer to a basic or complete request.
const ONE_ADDED: &str = r#"{"ResultItem":[{"To_Account":"id1","ResultCode":0,"ResultInfo":""}],"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#;

/// The page's answer to a batch.
const BATCH_ANSWER: &str = r#"{"ResultItem":[{"To_Account":"id1","ResultCode":0,"ResultInfo":""},{"To_Account":"id2","ResultCode":30006,"ResultInfo":"Err_SNS_FriendAdd_Unpack_Profile_Data_Fail"},{"To_Account":"id3","ResultCode":30002,"ResultInfo":"Err_SNS_FriendAdd_SdkAppId_Illegal"}],"Fail_Account":["id2","id3"],"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#;

fn sample(text: &str) -> Value {
    serde_json::from_str::<Value>(text).expect("the samples are JSON")["request"].take()
}

#[tokio::test]
async fn the_basic_request_gets_the_pages_answer() {
    let app = TestApp::start().await;
    assert_eq!(app.friend_add(sample(BASIC)).await.text, ONE_ADDED);
}

#[tokio::test]
async fn the_complete_request_gets_the_pages_answer_and_is_kept_whole() {
    let app = TestApp::start().await;

    let reply = app.friend_add(sample(COMPLETE)).await;

    assert_eq!(reply.text, ONE_ADDED);
    let friend = app.account("id").friends[0].clone();
    let texts = friend.details.expect("From keeps the texts");
    assert_eq!(
        friend.add_source.expect("a source").to_text(),
        "AddSource_Type_XXXXXXXX"
    );
    assert_eq!(texts.remark.expect("a remark").as_str(), "remark1");
    assert_eq!(texts.groups[0].as_str(), "Classmates");
    assert_eq!(texts.add_wording.expect("a wording").as_str(), "I'm Test1");
    assert_eq!(app.account("id").groups[0].as_str(), "Classmates");
    let reverse = app.account("id1").friends[0].clone();
    let texts = reverse.details.expect("To keeps the wording");
    assert!(
        texts.remark.is_none() && texts.groups.is_empty(),
        "but no remark and no group"
    );
}

#[tokio::test]
async fn the_batch_request_gets_the_pages_answer_where_two_items_fail_as_in_it() {
    let app = TestApp::start().await;
    app.script("id", "id2", Code::Internal);
    app.script("id", "id3", Code::SdkAppIdIllegal);

    let reply = app.friend_add(sample(BATCH)).await;

    assert_eq!(reply.text, BATCH_ANSWER);
    assert_eq!(app.friends("id"), ["id1"]);
}

#[tokio::test]
async fn the_batch_request_adds_all_three_where_nothing_is_wrong() {
    let app = TestApp::start().await;

    let reply = app.friend_add(sample(BATCH)).await;

    assert_eq!(reply.codes(), [0, 0, 0]);
    assert_eq!(app.friends("id"), ["id1", "id2", "id3"]);
    let groups: Vec<_> = app
        .account("id")
        .groups
        .iter()
        .map(|group| group.as_str().to_owned())
        .collect();
    assert_eq!(groups, ["Classmates", "Colleagues"]);
}

#[tokio::test]
async fn a_sample_with_its_comment_left_in_is_told_that_comments_are_not_json() {
    let app = TestApp::start().await;
    let commented = sample(COMPLETE)
        .to_string()
        .replace("\"AddWording\"", "// Each user can\n\"AddWording\"");

    let reply = app
        .post("/v4/sns/friend_add", &app.query(), commented)
        .await;

    assert_eq!(reply.error_code(), 60003);
    assert!(
        reply.error_info().contains("comments"),
        "{}",
        reply.error_info()
    );
    assert!(
        reply.error_info().contains("line 1 column"),
        "{}",
        reply.error_info()
    );
}

#[tokio::test]
async fn a_repeated_request_says_friend_exist_and_changes_nothing() {
    let app = TestApp::start().await;
    app.friend_add(sample(COMPLETE)).await;
    let before = (app.account("id"), app.account("id1"));

    let again = app.friend_add(sample(COMPLETE)).await;

    assert_eq!(again.only(), (30001, "Err_SNS_FriendAdd_Friend_Exist"));
    assert_eq!(again.json["Fail_Account"], json!(["id1"]));
    assert_eq!((app.account("id"), app.account("id1")), before);
}
