//! Where relationships are kept.
//!
//! # Contract
//! Every store finds accounts, runs the rule it is handed on the facts about two of them, and does
//! what the rule decides; it never decides itself. `Store::judge_each` is one call for a whole
//! request, but each item is one atomic step on its two accounts: no other call sees half of it,
//! and item n sees what the items before it did. Apps never see each other. `contract.rs` is this
//! contract as tests; every store has to pass it.

mod account;
mod memory;
mod peer_list;

#[cfg(test)]
mod contract;

pub use account::Snapshot;

use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::sns::decision::Decision;
use crate::sns::model::{AccountSeed, AllowType, UnknownAccounts};
use crate::sns::pair::{Asks, Pair};
use memory::MemoryStore;

/// A store of accounts and their relationships.
#[derive(Debug)]
pub(crate) enum Store {
    /// In this process, gone with it.
    Memory(MemoryStore),
}

/// Why a store could not judge a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreError {
    /// From_Account is not imported.
    NoFromAccount,
}

impl Store {
    /// An empty store in memory.
    pub(crate) fn in_memory() -> Self {
        Self::Memory(MemoryStore::default())
    }

    /// Makes room for an app; accounts it has already stay. `default_allow_type` is for accounts
    /// that are made because a call names them.
    pub(crate) fn put_app(
        &self,
        app: SdkAppId,
        unknown: UnknownAccounts,
        default_allow_type: AllowType,
    ) {
        let Self::Memory(store) = self;
        store.put_app(app, unknown, default_allow_type);
    }

    /// Imports an account, or gives one that is there these settings; its relationships stay.
    pub(crate) fn put_account(&self, app: SdkAppId, user: UserId, seed: &AccountSeed) {
        let Self::Memory(store) = self;
        store.put_account(app, user, seed);
    }

    /// Makes every item by which `from` asks about `to` end in `code`, or lifts that.
    pub(crate) fn script(&self, app: SdkAppId, from: UserId, to: UserId, code: Option<Code>) {
        let Self::Memory(store) = self;
        store.script(app, from, to, code);
    }

    /// One account as it is now.
    pub(crate) fn snapshot(&self, app: SdkAppId, user: UserId) -> Option<Snapshot> {
        let Self::Memory(store) = self;
        store.snapshot(app, user)
    }

    /// Judges what `from` asks for, in order; an item that has failed already keeps its code.
    ///
    /// `rule` may be run more than once for an item, so it must have no effect of its own.
    pub(crate) async fn judge_each<I: Asks + Sync>(
        &self,
        app: SdkAppId,
        from: UserId,
        items: &[Result<I, Code>],
        rule: impl Fn(&Pair, &I) -> Decision + Send + Sync,
    ) -> Result<Vec<Code>, StoreError> {
        let Self::Memory(store) = self;
        store.judge_each(app, from, items, rule)
    }
}
