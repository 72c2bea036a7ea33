//! The facts a rule may know of From_Account and To_Account.

use super::model::{AdminForbidType, AllowType, RequestMinute};
use super::texts::GroupName;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use schemars::JsonSchema;
use serde::Serialize;

/// What is true of two accounts at the moment a rule judges them.
///
/// It holds answers, not accounts: each field is one look-up in memory, or one column of a query,
/// so one rule serves every store and none has to load a whole friend list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PairFacts {
    /// To_Account is imported. If it is not, the facts about it are those of an empty account; and
    /// so they are where it is From_Account, which is nothing to itself.
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
    /// The friend requests From_Account made of late.
    pub from_minute: RequestMinute,
}

impl PairFacts {
    /// Whether To_Account can be looked at, by calls that only look.
    pub fn readable(&self) -> Result<(), Code> {
        self.to_exists.then_some(()).ok_or(Code::ToAccountNotExist)
    }
}

/// What the store must know of an item to gather its facts.
pub trait ItemTarget {
    /// The account that the item is about.
    fn to(&self) -> UserId;

    /// The groups of From_Account's that the item names.
    fn groups(&self) -> &[GroupName];
}

/// An item that says nothing but whom it is about.
impl ItemTarget for UserId {
    fn to(&self) -> UserId {
        *self
    }

    fn groups(&self) -> &[GroupName] {
        &[]
    }
}
