//! The samples of the other commands: the requests of their pages, and the answers byte for byte.
//!
//! Real calls build the state; codes that no state gives (30002, 30006, 30007, 40006) are scripted.
//! Where a page contradicts itself, the test changes the answer before it compares, and a comment
//! gives the reason.

use crate::harness::{ConfigExt, TestApp};
use serde_json::{Value, json};
use tencent_chat_emulator::Fault;
use tencent_chat_emulator::config::Config;
use tencent_chat_emulator::protocol::code::Code;
use tencent_chat_emulator::protocol::ids::UnixTime;
use tencent_chat_emulator::sns::texts::Keyword;

/// The samples of a command's page.
macro_rules! page {
    ($command:literal) => {
        include_str!(concat!("../vectors/family/", $command, ".json"))
    };
}

/// The request and the answer of a sample.
fn sample(page: &str, name: &str) -> (Value, String) {
    let mut page: Value = serde_json::from_str(page).expect("the samples are JSON");
    let samples = page["samples"].as_array_mut().expect("a list");
    let sample = samples.iter_mut().find(|sample| sample["name"] == name);
    let sample = sample.unwrap_or_else(|| panic!("no sample {name:?}"));
    let answer = sample["answer"].as_str().expect("an answer").to_owned();
    (sample["request"].take(), answer)
}

/// An app that declares the custom fields of the samples.
async fn start(change: impl FnOnce(&mut Config)) -> TestApp {
    let app = TestApp::start_with(|config| {
        let keyword = |text| Keyword::parse(text).expect("letters");
        let declared = &mut config.app().custom_fields;
        declared.friend = ["Test", "XXXX", "YYYY"].map(keyword).to_vec();
        declared.profile = ["Test"].map(keyword).to_vec();
        change(config);
    })
    .await;
    app.import(["id4", "id5", "friend1"]);
    app
}

impl TestApp {
    /// Sends the request of a sample, and asserts that the answer is the sample's.
    async fn replay(&self, command: &str, page: &str, name: &str) {
        let (request, answer) = sample(page, name);
        assert_eq!(
            self.call(command, request).await.text,
            answer,
            "{command}, {name}"
        );
    }
}

/// A friend_import body of "id" for these friends, each in these groups.
fn import(tos: &[&str], groups: &[&str]) -> Value {
    let item = |to: &&str| json!({"To_Account": to, "GroupName": groups, "AddSource": "AddSource_Type_Web"});
    json!({"From_Account": "id", "AddFriendItem": tos.iter().map(item).collect::<Vec<_>>()})
}

#[tokio::test]
async fn friend_import_answers_as_its_page() {
    const PAGE: &str = page!("friend_import");
    for name in ["basic", "complete"] {
        start(|_| ())
            .await
            .replay("sns/friend_import", PAGE, name)
            .await;
    }
    let app = start(|config| config.sns.max_friends = 1).await;
    app.script("id", "id3", Code::SdkAppIdIllegal);
    app.replay("sns/friend_import", PAGE, "batch").await;
}

#[tokio::test]
async fn friend_update_answers_as_its_page() {
    const PAGE: &str = page!("friend_update");
    for name in ["basic", "complete"] {
        let app = start(|_| ()).await;
        app.arrange("sns/friend_import", import(&["id1"], &[]))
            .await;
        app.replay("sns/friend_update", PAGE, name).await;
    }
    let app = start(|config| config.sns.max_groups = 2).await;
    app.arrange(
        "sns/friend_import",
        import(&["id1", "id2", "id3"], &["other"]),
    )
    .await;
    app.script("id", "id3", Code::ImportSdkAppIdIllegal);
    app.replay("sns/friend_update", PAGE, "batch").await;
}

#[tokio::test]
async fn friend_delete_answers_as_its_page() {
    for name in ["one-way deletion", "two-way deletion"] {
        let app = start(|_| ()).await;
        assert_eq!(app.add("id", &["id1", "id2", "id3"]).await, [0, 0, 0]);
        app.replay("sns/friend_delete", page!("friend_delete"), name)
            .await;
        assert!(app.friends("id").is_empty());
        assert_eq!(app.friends("id1").is_empty(), name == "two-way deletion");
    }
}

