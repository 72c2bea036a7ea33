//! The rules of `v4/sns/friend_delete` and `v4/sns/friend_delete_all`.

use super::decision::{Change, Decision, Side};
use super::model::DeleteType;
use super::pair::PairFacts;
use crate::protocol::code::Code;

/// The rule of `v4/sns/friend_delete`.
///
/// # Precedence
/// To_Account not imported, then not in From_Account's list. To_Account's list does not matter, as
/// for friend_add (GUESS).
pub fn judge(pair: &PairFacts, delete_type: DeleteType) -> Decision {
    if !pair.to_exists {
        return Decision::refuse(Code::ToAccountNotExist);
    }
    if !pair.from_has_to {
        return Decision::refuse(Code::NotFriend);
    }
    let mut changes = vec![Change::Unfriend(Side::From)];
    if delete_type == DeleteType::Both && pair.to_has_from {
        changes.push(Change::Unfriend(Side::To));
    }
    Decision::done(changes)
}

/// The rule of `v4/sns/friend_delete_all` for From_Account's own list.
pub fn judge_all() -> Decision {
    Decision::done(vec![Change::UnfriendAll])
}

/// The rule of `v4/sns/friend_delete_all` for the list of each former friend, with
/// `Delete_Type_Both`. A friend that From_Account has added again in the meantime stays.
pub fn judge_reverse(pair: &PairFacts) -> Decision {
    let stays = pair.from_has_to || !pair.to_has_from;
    Decision::done(if stays {
        Vec::new()
    } else {
        vec![Change::Unfriend(Side::To)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_pairs() -> impl Iterator<Item = PairFacts> {
        (0..8_u8).map(|bits| PairFacts {
            to_exists: bits & 1 != 0,
            from_has_to: bits & 2 != 0,
            to_has_from: bits & 4 != 0,
            ..PairFacts::default()
        })
    }

    #[test]
    fn in_every_case_a_former_friend_loses_from_unless_it_is_a_friend_again() {
        for pair in all_pairs() {
            let Decision { code, changes } = judge_reverse(&pair);
            let expected = match (pair.from_has_to, pair.to_has_from) {
                (false, true) => vec![Change::Unfriend(Side::To)],
                (true, _) | (false, false) => vec![],
            };
            assert_eq!((code, changes.into_vec()), (Code::Ok, expected), "{pair:?}");
        }
    }

    #[test]
    fn in_every_case_froms_list_decides_and_both_takes_the_reverse_where_it_is() {
        for pair in all_pairs() {
            for (_, delete_type) in DeleteType::WIRE {
                let Decision { code, changes } = judge(&pair, *delete_type);
                let reverse = *delete_type == DeleteType::Both && pair.to_has_from;
                let expected = match (pair.to_exists, pair.from_has_to) {
                    (false, _) => (Code::ToAccountNotExist, vec![]),
                    (true, false) => (Code::NotFriend, vec![]),
                    (true, true) if reverse => (
                        Code::Ok,
                        vec![Change::Unfriend(Side::From), Change::Unfriend(Side::To)],
                    ),
                    (true, true) => (Code::Ok, vec![Change::Unfriend(Side::From)]),
                };
                assert_eq!(
                    (code, changes.into_vec()),
                    expected,
                    "{pair:?} {delete_type:?}"
                );
            }
        }
    }
}
