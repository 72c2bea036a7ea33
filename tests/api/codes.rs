//! Every command can answer each of its documented codes with a text: by a state if a state gives
//! it, else by a scripted fault.

use crate::commands::COMMANDS;
use crate::harness::{ADMIN, APP, ConfigExt, Reply, TestApp, app_id, user};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tencent_chat_emulator::protocol::code::Code;
use tencent_chat_emulator::sns::texts::Keyword;

/// The codes on each command's page (international pages of 2023 to 2025), and the codes that only
/// the sample answers of friend_update, group_add and account_delete have.
const DOCUMENTED: [(&str, &[u32]); 20] = [
    (
        "sns/friend_import",
        &[
            30001, 30002, 30003, 30004, 30006, 30007, 30008, 30010, 30011,
        ],
    ),
    (
        "sns/friend_update",
        &[30001, 30002, 30003, 30004, 30006, 30007, 30008, 30011],
    ),
    (
        "sns/friend_delete",
        &[
            30001, 30002, 30003, 30004, 30006, 30007, 30008, 31704, 31707,
        ],
    ),
    (
        "sns/friend_delete_all",
        &[30001, 30003, 30004, 30006, 30007, 30008],
    ),
    ("sns/friend_check", &[30001, 30003, 30004, 30006, 30007]),
    ("sns/friend_get", &[30001, 30003, 30004, 30006, 30007]),
    ("sns/friend_get_list", &[30001, 30003, 30004, 30006, 30007]),
    (
        "sns/black_list_add",
        &[30001, 30002, 30003, 30004, 30006, 30007, 30008, 30013],
    ),
    (
        "sns/black_list_delete",
        &[30001, 30003, 30004, 30006, 30007, 30008],
    ),
    ("sns/black_list_get", &[30001, 30003, 30004, 30006, 30007]),
    ("sns/black_list_check", &[30001, 30003, 30004, 30006, 30007]),
    (
        "sns/group_add",
        &[
            30001, 30002, 30003, 30004, 30006, 30007, 30008, 30011, 32216,
        ],
    ),
    (
        "sns/group_delete",
        &[30001, 30003, 30004, 30006, 30007, 30008],
    ),
    ("sns/group_get", &[30001, 30003, 30004, 30006, 30007]),
    (
        "im_open_login_svc/account_import",
        &[
            40005, 40006, 40601, 70169, 70398, 70399, 70402, 70403, 70500,
        ],
    ),
    (
        "im_open_login_svc/multiaccount_import",
        &[70169, 70202, 70398, 70402, 70403, 70500],
    ),
    (
        "im_open_login_svc/account_delete",
        &[
            30006, 30007, 30008, 40006, 70107, 70169, 70202, 70402, 70403, 70500, 71000,
        ],
    ),
    (
        "im_open_login_svc/account_check",
        &[70169, 70202, 70402, 70403, 70500],
    ),
    (
        "profile/portrait_set",
        &[
            40001, 40003, 40004, 40005, 40006, 40008, 40009, 40601, 40605, 40610,
        ],
    ),
    (
        "profile/portrait_get",
        &[40001, 40002, 40003, 40004, 40006, 40007, 40009],
    ),
];

/// A good body of the command, from "id" about "id1".
fn good(command: &str) -> Value {
    let found = COMMANDS.iter().find(|known| known.path() == command);
    (found.expect("a command").request)()
}

fn import(from: &str, to: &str, groups: &[&str]) -> Value {
    json!({"From_Account": from, "AddFriendItem": [
        {"To_Account": to, "AddSource": "AddSource_Type_Web", "GroupName": groups},
    ]})
}

fn update(to: &str, tag: &str, value: Value) -> Value {
    json!({"From_Account": "id", "UpdateItem": [
        {"To_Account": to, "SnsItem": [{"Tag": tag, "Value": value}]},
    ]})
}

fn profile(tag: &str, value: Value) -> Value {
    json!({"From_Account": "id", "ProfileItem": [{"Tag": tag, "Value": value}]})
}

/// "id" has the friend "id1" in its only group, and a full blocklist; "full" has a full friend
/// list.
async fn world() -> TestApp {
    let app = TestApp::start_with(|config| {
        config.sns.max_friends = 2;
        config.sns.max_groups = 1;
        config.sns.max_blocklist = 1;
        config.app().custom_fields.friend = vec![Keyword::parse("Test").expect("letters")];
    })
    .await;
    app.import(["id4", "full"]);
    for body in [
        import("id", "id1", &["g"]),
        import("full", "id1", &[]),
        import("full", "id2", &[]),
    ] {
        assert_eq!(app.call("sns/friend_import", body).await.codes(), [0]);
    }
    let blocked = json!({"From_Account": "id", "To_Account": ["id4"]});
    assert_eq!(app.call("sns/black_list_add", blocked).await.codes(), [0]);
    app
}

