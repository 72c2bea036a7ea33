//! What a test says about an account. It is read and checked by the code of `PUT accounts`.

use crate::accounts::AccountDocument;
use crate::control::extract::Draft;
use crate::protocol::tag::TagValue;
use crate::sns::model::{AdminForbidType, AllowType};
use serde_json::{Map, Value, json};

/// An account to create, or changes to an account.
///
/// A field that is not set keeps its value, or its default in a new account. A list with at least one entry
/// replaces the account's list. The accounts that the lists name are created, too. An illegal value is an error of the method
/// that takes the seed. For all other fields, such as a friend's remark, give an [`AccountDocument`].
///
/// ```
/// use tencent_chat_emulator::{AccountSeed, AllowType};
///
/// let _ = AccountSeed::new()
///     .allow_type(AllowType::NeedConfirm)
///     .friend("bob")
///     .blocks("eve")
///     .asked_by("cat");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountSeed {
    /// The body of `PUT accounts`.
    document: Map<String, Value>,
}

impl AccountSeed {
    /// An account with the defaults of its app, or no changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// How it treats friend requests. The default is the app's.
    pub fn allow_type(self, allow_type: AllowType) -> Self {
        self.with("allow_type", allow_type.wire())
    }

    /// Whether it may send friend requests. The default is that it may.
    pub fn admin_forbid_type(self, admin_forbid_type: AdminForbidType) -> Self {
        self.with("admin_forbid_type", admin_forbid_type.wire())
    }

    /// Another field of its profile, such as `Tag_Profile_IM_Nick`.
    pub fn profile(mut self, tag: &str, value: impl Into<TagValue>) -> Self {
        let fields = self.document.entry("profile").or_insert_with(|| json!({}));
        if let Value::Object(fields) = fields {
            fields.insert(tag.to_owned(), json!(value.into()));
        }
        self
    }

    /// A friend: each of the two accounts is in the other one's friend list.
    pub fn friend(self, user: &str) -> Self {
        self.and("friends", json!({"to": user, "mutual": true}))
    }

    /// A friend in this account's list alone.
    pub fn friend_one_way(self, user: &str) -> Self {
        self.and("friends", json!({"to": user}))
    }

    /// An account that it has blocked.
    pub fn blocks(self, user: &str) -> Self {
        self.and("blocklist", json!({"to": user}))
    }

    /// An account that it has sent a request, which is pending.
    pub fn asked(self, user: &str) -> Self {
        self.and("sent", json!({"with": user}))
    }

    /// An account that has sent it a request, which is pending.
    pub fn asked_by(self, user: &str) -> Self {
        self.and("received", json!({"with": user}))
    }

    /// One of its groups.
    pub fn group(self, name: &str) -> Self {
        self.and("groups", json!(name))
    }

    fn with(mut self, field: &str, value: &str) -> Self {
        self.document.insert(field.to_owned(), value.into());
        self
    }

    /// Adds an entry to a list.
    fn and(mut self, field: &str, entry: Value) -> Self {
        let list = self.document.entry(field).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(entry);
        }
        self
    }

    pub(super) fn draft(self) -> Draft<AccountDocument> {
        Draft::of(Value::Object(self.document))
    }
}

impl From<AccountDocument> for AccountSeed {
    fn from(document: AccountDocument) -> Self {
        let json = serde_json::to_value(document).expect("a document has only JSON's types");
        let mut fields = json.as_object().cloned().unwrap_or_default();
        fields.retain(|_, value| !value.is_null());
        Self { document: fields }
    }
}
