//! Where an app's accounts and relationships are kept.
//!
//! # Contract
//! A store finds accounts, runs a rule on the facts about two of them, and applies the changes that
//! the rule decides. It decides nothing itself. `judge_each` is one call for a whole request, but
//! each item is one atomic step on its two accounts: no other call sees half of a step, and item n
//! sees what the items before it did. `accounts` is all accounts at one moment. Each app has a store
//! of its own. `contract.rs` is this contract as tests, which every store has to pass.
//!
//! Every method is asynchronous and can fail, so that a store can be a database.

mod account;
mod accounts;
mod locked_pair;
mod memory;
mod peer_list;

#[cfg(test)]
mod contract;

pub use account::Account;
pub(crate) use account::{BlocklistPage, FriendsPage, Group};
pub(crate) use accounts::Accounts;
pub use peer_list::{Peer, PeerList};

use crate::profile::{Profile, ProfileField};
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::sns::decision::{Change, Decision, Side};
use crate::sns::model::{AllowType, Friend, Sequences, UnknownAccounts};
use crate::sns::pair::{ItemTarget, PairFacts};
use crate::sns::texts::GroupName;
use memory::MemoryStore;
use std::sync::Arc;

/// An app's accounts and their relationships.
#[derive(Debug)]
pub(crate) enum Store {
    /// In this process; it ends with the process.
    Memory(MemoryStore),
}

/// Why a store could not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreError {
    /// The account is not imported.
    NoAccount,
    /// An account has changed since it was read.
    Conflict,
    /// The store does not answer.
    #[expect(dead_code, reason = "the store in memory always answers")]
    Unavailable,
}

/// The outcome of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// ResultCode and ResultInfo.
    pub(crate) code: Code,
    /// Whether To_Account's friend list gained or lost From_Account.
    pub(crate) reached_to: bool,
}

/// The outcomes of a call's items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) verdicts: Vec<Verdict>,
    /// From_Account's sequences after the last step.
    pub(crate) sequences: Sequences,
}

/// The outcome of a step on From_Account alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnVerdict {
    pub(crate) code: Code,
    /// The friends that From_Account has lost.
    pub(crate) unfriended: Vec<UserId>,
    /// From_Account's sequences after the step.
    pub(crate) sequences: Sequences,
}

/// An account as From_Account sees it.
#[derive(Clone, Debug)]
pub(crate) struct FriendView {
    pub(crate) facts: PairFacts,
    /// The entry in From_Account's friend list.
    pub(crate) friend: Option<Friend>,
    pub(crate) profile: Profile,
}

