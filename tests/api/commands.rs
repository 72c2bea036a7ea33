//! All commands, from their pages: the path, the rate limit, and a request with one item.

use serde_json::{Value, json};

/// A command. Its request is from "id" about "id1"; both accounts exist.
pub(crate) struct Command {
    pub(crate) service: &'static str,
    pub(crate) name: &'static str,
    pub(crate) calls_per_second: usize,
    pub(crate) request: fn() -> Value,
}

const fn sns(name: &'static str, request: fn() -> Value) -> Command {
    Command {
        service: "sns",
        name,
        calls_per_second: 200,
        request,
    }
}

const fn profile(name: &'static str, request: fn() -> Value) -> Command {
    Command {
        service: "profile",
        name,
        calls_per_second: 200,
        request,
    }
}

const fn account(name: &'static str, calls_per_second: usize, request: fn() -> Value) -> Command {
    Command {
        service: "im_open_login_svc",
        name,
        calls_per_second,
        request,
    }
}

/// From_Account and a list of one To_Account.
fn id_and_id1() -> Value {
    json!({"From_Account": "id", "To_Account": ["id1"]})
}

pub(crate) const COMMANDS: [Command; 21] = [
    sns(
        "friend_add",
        || json!({"From_Account": "id", "AddFriendItem": [{"To_Account": "id1", "Remark": "r", "GroupName": "g", "AddSource": "AddSource_Type_Web", "AddWording": "w"}], "AddType": "Add_Type_Both", "ForceAddFlags": 0}),
    ),
    sns(
        "friend_import",
        || json!({"From_Account": "id", "AddFriendItem": [{"To_Account": "id1", "Remark": "r", "RemarkTime": 1, "GroupName": ["g"], "AddSource": "AddSource_Type_Web", "AddWording": "w", "AddTime": 1, "CustomItem": [{"Tag": "Tag_SNS_Custom_Test", "Value": "v"}]}]}),
    ),
    sns(
        "friend_update",
        || json!({"From_Account": "id", "UpdateItem": [{"To_Account": "id1", "SnsItem": [{"Tag": "Tag_SNS_IM_Remark", "Value": "r"}]}]}),
    ),
    sns(
        "friend_delete",
        || json!({"From_Account": "id", "To_Account": ["id1"], "DeleteType": "Delete_Type_Both"}),
    ),
    sns(
        "friend_delete_all",
        || json!({"From_Account": "id", "DeleteType": "Delete_Type_Both"}),
    ),
    sns(
        "friend_check",
        || json!({"From_Account": "id", "To_Account": ["id1"], "CheckType": "CheckResult_Type_Both"}),
    ),
    sns(
        "friend_get",
        || json!({"From_Account": "id", "StartIndex": 0, "StandardSequence": 0, "CustomSequence": 0}),
    ),
    sns(
        "friend_get_list",
        || json!({"From_Account": "id", "To_Account": ["id1"], "TagList": ["Tag_SNS_IM_Remark"]}),
    ),
    sns("black_list_add", id_and_id1),
    sns("black_list_delete", id_and_id1),
    sns(
        "black_list_get",
        || json!({"From_Account": "id", "StartIndex": 0, "MaxLimited": 30, "LastSequence": 0}),
    ),
    sns(
        "black_list_check",
        || json!({"From_Account": "id", "To_Account": ["id1"], "CheckType": "BlackCheckResult_Type_Both"}),
    ),
    sns(
        "group_add",
        || json!({"From_Account": "id", "GroupName": ["g"], "To_Account": ["id1"]}),
    ),
    sns(
        "group_delete",
        || json!({"From_Account": "id", "GroupName": ["g"]}),
    ),
    sns(
        "group_get",
        || json!({"From_Account": "id", "NeedFriend": "Need_Friend_Type_Yes", "GroupName": ["g"]}),
    ),
    account(
        "account_import",
        200,
        || json!({"UserID": "new", "Nick": "n", "FaceUrl": "http://example.com/face"}),
    ),
    account(
        "multiaccount_import",
        100,
        || json!({"AccountList": [{"UserID": "new", "Nick": "n", "FaceUrl": "http://example.com/face"}]}),
    ),
    account(
        "account_delete",
        100,
        || json!({"DeleteItem": [{"UserID": "id1"}]}),
    ),
    account(
        "account_check",
        100,
        || json!({"CheckItem": [{"UserID": "id1"}]}),
    ),
    profile(
        "portrait_set",
        || json!({"From_Account": "id", "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": "n"}]}),
    ),
    profile(
        "portrait_get",
        || json!({"To_Account": ["id1"], "TagList": ["Tag_Profile_IM_Nick"]}),
    ),
];

impl Command {
    /// The path for `TestApp::call`, such as `sns/friend_add`.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.service, self.name)
    }

    /// The code for a body with a missing or invalid field.
    pub(crate) fn bad_body(&self) -> u64 {
        match self.service {
            "sns" => 30001,
            "profile" => 40001,
            _ => 70402,
        }
    }
}
