//! Answers that records of the real service show, and the switch for records that contradict the
//! documentation.

use crate::commands::COMMANDS;
use crate::harness::{APP, TestApp, one};
use serde_json::{Value, json};
use tencent_chat_emulator::protocol::code::{Answers, Code};

/// An item of each command whose answers differ between documentation and record.
async fn differing(answers: Answers) -> Vec<(u64, String)> {
    let app = TestApp::start_with(|config| config.sns.answers = answers).await;
    let to = |command: &'static str, to: &str| {
        (command, json!({"From_Account": "id", "To_Account": [to]}))
    };
    let group_add = json!({"From_Account": "id", "GroupName": ["g"], "To_Account": ["id2"]});
    let mut results = Vec::new();
    for (command, body) in [
        ("sns/friend_add", one(json!({"To_Account": "id1"}))),
        ("sns/friend_add", one(json!({"To_Account": "id1"}))),
        to("sns/friend_delete", "id1"),
        to("sns/black_list_add", "id1"),
        to("sns/black_list_delete", "id1"),
        ("sns/group_add", group_add),
    ] {
        let path = format!("/v4/{command}");
        let url = app.url(&path, &app.query());
        let request = app.client.post(url).body(body.to_string());
        let answer = request.send().await.expect("an answer").text().await;
        let answer: Value = serde_json::from_str(&answer.expect("a body")).expect("JSON");
        let item = &answer["ResultItem"][0];
        let code = item["ResultCode"].as_u64().expect("a number");
        let failed = answer.get("Fail_Account").is_some();
        assert_eq!(failed, code != 0, "{command}: {answer}");
        let info = item["ResultInfo"].as_str().expect("a text");
        results.push((code, info.to_owned()));
    }
    results
}

#[tokio::test]
async fn items_are_answered_as_documented_or_as_recorded() {
    let owned = |list: [(u64, &str); 6]| list.map(|(code, info)| (code, info.to_owned()));
    let documented = owned([
        (0, ""),
        (30001, "Err_SNS_FriendAdd_Friend_Exist"),
        (0, ""),
        (0, ""),
        (0, ""),
        (32216, "Err_SNS_GroupAdd_ToTinyId_Not_Friend"),
    ]);
    let recorded = owned([
        (0, ""),
        (30520, "Err_SNS_FriendAdd_Friend_Exist"),
        (0, "OK"),
        (0, "OK"),
        (0, "OK"),
        (30001, "Err_SNS_GroupAdd_Friend_Not_Exist"),
    ]);
    assert_eq!(differing(Answers::Documented).await, documented);
    assert_eq!(differing(Answers::Recorded).await, recorded);
}

#[tokio::test]
async fn the_control_api_knows_the_recorded_answers() {
    let app = TestApp::start_with(|config| config.sns.answers = Answers::Recorded).await;
    let control = app.control();
    let codes = control.get("/codes").await.ok();
    let recorded: Vec<_> = codes.as_array().expect("a list").iter().collect();
    let recorded = recorded.iter().filter(|code| !code["recorded"].is_null());
    let outcomes: Vec<_> = recorded.map(|code| &code["outcome"]).collect();
    assert_eq!(outcomes, ["Ok", "FriendExist", "NotInFriendList"]);

    let path = format!("/apps/{APP}/arrange");
    for (code, answered) in [
        (json!("FriendExist"), 30520),
        (json!(30520), 30520),
        (json!(30001), 30001),
    ] {
        let arranged = control.post(&path, json!({ "code": code })).await.ok();
        assert_eq!(arranged["code"], answered, "{code}");
        let explain = format!("/apps/{APP}/explain");
        let explained = control.post(&explain, arranged["request"].clone()).await;
        assert_eq!(explained.ok()["items"][0]["code"], answered, "{code}");
        let url = arranged["url"].as_str().expect("a URL");
        let request = app.client.post(url).body(arranged["request"].to_string());
        let reply = app.send(request).await;
        assert_eq!(reply.only().0, answered, "{code}: {}", reply.text);
    }
}

