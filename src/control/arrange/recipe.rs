//! The table of commands that can be arranged: for each, a request that gets code 0, and the codes of its
//! page that only a fault gives.

use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::sns::texts::GroupName;
use serde_json::{Value, json};

/// How the codes of a command are arranged.
pub(super) struct Recipe {
    /// The command's name.
    pub(super) name: &'static str,
    /// A request about the accounts, which gets code 0 in the state `needs`.
    pub(super) request: fn(&Names) -> Value,
    pub(super) needs: Needs,
    /// A JSON pointer to the account that an item is about; for a command without items, to its account.
    pub(super) account: &'static str,
    /// A field that is no object: with an object instead, the body is invalid.
    pub(super) plain_field: &'static str,
    /// The documented codes that neither a state nor a request gives: those of many commands, and those of
    /// this one.
    pub(super) scripted: [&'static [Code]; 2],
}

/// The names that a request uses.
pub(super) struct Names {
    pub(super) from: UserId,
    pub(super) to: UserId,
    /// Not an account. The prefix of the UserIDs of accounts that fill a list.
    pub(super) filler: UserId,
    /// A group of From_Account.
    pub(super) group: GroupName,
}

/// The relation between the accounts with which a request gets code 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    /// To_Account is in From_Account's friend list.
    Friend,
    /// To_Account is on From_Account's blocklist.
    Blocked,
    /// From_Account has the group.
    Group,
}

const READ: &[Code] = &[Code::Internal, Code::NetworkTimeout];
const WRITE: &[Code] = &[Code::Internal, Code::NetworkTimeout, Code::WriteConflict];
const PROFILE: &[Code] = &[Code::ProfileInternal];
const ACCOUNT: &[Code] = &[Code::AccountTimeout, Code::AccountInternal];

/// The fields that many recipes have.
const USUAL: Recipe = Recipe {
    name: "",
    request: |_| Value::Null,
    needs: Needs::Nothing,
    account: "/To_Account/0",
    plain_field: "To_Account",
    scripted: [READ, &[]],
};

/// The recipe of a command.
pub(super) fn recipe(name: &str) -> Option<&'static Recipe> {
    RECIPES.iter().find(|recipe| recipe.name == name)
}

