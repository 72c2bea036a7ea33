//! Where an app's accounts and relationships are kept.
//!
//! # Contract
//! A store finds accounts, runs a rule on the facts about two of them, and applies the changes that
//! the rule decides. It decides nothing itself. `judge_each` is one call for a whole request, but
//! each item is one atomic step on its two accounts: no other call sees half of a step, and item n
//! sees what the items before it did. `accounts` is all accounts at one moment. Each app has a store
//! of its own. `contract.rs` is this contract as tests, which every store has to pass.
//!
//! Every method is asynchronous and can fail, so that a second store, a database, changes no caller:
//! `Store` becomes an enum then.

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
pub use peer_list::{Peer, PeerList};

use crate::profile::Profile;
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::sns::decision::{Change, Decision, Side};
use crate::sns::model::{Friend, Sequences};
use crate::sns::pair::PairFacts;
use triomphe::Arc;

/// An account that its readers share: a writer copies it while one of them still holds it. Unlike
/// std's, this `Arc` knows without a locked instruction whether it is shared; an item of a batch is
/// short enough for that to show.
pub(crate) type SharedAccount = Arc<Account>;

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
    pub(crate) was: Option<SharedAccount>,
    /// The account as it is to be.
    pub(crate) is: SharedAccount,
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
