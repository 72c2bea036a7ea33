//! Who is on whose blocklist: the rules of `v4/sns/black_list_add` and `v4/sns/black_list_delete`.

use super::decision::{Change, Decision, Side};
use super::model::{Blocked, SnsPolicy};
use super::pair::Pair;
use crate::protocol::code::Code;
use crate::protocol::ids::{UnixTime, UserId};

/// What becomes of a friendship when one side blocks the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Friendship {
    /// It ends, in both directions: the default, as documented.
    #[default]
    Dissolved,
    /// It stays: a setting of newer consoles (Remain Friends).
    Kept,
}

/// May From_Account block To_Account, and what follows.
///
/// # Precedence
/// Itself, not imported, already there, full (GUESS).
pub fn judge_add(
    (from, to): (UserId, UserId),
    pair: &Pair,
    friendship: Friendship,
    now: UnixTime,
    policy: &SnsPolicy,
) -> Decision {
    let refuse = Decision::refuse;
    if from == to {
        return refuse(Code::AddSelf);
    }
    if !pair.to_exists {
        return refuse(Code::ToAccountNotExist);
    }
    if pair.from_blocks_to {
        return refuse(Code::AlreadyBlocked);
    }
    if pair.from_blocklist >= policy.max_blocklist {
        return refuse(Code::BlocklistFull);
    }
    let mut changes = vec![Change::Block(Blocked { to, add_time: now })];
    if friendship == Friendship::Dissolved {
        if pair.from_has_to {
            changes.push(Change::Unfriend(Side::From));
        }
        if pair.to_has_from {
            changes.push(Change::Unfriend(Side::To));
        }
    }
    Decision::done(changes)
}

/// Takes To_Account off From_Account's blocklist. A friendship does not come back.
///
/// # Precedence
/// Not imported, not there.
pub fn judge_delete(pair: &Pair) -> Decision {
    if !pair.to_exists {
        return Decision::refuse(Code::ToAccountNotExist);
    }
    if !pair.from_blocks_to {
        return Decision::refuse(Code::NotBlocked);
    }
    Decision::done(vec![Change::Unblock])
}
