//! The facts about From_Account and To_Account that rules use.

use super::model::{AdminForbidType, AllowType, RequestMinute};
use super::texts::GroupName;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use schemars::JsonSchema;
use serde::Serialize;

/// The facts about two accounts at the moment when a rule judges them.
///
/// Each field is one look-up in memory or one column of a query. So the rules work with every
/// store, and no store has to load a whole friend list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PairFacts {
    /// To_Account is imported. If it is not, or if it is From_Account, the other facts about it are
    /// those of an empty account.
    pub to_exists: bool,
    /// From_Account's AdminForbidType.
    pub from_forbidden: AdminForbidType,
    /// To_Account is in From_Account's list.
    pub from_has_to: bool,
    /// From_Account is in To_Account's list.
    pub to_has_from: bool,
    /// To_Account is on From_Account's blocklist.
    pub from_blocks_to: bool,
    /// From_Account is on To_Account's blocklist.
    pub to_blocks_from: bool,
    /// To_Account's AllowType.
    pub to_allows: AllowType,
    /// Friends that From_Account has.
    pub from_friends: u32,
    /// Friends that To_Account has.
    pub to_friends: u32,
    /// Accounts that From_Account has blocked.
    pub from_blocklist: u32,
    /// Groups that From_Account has.
    pub from_groups: u32,
    /// Groups of the item that From_Account does not have yet.
    pub new_groups: u32,
    /// From_Account's request to To_Account is pending.
    pub from_asked_to: bool,
    /// To_Account's request to From_Account is pending.
    pub to_asked_from: bool,
    /// Pending requests that From_Account has, sent and received.
    pub from_pending: u32,
    /// Pending requests that To_Account has, sent and received.
    pub to_pending: u32,
    /// The count of From_Account's latest friend requests.
    pub from_minute: RequestMinute,
}

impl PairFacts {
    /// The check of commands that only read: To_Account must be imported.
    pub fn readable(&self) -> Result<(), Code> {
        self.to_exists.then_some(()).ok_or(Code::ToAccountNotExist)
    }
}

/// The parts of an item that a store needs to find the facts.
pub trait ItemTarget {
    /// The account that the item is about.
    fn to(&self) -> UserId;

    /// The groups of From_Account that the item names.
    fn groups(&self) -> &[GroupName];
}

/// An item that is only an account.
impl ItemTarget for UserId {
    fn to(&self) -> UserId {
        *self
    }

    fn groups(&self) -> &[GroupName] {
        &[]
    }
}
