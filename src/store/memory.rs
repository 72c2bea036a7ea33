//! The store in this process.
//!
//! The accounts are spread over shards with a lock each. A step locks the shards of its two
//! accounts, the one with the lower index first. Locks are std's: no lock is held across an await
//! point, and every step is short.
//!
//! `accounts` copies the pointers to the shards. Until that copy is dropped, a writer copies a shard
//! before it changes it, and an account likewise, so nobody waits for a reader of the copy.
//! (`dashmap` has no consistent copy of all shards, and must not be locked twice.)

use super::account::{Account, BlocklistPage, FriendsPage, Group};
use super::accounts::{Accounts, Shard, shard_of};
use super::locked_pair::LockedPair;
use super::{Edit, FriendView, Judged, OwnVerdict, StoreError, Verdict};
use crate::profile::{Profile, ProfileField};
use crate::protocol::code::Code;
use crate::protocol::ids::UserId;
use crate::sns::decision::Decision;
use crate::sns::model::{AllowType, Sequences, UnknownAccounts};
use crate::sns::pair::{ItemTarget, PairFacts};
use crate::sns::texts::GroupName;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::RwLock;

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
    pub(super) fn new(
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

    /// All shards are locked only while their pointers are copied.
    pub(super) fn accounts(&self) -> Accounts {
        let shards = self.lock_all();
        Accounts {
            shards: shards.iter().map(|shard| Shard::clone(shard)).collect(),
        }
    }

    pub(super) async fn replace(&self, accounts: Accounts) {
        let _creates = self.deletion.read().await;
        let mut replaced = accounts.shards;
        for (shard, new) in self.lock_all().iter_mut().zip(&mut replaced) {
            std::mem::swap(&mut **shard, new);
        }
    }

    pub(super) async fn update(&self, edits: &[Edit], needs: &[UserId]) -> Result<(), StoreError> {
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

    pub(super) async fn import_account(&self, user: UserId, fields: Vec<ProfileField>) {
        let _creates = self.deletion.read().await;
        let mut shard = self.lock(shard_of(user));
        let account = Arc::make_mut(&mut shard).entry(user);
        set_fields(account.or_insert_with(|| self.new_account()), fields);
    }

    pub(super) async fn delete_accounts(&self, users: &[UserId]) -> Vec<bool> {
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
        deleted
    }

    pub(super) async fn set_profile(
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

    pub(super) fn are_imported(&self, users: &[Option<UserId>]) -> Vec<bool> {
        let shards = self.lock_all();
        let is_imported = |user: &Option<UserId>| {
            user.is_some_and(|user| shards[shard_of(user)].contains_key(&user))
        };
        users.iter().map(is_imported).collect()
    }

    pub(super) fn knows(&self, user: UserId) -> bool {
        self.unknown == UnknownAccounts::Create || self.find(user).is_some()
    }

    pub(super) fn find(&self, user: UserId) -> Option<Arc<Account>> {
        self.lock(shard_of(user)).get(&user).cloned()
    }

    pub(super) async fn profile(&self, user: UserId) -> Result<Profile, StoreError> {
        Ok(self.named(user).await?.profile.clone())
    }

    pub(super) async fn friends_page(
        &self,
        user: UserId,
        start: usize,
        count: usize,
    ) -> Result<FriendsPage, StoreError> {
        Ok(self.named(user).await?.friends_page(start, count))
    }

    pub(super) async fn blocklist_page(
        &self,
        user: UserId,
        start: usize,
        count: usize,
    ) -> Result<BlocklistPage, StoreError> {
        Ok(self.named(user).await?.blocklist_page(start, count))
    }

    pub(super) async fn groups(
        &self,
        user: UserId,
        names: &[GroupName],
    ) -> Result<(Vec<Group>, Sequences), StoreError> {
        let account = self.named(user).await?;
        Ok((account.groups(names), account.sequences))
    }

    pub(super) async fn friends_each(
        &self,
        from: UserId,
        tos: &[Result<UserId, Code>],
    ) -> Result<Vec<Result<FriendView, Code>>, StoreError> {
        let view = |pair: &LockedPair<'_>, facts, to: &UserId| FriendView {
            facts,
            friend: pair
                .from()
                .and_then(|from| from.friends.entry(*to))
                .cloned(),
            profile: pair.to().map(|to| to.profile.clone()).unwrap_or_default(),
        };
        self.look_at_each(from, tos, view).await
    }

    pub(super) async fn facts_each<I: ItemTarget>(
        &self,
        from: UserId,
        items: &[Result<I, Code>],
    ) -> Result<Vec<Result<PairFacts, Code>>, StoreError> {
        self.look_at_each(from, items, |_, facts, _| facts).await
    }

    async fn look_at_each<I: ItemTarget, T>(
        &self,
        from: UserId,
        items: &[Result<I, Code>],
        look: impl Fn(&LockedPair<'_>, PairFacts, &I) -> T,
    ) -> Result<Vec<Result<T, Code>>, StoreError> {
        self.create_if_asked(targets(from, items)).await;
        self.find(from).ok_or(StoreError::NoAccount)?;
        let look = |item: &Result<I, Code>| {
            let item = item.as_ref().map_err(|code| *code)?;
            let pair = self.lock_pair(from, item.to());
            let facts = pair.facts(item.groups());
            let facts = facts.ok_or(Code::FromAccountNotExist)?;
            Ok(look(&pair, facts, item))
        };
        Ok(items.iter().map(look).collect())
    }

    pub(super) async fn judge_own(
        &self,
        from: UserId,
        groups: &[GroupName],
        rule: impl Fn(&PairFacts) -> Decision,
    ) -> Result<OwnVerdict, StoreError> {
        self.create_if_asked([from]).await;
        let mut pair = self.lock_pair(from, from);
        let facts = pair.facts(groups).ok_or(StoreError::NoAccount)?;
        let Decision { code, changes } = rule(&facts);
        Ok(OwnVerdict {
            code,
            unfriended: pair.apply(changes),
            sequences: pair.from().map(|from| from.sequences).unwrap_or_default(),
        })
    }

    pub(super) async fn judge_each<I: ItemTarget>(
        &self,
        from: UserId,
        items: &[Result<I, Code>],
        rule: impl Fn(&PairFacts, &I) -> Decision,
    ) -> Result<Judged, StoreError> {
        self.create_if_asked(targets(from, items)).await;
        let mut sequences = self.sequences(from).ok_or(StoreError::NoAccount)?;
        let mut judge = |item: &I| {
            let mut pair = self.lock_pair(from, item.to());
            let Some(facts) = pair.facts(item.groups()) else {
                // It was deleted after the step before.
                return Verdict::refused(Code::FromAccountNotExist);
            };
            let decision = rule(&facts, item);
            let verdict = Verdict::of(&decision);
            pair.apply(decision.changes);
            sequences = pair.from().map_or(sequences, |from| from.sequences);
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

    /// An account that a call names, which is created first where the configuration says so.
    async fn named(&self, user: UserId) -> Result<Arc<Account>, StoreError> {
        self.create_if_asked([user]).await;
        self.find(user).ok_or(StoreError::NoAccount)
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

    fn new_account(&self) -> Arc<Account> {
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

fn set_fields(account: &mut Arc<Account>, fields: Vec<ProfileField>) {
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