/// 30520 is a number only of recorded answers.
#[tokio::test]
async fn without_recorded_answers_there_is_no_30520() {
    let app = TestApp::start().await;
    let control = app.control();
    let arrange = format!("/apps/{APP}/arrange");
    control
        .post(&arrange, json!({"code": 30520}))
        .await
        .faults(422);
    for kind in ["code", "result_code"] {
        let fault = json!({"command": "friend_add", kind: 30520});
        control.post("/faults", fault).await.faults(422);
    }
}

#[tokio::test]
async fn friend_get_without_friends_has_no_list() {
    let app = TestApp::start().await;
    let get =
        json!({"From_Account": "id", "StartIndex": 0, "StandardSequence": 0, "CustomSequence": 0});
    let mut answer = app.call("sns/friend_get", get.clone()).await.json;
    assert!(answer.get("UserDataItem").is_none(), "{answer}");
    assert_eq!(
        (&answer["CompleteFlag"], &answer["FriendNum"]),
        (&json!(1), &json!(0))
    );

    // The same after the last friend has gone.
    app.add("id", &["id1"]).await;
    app.call(
        "sns/friend_delete",
        json!({"From_Account": "id", "To_Account": ["id1"]}),
    )
    .await;
    answer = app.call("sns/friend_get", get).await.json;
    assert!(answer.get("UserDataItem").is_none(), "{answer}");
    assert_eq!(answer["StandardSequence"], 2);
}

#[tokio::test]
async fn an_unset_nick_is_empty_and_other_unset_fields_are_left_out() {
    let app = TestApp::start().await;
    app.add("id", &["id1"]).await;
    let tags = [
        "Tag_Profile_IM_Nick",
        "Tag_Profile_IM_Image",
        "Tag_Profile_IM_Gender",
    ];
    let unset = json!([{"Tag": "Tag_Profile_IM_Nick", "Value": ""}]);
    let portrait = json!({"To_Account": ["id1"], "TagList": tags});
    let friend = json!({"From_Account": "id", "To_Account": ["id1"], "TagList": tags});
    let both = async || {
        let portrait = app
            .call("profile/portrait_get", portrait.clone())
            .await
            .json;
        let friend = app.call("sns/friend_get_list", friend.clone()).await.json;
        let portrait = portrait["UserProfileItem"][0]["ProfileItem"].clone();
        [portrait, friend["InfoItem"][0]["SnsProfileItem"].clone()]
    };
    assert_eq!(both().await, [unset.clone(), unset.clone()]);

    let set = |nick: &str| json!({"From_Account": "id1", "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": nick}]});
    app.arrange("profile/portrait_set", set("x")).await;
    let named = json!([{"Tag": "Tag_Profile_IM_Nick", "Value": "x"}]);
    assert_eq!(both().await, [named.clone(), named]);
    app.arrange("profile/portrait_set", set("")).await;
    assert_eq!(both().await, [unset.clone(), unset]);

    // A caller that does not ask for Nick does not get it.
    let portrait = json!({"To_Account": ["id1"], "TagList": ["Tag_Profile_IM_Image"]});
    let answer = app.call("profile/portrait_get", portrait).await.json;
    assert_eq!(answer["UserProfileItem"][0]["ProfileItem"], json!([]));
}

