//! The rules of `v4/sns/black_list_add` and `v4/sns/black_list_delete`.

use super::decision::{Change, Decision, Side};
use super::model::{Blocked, SnsPolicy};
use super::pair::PairFacts;
use crate::protocol::code::Code;
use crate::protocol::ids::{UnixTime, UserId};
use serde::Deserialize;

/// What happens to a friendship when one side blocks the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "bool")]
pub enum Friendship {
    /// It ends, in both directions: the default, as documented.
    #[default]
    Dissolved,
    /// It stays: a setting of newer consoles (Remain Friends).
    Kept,
}

impl From<bool> for Friendship {
    fn from(remain_friends: bool) -> Self {
        match remain_friends {
            true => Self::Kept,
            false => Self::Dissolved,
        }
    }
}

/// Adds To_Account to From_Account's blocklist.
///
/// # Precedence
/// To_Account is From_Account, not imported, already blocked; then the blocklist is full (GUESS).
pub fn judge_add(
    (from, to): (UserId, UserId),
    pair: &PairFacts,
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

/// Removes To_Account from From_Account's blocklist. An ended friendship is not restored.
///
/// # Precedence
/// To_Account not imported, then not blocked.
pub fn judge_delete(pair: &PairFacts) -> Decision {
    if !pair.to_exists {
        return Decision::refuse(Code::ToAccountNotExist);
    }
    if !pair.from_blocks_to {
        return Decision::refuse(Code::NotBlocked);
    }
    Decision::done(vec![Change::Unblock])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_700_000_000);

    const POLICY: SnsPolicy = SnsPolicy::PRODUCT;

    fn id(text: &str) -> UserId {
        UserId::parse(text).expect("a legal UserID")
    }

    fn every_pair(mut check: impl FnMut(&PairFacts)) {
        for bits in 0..32_u8 {
            check(&PairFacts {
                to_exists: bits & 1 != 0,
                from_has_to: bits & 2 != 0,
                to_has_from: bits & 4 != 0,
                from_blocks_to: bits & 8 != 0,
                from_blocklist: if bits & 16 != 0 { 1000 } else { 999 },
                ..PairFacts::default()
            });
        }
    }

    #[test]
    fn in_every_case_the_first_fault_answers_and_a_friendship_ends_only_where_it_should() {
        every_pair(|pair| {
            for friendship in [Friendship::Dissolved, Friendship::Kept] {
                let between = (id("from"), id("to"));
                let decision = judge_add(between, pair, friendship, NOW, &POLICY);
                let code = if !pair.to_exists {
                    Code::ToAccountNotExist
                } else if pair.from_blocks_to {
                    Code::AlreadyBlocked
                } else if pair.from_blocklist == 1000 {
                    Code::BlocklistFull
                } else {
                    Code::Ok
                };
                let ends = |side| decision.changes.contains(&Change::Unfriend(side));
                let dissolves = code == Code::Ok && friendship == Friendship::Dissolved;
                assert_eq!(decision.code, code, "{pair:?}");
                assert_eq!(ends(Side::From), dissolves && pair.from_has_to, "{pair:?}");
                assert_eq!(ends(Side::To), dissolves && pair.to_has_from, "{pair:?}");
                let blocks = decision.changes.iter();
                let blocks = blocks.filter(|change| matches!(change, Change::Block(_)));
                assert_eq!(blocks.count(), usize::from(code == Code::Ok), "{pair:?}");
            }
        });
    }

    #[test]
    fn nobody_blocks_itself_and_nobody_is_taken_off_a_list_it_is_not_on() {
        every_pair(|pair| {
            let itself = (id("from"), id("from"));
            let refused = judge_add(itself, pair, Friendship::Dissolved, NOW, &POLICY);
            assert_eq!(refused, Decision::refuse(Code::AddSelf));

            let expected = match (pair.to_exists, pair.from_blocks_to) {
                (false, _) => Decision::refuse(Code::ToAccountNotExist),
                (true, false) => Decision::refuse(Code::NotBlocked),
                (true, true) => Decision::done(vec![Change::Unblock]),
            };
            assert_eq!(judge_delete(pair), expected);
        });
    }
}