/// Requests with the code and the start of the text that this state gives.
fn by_state() -> Vec<(&'static str, Value, u32, &'static str)> {
    let to = |to: &str| json!({"From_Account": "id", "To_Account": [to]});
    let long = "x".repeat(501);
    let named = |group: &str, to: &[&str]| json!({"From_Account": "id", "GroupName": [group], "To_Account": to});
    vec![
        (
            "sns/friend_import",
            import("full", "id3", &[]),
            30010,
            "Err_SNS_FriendImport_My_Friend_Num_Exceed_Threshold",
        ),
        (
            "sns/friend_import",
            import("id", "id2", &["h"]),
            30011,
            "Err_SNS_FriendImport_Group_Num_Exceed_Threshold",
        ),
        (
            "sns/friend_import",
            import("id", "nobody", &[]),
            30003,
            "Err_SNS_FriendImport_To_Account_Not_Exist",
        ),
        (
            "sns/friend_update",
            update("id1", "Tag_SNS_IM_Group", json!(["h"])),
            30011,
            "Err_SNS_FriendUpdate_Group_Num_Exceed_Threshold",
        ),
        (
            "sns/friend_update",
            update("id3", "Tag_SNS_IM_Remark", json!("x")),
            30001,
            "Err_SNS_FriendUpdate_Friend_Not_Exist",
        ),
        (
            "sns/friend_delete",
            to("id3"),
            31704,
            "Err_SNS_FriendDelete_Not_Friend",
        ),
        (
            "sns/friend_get_list",
            json!({"From_Account": "id", "To_Account": ["id3"], "TagList": []}),
            30001,
            "Err_SNS_FriendGetList_Friend_Not_Exist",
        ),
        (
            "sns/black_list_add",
            to("id4"),
            30001,
            "Err_SNS_BlackListAdd_Already_Exist",
        ),
        (
            "sns/black_list_add",
            to("id3"),
            30013,
            "Err_SNS_BlackListAdd_BlackList_Num_Exceed_Threshold",
        ),
        (
            "sns/black_list_delete",
            to("id3"),
            30001,
            "Err_SNS_BlackListDelete_Not_Exist",
        ),
        (
            "sns/group_add",
            named("h", &[]),
            30011,
            "Err_SNS_GroupAdd_Group_Num_Exceed_Threshold",
        ),
        (
            "sns/group_add",
            named("g", &["id3"]),
            32216,
            "Err_SNS_GroupAdd_ToTinyId_Not_Friend",
        ),
        (
            "im_open_login_svc/account_import",
            json!({"UserID": "new", "Nick": long}),
            40601,
            "Err_Profile_AccountImport_Value_Too_Long",
        ),
        (
            "im_open_login_svc/account_import",
            json!({"UserID": "x".repeat(33)}),
            70402,
            "Invaild parameters.",
        ),
        (
            "im_open_login_svc/account_delete",
            json!({"DeleteItem": [{"UserID": "nobody"}]}),
            70107,
            "Err_TLS_PT_Open_Login_Account_Not_Exist",
        ),
        (
            "im_open_login_svc/account_delete",
            json!({"DeleteItem": [{"UserID": ADMIN}]}),
            71000,
            "Err_TLS_PT_Open_Login_Delete_Not_Allowed",
        ),
        (
            "profile/portrait_set",
            profile("Tag_Profile_IM_Nope", json!("x")),
            40009,
            "Err_Profile_PortraitSet_Tag_Not_Exist",
        ),
        (
            "profile/portrait_set",
            profile("Tag_Profile_IM_Nick", json!(long)),
            40601,
            "Err_Profile_PortraitSet_Value_Too_Long",
        ),
        (
            "profile/portrait_set",
            profile("Tag_Profile_IM_Gender", json!("x")),
            40605,
            "Err_Profile_PortraitSet_Value_Illegal",
        ),
        (
            "profile/portrait_set",
            profile("Tag_Profile_IM_Nick", json!(1)),
            40610,
            "Err_Profile_PortraitSet_Type_Illegal",
        ),
        (
            "profile/portrait_get",
            json!({"To_Account": [], "TagList": []}),
            40002,
            "Err_Profile_To_Account_Empty",
        ),
        (
            "profile/portrait_get",
            json!({"To_Account": ["nobody"], "TagList": []}),
            40003,
            "Err_Profile_PortraitGet_Account_Not_Exist",
        ),
        (
            "profile/portrait_get",
            json!({"To_Account": ["id"], "TagList": ["Nope"]}),
            40009,
            "Err_Profile_PortraitGet_Tag_Not_Exist",
        ),
    ]
}

