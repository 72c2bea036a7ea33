//! Where a fault is: which calls and items it matches.

use crate::protocol::ids::{SdkAppId, UserId};
use crate::protocol::service::CommandInfo;
use serde_json::Value;

/// Where a fault is. What is `None` matches everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) sdkappid: Option<SdkAppId>,
    /// A command's name.
    pub(crate) command: Option<&'static str>,
    pub(crate) from_account: Option<UserId>,
    pub(crate) to_account: Option<UserId>,
    /// An item's place in its request, 0 being the first.
    pub(crate) item: Option<usize>,
}

/// Whom a call is about, as its body says.
#[derive(Debug, Default)]
pub(crate) struct Subjects {
    from: Option<String>,
    /// Each item's account, in the request's order.
    tos: Vec<Option<String>>,
}

/// The fields that hold a request's items, or their accounts.
const LISTS: [&str; 5] = [
    "AddFriendItem",
    "UpdateItem",
    "To_Account",
    "DeleteItem",
    "CheckItem",
];

/// Those of multiaccount_import, which takes both together.
const IMPORTED: [&str; 2] = ["AccountList", "Accounts"];

impl Subjects {
    /// Whom a body is about; nobody, where it does not say.
    pub(crate) fn of(body: &[u8]) -> Self {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return Self::default();
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let named = |item: &Value| {
            let names = ["To_Account", "UserID", "Identifier"];
            names.iter().find_map(|name| text(&item[*name]))
        };
        let account = |item: &Value| text(item).or_else(|| named(item));
        let list = |name: &&str| body[*name].as_array();
        let imported = || IMPORTED.iter().filter_map(list).flatten();
        let items: Vec<_> = match LISTS.iter().find_map(list) {
            Some(items) => items.iter().map(account).collect(),
            None => imported().map(account).collect(),
        };
        Self {
            from: text(&body["From_Account"]),
            tos: if items.is_empty() {
                // account_import is about one account, which stands in no list.
                account(&body).map(Some).into_iter().collect()
            } else {
                items
            },
        }
    }

    /// From_Account, where it is a UserID.
    pub(crate) fn asker(&self) -> Option<UserId> {
        UserId::parse(self.from.as_deref()?)
    }
}

impl Scope {
    /// Whether it has calls of an app's command at all.
    pub(super) fn has(&self, app: SdkAppId, command: &CommandInfo) -> bool {
        self.sdkappid.is_none_or(|sdkappid| sdkappid == app)
            && self.command.is_none_or(|name| name == command.name)
    }

    /// Whether it has a call about these: some item, where it names one.
    pub(super) fn has_call(&self, subjects: &Subjects) -> bool {
        let is = |user: Option<UserId>, text: Option<&str>| {
            user.is_none_or(|user| text == Some(user.as_str()))
        };
        let Subjects { from, tos } = subjects;
        let mut items = tos.iter().enumerate();
        let has_item = (self.to_account.is_none() && self.item.is_none())
            || items.any(|(at, to)| {
                self.item.is_none_or(|item| item == at) && is(self.to_account, to.as_deref())
            });
        is(self.from_account, from.as_deref()) && has_item
    }

    /// Whether it has an item.
    pub(super) fn has_item(&self, at: usize, from: UserId, to: UserId) -> bool {
        self.item.is_none_or(|item| item == at)
            && self.from_account.is_none_or(|user| user == from)
            && self.to_account.is_none_or(|user| user == to)
    }
}
