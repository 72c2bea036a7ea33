//! Finds the fewest changes of the facts after which a rule gives 0. It runs the rule itself on
//! changed facts, so it has no copy of the rule.

use super::model::{AdminForbidType, AllowType, RequestMinute, SnsPolicy};
use super::pair::PairFacts;
use crate::protocol::code::Code;

/// A change of the facts about two accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// From_Account may send friend requests.
    AllowFrom,
    /// To_Account is imported.
    ImportTo,
    /// From_Account's list loses To_Account.
    Unfriend,
    /// From_Account's blocklist loses To_Account.
    UnblockTo,
    /// To_Account's blocklist loses From_Account.
    UnblockFrom,
    /// To_Account's AllowType becomes AllowAny.
    AllowAny,
    /// From_Account's list loses this number of friends.
    FreeFrom(u32),
    /// To_Account's list loses this number of friends.
    FreeTo(u32),
    /// From_Account loses this number of groups.
    FreeGroups(u32),
    /// From_Account's requests of this minute are forgotten.
    ForgetRequests,
}

impl Remedy {
    /// All remedies. `Free…` has the number over the limit, which can be 0.
    fn all(pair: &PairFacts, policy: &SnsPolicy) -> [Self; 10] {
        let over = |has: u32, max: u32| has.saturating_sub(max);
        let room_for_one = policy.max_friends.saturating_sub(1);
        [
            Self::AllowAny,
            Self::UnblockTo,
            Self::UnblockFrom,
            Self::Unfriend,
            Self::AllowFrom,
            Self::ImportTo,
            Self::FreeFrom(over(pair.from_friends, room_for_one)),
            Self::FreeTo(over(pair.to_friends, room_for_one)),
            Self::FreeGroups(over(pair.from_groups + pair.new_groups, policy.max_groups)),
            Self::ForgetRequests,
        ]
    }

    fn apply(self, pair: &mut PairFacts, new_account: AllowType) {
        match self {
            Self::AllowFrom => pair.from_forbidden = AdminForbidType::None,
            Self::ImportTo if pair.to_exists => {}
            Self::ImportTo => (pair.to_exists, pair.to_allows) = (true, new_account),
            Self::Unfriend => pair.from_has_to = false,
            Self::UnblockTo => pair.from_blocks_to = false,
            Self::UnblockFrom => pair.to_blocks_from = false,
            Self::AllowAny => pair.to_allows = AllowType::AllowAny,
            Self::FreeFrom(friends) => pair.from_friends -= friends,
            Self::FreeTo(friends) => pair.to_friends -= friends,
            Self::FreeGroups(groups) => pair.from_groups = pair.from_groups.saturating_sub(groups),
            Self::ForgetRequests => pair.from_minute = RequestMinute::default(),
        }
    }
}

/// The fewest changes after which `rule` gives 0; `None` if no combination does. `new_account` is
/// the AllowType of a newly imported account.
pub fn fewest(
    pair: &PairFacts,
    policy: &SnsPolicy,
    new_account: AllowType,
    rule: impl Fn(&PairFacts) -> Code,
) -> Option<Vec<Remedy>> {
    let all = Remedy::all(pair, policy);
    let mut subsets: Vec<u32> = (0..1 << all.len()).collect();
    subsets.sort_by_key(|subset| subset.count_ones());
    let chosen = |subset: u32| {
        let is_in = move |(place, _): &(usize, &Remedy)| subset & (1 << place) != 0;
        all.iter()
            .enumerate()
            .filter(is_in)
            .map(|(_, remedy)| *remedy)
    };
    let helps = |subset: &u32| {
        let mut changed = *pair;
        // The import comes first, because other changes need the account.
        let (import, others): (Vec<_>, Vec<_>) =
            chosen(*subset).partition(|remedy| *remedy == Remedy::ImportTo);
        for remedy in import.into_iter().chain(others) {
            remedy.apply(&mut changed, new_account);
        }
        rule(&changed) == Code::Ok
    };
    let best = subsets.into_iter().find(helps)?;
    let (import, others): (Vec<_>, Vec<_>) =
        chosen(best).partition(|remedy| *remedy == Remedy::ImportTo);
    Some(import.into_iter().chain(others).collect())
}