/// The code and text of the call; if the call succeeded, of its only item.
fn outcome(reply: &Reply) -> (u32, String) {
    let item = &reply.json["ResultItem"][0];
    let item = if item.get("ResultCode").is_some() {
        item
    } else {
        ["InfoItem", "BlackListCheckItem", "UserProfileItem"]
            .iter()
            .find_map(|list| reply.json.get(list))
            .map_or(&Value::Null, |list| &list[0])
    };
    let (code, info) = match reply.error_code() {
        0 => (item["ResultCode"].as_u64(), item["ResultInfo"].as_str()),
        code => (Some(code), Some(reply.error_info())),
    };
    let code = code.and_then(|code| u32::try_from(code).ok());
    (
        code.unwrap_or_default(),
        info.unwrap_or_default().to_owned(),
    )
}

/// The first row of the code table with this number, which every command can give.
fn row(number: u32) -> Code {
    let rows = Code::ALL.iter();
    let row = rows.copied().find(|code| code.number() == number);
    row.unwrap_or_else(|| panic!("{number} is in no row"))
}

#[tokio::test]
async fn every_documented_code_of_every_command_is_met() {
    let app = world().await;
    let id = app_id(APP);
    let mut met = BTreeSet::new();
    for (command, body, number, text) in by_state() {
        let reply = app.call(command, body.clone()).await;
        let (code, info) = outcome(&reply);
        assert_eq!(code, number, "{command} {body}: {}", reply.text);
        assert!(info.starts_with(text), "{command}: {info}");
        met.insert((command, number));
    }
    for (command, _) in DOCUMENTED {
        let (service, name) = command.split_once('/').expect("two parts");
        let (bad_body, not_admin, no_account) = match service {
            "sns" => (30001, 30004, Some(30003)),
            "profile" => (40001, 40004, Some(40003)),
            _ => (70402, 70403, None),
        };
        let reply = app
            .post(&format!("/v4/{command}"), &app.query(), "{}")
            .await;
        assert_eq!(outcome(&reply).0, bad_body, "{command}: {}", reply.text);
        met.insert((command, bad_body));

        let stranger = app.query_of(APP, "id");
        let reply = app
            .post(
                &format!("/v4/{command}"),
                &stranger,
                good(command).to_string(),
            )
            .await;
        assert_eq!(outcome(&reply).0, not_admin, "{command}: {}", reply.text);
        met.insert((command, not_admin));

        let mut by_nobody = good(command);
        if let (Some(number), Some(from)) = (no_account, by_nobody.get_mut("From_Account")) {
            *from = "nobody".into();
            let reply = app.call(command, by_nobody).await;
            assert_eq!(reply.error_code(), number, "{command}: {}", reply.text);
            met.insert((command, u32::try_from(number).expect("small")));
        }
        // The other codes: scripted faults of the whole call, which change nothing.
        let before = app.account("id");
        for number in DOCUMENTED
            .iter()
            .find(|(other, _)| *other == command)
            .expect("a row")
            .1
        {
            if met.contains(&(command, *number)) {
                continue;
            }
            app.emulator.script_call(id, name, Some(row(*number)));
            let reply = app.call(command, good(command)).await;
            assert_eq!(
                reply.error_code(),
                u64::from(*number),
                "{command}: {}",
                reply.text
            );
            assert!(!reply.error_info().contains("<Api>"), "{}", reply.text);
            met.insert((command, *number));
        }
        app.emulator.script_call(id, name, None);
        assert_eq!(app.account("id"), before, "{command}");
    }
    for (command, numbers) in DOCUMENTED {
        for number in numbers {
            assert!(met.contains(&(command, *number)), "{command} {number}");
        }
    }
}

#[tokio::test]
async fn an_item_of_every_command_that_has_items_can_be_scripted() {
    let app = world().await;
    for (command, from, codes) in [
        ("sns/friend_import", "id", &[30002, 30006, 30007, 30008][..]),
        ("sns/friend_update", "id", &[30002, 30006, 30007, 30008]),
        (
            "sns/friend_delete",
            "id",
            &[30002, 30006, 30007, 30008, 31707],
        ),
        ("sns/friend_check", "id", &[30006, 30007]),
        ("sns/friend_get_list", "id", &[30006, 30007]),
        ("sns/black_list_add", "id", &[30002, 30006, 30007, 30008]),
        ("sns/black_list_delete", "id", &[30006, 30007, 30008]),
        ("sns/black_list_check", "id", &[30006, 30007]),
        ("sns/group_add", "id", &[30002, 30006, 30007, 30008]),
        (
            "im_open_login_svc/account_delete",
            "id1",
            &[30006, 40006, 70169, 70500],
        ),
        ("profile/portrait_get", "id1", &[40006, 40007]),
    ] {
        let before = (app.account("id"), app.account("id1"));
        for number in codes {
            app.script(from, "id1", row(*number));
            let reply = app.call(command, good(command)).await;
            assert_eq!(reply.error_code(), 0, "{command}: {}", reply.text);
            assert_eq!(outcome(&reply).0, *number, "{command}: {}", reply.text);
        }
        app.emulator
            .script(app_id(APP), user(from), user("id1"), None);
        assert_eq!((app.account("id"), app.account("id1")), before, "{command}");
    }
}