#[tokio::test]
async fn friend_delete_all_answers_as_its_page() {
    for name in ["one-way deletion", "two-way deletion"] {
        let app = start(|_| ()).await;
        assert_eq!(app.add("id", &["id1", "id2", "id3"]).await, [0, 0, 0]);
        app.replay("sns/friend_delete_all", page!("friend_delete_all"), name)
            .await;
        assert!(app.friends("id").is_empty());
        assert_eq!(app.friends("id1").is_empty(), name == "two-way deletion");
    }
}

#[tokio::test]
async fn friend_check_answers_as_its_page() {
    let app = start(|_| ()).await;
    assert_eq!(app.add("id", &["id1"]).await, [0]);
    app.arrange("sns/friend_import", import(&["id2"], &[]))
        .await;
    let mut reverse = import(&["id"], &[]);
    reverse["From_Account"] = "id3".into();
    app.arrange("sns/friend_import", reverse).await;
    app.script("id", "id5", Code::CheckRelationFail);
    app.replay("sns/friend_check", page!("friend_check"), "check both")
        .await;
}

#[tokio::test]
async fn friend_get_answers_as_its_page() {
    let app = start(|_| ()).await;
    let custom = |value: &str| json!([{"Tag": "Tag_SNS_Custom_Test", "Value": value}]);
    let friends = json!({"From_Account": "id", "AddFriendItem": [
        {"To_Account": "id1", "Remark": "Remark1", "GroupName": ["Group1", "Group2"],
         "AddSource": "AddSource_Type_Android", "AddTime": 1563867420, "CustomItem": custom("0")},
        {"To_Account": "id2", "GroupName": ["Group1"],
         "AddSource": "AddSource_Type_IOS", "AddTime": 1563867425},
    ]});
    app.arrange("sns/friend_import", friends).await;
    // The import made 2 standard changes and 1 custom change; the sample's sequences are 88 and 46.
    for _ in 0..86 {
        let remark = json!([{"Tag": "Tag_SNS_IM_Remark", "Value": "Remark1"}]);
        let update =
            json!({"From_Account": "id", "UpdateItem": [{"To_Account": "id1", "SnsItem": remark}]});
        app.arrange("sns/friend_update", update).await;
    }
    for _ in 0..45 {
        let update = json!({"From_Account": "id", "UpdateItem": [{"To_Account": "id1", "SnsItem": custom("CustomData1")}]});
        app.arrange("sns/friend_update", update).await;
    }

    let (request, answer) = sample(page!("friend_get"), "pull");
    // The sample says 20 friends on its only page, and shows two.
    let answer = answer.replace("\"FriendNum\":20", "\"FriendNum\":2");
    assert_eq!(app.call("sns/friend_get", request).await.text, answer);
}

#[tokio::test]
async fn friend_get_list_answers_as_its_page() {
    const PAGE: &str = page!("friend_get_list");
    let app = start(|_| ()).await;
    app.import(["UserID_1", "UserID_2", "UserID_3", "UserID_4"]);
    let friends = json!({"From_Account": "UserID_1", "AddFriendItem": [
        {"To_Account": "UserID_2", "Remark": "remark_2", "GroupName": ["group1", "group2"],
         "AddSource": "AddSource_Type_Web",
         "CustomItem": [{"Tag": "Tag_SNS_Custom_Test", "Value": "custom_sns_2"}]},
        {"To_Account": "UserID_3", "Remark": "remark_3", "AddSource": "AddSource_Type_Web"},
    ]});
    app.arrange("sns/friend_import", friends).await;
    for number in [2, 3] {
        let profile = json!({"From_Account": format!("UserID_{number}"), "ProfileItem": [
            {"Tag": "Tag_Profile_IM_Nick", "Value": format!("nick_{number}")},
            {"Tag": "Tag_Profile_Custom_Test", "Value": format!("custom_profile_{number}")},
        ]});
        app.arrange("profile/portrait_set", profile).await;
    }
    for name in ["basic", "batch"] {
        app.replay("sns/friend_get_list", PAGE, name).await;
    }
}

#[tokio::test]
async fn black_list_add_answers_as_its_page() {
    let app = start(|_| ()).await;
    app.arrange(
        "sns/black_list_add",
        json!({"From_Account": "id", "To_Account": ["id2"]}),
    )
    .await;
    app.script("id", "id3", Code::SdkAppIdIllegal);
    app.replay("sns/black_list_add", page!("black_list_add"), "add")
        .await;
}