/// A change of one account outside of any rule.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    pub(crate) user: UserId,
    /// The account as the caller has read it; `None` when it was not imported.
    pub(crate) was: Option<Arc<Account>>,
    /// The account as it is to be.
    pub(crate) is: Arc<Account>,
}

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
    /// A store in memory that begins with these accounts. `default_allow_type` is the AllowType of an
    /// account that is created without one.
    pub(crate) fn in_memory(
        accounts: Accounts,
        unknown: UnknownAccounts,
        default_allow_type: AllowType,
    ) -> Self {
        Self::Memory(MemoryStore::new(accounts, unknown, default_allow_type))
    }

    /// One account.
    pub(crate) async fn account(&self, user: UserId) -> Result<Arc<Account>, StoreError> {
        let Self::Memory(store) = self;
        store.find(user).ok_or(StoreError::NoAccount)
    }

    /// All accounts at one moment.
    pub(crate) async fn accounts(&self) -> Result<Accounts, StoreError> {
        let Self::Memory(store) = self;
        Ok(store.accounts())
    }

    /// Replaces all accounts in one step.
    pub(crate) async fn replace(&self, accounts: Accounts) -> Result<(), StoreError> {
        let Self::Memory(store) = self;
        store.replace(accounts).await;
        Ok(())
    }

    /// Replaces some accounts in one step, which need other accounts to be imported.
    ///
    /// # Errors
    /// `Conflict` when one of them has changed since it was read, or one of the others is not
    /// imported any more; then nothing is replaced.
    pub(crate) async fn update(&self, edits: &[Edit], needs: &[UserId]) -> Result<(), StoreError> {
        let Self::Memory(store) = self;
        store.update(edits, needs).await
    }

    /// Whether a call can name this account: it is imported, or would be created.
    pub(crate) async fn knows(&self, user: UserId) -> Result<bool, StoreError> {
        let Self::Memory(store) = self;
        Ok(store.knows(user))
    }

    /// Imports an account, or sets these fields of its profile if it is imported already.
    pub(crate) async fn import_account(
        &self,
        user: UserId,
        fields: Vec<ProfileField>,
    ) -> Result<(), StoreError> {
        let Self::Memory(store) = self;
        store.import_account(user, fields).await;
        Ok(())
    }

    /// Deletes accounts, and removes them from the lists of all others. Returns for each account
    /// whether it was imported.
    pub(crate) async fn delete_accounts(&self, users: &[UserId]) -> Result<Vec<bool>, StoreError> {
        let Self::Memory(store) = self;
        Ok(store.delete_accounts(users).await)
    }

    /// Sets fields of a profile in one step.
    pub(crate) async fn set_profile(
        &self,
        user: UserId,
        fields: Vec<ProfileField>,
    ) -> Result<(), StoreError> {
        let Self::Memory(store) = self;
        store.set_profile(user, fields).await
    }

    /// A copy of a profile.
    pub(crate) async fn profile(&self, user: UserId) -> Result<Profile, StoreError> {
        let Self::Memory(store) = self;
        store.profile(user).await
    }

    /// Which of these accounts are imported, all at one moment. It creates none.
    pub(crate) async fn are_imported(
        &self,
        users: &[Option<UserId>],
    ) -> Result<Vec<bool>, StoreError> {
        let Self::Memory(store) = self;
        Ok(store.are_imported(users))
    }

    /// Up to `count` friends, beginning with the one at index `start`.
    pub(crate) async fn friends_page(
        &self,
        user: UserId,
        start: usize,
        count: usize,
    ) -> Result<FriendsPage, StoreError> {
        let Self::Memory(store) = self;
        store.friends_page(user, start, count).await
    }

    /// Up to `count` blocked accounts, beginning with the one at index `start`.
    pub(crate) async fn blocklist_page(
        &self,
        user: UserId,
        start: usize,
        count: usize,
    ) -> Result<BlocklistPage, StoreError> {
        let Self::Memory(store) = self;
        store.blocklist_page(user, start, count).await
    }

    /// The groups with these names, or all groups when no name is given.
    pub(crate) async fn groups(
        &self,
        user: UserId,
        names: &[GroupName],
    ) -> Result<(Vec<Group>, Sequences), StoreError> {
        let Self::Memory(store) = self;
        store.groups(user, names).await
    }

    /// Each account as `from` sees it; an item that is no UserID keeps its code.
    pub(crate) async fn friends_each(
        &self,
        from: UserId,
        tos: &[Result<UserId, Code>],
    ) -> Result<Vec<Result<FriendView, Code>>, StoreError> {
        let Self::Memory(store) = self;
        store.friends_each(from, tos).await
    }

    /// The facts about `from` and each item's account; an item that has failed already keeps its code.
    pub(crate) async fn facts_each<I: ItemTarget + Sync>(
        &self,
        from: UserId,
        items: &[Result<I, Code>],
    ) -> Result<Vec<Result<PairFacts, Code>>, StoreError> {
        let Self::Memory(store) = self;
        store.facts_each(from, items).await
    }

    /// Judges a step on `from` alone; the facts are those about an account and itself.
    pub(crate) async fn judge_own(
        &self,
        from: UserId,
        groups: &[GroupName],
        rule: impl Fn(&PairFacts) -> Decision + Send + Sync,
    ) -> Result<OwnVerdict, StoreError> {
        let Self::Memory(store) = self;
        store.judge_own(from, groups, rule).await
    }

    /// Judges each item in order; an item that has failed already keeps its code.
    ///
    /// `rule` may be run more than once for an item, so it must have no side effects.
    pub(crate) async fn judge_each<I: ItemTarget + Sync>(
        &self,
        from: UserId,
        items: &[Result<I, Code>],
        rule: impl Fn(&PairFacts, &I) -> Decision + Send + Sync,
    ) -> Result<Judged, StoreError> {
        let Self::Memory(store) = self;
        store.judge_each(from, items, rule).await
    }
}
