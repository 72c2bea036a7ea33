//! An account's groups of friends: the rules of `v4/sns/group_add` and `v4/sns/group_delete`.

use super::decision::{Change, Changes, Decision};
use super::model::SnsPolicy;
use super::pair::{ItemTarget, PairFacts};
use super::texts::GroupName;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;

/// Creates the groups that From_Account does not have yet. An existing group is no error (GUESS).
pub fn judge_add(pair: &PairFacts, groups: &[GroupName], policy: &SnsPolicy) -> Decision {
    if pair.new_groups == 0 {
        return Decision::done(Vec::new());
    }
    if pair.from_groups + pair.new_groups > policy.max_groups {
        return Decision::refuse(Code::GroupsFull);
    }
    Decision::done(vec![Change::CreateGroups(groups.to_vec())])
}

/// A friend of From_Account, and the groups to add it to.
#[derive(Clone, Copy, Debug)]
pub struct Joining<'a> {
    /// To_Account.
    pub to: UserId,
    /// The groups, without duplicates.
    pub groups: &'a [GroupName],
}

impl ItemTarget for Joining<'_> {
    fn to(&self) -> UserId {
        self.to
    }

    fn groups(&self) -> &[GroupName] {
        self.groups
    }
}

/// Adds To_Account to groups.
///
/// # Precedence
/// To_Account not imported, then not in From_Account's list, then too many groups: a group that was
/// deleted in the meantime is created again.
pub fn judge_join(pair: &PairFacts, item: &Joining<'_>, policy: &SnsPolicy) -> Decision {
    if !pair.to_exists {
        return Decision::refuse(Code::ToAccountNotExist);
    }
    if !pair.from_has_to {
        return Decision::refuse(Code::NotInFriendList);
    }
    let join = Change::JoinGroups(item.groups.to_vec());
    judge_with_groups(pair, item.groups, policy, join)
}

/// Makes a change that needs these groups, and creates the groups that are missing.
pub(super) fn judge_with_groups(
    pair: &PairFacts,
    groups: &[GroupName],
    policy: &SnsPolicy,
    change: Change,
) -> Decision {
    let mut decision = judge_add(pair, groups, policy);
    if decision.code == Code::Ok {
        decision.changes.push(change);
    }
    decision
}

/// Deletes groups of From_Account. A group that does not exist is no error (GUESS).
pub fn judge_delete(groups: &[GroupName]) -> Decision {
    let changes = groups.iter().cloned().map(Change::DeleteGroup);
    Decision::done(changes.collect::<Changes>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: SnsPolicy = SnsPolicy::PRODUCT;

    fn names() -> [GroupName; 2] {
        ["a", "b"].map(|name| GroupName::parse(name).expect("short"))
    }

    #[test]
    fn only_new_groups_count_against_the_cap() {
        for (from_groups, new_groups, code) in [
            (32, 0, Code::Ok),
            (30, 2, Code::Ok),
            (31, 2, Code::GroupsFull),
            (32, 1, Code::GroupsFull),
        ] {
            let pair = PairFacts {
                from_groups,
                new_groups,
                ..PairFacts::default()
            };
            let Decision { code: met, changes } = judge_add(&pair, &names(), &POLICY);
            assert_eq!(met, code, "{pair:?}");
            let makes = code == Code::Ok && new_groups > 0;
            assert_eq!(!changes.is_empty(), makes, "{pair:?}");
        }
    }

    #[test]
    fn only_friends_join_a_group() {
        let groups = names();
        let item = Joining {
            to: UserId::parse("to").expect("legal"),
            groups: &groups,
        };
        for (to_exists, from_has_to, new_groups, code) in [
            (false, false, 0, Code::ToAccountNotExist),
            (true, false, 0, Code::NotInFriendList),
            (true, true, 0, Code::Ok),
            (true, true, 33, Code::GroupsFull),
        ] {
            let pair = PairFacts {
                to_exists,
                from_has_to,
                new_groups,
                ..PairFacts::default()
            };
            let decision = judge_join(&pair, &item, &POLICY);
            assert_eq!(decision.code, code, "{pair:?}");
            let joins = Change::JoinGroups(groups.to_vec());
            assert_eq!(decision.changes.contains(&joins), code == Code::Ok);
        }
    }
}
