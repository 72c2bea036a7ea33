//! The store of an app's accounts and relationships.
//!
//! # Contract
//! A store finds accounts, runs a rule on the facts about two of them, and applies the changes that
//! the rule decides. It decides nothing itself. `judge_each` is one call for a whole request, but
//! each item is one atomic step on its two accounts: no other call sees half of a step, and item n
//! sees what the items before it did. `accounts` returns a consistent copy of all accounts. Each app has a store
//! of its own. `contract.rs` is this contract as tests.
//!
//! Every method is asynchronous and can fail, so that a database store can be added without a change
//! to any caller: `Store` then becomes an enum.

mod account;
mod accounts;
mod memory;
mod pair;
mod peer_list;

#[cfg(test)]
mod contract;

pub use account::Account;
pub(crate) use account::Group;
pub(crate) use accounts::Accounts;
pub(crate) use memory::MemoryStore as Store;
pub use peer_list::{PeerEntry, PeerList};

use crate::profile::Profile;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::sns::decision::{Change, Decision, Side};
use crate::sns::model::{Friend, Sequences};
use crate::sns::pair::PairFacts;
use triomphe::Arc;

/// A copy-on-write account: a writer copies it if a reader still holds it. triomphe's `Arc` checks with
/// a plain load whether it is shared; std's needs a locked instruction, which slows down batches.
pub(crate) type SharedAccount = Arc<Account>;

/// The error of a store method.
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
    /// Whether From_Account's friend list gained or lost To_Account.
    pub(crate) from_list_changed: bool,
    /// Whether To_Account's friend list gained or lost From_Account.
    pub(crate) to_list_changed: bool,
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

/// A replacement of one account that no rule decides, such as a change by the control API.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    pub(crate) user: UserId,
    /// The account as the caller has read it; `None` when it was not imported.
    pub(crate) before: Option<SharedAccount>,
    /// The new account.
    pub(crate) after: SharedAccount,
}

impl Verdict {
    fn of(decision: &Decision) -> Self {
        let has_changed = |side: Side| {
            let mut changes = decision.changes.iter();
            changes.any(|change| {
                matches!(change, Change::Befriend(of, _) | Change::Unfriend(of) if *of == side)
            })
        };
        Self {
            code: decision.code,
            from_list_changed: has_changed(Side::From),
            to_list_changed: has_changed(Side::To),
        }
    }

    fn refused(code: Code) -> Self {
        Self {
            code,
            from_list_changed: false,
            to_list_changed: false,
        }
    }
}
