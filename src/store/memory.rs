//! The store in this process.
//!
//! The accounts are spread over shards with a lock each. A step locks the shards of its two
//! accounts, the one with the lower index first. Locks are std's: no lock is held across an await
//! point, and every step is short.
//!
//! `accounts` copies the pointers to the shards. Until that copy is dropped, a writer copies a shard
//! before it changes it, and an account likewise, so calls do not wait for readers of a copy.
//! (`dashmap` has no consistent copy of all shards, and must not be locked twice.)

use super::account::{Account, BlocklistPage, FriendsPage, Group};
use super::accounts::{Accounts, Shard, shard_of};
use super::locked_pair::{LockedPair, Pair};
use super::{Edit, FriendView, Judged, OwnVerdict, SharedAccount, StoreError, Verdict};
use crate::profile::{Profile, ProfileField};
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::sns::decision::Decision;
use crate::sns::model::{AllowType, Sequences, UnknownAccounts};
use crate::sns::pair::{ItemTarget, PairFacts};
use crate::sns::texts::GroupName;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::RwLock;
use triomphe::Arc;

/// The accounts of an app and their relationships, in memory.
#[derive(Debug)]
pub(crate) struct MemoryStore {
    shards: Vec<Mutex<Shard>>,
    unknown: UnknownAccounts,
    default_allow_type: AllowType,
    /// Write-locked while deleted accounts are removed from the other accounts' lists, and read-locked
    /// while accounts are created, so that no account is created anew before it is in no list.
    deletion: RwLock<()>,
}

impl MemoryStore {
    /// A store that begins with these accounts. `default_allow_type` is the AllowType of an account
    /// that is created without one.
    pub(crate) fn new(
        accounts: Accounts,
        unknown: UnknownAccounts,
        default_allow_type: AllowType,
    ) -> Self {
        Self {
            shards: accounts.shards.into_iter().map(Mutex::new).collect(),
            unknown,
            default_allow_type,
            deletion: RwLock::default(),
        }
    }

    /// One account.
    pub(crate) async fn account(&self, user: UserId) -> Result<SharedAccount, StoreError> {
        self.find(user).ok_or(StoreError::NoAccount)
    }

    /// All accounts at one moment. The shards are locked only while their pointers are copied.
    pub(crate) async fn accounts(&self) -> Result<Accounts, StoreError> {
        let shards = self.lock_all();
        let shards = shards.iter().map(|shard| Shard::clone(shard)).collect();
        Ok(Accounts { shards })
    }

    /// Replaces all accounts in one step.
    pub(crate) async fn replace(&self, accounts: Accounts) -> Result<(), StoreError> {
        let _creates = self.deletion.read().await;
        let mut replaced = accounts.shards;
        for (shard, new) in self.lock_all().iter_mut().zip(&mut replaced) {
            std::mem::swap(&mut **shard, new);
        }
        Ok(())
    }

    /// Replaces some accounts in one step, which need other accounts to be imported.
    ///
    /// # Errors
    /// `Conflict` when one of them has changed since it was read, or one of the others is not
    /// imported any more; then nothing is replaced.
    pub(crate) async fn update(&self, edits: &[Edit], needs: &[UserId]) -> Result<(), StoreError> {
        let _creates = self.deletion.read().await;
        let mut shards = self.lock_all();
        let find = |user: UserId| shards[shard_of(user)].get(&user);
        // An account that a caller still holds is never changed in place, so its address tells.
        let is_current =
            |edit: &Edit| find(edit.user).map(Arc::as_ptr) == edit.was.as_ref().map(Arc::as_ptr);
        let is_imported = |user: &UserId| find(*user).is_some();
        if !edits.iter().all(is_current) || !needs.iter().all(is_imported) {
            return Err(StoreError::Conflict);
        }
        for Edit { user, is, .. } in edits {
            Arc::make_mut(&mut shards[shard_of(*user)]).insert(*user, Arc::clone(is));
        }
        Ok(())
    }

    /// Imports an account, or sets these fields of its profile if it is imported already.
    pub(crate) async fn import_account(
        &self,
        user: UserId,
        fields: Vec<ProfileField>,
    ) -> Result<(), StoreError> {
        let _creates = self.deletion.read().await;
        let mut shard = self.lock(shard_of(user));
        let account = Arc::make_mut(&mut shard).entry(user);
        set_fields(account.or_insert_with(|| self.new_account()), fields);
        Ok(())
    }

