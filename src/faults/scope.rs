//! The scope of a fault: which calls and items it matches.

use crate::protocol::ids::{SdkAppId, UserId};
use crate::protocol::service::CommandInfo;

/// Which calls and items a fault matches. `None` matches everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) sdkappid: Option<SdkAppId>,
    /// A command's name.
    pub(crate) command: Option<&'static str>,
    pub(crate) from_account: Option<UserId>,
    pub(crate) to_account: Option<UserId>,
    /// An item's index in its request.
    pub(crate) item: Option<usize>,
}

/// The accounts that a request names, in the request's spelling.
#[derive(Debug)]
pub(crate) struct Targets<'a, I: ?Sized> {
    pub(crate) from_account: Option<&'a str>,
    /// The account of each item, in the request's order.
    pub(crate) to_accounts: I,
}

impl<'a, I: Iterator<Item = &'a str>> Targets<'a, I> {
    pub(crate) fn new(from_account: Option<&'a str>, to_accounts: I) -> Self {
        Self {
            from_account,
            to_accounts,
        }
    }
}

impl Scope {
    /// Whether the scope includes any calls of an app's command.
    pub(super) fn matches_command(&self, app: SdkAppId, command: &CommandInfo) -> bool {
        self.sdkappid.is_none_or(|sdkappid| sdkappid == app)
            && self.command.is_none_or(|name| name == command.name)
    }

    /// Whether the scope includes this call: for `to_account` and `item`, one item has to match.
    pub(super) fn matches_call(&self, from: Option<&str>, tos: &[&str]) -> bool {
        let is = |user: Option<UserId>, text: Option<&str>| {
            user.is_none_or(|user| text == Some(user.as_str()))
        };
        let mut items = tos.iter().enumerate();
        let has_item = (self.to_account.is_none() && self.item.is_none())
            || items.any(|(at, to)| {
                self.item.is_none_or(|item| item == at) && is(self.to_account, Some(to))
            });
        is(self.from_account, from) && has_item
    }

    /// Whether the scope includes the item at this index.
    pub(super) fn matches_item(&self, at: usize, from: UserId, to: UserId) -> bool {
        self.item.is_none_or(|item| item == at)
            && self.from_account.is_none_or(|user| user == from)
            && self.to_account.is_none_or(|user| user == to)
    }
}
