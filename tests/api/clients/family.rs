//! The requests of published clients for the other commands, with their quirks, and the needs of
//! their parsers.

use crate::harness::{ConfigExt, TestApp};
use serde_json::{Value, json};
use tencent_chat_emulator::config::Config;
use tencent_chat_emulator::sns::texts::Keyword;

fn custom_fields(config: &mut Config) {
    let test = Keyword::parse("Test").into_iter();
    config.app().custom_fields.friend = test.clone().collect();
    config.app().custom_fields.profile = test.collect();
}

/// The client, the command, and the body as the client writes it.
type Call = (&'static str, &'static str, &'static str);

/// The order matters: the later calls use the accounts that the first calls import.
const CALLS: [Call; 27] = [
    (
        "tencentcloud_im",
        "im_open_login_svc/account_import",
        r#"{"UserID": "a1", "Nick": "n", "FaceUrl": "f"}"#,
    ),
    (
        "tcloud-im-api",
        "im_open_login_svc/account_import",
        r#"{"Identifier":"a2","Nick":null,"FaceUrl":null}"#,
    ),
    (
        "dobyte",
        "im_open_login_svc/account_import",
        r#"{"Identifier":"a3","Nick":"","FaceUrl":""}"#,
    ),
    (
        "xjcloudy",
        "im_open_login_svc/account_import",
        r#"{"FaceUrl":"","Identifier":"a4","Nick":"","Type":0}"#,
    ),
    (
        "tcloud-im-api",
        "im_open_login_svc/multiaccount_import",
        r#"{"Accounts":["a5","a6"]}"#,
    ),
    (
        "doocs",
        "im_open_login_svc/multiaccount_import",
        r#"{"AccountList":[{"UserID":"a7","Nick":"seven","FaceUrl":null},{"UserID":"a8"}]}"#,
    ),
    (
        "timsdk",
        "im_open_login_svc/account_check",
        r#"{"CheckItem": [{"UserID": "a1"}, {"UserID": "nobody"}]}"#,
    ),
    (
        "hiwepy",
        "sns/friend_import",
        r#"{"From_Account":"a1","AddFriendItem":[{"To_Account":"a2","Remark":"two","RemarkTime":"1420000001","GroupName":"mates","AddSource":"AddSource_Type_Web","AddWording":"hi","AddTime":"1420000001"}]}"#,
    ),
    (
        "xjcloudy",
        "sns/friend_import",
        r#"{"AddFriendItem":[{"AddSource":"AddSource_Type_Web","AddTime":0,"AddWording":"","CustomItem":null,"GroupName":null,"Remark":"","RemarkTime":0,"To_Account":"a3"}],"From_Account":"a1"}"#,
    ),
    (
        "timsdk",
        "sns/friend_import",
        r#"{"From_Account": "a1", "AddFriendItem": [{"To_Account": "a4", "Remark": "\ud83d\ude00", "GroupName": ["mates"], "AddSource": "AddSource_Type_Web", "CustomItem": [{"Tag": "Tag_SNS_Custom_Test", "Value": 0}]}]}"#,
    ),
    (
        "dobyte",
        "sns/friend_update",
        r#"{"From_Account":"a1","UpdateItem":[{"To_Account":"a3","SnsItem":[{"Tag":"Tag_SNS_IM_Group","Value":["mates","work"]},{"Tag":"Tag_SNS_Custom_Test","Value":7}]}]}"#,
    ),
    (
        "tencentcloud-im-sdk-java",
        "sns/friend_update",
        r#"{"From_Account":"a1","UpdateItem":[{"To_Account":"a2","SnsItem":[{"Tag":"Tag_SNS_IM_Remark","Value":"zwei"},{"Tag":"Tag_SNS_Custom_Test","Value":"12"}]}]}"#,
    ),
    (
        "tencentcloud-im-sdk-java",
        "profile/portrait_set",
        r#"{"From_Account":"a2","ProfileItem":[{"Tag":"Tag_Profile_IM_BirthDay","Value":"19940410"},{"Tag":"Tag_Profile_IM_Nick","Value":"N"}]}"#,
    ),
    (
        "dobyte",
        "profile/portrait_set",
        r#"{"From_Account":"a3","ProfileItem":[{"Tag":"Tag_Profile_IM_Level","Value":3},{"Tag":"Tag_Profile_Custom_Test","Value":"x"}]}"#,
    ),
    (
        "tencentcloud_im",
        "profile/portrait_get",
        r#"{"To_Account": ["a2", "a3"], "TagList": ["Tag_Profile_IM_Nick", "Tag_Profile_IM_BirthDay", "Tag_Profile_IM_Level"]}"#,
    ),
    (
        "dobyte",
        "sns/friend_get",
        r#"{"From_Account":"a1","StartIndex":0,"StandardSequence":0,"CustomSequence":0}"#,
    ),
    (
        "tencent_im_rs",
        "sns/friend_get_list",
        r#"{"From_Account":"a1","To_Account":["a2","nobody"],"TagList":["Tag_Profile_IM_Nick","Tag_SNS_IM_Remark"]}"#,
    ),
    (
        "tencent_im_rs",
        "sns/friend_check",
        r#"{"From_Account":"a1","To_Account":["a2","nobody"],"CheckType":"CheckResult_Type_Both"}"#,
    ),
    (
        "tencentcloud_im",
        "sns/group_add",
        r#"{"From_Account": "a1", "GroupName": ["later"], "To_Account": null}"#,
    ),
    (
        "dobyte",
        "sns/group_add",
        r#"{"From_Account":"a1","GroupName":["later"],"To_Account":["a4"]}"#,
    ),
    ("tencent_im_rs", "sns/group_get", r#"{"From_Account":"a1"}"#),
    (
        "dobyte",
        "sns/group_get",
        r#"{"From_Account":"a1","LastSequence":0,"NeedFriend":"Need_Friend_Type_Yes","GroupName":null}"#,
    ),
    (
        "dobyte",
        "sns/black_list_add",
        r#"{"From_Account":"a1","To_Account":["a5","a6"]}"#,
    ),
    (
        "tencent_im_rs",
        "sns/black_list_check",
        r#"{"From_Account":"a1","To_Account":["a5","nobody"],"CheckType":"BlackCheckResult_Type_Both"}"#,
    ),
    (
        "dobyte",
        "sns/black_list_get",
        r#"{"From_Account":"a1","StartIndex":0,"MaxLimited":1,"LastSequence":0}"#,
    ),
    (
        "tencentcloud_im",
        "sns/friend_delete",
        r#"{"From_Account": "a1", "To_Account": ["a4"], "DeleteType": "Delete_Type_Both"}"#,
    ),
    (
        "xjcloudy",
        "sns/friend_delete_all",
        r#"{"From_Account":"a1"}"#,
    ),
];

/// Asserts what the clients need; the harness checks the envelope. Each comment names the clients
/// that need it.
fn check(command: &str, answer: &Value) {
    let must = |holds: bool, what: &str| assert!(holds, "{command}: {what}: {answer}");
    let integer = |value: &Value| value.as_u64().is_some_and(|number| number < 1 << 31);
    let name = command.split('/').next_back().expect("a name");
    let list = |key: &str| answer[key].as_array().cloned().unwrap_or_default();

    // tencent_im_rs: a Relation in each item, also in failed items, with a documented value.
    for (key, prefix) in [
        ("InfoItem", "CheckResult_Type_"),
        ("BlackListCheckItem", "BlackCheckResult_Type_"),
    ] {
        if name.ends_with("check") {
            let relation = |item: &Value| {
                item["Relation"]
                    .as_str()
                    .is_some_and(|text| text.starts_with(prefix))
            };
            must(list(key).iter().all(relation), "a Relation in each item");
        }
    }
    // tencent_im_rs: values are strings, lists of strings, or integers of at least 0.
    let fields = [
        ("UserDataItem", "ValueItem"),
        ("InfoItem", "SnsProfileItem"),
        ("UserProfileItem", "ProfileItem"),
    ];
    for (items, values) in fields {
        for item in list(items) {
            let mut values = item[values].as_array().into_iter().flatten();
            let is_plain = |value: &Value| {
                let texts = value
                    .as_array()
                    .is_some_and(|list| list.iter().all(Value::is_string));
                value.is_string() || value.is_u64() || texts
            };
            must(
                values.all(|field| is_plain(&field["Value"])),
                "plain values",
            );
        }
    }
    let needed: &[&str] = match name {
        // dobyte loops until CompleteFlag is not 0; Go and Rust clients need integers.
        "friend_get" => &[
            "StandardSequence",
            "CustomSequence",
            "FriendNum",
            "CompleteFlag",
            "NextStartIndex",
        ],
        // dobyte loops until StartIndex is 0 and reads CurrentSequence; others read the misspelled
        // key.
        "black_list_get" => &["StartIndex", "CurruentSequence", "CurrentSequence"],
        "group_add" | "group_get" | "group_delete" => &["CurrentSequence"],
        _ => &[],
    };
    for key in needed {
        must(integer(&answer[*key]), key);
    }
    // tcloud panics without it.
    if name == "multiaccount_import" {
        must(
            answer["FailAccounts"].is_array(),
            "FailAccounts, also when none failed",
        );
    }
    if name == "account_check" {
        let whole = |item: &Value| {
            ["ResultInfo", "UserID", "AccountStatus"]
                .iter()
                .all(|key| item[*key].is_string())
                && integer(&item["ResultCode"])
        };
        must(list("ResultItem").iter().all(whole), "whole items");
    }
    if name == "black_list_get" {
        let stamped = |item: &Value| integer(&item["AddBlackTimeStamp"]);
        must(
            list("BlackListItem").iter().all(stamped),
            "AddBlackTimeStamp",
        );
    }
}

#[tokio::test]
async fn every_quirk_of_every_client_is_taken_and_every_answer_can_be_read() {
    let app = TestApp::start_with(custom_fields).await;
    for (client, command, body) in CALLS {
        let reply = app
            .post(&format!("/v4/{command}"), &app.query(), body)
            .await;

        assert_eq!(reply.error_code(), 0, "{client}: {command}: {}", reply.text);
        let failed = reply.json.get("Fail_Account");
        let of_nobody = failed.is_none_or(|list| *list == json!(["nobody"]));
        assert!(of_nobody, "{client}: {command}: {}", reply.text);
        check(command, &reply.json);
    }
}

#[tokio::test]
async fn what_the_clients_sent_means_what_they_mean() {
    let app = TestApp::start_with(custom_fields).await;
    // All calls except the deletions at the end.
    for (_, command, body) in &CALLS[..CALLS.len() - 2] {
        app.post(&format!("/v4/{command}"), &app.query(), *body)
            .await;
    }

    let tags = [
        "Tag_SNS_IM_Remark",
        "Tag_SNS_IM_Group",
        "Tag_SNS_IM_AddTime",
        "Tag_SNS_IM_RemarkTime",
        "Tag_SNS_Custom_Test",
        "Tag_Profile_IM_BirthDay",
    ];
    let body = json!({"From_Account": "a1", "To_Account": ["a2", "a3", "a4"], "TagList": tags});
    let friends = app.call("sns/friend_get_list", body).await.json;
    let value = |friend: usize, tag: &str| {
        let fields = friends["InfoItem"][friend]["SnsProfileItem"]
            .as_array()
            .expect("fields");
        let field = fields.iter().find(|field| field["Tag"] == tag);
        field.map(|field| field["Value"].clone())
    };
    assert_eq!(value(0, "Tag_SNS_IM_Remark"), Some(json!("zwei")));
    assert_eq!(
        value(0, "Tag_SNS_IM_Group"),
        Some(json!(["mates"])),
        "hiwepy's lone name"
    );
    assert_eq!(
        value(0, "Tag_SNS_IM_AddTime"),
        Some(json!(1_420_000_001)),
        "hiwepy's digits"
    );
    assert_eq!(
        value(0, "Tag_SNS_IM_RemarkTime"),
        Some(json!(1_420_000_001))
    );
    assert_eq!(
        value(0, "Tag_SNS_Custom_Test"),
        Some(json!("12")),
        "Java's strings stay strings"
    );
    assert_eq!(
        value(0, "Tag_Profile_IM_BirthDay"),
        Some(json!(19_940_410)),
        "but here"
    );
    assert_eq!(
        value(1, "Tag_SNS_IM_Remark"),
        None,
        "xjcloudy's \"\" is none"
    );
    assert_eq!(value(1, "Tag_SNS_IM_RemarkTime"), None, "and so is its 0");
    assert_ne!(value(1, "Tag_SNS_IM_AddTime"), Some(json!(0)));
    assert_eq!(value(1, "Tag_SNS_Custom_Test"), Some(json!(7)));
    assert_eq!(value(2, "Tag_SNS_IM_Remark"), Some(json!("😀")));
    assert_eq!(
        value(2, "Tag_SNS_IM_Group"),
        Some(json!(["mates", "later"]))
    );
    assert_eq!(
        value(2, "Tag_SNS_Custom_Test"),
        Some(json!(0)),
        "0 is a value"
    );
    for imported in ["a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"] {
        app.account(imported);
    }
}

/// Loops like dobyte's PullFriends and PullBlacklist, which stop at CompleteFlag 1 and StartIndex
/// 0.
#[tokio::test]
async fn loops_over_pages_end_and_have_seen_everybody_once() {
    let app = TestApp::start().await;
    let names: Vec<_> = (0..305).map(|number| format!("u{number}")).collect();
    app.import(&names);
    let items: Vec<_> = names
        .iter()
        .map(|to| json!({"To_Account": to, "AddSource": "AddSource_Type_Web"}))
        .collect();
    app.call(
        "sns/friend_import",
        json!({"From_Account": "id", "AddFriendItem": items}),
    )
    .await;
    app.call(
        "sns/black_list_add",
        json!({"From_Account": "id1", "To_Account": names}),
    )
    .await;

    let mut friends = Vec::new();
    let mut start = json!(0);
    for page in 1.. {
        assert!(page < 10, "the loop does not end");
        let body = json!({"From_Account": "id", "StartIndex": start, "StandardSequence": 0, "CustomSequence": 0});
        let answer = app.call("sns/friend_get", body).await.json;
        friends.extend(answer["UserDataItem"].as_array().expect("a list").clone());
        if answer["CompleteFlag"] != 0 {
            assert_eq!(answer["NextStartIndex"], 0);
            break;
        }
        start = answer["NextStartIndex"].clone();
    }
    let mut blocked = Vec::new();
    let mut start = json!(0);
    for page in 1.. {
        assert!(page < 10, "the loop does not end");
        let body = json!({"From_Account": "id1", "StartIndex": start, "MaxLimited": 61, "LastSequence": 0});
        let answer = app.call("sns/black_list_get", body).await.json;
        blocked.extend(answer["BlackListItem"].as_array().expect("a list").clone());
        start = answer["StartIndex"].clone();
        if start == 0 {
            break;
        }
    }

    let accounts =
        |list: &[Value]| -> Vec<_> { list.iter().map(|item| item["To_Account"].clone()).collect() };
    let expected: Vec<_> = names.iter().map(|name| json!(name)).collect();
    assert_eq!(accounts(&friends), expected);
    assert_eq!(accounts(&blocked), expected);
}

/// Bodies without UserID and Identifier, or with empty ones.
#[tokio::test]
async fn an_account_that_no_key_names_is_refused_as_a_parameter() {
    let app = TestApp::start().await;
    for body in [
        "{}",
        r#"{"UserID":"","Identifier":""}"#,
        r#"{"UserId":"x"}"#,
        r#"{"UserID":null}"#,
    ] {
        let reply = app
            .post("/v4/im_open_login_svc/account_import", &app.query(), body)
            .await;
        assert_eq!(reply.error_code(), 70402, "{body}");
        assert!(reply.error_info().contains("UserID"), "{}", reply.text);
    }
}