    /// Deletes accounts, and removes them from the lists of all others. Returns for each account
    /// whether it was imported.
    pub(crate) async fn delete_accounts(&self, users: &[UserId]) -> Result<Vec<bool>, StoreError> {
        let _deletes = self.deletion.write().await;
        let delete = |user: &UserId| {
            let mut shard = self.lock(shard_of(*user));
            shard.contains_key(user) && Arc::make_mut(&mut shard).remove(user).is_some()
        };
        let deleted: Vec<bool> = users.iter().map(delete).collect();
        let gone = users.iter().zip(&deleted).filter(|(_, deleted)| **deleted);
        let gone: Vec<UserId> = gone.map(|(user, _)| *user).collect();
        if !gone.is_empty() {
            for place in 0..self.shards.len() {
                forget(&mut self.lock(place), &gone);
            }
        }
        Ok(deleted)
    }

    /// Sets fields of a profile in one step.
    pub(crate) async fn set_profile(
        &self,
        user: UserId,
        fields: Vec<ProfileField>,
    ) -> Result<(), StoreError> {
        self.create_if_asked([user]).await;
        let mut shard = self.lock(shard_of(user));
        let account = Arc::make_mut(&mut shard).get_mut(&user);
        set_fields(account.ok_or(StoreError::NoAccount)?, fields);
        Ok(())
    }

    /// Which of these accounts are imported, all at one moment. It creates none.
    pub(crate) async fn are_imported(
        &self,
        users: &[Option<UserId>],
    ) -> Result<Vec<bool>, StoreError> {
        let shards = self.lock_all();
        let is_imported = |user: &Option<UserId>| {
            user.is_some_and(|user| shards[shard_of(user)].contains_key(&user))
        };
        Ok(users.iter().map(is_imported).collect())
    }

    /// Whether a call can name this account: it is imported, or would be created.
    pub(crate) async fn knows(&self, user: UserId) -> Result<bool, StoreError> {
        Ok(self.unknown == UnknownAccounts::Create || self.find(user).is_some())
    }

    /// A copy of a profile.
    pub(crate) async fn profile(&self, user: UserId) -> Result<Profile, StoreError> {
        Ok(self.named(user).await?.profile.clone())
    }

    /// Up to `count` friends, beginning with the one at index `start`.
    pub(crate) async fn friends_page(
        &self,
        user: UserId,
        start: usize,
        count: usize,
    ) -> Result<FriendsPage, StoreError> {
        Ok(self.named(user).await?.friends_page(start, count))
    }

    /// Up to `count` blocked accounts, beginning with the one at index `start`.
    pub(crate) async fn blocklist_page(
        &self,
        user: UserId,
        start: usize,
        count: usize,
    ) -> Result<BlocklistPage, StoreError> {
        Ok(self.named(user).await?.blocklist_page(start, count))
    }

    /// The groups with these names, or all groups when no name is given.
    pub(crate) async fn groups(
        &self,
        user: UserId,
        names: &[GroupName],
    ) -> Result<(Vec<Group>, Sequences), StoreError> {
        let account = self.named(user).await?;
        Ok((account.groups(names), account.sequences))
    }

    /// Each account as `from` sees it; an item that is no UserID keeps its code.
    pub(crate) async fn friends_each(
        &self,
        from: UserId,
        tos: &[Result<UserId, Code>],
    ) -> Result<Vec<Result<FriendView, Code>>, StoreError> {
        let view = |pair: &Pair<&SharedAccount>, to: &UserId| FriendView {
            facts: pair.facts(&[]),
            friend: pair.from.friends.entry(*to).cloned(),
            profile: pair.to.map(|to| to.profile.clone()).unwrap_or_default(),
        };
        self.look_at_each(from, tos, view).await
    }

    /// The facts about `from` and each item's account; an item that has failed already keeps its code.
    pub(crate) async fn facts_each<I: ItemTarget>(
        &self,
        from: UserId,
        items: &[Result<I, Code>],
    ) -> Result<Vec<Result<PairFacts, Code>>, StoreError> {
        self.look_at_each(from, items, |pair, item| pair.facts(item.groups()))
            .await
    }

    async fn look_at_each<I: ItemTarget, T>(
        &self,
        from: UserId,
        items: &[Result<I, Code>],
        look: impl Fn(&Pair<&SharedAccount>, &I) -> T,
    ) -> Result<Vec<Result<T, Code>>, StoreError> {
        self.create_if_asked(targets(from, items)).await;
        self.find(from).ok_or(StoreError::NoAccount)?;
        let look = |item: &Result<I, Code>| {
            let item = item.as_ref().map_err(|code| *code)?;
            let pair = self.lock_pair(from, item.to());
            let accounts = pair.accounts().ok_or(Code::FromAccountNotExist)?;
            Ok(look(&accounts, item))
        };
        Ok(items.iter().map(look).collect())
    }

