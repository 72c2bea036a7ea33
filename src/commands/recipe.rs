//! How the control API arranges the codes of a command: a request that gets code 0, and the codes of the
//! command's page that only a fault gives.

use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::sns::texts::GroupName;
use serde_json::Value;

/// How the codes of a command are arranged.
pub(crate) struct Recipe {
    /// A request about the accounts, which gets code 0 in the state `needs`.
    pub(crate) request: fn(&Names) -> Value,
    pub(crate) needs: Needs,
    /// A JSON pointer to the account that an item is about; for a command without items, to its account.
    pub(crate) account: &'static str,
    /// A field that is no object: with an object instead, the body is invalid.
    pub(crate) plain_field: &'static str,
    /// The documented codes that neither a state nor a request gives: those of many commands, and those of
    /// this one.
    pub(crate) scripted: [&'static [Code]; 2],
}

/// The names that a request uses.
pub(crate) struct Names {
    pub(crate) from: UserId,
    pub(crate) to: UserId,
    /// Not an account. The prefix of the UserIDs of accounts that fill a list.
    pub(crate) filler: UserId,
    /// A group of From_Account.
    pub(crate) group: GroupName,
}

/// The relation between the accounts with which a request gets code 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// To_Account is in From_Account's friend list.
    Friend,
    /// To_Account is on From_Account's blocklist.
    Blocked,
    /// From_Account has the group.
    Group,
}

pub(super) const READ: &[Code] = &[Code::Internal, Code::NetworkTimeout];
pub(super) const WRITE: &[Code] = &[Code::Internal, Code::NetworkTimeout, Code::WriteConflict];
pub(super) const PROFILE: &[Code] = &[Code::ProfileInternal];
pub(super) const ACCOUNT: &[Code] = &[Code::AccountTimeout, Code::AccountInternal];

impl Recipe {
    /// The recipe of a command that reads, and whose items are the UserIDs in `To_Account`.
    pub(super) const fn of(request: fn(&Names) -> Value) -> Self {
        Self {
            request,
            needs: Needs::Nothing,
            account: "/To_Account/0",
            plain_field: "To_Account",
            scripted: [READ, &[]],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands;
    use serde_json::json;

    #[test]
    fn the_pointer_of_every_recipe_is_in_its_request() {
        let names = Names {
            from: UserId::parse("from").expect("short"),
            to: UserId::parse("to").expect("short"),
            filler: UserId::parse("f").expect("short"),
            group: GroupName::parse("group").expect("short"),
        };
        for commands::Row { info, recipe, .. } in commands::table() {
            let account = (recipe.request)(&names).pointer(recipe.account).cloned();
            let own = [json!("from"), json!("to")];
            assert!(
                account.is_some_and(|account| own.contains(&account)),
                "{}",
                info.name
            );
        }
    }
}
