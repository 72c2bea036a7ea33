//! Every command with a good body in which one value is replaced by any other. The answer always
//! has the envelope, and the command still works afterwards.

use super::random::json;
use crate::harness::TestApp;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

/// A good body of each command. None deletes "id" itself.
const COMMANDS: [(&str, &str); 20] = [
    (
        "sns/friend_import",
        r#"{"From_Account":"id","AddFriendItem":[{"To_Account":"id1","Remark":"r","RemarkTime":1,"GroupName":["a"],"AddSource":"AddSource_Type_Web","AddWording":"w","AddTime":1,"CustomItem":[{"Tag":"Tag_SNS_Custom_Test","Value":"x"}]}]}"#,
    ),
    (
        "sns/friend_update",
        r#"{"From_Account":"id","UpdateItem":[{"To_Account":"id1","SnsItem":[{"Tag":"Tag_SNS_IM_Remark","Value":"r"},{"Tag":"Tag_SNS_IM_Group","Value":["a","b"]}]}]}"#,
    ),
    (
        "sns/friend_delete",
        r#"{"From_Account":"id","To_Account":["id1"],"DeleteType":"Delete_Type_Both"}"#,
    ),
    (
        "sns/friend_delete_all",
        r#"{"From_Account":"id","DeleteType":"Delete_Type_Both"}"#,
    ),
    (
        "sns/friend_check",
        r#"{"From_Account":"id","To_Account":["id1","id"],"CheckType":"CheckResult_Type_Both"}"#,
    ),
    (
        "sns/friend_get",
        r#"{"From_Account":"id","StartIndex":0,"StandardSequence":0,"CustomSequence":0}"#,
    ),
    (
        "sns/friend_get_list",
        r#"{"From_Account":"id","To_Account":["id1"],"TagList":["Tag_SNS_IM_Remark","Tag_Profile_IM_Nick"]}"#,
    ),
    (
        "sns/friend_add",
        r#"{"From_Account":"id","AddFriendItem":[{"To_Account":"id1","GroupName":"a"}],"AddType":"Add_Type_Both","ForceAddFlags":1}"#,
    ),
    (
        "sns/black_list_add",
        r#"{"From_Account":"id","To_Account":["id1"]}"#,
    ),
    (
        "sns/black_list_delete",
        r#"{"From_Account":"id","To_Account":["id1"]}"#,
    ),
    (
        "sns/black_list_get",
        r#"{"From_Account":"id","StartIndex":0,"MaxLimited":30,"LastSequence":0}"#,
    ),
    (
        "sns/black_list_check",
        r#"{"From_Account":"id","To_Account":["id1"],"CheckType":"BlackCheckResult_Type_Both"}"#,
    ),
    (
        "sns/group_add",
        r#"{"From_Account":"id","GroupName":["a","b"],"To_Account":["id1"]}"#,
    ),
    (
        "sns/group_delete",
        r#"{"From_Account":"id","GroupName":["a"]}"#,
    ),
    (
        "sns/group_get",
        r#"{"From_Account":"id","NeedFriend":"Need_Friend_Type_Yes","GroupName":["b"]}"#,
    ),
    (
        "im_open_login_svc/account_import",
        r#"{"UserID":"new","Nick":"n","FaceUrl":"u"}"#,
    ),
    (
        "im_open_login_svc/multiaccount_import",
        r#"{"Accounts":["new"],"AccountList":[{"UserID":"newer","Nick":"n"}]}"#,
    ),
    (
        "im_open_login_svc/account_delete",
        r#"{"DeleteItem":[{"UserID":"new"}]}"#,
    ),
    (
        "profile/portrait_set",
        r#"{"From_Account":"id","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"n"},{"Tag":"Tag_Profile_IM_Level","Value":1}]}"#,
    ),
    (
        "profile/portrait_get",
        r#"{"To_Account":["id","id1"],"TagList":["Tag_Profile_IM_Nick"]}"#,
    ),
];

/// A command, and its body with one value replaced or removed.
fn calls() -> impl Strategy<Value = (&'static str, String)> {
    (0..COMMANDS.len(), any::<prop::sample::Index>(), json()).prop_map(|(at, place, other)| {
        let (command, good) = COMMANDS[at];
        let mut body: Value = serde_json::from_str(good).expect("good bodies are JSON");
        let mut places = Vec::new();
        pointers(&body, String::new(), &mut places);
        let place = &places[place.index(places.len())];
        // Another test covers bodies that are not JSON.
        if let Ok(other) = serde_json::from_str(&other) {
            *body.pointer_mut(place).expect("it was found there") = other;
        }
        (command, body.to_string())
    })
}

/// Collects the JSON pointers of all values inside a value.
fn pointers(value: &Value, here: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                pointers(value, format!("{here}/{key}"), found);
            }
        }
        Value::Array(list) => {
            for (at, value) in list.iter().enumerate() {
                pointers(value, format!("{here}/{at}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found.push(here);
}

#[test]
fn whatever_stands_in_a_body_every_command_answers_in_the_envelope() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let app = runtime.block_on(TestApp::start());
    let query = app.query();
    let mut runner = TestRunner::new(Config {
        cases: 1500,
        failure_persistence: None,
        ..Config::default()
    });

    let result = runner.run(&calls(), |(command, body)| {
        // The harness checks the envelope. A broken connection fails here.
        let reply = runtime.block_on(app.post(&format!("/v4/{command}"), &query, body));
        prop_assert_ne!(reply.error_code(), 60003, "it was JSON");
        prop_assert_ne!(reply.error_code(), 60009, "there is such a command");
        Ok(())
    });

    result.expect("every call gets the envelope");
    // The calls can have deleted these accounts.
    app.import(["id", "id1"]);
    for (command, good) in COMMANDS {
        let body = serde_json::from_str(good).expect("good bodies are JSON");
        let reply = runtime.block_on(app.call(command, body));
        assert_eq!(reply.error_code(), 0, "{command}: {}", reply.text);
    }
}