#[tokio::test]
async fn a_group_name_of_a_wrong_length_fails_the_whole_call() {
    let app = TestApp::start().await;
    app.add("id", &["id1"]).await;
    for (command, api) in [
        ("group_add", "GroupAdd"),
        ("group_delete", "GroupDelete"),
        ("group_get", "GroupGet"),
    ] {
        for wrong in ["", &"x".repeat(31), &"组".repeat(11)] {
            let body =
                json!({"From_Account": "id", "GroupName": ["good", wrong], "To_Account": ["id1"]});
            let reply = app.call(&format!("sns/{command}"), body).await;
            assert_eq!(reply.error_code(), 30001, "{}", reply.text);
            let text = format!("Err_SNS_{api}_Req_Group_Name_Len_Illegal");
            assert_eq!(reply.error_info(), text);
            assert!(app.why(&reply).await.starts_with("GroupName[1] "));
        }
    }
    assert!(app.account("id").groups.is_empty());
    let body = json!({"From_Account": "id", "GroupName": ["x".repeat(30)]});
    app.arrange("sns/group_add", body).await;
}

#[tokio::test]
async fn every_sns_command_answers_an_unknown_from_account_with_one_text() {
    let app = TestApp::start().await;
    let mut count = 0;
    for command in COMMANDS.iter().filter(|command| command.service == "sns") {
        let mut body = (command.request)();
        body["From_Account"] = "nobody".into();
        let reply = app.call(&command.path(), body).await;
        assert_eq!(
            reply.error_code(),
            30003,
            "{}: {}",
            command.name,
            reply.text
        );
        assert_eq!(reply.error_info(), "Err_Sns_Invalid_Account");
        count += 1;
    }
    assert_eq!(count, 15);
}

#[tokio::test]
async fn black_list_get_takes_a_missing_last_sequence() {
    let app = TestApp::start().await;
    app.call(
        "sns/black_list_add",
        json!({"From_Account": "id", "To_Account": ["id1"]}),
    )
    .await;
    for last in [None, Some(json!(null)), Some(json!(0)), Some(json!(7))] {
        let mut body = json!({"From_Account": "id", "StartIndex": 0, "MaxLimited": 30});
        if let Some(last) = last {
            body["LastSequence"] = last;
        }
        let reply = app.call("sns/black_list_get", body).await;
        assert_eq!(reply.error_code(), 0, "{}", reply.text);
        assert_eq!(reply.json["BlackListItem"][0]["To_Account"], "id1");
    }
    let body = json!({"From_Account": "id", "StartIndex": 0, "MaxLimited": 30, "LastSequence": -1});
    let reply = app.call("sns/black_list_get", body).await;
    assert_eq!(reply.error_code(), 30001);
}

#[tokio::test]
async fn codes_that_no_state_gives_are_scripted() {
    let app = TestApp::start().await;
    app.import(["a"]);
    app.script("id", "a", Code::SensitiveWord);
    let reply = app.friend_add(one(json!({"To_Account": "a"}))).await;
    assert_eq!(reply.only(), (30005, "Err_SNS_FriendAdd_Sensitive_Word"));
    let fault = json!({"command": "friend_add", "code": 60022});
    app.control().post("/faults", fault).await.ok();
    let reply = app.friend_add(one(json!({"To_Account": "a"}))).await;
    assert_eq!(
        (reply.error_code(), reply.error_info()),
        (60022, "OPEN_SERVICE_OVERLOAD_ERROR")
    );
    assert!(reply.json.get("ErrorDisplay").is_none(), "{}", reply.text);
}

#[tokio::test]
async fn a_call_works_under_every_host_name_of_the_real_service() {
    let app = TestApp::start().await;
    let regions = ["sgp", "kr", "jpn", "ger", "usa", "idn", "ksa", "ind"];
    let hosts = regions.iter().flat_map(|region| {
        [
            format!("adminapi{region}.im.qcloud.com"),
            format!("adminapi{region}.my-imcloud.com"),
        ]
    });
    let china = ["console.tim.qq.com", "adminapi.my-imcloud.com"].map(str::to_owned);
    for host in hosts.chain(china) {
        let url = app.url("/v4/sns/friend_get", &app.query());
        let request = app.client.post(url).header("Host", &host);
        let body = json!({"From_Account": "id", "StartIndex": 0});
        let reply = app.send(request.body(body.to_string())).await;
        assert_eq!(reply.error_code(), 0, "{host}");
    }
}
