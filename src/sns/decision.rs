//! What a rule decides: an outcome, and the changes that follow from it.

use super::model::{Blocked, Friend, FriendUpdate, PendingRequest, RequestMinute};
use super::texts::GroupName;
use crate::protocol::code::Code;
use smallvec::SmallVec;

/// A rule's answer about one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The item's ResultCode and ResultInfo.
    pub code: Code,
    /// The changes that follow. A store applies all of them, or none.
    pub changes: Changes,
}

/// Most decisions have two changes at most, which need no allocation.
pub type Changes = SmallVec<[Change; 2]>;

impl Decision {
    /// A refusal changes nothing.
    pub fn refuse(code: Code) -> Self {
        Self {
            code,
            changes: Changes::new(),
        }
    }

    /// Success, and what follows.
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

/// One step of what a store is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// That side's list gains this friend, which it does not have yet.
    Befriend(Side, Friend),
    /// That side's list loses the other side, if it is there.
    Unfriend(Side),
    /// From_Account's list loses all its entries.
    UnfriendAll,
    /// To_Account changes in From_Account's list, where it is.
    Update(FriendUpdate),
    /// From_Account puts To_Account, its friend, in these groups as well.
    JoinGroups(Vec<GroupName>),
    /// From_Account gains those of these groups that it does not have yet.
    CreateGroups(Vec<GroupName>),
    /// From_Account loses this group, if it has it, and its friends are in it no longer.
    DeleteGroup(GroupName),
    /// From_Account's blocklist gains To_Account, which it does not have yet.
    Block(Blocked),
    /// From_Account's blocklist loses To_Account.
    Unblock,
    /// From_Account's request to To_Account is pending on both sides, or is made anew.
    Ask(Box<NewRequest>),
    /// No request between the two is pending any more, in either direction.
    Settle,
    /// From_Account has made this many requests of late.
    CountRequest(RequestMinute),
}

/// A friend request, as each side keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRequest {
    /// From_Account's side.
    pub sent: PendingRequest,
    /// To_Account's side.
    pub received: PendingRequest,
}