static RECIPES: [Recipe; 21] = [
    Recipe {
        name: "friend_add",
        request: |Names { from, to, .. }| {
            let item = json!({ "To_Account": to, "AddSource": "AddSource_Type_Web" });
            json!({ "From_Account": from, "AddFriendItem": [item] })
        },
        account: "/AddFriendItem/0/To_Account",
        plain_field: "AddFriendItem",
        scripted: [
            WRITE,
            &[
                Code::SdkAppIdIllegal,
                Code::SensitiveWord,
                Code::TooManyRequests,
            ],
        ],
        ..USUAL
    },
    Recipe {
        name: "friend_import",
        request: |Names { from, to, .. }| {
            let item = json!({ "To_Account": to, "AddSource": "AddSource_Type_Web" });
            json!({ "From_Account": from, "AddFriendItem": [item] })
        },
        account: "/AddFriendItem/0/To_Account",
        plain_field: "AddFriendItem",
        scripted: [WRITE, &[Code::SdkAppIdIllegal, Code::ValueIllegal]],
        ..USUAL
    },
    Recipe {
        name: "friend_update",
        request: |Names { from, to, .. }| {
            let field = json!({ "Tag": "Tag_SNS_IM_Remark", "Value": "remark" });
            json!({ "From_Account": from, "UpdateItem": [{ "To_Account": to, "SnsItem": [field] }] })
        },
        needs: Needs::Friend,
        account: "/UpdateItem/0/To_Account",
        plain_field: "UpdateItem",
        scripted: [WRITE, &[Code::SdkAppIdIllegal, Code::ImportSdkAppIdIllegal]],
    },
    Recipe {
        name: "friend_delete",
        request: |Names { from, to, .. }| json!({ "From_Account": from, "To_Account": [to] }),
        needs: Needs::Friend,
        scripted: [WRITE, &[Code::SdkAppIdIllegal, Code::TooManyDeletions]],
        ..USUAL
    },
    Recipe {
        name: "friend_delete_all",
        request: |Names { from, .. }| json!({ "From_Account": from }),
        needs: Needs::Friend,
        account: "/From_Account",
        plain_field: "DeleteType",
        scripted: [WRITE, &[]],
    },
    Recipe {
        name: "friend_check",
        request: |Names { from, to, .. }| {
            let check = "CheckResult_Type_Both";
            json!({ "From_Account": from, "To_Account": [to], "CheckType": check })
        },
        scripted: [READ, &[Code::CheckRelationFail]],
        ..USUAL
    },
    Recipe {
        name: "friend_get",
        request: |Names { from, .. }| json!({ "From_Account": from, "StartIndex": 0 }),
        needs: Needs::Friend,
        account: "/From_Account",
        plain_field: "StartIndex",
        ..USUAL
    },
    Recipe {
        name: "friend_get_list",
        request: |Names { from, to, .. }| {
            let tags = ["Tag_SNS_IM_AddTime"];
            json!({ "From_Account": from, "To_Account": [to], "TagList": tags })
        },
        needs: Needs::Friend,
        ..USUAL
    },
    Recipe {
        name: "black_list_add",
        request: |Names { from, to, .. }| json!({ "From_Account": from, "To_Account": [to] }),
        scripted: [WRITE, &[Code::SdkAppIdIllegal]],
        ..USUAL
    },
    Recipe {
        name: "black_list_delete",
        request: |Names { from, to, .. }| json!({ "From_Account": from, "To_Account": [to] }),
        needs: Needs::Blocked,
        scripted: [WRITE, &[Code::CheckBlocklistError]],
        ..USUAL
    },
    Recipe {
        name: "black_list_get",
        request: |Names { from, .. }| json!({ "From_Account": from, "StartIndex": 0, "MaxLimited": 30 }),
        needs: Needs::Blocked,
        account: "/From_Account",
        plain_field: "StartIndex",
        ..USUAL
    },
    Recipe {
        name: "black_list_check",
        request: |Names { from, to, .. }| {
            let check = "BlackCheckResult_Type_Both";
            json!({ "From_Account": from, "To_Account": [to], "CheckType": check })
        },
        scripted: [READ, &[Code::CheckBlocklistFail]],
        ..USUAL
    },
    Recipe {
        name: "group_add",
        request: |Names {
                      from, to, group, ..
                  }| {
            json!({ "From_Account": from, "GroupName": [group.as_str()], "To_Account": [to] })
        },
        needs: Needs::Friend,
        scripted: [WRITE, &[Code::SdkAppIdIllegal, Code::GroupSdkAppIdIllegal]],
        ..USUAL
    },
    Recipe {
        name: "group_delete",
        request: |Names { from, group, .. }| json!({ "From_Account": from, "GroupName": [group.as_str()] }),
        needs: Needs::Group,
        account: "/From_Account",
        plain_field: "GroupName",
        scripted: [WRITE, &[]],
    },
    Recipe {
        name: "group_get",
        request: |Names { from, group, .. }| json!({ "From_Account": from, "GroupName": [group.as_str()] }),
        needs: Needs::Group,
        account: "/From_Account",
        plain_field: "GroupName",
        ..USUAL
    },
    Recipe {
        name: "account_import",
        request: |Names { to, .. }| json!({ "UserID": to, "Nick": "nick" }),
        account: "/UserID",
        plain_field: "Nick",
        scripted: [
            ACCOUNT,
            &[
                Code::AccountsFull,
                Code::AccountDeleted,
                Code::ProfileSensitive,
                Code::ProfileInternal,
            ],
        ],
        ..USUAL
    },
    Recipe {
        name: "multiaccount_import",
        request: |Names { to, .. }| json!({ "AccountList": [{ "UserID": to }] }),
        account: "/AccountList/0/UserID",
        plain_field: "AccountList",
        scripted: [ACCOUNT, &[Code::AccountQueryTimeout, Code::AccountsFull]],
        ..USUAL
    },
    Recipe {
        name: "account_delete",
        request: |Names { to, .. }| json!({ "DeleteItem": [{ "UserID": to }] }),
        account: "/DeleteItem/0/UserID",
        plain_field: "DeleteItem",
        scripted: [
            ACCOUNT,
            &[
                Code::AccountQueryTimeout,
                Code::ProfileInternal,
                Code::Internal,
                Code::NetworkTimeout,
                Code::WriteConflict,
            ],
        ],
        ..USUAL
    },
    Recipe {
        name: "account_check",
        request: |Names { to, .. }| json!({ "CheckItem": [{ "UserID": to }] }),
        account: "/CheckItem/0/UserID",
        plain_field: "CheckItem",
        scripted: [ACCOUNT, &[Code::AccountQueryTimeout]],
        ..USUAL
    },
    Recipe {
        name: "portrait_set",
        request: |Names { from, .. }| {
            let field = json!({ "Tag": "Tag_Profile_IM_Nick", "Value": "nick" });
            json!({ "From_Account": from, "ProfileItem": [field] })
        },
        account: "/From_Account",
        plain_field: "ProfileItem",
        scripted: [
            PROFILE,
            &[Code::ProfileSensitive, Code::ProfileNoWriteRight],
        ],
        ..USUAL
    },
    Recipe {
        name: "portrait_get",
        request: |Names { to, .. }| json!({ "To_Account": [to], "TagList": ["Tag_Profile_IM_Nick"] }),
        scripted: [PROFILE, &[Code::ProfileNoReadRight]],
        ..USUAL
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands;

    #[test]
    fn every_command_has_a_recipe_whose_pointer_is_in_its_request() {
        let names = Names {
            from: UserId::parse("from").expect("short"),
            to: UserId::parse("to").expect("short"),
            filler: UserId::parse("f").expect("short"),
            group: GroupName::parse("group").expect("short"),
        };
        let table = commands::table();
        assert_eq!(table.len(), RECIPES.len());
        for row in table {
            let recipe = recipe(row.info.name).expect(row.info.name);
            let account = (recipe.request)(&names).pointer(recipe.account).cloned();
            let own = [json!("from"), json!("to")];
            assert!(
                account.is_some_and(|account| own.contains(&account)),
                "{}",
                recipe.name
            );
        }
    }
}