#[tokio::test]
async fn black_list_delete_answers_as_its_page() {
    let app = start(|_| ()).await;
    let blocked = json!({"From_Account": "id", "To_Account": ["id1", "id2", "id3"]});
    app.arrange("sns/black_list_add", blocked).await;
    app.script("id", "id3", Code::CheckBlocklistError);
    app.replay(
        "sns/black_list_delete",
        page!("black_list_delete"),
        "delete",
    )
    .await;
}

#[tokio::test]
async fn black_list_get_answers_as_its_page() {
    let app = start(|_| ()).await;
    let only = |to: &str| json!({"From_Account": "id", "To_Account": [to]});
    // Eleven changes, before the two of the sample.
    app.arrange("sns/black_list_add", only("id3")).await;
    for _ in 0..5 {
        app.arrange("sns/black_list_delete", only("id3")).await;
        app.arrange("sns/black_list_add", only("id3")).await;
    }
    app.emulator.clock().hold(Some(UnixTime(1_430_000_001)));
    let query = app.query();
    for (to, time) in [("id1", 1_430_000_001), ("id2", 1_430_000_002)] {
        app.emulator.clock().hold(Some(UnixTime(time)));
        let body = only(to).to_string();
        let reply = app.post("/v4/sns/black_list_add", &query, body).await;
        assert_eq!(reply.codes(), [0]);
    }
    let (request, answer) = sample(page!("black_list_get"), "pull");

    let reply = app
        .post("/v4/sns/black_list_get", &query, request.to_string())
        .await;

    // id3, which only increased the sequence, comes first. The emulator also sends CurrentSequence,
    // because half of the clients read that spelling.
    let helper = "{\"To_Account\":\"id3\",";
    assert!(reply.text.contains(helper));
    let answer = answer.replace(
        "\"CurruentSequence\":13",
        "\"CurruentSequence\":13,\"CurrentSequence\":13",
    );
    let end = reply
        .text
        .find("{\"To_Account\":\"id1\"")
        .expect("id1 is there");
    let text = format!("{{\"BlackListItem\":[{}", &reply.text[end..]);
    assert_eq!(text, answer);
}

#[tokio::test]
async fn black_list_check_answers_as_its_page() {
    let app = start(|_| ()).await;
    let blocks = |from: &str, tos: &[&str]| json!({"From_Account": from, "To_Account": tos});
    app.arrange("sns/black_list_add", blocks("id", &["id1", "id2"]))
        .await;
    app.arrange("sns/black_list_add", blocks("id1", &["id"]))
        .await;
    app.arrange("sns/black_list_add", blocks("id3", &["id"]))
        .await;
    app.script("id", "id5", Code::CheckBlocklistFail);
    app.replay(
        "sns/black_list_check",
        page!("black_list_check"),
        "check both",
    )
    .await;
}

#[tokio::test]
async fn groups_answer_as_their_pages_one_after_the_other() {
    let app = start(|_| ()).await;
    app.arrange(
        "sns/group_add",
        json!({"From_Account": "id", "GroupName": ["group1"]}),
    )
    .await;
    app.replay("sns/group_add", page!("group_add"), "basic")
        .await;
    app.arrange("sns/friend_import", import(&["id1"], &[]))
        .await;
    app.script("id", "id3", Code::GroupSdkAppIdIllegal);
    app.replay("sns/group_add", page!("group_add"), "complete")
        .await;
    app.replay("sns/group_delete", page!("group_delete"), "delete")
        .await;
    assert!(app.account("id").groups.is_empty());
    assert_eq!(app.friends("id"), ["id1"]);
}

