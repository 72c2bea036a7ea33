//! Where relationships are kept.
//!
//! # Contract
//! Every store finds accounts, runs the rule it is handed on the facts about two of them, and does
//! what the rule decides; it never decides itself. `Store::judge_each` is one call for a whole
//! request, but each item is one atomic step on its two accounts: no other call sees half of it,
//! and item n sees what the items before it did. Each app has a store of its own. `contract.rs` is
//! this contract as tests; every store has to pass it.

mod account;
mod memory;
mod peer_list;

#[cfg(test)]
mod contract;

pub use account::Snapshot;
pub(crate) use account::{BlocklistPage, FriendView, FriendsPage, Group};
pub(crate) use memory::Editor;

use crate::profile::{Profile, ProfileField};
use crate::protocol::code::Code;
use crate::protocol::ids::{UnixTime, UserId};
use crate::sns::decision::{Change, Decision, Side};
use crate::sns::model::{AccountSeed, AllowType, DeleteType, Sequences, UnknownAccounts};
use crate::sns::pair::{ItemTarget, PairFacts};
use crate::sns::texts::GroupName;
use memory::MemoryStore;

/// An app's accounts and their relationships.
#[derive(Debug)]
pub(crate) enum Store {
    /// In this process, gone with it.
    Memory(MemoryStore),
}

/// The account that a call asks for is not imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoAccount;

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Its ResultCode and ResultInfo.
    pub(crate) code: Code,
    /// Whether To_Account's friend list gained or lost From_Account.
    pub(crate) reached_to: bool,
}

/// What an item would be told, and on which facts; or what it alone shows.
pub(crate) type Rehearsed = Result<(PairFacts, Code), Code>;

impl Verdict {
    fn of(decision: &Decision) -> Self {
        let reaches = |change: &Change| {
            matches!(
                change,
                Change::Befriend(Side::To, _) | Change::Unfriend(Side::To)
            )
        };
        Self {
            code: decision.code,
            reached_to: decision.changes.iter().any(reaches),
        }
    }

    fn refused(code: Code) -> Self {
        Self {
            code,
            reached_to: false,
        }
    }
}

impl Store {
    /// An empty store in memory; `default_allow_type` is for accounts that do not say.
    pub(crate) fn in_memory(unknown: UnknownAccounts, default_allow_type: AllowType) -> Self {
        Self::Memory(MemoryStore::new(unknown, default_allow_type))
    }

    /// Imports an account, or gives one that is there these settings; its relationships stay.
    pub(crate) fn put_account(&self, user: UserId, seed: &AccountSeed, now: UnixTime) {
        let Self::Memory(store) = self;
        store.put_account(user, seed, now);
    }

    /// Whether a call may ask for this account: it is there, or will be made.
    pub(crate) fn knows(&self, user: UserId) -> bool {
        let Self::Memory(store) = self;
        store.knows(user)
    }

    /// How many accounts there are.
    pub(crate) fn len(&self) -> usize {
        let Self::Memory(store) = self;
        store.len()
    }

    /// How many one-way friendships there are.
    pub(crate) fn relations(&self) -> usize {
        let Self::Memory(store) = self;
        store.relations()
    }

