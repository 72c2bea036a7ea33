//! All accounts of an app at one moment, as an immutable copy.

use super::SharedAccount;
use super::account::Account;
use super::pair::Pair;
use crate::protocol::ids::UserId;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::LazyLock;
use triomphe::Arc;

/// More shards mean less to copy when a shared shard is written to, and a dearer copy of all.
pub(super) const SHARDS: usize = 64;

/// Seeded at random once for each process, so that clients cannot choose UserIDs that collide.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// A part of the accounts. Copies share it until one of them is written to.
type Shard = Arc<HashMap<UserId, SharedAccount, RandomState>>;

/// All accounts at one moment. A clone costs a pointer for each of 64 shards: it shares the shards
/// with the original, and a writer copies only the shard and the account that it changes.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    /// Always `SHARDS` of them; [`shard_of`] says which one an account is in.
    shards: Vec<Shard>,
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            shards: vec![Shard::default(); SHARDS],
        }
    }
}

/// The index of the shard that an account is in.
fn shard_of(user: UserId) -> usize {
    // The maps use the low and the highest bits of a hash of their own seed.
    (HASHER.hash_one(user) >> 32) as usize % SHARDS
}

impl Accounts {
    pub(crate) fn get(&self, user: UserId) -> Option<&SharedAccount> {
        self.shards[shard_of(user)].get(&user)
    }

    pub(super) fn get_mut(&mut self, user: UserId) -> Option<&mut SharedAccount> {
        Arc::make_mut(&mut self.shards[shard_of(user)]).get_mut(&user)
    }

    /// An account, to be changed if it exists and `needs_change`.
    pub(crate) fn change_if(
        &mut self,
        user: UserId,
        needs_change: impl FnOnce(&Account) -> bool,
    ) -> Option<&mut Account> {
        let account = self.get(user)?;
        match needs_change(account) {
            true => self.get_mut(user).map(Arc::make_mut),
            false => None,
        }
    }

    /// Gives these accounts the sequences that they have when they replace the accounts of `before`.
    pub(crate) fn advance_sequences(&mut self, users: &[UserId], before: &Self) {
        let nothing = Account::default();
        for user in users {
            let was = before.get(*user).map_or(&nothing, |was| &**was);
            let Some(account) = self.get(*user) else {
                continue;
            };
            let sequences = account.sequences_after(was);
            if let Some(account) = self.change_if(*user, |is| is.sequences != sequences) {
                account.sequences = sequences;
            }
        }
    }

    pub(crate) fn insert(&mut self, user: UserId, account: SharedAccount) {
        Arc::make_mut(&mut self.shards[shard_of(user)]).insert(user, account);
    }

    /// Whether the account was there.
    pub(super) fn remove(&mut self, user: UserId) -> bool {
        let shard = &mut self.shards[shard_of(user)];
        shard.contains_key(&user) && Arc::make_mut(shard).remove(&user).is_some()
    }

    /// `None` when From_Account is not imported.
    pub(super) fn pair(&self, from_id: UserId, to_id: UserId) -> Option<Pair<&SharedAccount>> {
        let from = self.get(from_id)?;
        let to = self.get(to_id).filter(|_| from_id != to_id);
        Some(Pair {
            from_id,
            to_id,
            from,
            to,
        })
    }

    /// The same, to be changed.
    // Inlined, because to move a pair takes longer than to find it.
    #[inline(always)]
    pub(super) fn pair_mut(
        &mut self,
        from_id: UserId,
        to_id: UserId,
    ) -> Option<Pair<&mut SharedAccount>> {
        let (from_shard, to_shard) = (shard_of(from_id), shard_of(to_id));
        let (from, to) = if from_id == to_id {
            (self.get_mut(from_id)?, None)
        } else if from_shard == to_shard {
            let shard = Arc::make_mut(&mut self.shards[from_shard]);
            let [from, to] = shard.get_disjoint_mut([&from_id, &to_id]);
            (from?, to)
        } else {
            let shards = self.shards.get_disjoint_mut([from_shard, to_shard]);
            let [from_shard, to_shard] = shards.expect("two shards");
            let to = Arc::make_mut(to_shard).get_mut(&to_id);
            (Arc::make_mut(from_shard).get_mut(&from_id)?, to)
        };
        Some(Pair {
            from_id,
            to_id,
            from,
            to,
        })
    }

    /// Removes deleted accounts from the lists of a shard's accounts.
    pub(super) fn forget(&mut self, shard: usize, gone: &[UserId]) {
        let shard = &mut self.shards[shard];
        let named = |account: &Account| {
            let named = gone.iter().filter(|user| account.names(**user));
            named.copied().collect::<Vec<_>>()
        };
        if !shard.values().any(|account| !named(account).is_empty()) {
            return;
        }
        for account in Arc::make_mut(shard).values_mut() {
            for user in named(account) {
                Arc::make_mut(account).forget(user);
            }
        }
    }

    /// Whether no account was created, changed or deleted between these two copies of a store's accounts.
    /// Shards and accounts are compared by their addresses, so it takes little time.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.len() == other.len() && self.changed_from(other).next().is_none()
    }

    /// The number of accounts.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.len()).sum()
    }

    /// The number of one-way friendships.
    pub(crate) fn friendships(&self) -> usize {
        self.iter().map(|(_, account)| account.friends.len()).sum()
    }

    /// All accounts, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (UserId, &SharedAccount)> {
        let accounts = self.shards.iter().flat_map(|shard| shard.iter());
        accounts.map(|(user, account)| (*user, account))
    }

    /// All accounts, in the order of their UserIDs.
    pub(crate) fn sorted(&self) -> Vec<(UserId, &SharedAccount)> {
        let mut accounts: Vec<_> = self.iter().collect();
        accounts.sort_unstable_by_key(|(user, _)| *user);
        accounts
    }

    /// The accounts that differ from those of `other`, or that `other` lacks. Shards and accounts
    /// that both share are passed over without a look at them.
    pub(crate) fn changed_from<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (UserId, &'a SharedAccount)> {
        let shards = self.shards.iter().zip(&other.shards);
        let shards = shards.filter(|(this, other)| !Arc::ptr_eq(this, other));
        let accounts = shards.flat_map(|(this, other)| {
            let is_same = |user: &UserId, account: &SharedAccount| {
                other
                    .get(user)
                    .is_some_and(|other| Arc::ptr_eq(account, other))
            };
            this.iter()
                .filter(move |(user, account)| !is_same(user, account))
        });
        accounts.map(|(user, account)| (*user, account))
    }
}

impl FromIterator<(UserId, SharedAccount)> for Accounts {
    fn from_iter<I: IntoIterator<Item = (UserId, SharedAccount)>>(accounts: I) -> Self {
        let mut all = Self::default();
        for (user, account) in accounts {
            all.insert(user, account);
        }
        all
    }
}