#[tokio::test]
async fn group_get_answers_as_its_page() {
    const PAGE: &str = page!("group_get");
    let app = start(|_| ()).await;
    let groups = ["group1", "group2", "group3"];
    app.arrange(
        "sns/group_add",
        json!({"From_Account": "id", "GroupName": groups}),
    )
    .await;
    app.arrange("sns/friend_import", import(&["friend1"], &groups))
        .await;
    app.replay("sns/group_get", PAGE, "complete").await;

    app.arrange("sns/friend_import", import(&["id2"], &["group2", "group3"]))
        .await;
    app.arrange("sns/friend_import", import(&["id3"], &["group3"]))
        .await;
    let (request, answer) = sample(PAGE, "basic");
    // Each import that adds a member is a change; the sample has six memberships, but only sequence
    // 2.
    let answer = answer.replace("\"CurrentSequence\":2", "\"CurrentSequence\":4");
    assert_eq!(app.call("sns/group_get", request).await.text, answer);
}

#[tokio::test]
async fn account_import_answers_as_its_page() {
    let app = start(|_| ()).await;
    app.replay(
        "im_open_login_svc/account_import",
        page!("account_import"),
        "import",
    )
    .await;
    let tags = ["Tag_Profile_IM_Nick", "Tag_Profile_IM_Image"];
    let body = json!({"To_Account": ["test"], "TagList": tags});
    let profile = app.call("profile/portrait_get", body).await;
    let items = &profile.json["UserProfileItem"][0]["ProfileItem"];
    assert_eq!(
        (&items[0]["Value"], &items[1]["Value"]),
        (&json!("test"), &json!("http://www.qq.com"))
    );
}

#[tokio::test]
async fn multiaccount_import_answers_as_its_page() {
    const PAGE: &str = page!("multiaccount_import");
    let app = start(|_| ()).await;
    for name in ["UserID_002", "UserID_003", "test3", "test4"] {
        app.script(name, name, Code::AccountInternal);
    }
    for name in ["old version request (page 2024-12)", "2023 page"] {
        app.replay("im_open_login_svc/multiaccount_import", PAGE, name)
            .await;
    }
    let (mut request, answer) = sample(PAGE, "new version request (page 2024-12)");
    // The sample imports UserID_002 twice, but answers that UserID_003 failed.
    request["AccountList"][2]["UserID"] = "UserID_003".into();
    let reply = app
        .call("im_open_login_svc/multiaccount_import", request)
        .await;
    assert_eq!(reply.text, answer);
}

#[tokio::test]
async fn account_delete_and_check_answer_as_their_pages() {
    let app = start(|_| ()).await;
    app.import(["UserID_1"]);
    app.replay(
        "im_open_login_svc/account_check",
        page!("account_check"),
        "check",
    )
    .await;
    app.replay(
        "im_open_login_svc/account_delete",
        page!("account_delete"),
        "delete",
    )
    .await;
    assert!(app.account_of(crate::harness::APP, "UserID_1").is_none());
}

#[tokio::test]
async fn portrait_get_answers_as_its_page() {
    let app = start(|_| ()).await;
    for (number, allow) in [(1, "NeedConfirm"), (2, "DenyAny"), (3, "AllowAny")] {
        let profile = json!({"From_Account": format!("id{number}"), "ProfileItem": [
            {"Tag": "Tag_Profile_IM_Nick", "Value": format!("NickNameTest{number}")},
            {"Tag": "Tag_Profile_IM_AllowType", "Value": format!("AllowType_Type_{allow}")},
            {"Tag": "Tag_Profile_IM_SelfSignature", "Value": format!("I'm Test{number}")},
            {"Tag": "Tag_Profile_Custom_Test", "Value": format!("Custom Data{number}")},
        ]});
        app.arrange("profile/portrait_set", profile).await;
    }
    app.script("id4", "id4", Code::ProfileInternal);
    for name in [
        "one field of one user",
        "several fields of one user",
        "one field of several users",
        "several fields of several users",
    ] {
        app.replay("profile/portrait_get", page!("portrait_get"), name)
            .await;
    }
}

/// The page's only sample answer is a failure, although its request is valid.
#[tokio::test]
async fn portrait_set_answers_as_its_page_where_it_fails_as_in_it() {
    let app = start(|_| ()).await;
    let fault = app.arm(Fault::error_code(Code::ProfileDecode).command("portrait_set"));
    let name = "set nick (the page's only answer is a failure)";
    app.replay("profile/portrait_set", page!("portrait_set"), name)
        .await;

    fault.disarm();
    let (request, _) = sample(page!("portrait_set"), name);
    let envelope = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#;
    assert_eq!(
        app.call("profile/portrait_set", request).await.text,
        envelope
    );
}