    /// Judges a step on `from` alone; the facts are those about an account and itself.
    pub(crate) async fn judge_own(
        &self,
        from: UserId,
        groups: &[GroupName],
        rule: impl Fn(&PairFacts) -> Decision,
    ) -> Result<OwnVerdict, StoreError> {
        self.create_if_asked([from]).await;
        let mut pair = self.lock_pair(from, from);
        let mut accounts = pair.accounts_mut().ok_or(StoreError::NoAccount)?;
        let Decision { code, changes } = rule(&accounts.facts(groups));
        Ok(OwnVerdict {
            code,
            unfriended: accounts.apply(changes),
            sequences: accounts.from.sequences,
        })
    }

    /// Judges each item in order; an item that has failed already keeps its code.
    ///
    /// `rule` may be run more than once for an item, so it must have no side effects.
    pub(crate) async fn judge_each<I: ItemTarget>(
        &self,
        from: UserId,
        items: &[Result<I, Code>],
        rule: impl Fn(&PairFacts, &I) -> Decision,
    ) -> Result<Judged, StoreError> {
        self.create_if_asked(targets(from, items)).await;
        let mut sequences = self.sequences(from).ok_or(StoreError::NoAccount)?;
        let mut judge = |item: &I| {
            let mut pair = self.lock_pair(from, item.to());
            let Some(mut accounts) = pair.accounts_mut() else {
                // It was deleted after the step before.
                return Verdict::refused(Code::FromAccountNotExist);
            };
            let decision = rule(&accounts.facts(item.groups()), item);
            let verdict = Verdict::of(&decision);
            accounts.apply(decision.changes);
            sequences = accounts.from.sequences;
            verdict
        };
        let verdict = |item: &Result<I, Code>| match item {
            Ok(item) => judge(item),
            Err(code) => Verdict::refused(*code),
        };
        Ok(Judged {
            verdicts: items.iter().map(verdict).collect(),
            sequences,
        })
    }

    fn sequences(&self, user: UserId) -> Option<Sequences> {
        let shard = self.lock(shard_of(user));
        shard.get(&user).map(|account| account.sequences)
    }

    fn lock_pair(&self, from_id: UserId, to_id: UserId) -> LockedPair<'_> {
        let (from_place, to_place) = (shard_of(from_id), shard_of(to_id));
        let (from_shard, to_shard);
        if from_place < to_place {
            from_shard = self.lock(from_place);
            to_shard = Some(self.lock(to_place));
        } else if from_place > to_place {
            to_shard = Some(self.lock(to_place));
            from_shard = self.lock(from_place);
        } else {
            (from_shard, to_shard) = (self.lock(from_place), None);
        }
        LockedPair {
            from_id,
            to_id,
            from_shard,
            to_shard,
        }
    }

    fn find(&self, user: UserId) -> Option<SharedAccount> {
        self.lock(shard_of(user)).get(&user).cloned()
    }

    /// An account that a call names, which is created first where the configuration says so.
    async fn named(&self, user: UserId) -> Result<SharedAccount, StoreError> {
        self.create_if_asked([user]).await;
        self.account(user).await
    }

    /// With `unknown_accounts = "create"`, creates those of the accounts that are not there.
    async fn create_if_asked(&self, users: impl IntoIterator<Item = UserId>) {
        if self.unknown == UnknownAccounts::Refuse {
            return;
        }
        let _creates = self.deletion.read().await;
        for user in users {
            let mut shard = self.lock(shard_of(user));
            if !shard.contains_key(&user) {
                Arc::make_mut(&mut shard).insert(user, self.new_account());
            }
        }
    }

    fn new_account(&self) -> SharedAccount {
        let mut account = Account::default();
        account.profile.allow_type = self.default_allow_type;
        account.into()
    }

    /// A rule that panics leaves its accounts unchanged, so a poisoned lock is as good as another.
    fn lock(&self, place: usize) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[place];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_all(&self) -> Vec<MutexGuard<'_, Shard>> {
        (0..self.shards.len())
            .map(|place| self.lock(place))
            .collect()
    }
}

/// From_Account, and the accounts of the items.
fn targets<I: ItemTarget>(from: UserId, items: &[Result<I, Code>]) -> impl Iterator<Item = UserId> {
    let tos = items.iter().filter_map(|item| item.as_ref().ok());
    std::iter::once(from).chain(tos.map(ItemTarget::to))
}

fn set_fields(account: &mut SharedAccount, fields: Vec<ProfileField>) {
    let profile = &mut Arc::make_mut(account).profile;
    fields.into_iter().for_each(|field| profile.set(field));
}

/// Removes deleted accounts from the lists of a shard's accounts.
fn forget(shard: &mut Shard, gone: &[UserId]) {
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
