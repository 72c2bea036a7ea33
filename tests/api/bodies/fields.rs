//! The fields of all bodies: their place, type and maximum length.

use serde_json::{Value, json};

/// The values that a field accepts.
#[derive(Clone, Copy, PartialEq)]
enum Takes {
    /// A UserID.
    Account,
    /// A list of UserIDs.
    Accounts,
    /// A list of UserIDs, or one UserID; `null` means an empty list.
    AccountsOrOne,
    /// A list of texts.
    Texts,
    /// A list of texts, or one text; `null` means an empty list.
    TextsOrOne,
    Text,
    /// One of a few fixed texts.
    Word,
    Integer,
    /// 0 or 1.
    Flag,
    /// An integer of at least 0.
    Index,
    /// An integer, or a string of digits.
    IntegerOrDigits,
    /// A list of objects.
    Objects,
    /// The value of a Tag.
    Value,
}

/// A field of a command's body.
pub(super) struct Field {
    /// Its JSON pointer in the command's request.
    pub(super) path: &'static str,
    takes: Takes,
    pub(super) is_required: bool,
    /// The maximum length of a list, if it is checked.
    pub(super) max: Option<usize>,
    /// The code for an empty list, if it has its own.
    pub(super) code_when_empty: Option<u64>,
}

const fn required(path: &'static str, takes: Takes) -> Field {
    Field {
        path,
        takes,
        is_required: true,
        max: None,
        code_when_empty: None,
    }
}

const fn optional(path: &'static str, takes: Takes) -> Field {
    Field {
        is_required: false,
        ..required(path, takes)
    }
}

impl Field {
    const fn up_to(self, max: usize) -> Self {
        let max = Some(max);
        Self { max, ..self }
    }

