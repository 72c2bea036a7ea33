//! The decision of a rule: a result code and the changes to make.

use super::model::{Blocked, Friend, FriendUpdate, PendingRequest, RequestMinute};
use super::texts::GroupName;
use crate::protocol::code::Code;
use smallvec::SmallVec;

/// The decision about one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The item's ResultCode and ResultInfo.
    pub code: Code,
    /// The changes to make. A store applies all of them or none.
    pub changes: Changes,
}

/// Up to two changes, which most decisions have, need no allocation.
pub type Changes = SmallVec<[Change; 2]>;

impl Decision {
    /// A failure; it changes nothing.
    pub fn refuse(code: Code) -> Self {
        Self {
            code,
            changes: Changes::new(),
        }
    }

    /// Success, with its changes.
    pub fn done(changes: impl Into<Changes>) -> Self {
        Self {
            code: Code::Ok,
            changes: changes.into(),
        }
    }
}

/// One of the two accounts of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From_Account.
    From,
    /// To_Account.
    To,
}

/// A change that a store makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds a friend to this side's list, which does not have it yet.
    Befriend(Side, Friend),
    /// Removes the other account from this side's list, if the list has it.
    Unfriend(Side),
    /// Removes all friends from From_Account's list.
    UnfriendAll,
    /// Changes the fields of To_Account in From_Account's list, if the list has it.
    Update(Box<FriendUpdate>),
    /// Adds To_Account, a friend of From_Account, to groups.
    JoinGroups(Vec<GroupName>),
    /// Creates the groups that From_Account does not have yet.
    CreateGroups(Vec<GroupName>),
    /// Deletes a group of From_Account, if it exists, and removes all friends from it.
    DeleteGroup(GroupName),
    /// Adds To_Account to From_Account's blocklist, which does not have it yet.
    Block(Blocked),
    /// Removes To_Account from From_Account's blocklist.
    Unblock,
    /// Stores From_Account's request on both sides, or replaces a pending one.
    Ask(Box<NewRequest>),
    /// Removes the pending requests between the two accounts, in both directions.
    Settle,
    /// Stores the number of From_Account's latest requests.
    CountRequest(RequestMinute),
}

/// A friend request, as each side stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRequest {
    /// From_Account's side.
    pub sent: PendingRequest,
    /// To_Account's side.
    pub received: PendingRequest,
}