    /// Looks at all accounts at once, or changes them outside of any rule, in one step: no call is
    /// under way meanwhile.
    pub(crate) fn edit<T>(&self, work: impl FnOnce(&mut Editor<'_>) -> T) -> T {
        let Self::Memory(store) = self;
        store.edit(work)
    }

    /// One account as it is now.
    pub(crate) fn snapshot(&self, user: UserId) -> Option<Snapshot> {
        let Self::Memory(store) = self;
        store.snapshot(user)
    }

    /// Imports an account; one that is there gets these fields, and all else of it stays.
    pub(crate) async fn import_account(&self, user: UserId, fields: Vec<ProfileField>) {
        let Self::Memory(store) = self;
        store.import_account(user, fields);
    }

    /// Deletes accounts, and takes them out of everybody's lists; which of them there were.
    pub(crate) async fn delete_accounts(&self, users: &[UserId]) -> Vec<bool> {
        let Self::Memory(store) = self;
        store.delete_accounts(users)
    }

    /// Gives fields of a profile their values, all at once.
    pub(crate) async fn set_profile(
        &self,
        user: UserId,
        fields: Vec<ProfileField>,
    ) -> Result<(), NoAccount> {
        let Self::Memory(store) = self;
        store.set_profile(user, fields)
    }

    /// A profile, copied out.
    pub(crate) async fn profile(&self, user: UserId) -> Result<Profile, NoAccount> {
        let Self::Memory(store) = self;
        store.profile(user)
    }

    /// Which of these accounts are there, at one moment. Nobody makes one by asking.
    pub(crate) async fn are_imported(&self, users: &[Option<UserId>]) -> Vec<bool> {
        let Self::Memory(store) = self;
        store.are_imported(users)
    }

    /// Up to `count` friends from the `start`-th on, 0 being the first.
    pub(crate) async fn friends_page(
        &self,
        user: UserId,
        start: usize,
        count: usize,
    ) -> Result<FriendsPage, NoAccount> {
        let Self::Memory(store) = self;
        store.friends_page(user, start, count)
    }

    /// What is true of `from` and each of the accounts, and each as a friend; one that is no UserID
    /// keeps its code.
    pub(crate) async fn friends_each(
        &self,
        from: UserId,
        tos: &[Result<UserId, Code>],
    ) -> Result<Vec<Result<FriendView, Code>>, NoAccount> {
        let Self::Memory(store) = self;
        store.friends_each(from, tos)
    }

    /// Up to `count` blocked accounts from the `start`-th on, 0 being the first.
    pub(crate) async fn blocklist_page(
        &self,
        user: UserId,
        start: usize,
        count: usize,
    ) -> Result<BlocklistPage, NoAccount> {
        let Self::Memory(store) = self;
        store.blocklist_page(user, start, count)
    }

    /// The groups of these names that there are, or all when no name is given.
    pub(crate) async fn groups(
        &self,
        user: UserId,
        names: &[GroupName],
    ) -> Result<(Vec<Group>, Sequences), NoAccount> {
        let Self::Memory(store) = self;
        store.groups(user, names)
    }

    /// How often an account's lists have changed.
    pub(crate) async fn sequences(&self, user: UserId) -> Result<Sequences, NoAccount> {
        let Self::Memory(store) = self;
        store.sequences(user)
    }

    /// Empties a friend list in one step; with `Both`, each friend's list then loses the account,
    /// a step for each. Whose list lost whom.
    pub(crate) async fn clear_friends(
        &self,
        from: UserId,
        delete_type: DeleteType,
    ) -> Result<Vec<(UserId, UserId)>, NoAccount> {
        let Self::Memory(store) = self;
        store.clear_friends(from, delete_type)
    }

    /// What is true of `from` and each of the accounts; one that is no UserID keeps its code.
    pub(crate) async fn facts_each(
        &self,
        from: UserId,
        tos: &[Result<UserId, Code>],
    ) -> Result<Vec<Result<PairFacts, Code>>, NoAccount> {
        let Self::Memory(store) = self;
        store.facts_each(from, tos)
    }

    /// Judges what `from` asks for itself; the facts are those of an account and itself.
    pub(crate) async fn judge_own(
        &self,
        from: UserId,
        groups: &[GroupName],
        rule: impl Fn(&PairFacts) -> Decision + Send + Sync,
    ) -> Result<Code, NoAccount> {
        let Self::Memory(store) = self;
        store.judge_own(from, groups, rule)
    }

    /// Judges what `from` asks for, in order; an item that has failed already keeps its code.
    ///
    /// `rule` may be run more than once for an item, so it must have no effect of its own.
    pub(crate) async fn judge_each<I: ItemTarget + Sync>(
        &self,
        from: UserId,
        items: &[Result<I, Code>],
        rule: impl Fn(&PairFacts, &I) -> Decision + Send + Sync,
    ) -> Result<Vec<Verdict>, NoAccount> {
        let Self::Memory(store) = self;
        store.judge_each(from, items, rule)
    }

    /// What `judge_each` would decide, and on which facts. Nothing is written.
    pub(crate) async fn rehearse_each<I: ItemTarget + Sync>(
        &self,
        from: UserId,
        items: &[Result<I, Code>],
        rule: impl Fn(&PairFacts, &I) -> Decision + Send + Sync,
    ) -> Result<Vec<Rehearsed>, NoAccount> {
        let Self::Memory(store) = self;
        store.rehearse_each(from, items, rule)
    }
}