    /// Its name without the path.
    pub(super) fn name(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it is an account.
    pub(super) fn is_account(&self) -> bool {
        self.takes == Takes::Account
    }

    /// Whether it is a list of accounts.
    pub(super) fn is_accounts(&self) -> bool {
        [Takes::Accounts, Takes::AccountsOrOne].contains(&self.takes)
    }

    /// Values that it does not accept. Most fields accept `null` as absent, so it is in few lists.
    pub(super) fn wrong_values(&self) -> Vec<Value> {
        let wrong = match self.takes {
            Takes::Account | Takes::Text => json!([7, 1.5, true, [], ["x"], {}, {"x": 1}]),
            Takes::Word => json!([7, true, [], {}, "x", "ADD_TYPE_BOTH"]),
            Takes::Accounts | Takes::Texts => json!([7, true, null, "x", {}, {"x": 1}]),
            Takes::AccountsOrOne | Takes::TextsOrOne => json!([7, true, {}]),
            Takes::Integer => json!([7.5, true, "7", "x", [], [1], {}]),
            Takes::Flag => json!([7.5, true, "1", "x", [], [1], {}, 2, -1]),
            Takes::Index => json!([7.5, true, "0", "x", [], [1], {}, -1, u64::MAX]),
            Takes::IntegerOrDigits => json!([7.5, true, "x", [], [1], {}]),
            Takes::Objects => json!([7, true, "x", {}, {"x": 1}]),
            Takes::Value => json!([null, true, -1, 1.5, {}, [1], [null]]),
        };
        serde_json::from_value(wrong).expect("a list")
    }

    /// Elements that its list does not accept.
    pub(super) fn wrong_elements(&self) -> Vec<Value> {
        let wrong = match self.takes {
            Takes::Accounts | Takes::AccountsOrOne | Takes::Texts | Takes::TextsOrOne => {
                json!([7, null, true, ["id1"], {}])
            }
            Takes::Objects => json!([7, null, true, "id1", ["id1"]]),
            Takes::Account
            | Takes::Text
            | Takes::Word
            | Takes::Integer
            | Takes::Flag
            | Takes::Index
            | Takes::IntegerOrDigits
            | Takes::Value => json!([]),
        };
        serde_json::from_value(wrong).expect("a list")
    }
}

/// Commands, and fields that each of them has.
pub(super) const FIELDS: &[(&[&str], &[Field])] = &[
    (
        &[
            "friend_add",
            "friend_import",
            "friend_update",
            "friend_delete",
            "friend_delete_all",
            "friend_check",
            "friend_get",
            "friend_get_list",
            "black_list_add",
            "black_list_delete",
            "black_list_get",
            "black_list_check",
            "group_add",
            "group_delete",
            "group_get",
            "portrait_set",
        ],
        &[required("/From_Account", Takes::Account)],
    ),
    (
        &[
            "friend_delete",
            "friend_check",
            "friend_get_list",
            "black_list_add",
            "black_list_delete",
            "black_list_check",
        ],
        &[required("/To_Account", Takes::Accounts).up_to(1000)],
    ),
    (
        &["friend_add", "friend_import"],
        &[
            required("/AddFriendItem", Takes::Objects).up_to(1000),
            required("/AddFriendItem/0/To_Account", Takes::Account),
            optional("/AddFriendItem/0/Remark", Takes::Text),
            // friend_import requires it, but only the item without it fails.
            optional("/AddFriendItem/0/AddSource", Takes::Text),
            optional("/AddFriendItem/0/AddWording", Takes::Text),
        ],
    ),
    (
        &["friend_add"],
        &[
            optional("/AddFriendItem/0/GroupName", Takes::Text),
            optional("/AddType", Takes::Word),
            optional("/ForceAddFlags", Takes::Flag),
        ],
    ),
    (
        &["friend_import"],
        &[
            optional("/AddFriendItem/0/GroupName", Takes::TextsOrOne),
            optional("/AddFriendItem/0/RemarkTime", Takes::IntegerOrDigits),
            optional("/AddFriendItem/0/AddTime", Takes::IntegerOrDigits),
            optional("/AddFriendItem/0/CustomItem", Takes::Objects),
            required("/AddFriendItem/0/CustomItem/0/Tag", Takes::Text),
            required("/AddFriendItem/0/CustomItem/0/Value", Takes::Value),
        ],
    ),
    (
        &["friend_update"],
        &[
            required("/UpdateItem", Takes::Objects).up_to(1000),
            required("/UpdateItem/0/To_Account", Takes::Account),
            required("/UpdateItem/0/SnsItem", Takes::Objects),
            required("/UpdateItem/0/SnsItem/0/Tag", Takes::Text),
            required("/UpdateItem/0/SnsItem/0/Value", Takes::Value),
        ],
    ),
    (
        &["friend_delete", "friend_delete_all"],
        &[optional("/DeleteType", Takes::Word)],
    ),
    (
        &["friend_check", "black_list_check"],
        &[required("/CheckType", Takes::Word)],
    ),
    (
        &["friend_get"],
        &[
            required("/StartIndex", Takes::Index),
            optional("/StandardSequence", Takes::Integer),
            optional("/CustomSequence", Takes::Integer),
        ],
    ),
    (
        &["friend_get_list", "portrait_get"],
        &[required("/TagList", Takes::Texts)],
    ),
    (
        &["black_list_get"],
        &[
            required("/StartIndex", Takes::Index),
            required("/MaxLimited", Takes::Index),
            optional("/LastSequence", Takes::Index),
        ],
    ),
    (
        &["group_add", "group_delete"],
        &[required("/GroupName", Takes::TextsOrOne).up_to(32)],
    ),
    (
        &["group_add"],
        &[optional("/To_Account", Takes::AccountsOrOne).up_to(1000)],
    ),
    (
        &["group_get"],
        &[
            optional("/GroupName", Takes::TextsOrOne).up_to(32),
            optional("/NeedFriend", Takes::Word),
        ],
    ),
    (
        &["account_import"],
        &[
            required("/UserID", Takes::Account),
            optional("/Identifier", Takes::Account),
            optional("/Nick", Takes::Text),
            optional("/FaceUrl", Takes::Text),
        ],
    ),
    (
        &["multiaccount_import"],
        &[
            required("/AccountList", Takes::Objects).up_to(100),
            // Required, but only the account without it fails.
            optional("/AccountList/0/UserID", Takes::Account),
            optional("/AccountList/0/Nick", Takes::Text),
            optional("/AccountList/0/FaceUrl", Takes::Text),
            optional("/Accounts", Takes::AccountsOrOne),
        ],
    ),
    (
        &["account_delete"],
        &[
            required("/DeleteItem", Takes::Objects).up_to(100),
            required("/DeleteItem/0/UserID", Takes::Account),
        ],
    ),
    (
        &["account_check"],
        &[
            required("/CheckItem", Takes::Objects).up_to(100),
            required("/CheckItem/0/UserID", Takes::Account),
        ],
    ),
    (
        &["portrait_set"],
        &[
            // GUESS: Tencent documents no limit; a profile has fewer fields.
            required("/ProfileItem", Takes::Objects).up_to(100),
            required("/ProfileItem/0/Tag", Takes::Text),
            required("/ProfileItem/0/Value", Takes::Value),
        ],
    ),
    (
        &["portrait_get"],
        &[Field {
            code_when_empty: Some(40002),
            ..required("/To_Account", Takes::Accounts).up_to(100)
        }],
    ),
];
