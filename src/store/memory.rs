//! The in-memory store.
//!
//! One lock guards all accounts. A batch releases it after every 32 items, a deletion after every
//! shard, and `accounts` only copies 64 pointers under it. While a reader holds such a copy, a writer
//! first clones the shard and the account that it changes, so that calls do not wait for readers. The
//! lock is std's: it is never held across an await point. (`dashmap` has no consistent
//! copy of all its shards, and two of its entries must not be locked at the same time.)

use super::account::{Account, BlocklistPage, FriendsPage, Group};
use super::accounts::{Accounts, SHARDS};
use super::pair::Pair;
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

/// The number of items that a batch judges before it releases the lock.
const ITEMS_PER_LOCK: usize = 32;

/// The accounts of an app and their relationships, in memory.
#[derive(Debug)]
pub(crate) struct MemoryStore {
    accounts: Mutex<Accounts>,
    unknown: UnknownAccounts,
    default_allow_type: AllowType,
    /// Write-locked while accounts are deleted and removed from the other accounts' lists, and
    /// read-locked while accounts are created, so that a deleted account is created again only after
    /// that.
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
            accounts: Mutex::new(accounts),
            unknown,
            default_allow_type,
            deletion: RwLock::default(),
        }
    }

    /// One account.
    pub(crate) async fn account(&self, user: UserId) -> Result<SharedAccount, StoreError> {
        self.find(user).ok_or(StoreError::NoAccount)
    }

    /// All accounts at one moment.
    pub(crate) async fn accounts(&self) -> Result<Accounts, StoreError> {
        Ok(self.lock().clone())
    }

    /// All accounts at a moment when no deletion is in progress, so that each account that a list names is
    /// among them.
    pub(crate) async fn accounts_without_gaps(&self) -> Result<Accounts, StoreError> {
        let _no_deletion = self.deletion.read().await;
        self.accounts().await
    }

    /// Begins with these accounts instead. Unlike with [`Self::replace`], their sequences stay as they are.
    pub(crate) fn begin_with(&self, accounts: Accounts) {
        let old = std::mem::replace(&mut *self.lock(), accounts);
        // The old accounts are dropped after the lock is released.
        drop(old);
    }

    /// Replaces all accounts in one step. The sequences of the lists that differ move on.
    pub(crate) async fn replace(&self, mut accounts: Accounts) -> Result<(), StoreError> {
        let _no_deletion = self.deletion.read().await;
        let users = |of: &Accounts, other: &Accounts| -> Vec<UserId> {
            of.changed_from(other).map(|(user, _)| user).collect()
        };
        // To compare all accounts takes long. Under the lock, only the accounts are compared that have
        // changed meanwhile.
        let before = self.lock().clone();
        accounts.advance_sequences(&users(&accounts, &before), &before);
        let mut current = self.lock();
        accounts.advance_sequences(&users(&current, &before), &current);
        let old = std::mem::replace(&mut *current, accounts);
        drop(current);
        // The old accounts are dropped after the lock is released.
        drop(old);
        Ok(())
    }

    /// Replaces accounts in one step, provided that the accounts in `needs` are imported. Returns all
    /// accounts after the step.
    ///
    /// # Errors
    /// `Conflict` if an account has changed since it was read, or one of `needs` is not imported; then
    /// nothing is replaced.
    pub(crate) async fn update(
        &self,
        edits: &[Edit],
        needs: &[UserId],
    ) -> Result<Accounts, StoreError> {
        let _no_deletion = self.deletion.read().await;
        let mut accounts = self.lock();
        // A writer copies an account that a caller still holds: the same address is the same content.
        let is_current = |edit: &Edit| {
            accounts.get(edit.user).map(Arc::as_ptr) == edit.before.as_ref().map(Arc::as_ptr)
        };
        let is_imported = |user: &UserId| accounts.get(*user).is_some();
        if !edits.iter().all(is_current) || !needs.iter().all(is_imported) {
            return Err(StoreError::Conflict);
        }
        for Edit { user, after, .. } in edits {
            accounts.insert(*user, Arc::clone(after));
        }
        Ok(accounts.clone())
    }

    /// Imports an account, or sets these fields of its profile if it is imported already.
    pub(crate) async fn import_account(
        &self,
        user: UserId,
        fields: Vec<ProfileField>,
    ) -> Result<(), StoreError> {
        let _no_deletion = self.deletion.read().await;
        let mut accounts = self.lock();
        match accounts.get_mut(user) {
            Some(account) => set_fields(account, fields),
            None => {
                let mut account = self.new_account();
                set_fields(&mut account, fields);
                accounts.insert(user, account);
            }
        }
        Ok(())
    }

    /// Deletes accounts, and removes them from the lists of all others. Returns for each account
    /// whether it was imported.
    pub(crate) async fn delete_accounts(&self, users: &[UserId]) -> Result<Vec<bool>, StoreError> {
        let _exclusive = self.deletion.write().await;
        let delete = |user: &UserId| self.lock().remove(*user);
        let deleted: Vec<bool> = users.iter().map(delete).collect();
        let gone = users.iter().zip(&deleted).filter(|(_, deleted)| **deleted);
        let gone: Vec<UserId> = gone.map(|(user, _)| *user).collect();
        if !gone.is_empty() {
            // The lock is released between the shards.
            for shard in 0..SHARDS {
                self.lock().forget(shard, &gone);
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
        self.create_unknown([user]).await;
        let mut accounts = self.lock();
        set_fields(accounts.get_mut(user).ok_or(StoreError::NoAccount)?, fields);
        Ok(())
    }

    /// Which of these accounts are imported, all at one moment. It creates none.
    pub(crate) async fn are_imported(
        &self,
        users: &[Option<UserId>],
    ) -> Result<Vec<bool>, StoreError> {
        let accounts = self.lock();
        let is_imported =
            |user: &Option<UserId>| user.is_some_and(|user| accounts.get(user).is_some());
        Ok(users.iter().map(is_imported).collect())
    }

    /// Whether a call can name this account: it is imported, or would be created.
    pub(crate) async fn knows(&self, user: UserId) -> Result<bool, StoreError> {
        Ok(self.unknown == UnknownAccounts::Create || self.find(user).is_some())
    }

    /// A copy of a profile.
    pub(crate) async fn profile(&self, user: UserId) -> Result<Profile, StoreError> {
        Ok(self.account_or_create(user).await?.profile.clone())
    }

    /// Up to `count` friends, beginning with the one at index `start`.
    pub(crate) async fn friends_page(
        &self,
        user: UserId,
        start: usize,
        count: usize,
    ) -> Result<FriendsPage, StoreError> {
        Ok(self
            .account_or_create(user)
            .await?
            .friends_page(start, count))
    }

    /// Up to `count` blocked accounts, beginning with the one at index `start`.
    pub(crate) async fn blocklist_page(
        &self,
        user: UserId,
        start: usize,
        count: usize,
    ) -> Result<BlocklistPage, StoreError> {
        Ok(self
            .account_or_create(user)
            .await?
            .blocklist_page(start, count))
    }

    /// The groups with these names, or all groups when no name is given.
    pub(crate) async fn groups(
        &self,
        user: UserId,
        names: &[GroupName],
    ) -> Result<(Vec<Group>, Sequences), StoreError> {
        let account = self.account_or_create(user).await?;
        Ok((account.groups(names), account.sequences))
    }

    /// Each account as `from` sees it; an item that has failed already keeps its code.
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
        self.create_unknown(targets(from, items)).await;
        self.find(from).ok_or(StoreError::NoAccount)?;
        let look = |item: &Result<I, Code>| {
            let item = item.as_ref().map_err(|code| *code)?;
            let accounts = self.lock();
            let pair = accounts.pair(from, item.to());
            Ok(look(&pair.ok_or(Code::FromAccountNotExist)?, item))
        };
        Ok(items.iter().map(look).collect())
    }

    /// Judges a step on `from` alone: in the facts, `from` is both From_Account and To_Account.
    pub(crate) async fn judge_own(
        &self,
        from: UserId,
        groups: &[GroupName],
        rule: impl Fn(&PairFacts) -> Decision,
    ) -> Result<OwnVerdict, StoreError> {
        self.create_unknown([from]).await;
        let mut accounts = self.lock();
        let mut pair = accounts.pair_mut(from, from).ok_or(StoreError::NoAccount)?;
        let Decision { code, changes } = rule(&pair.facts(groups));
        Ok(OwnVerdict {
            code,
            unfriended: pair.apply(changes),
            sequences: pair.from.sequences,
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
        self.create_unknown(targets(from, items)).await;
        let mut sequences = self.account(from).await?.sequences;
        let mut judge = |accounts: &mut Accounts, item: &I| {
            let Some(mut pair) = accounts.pair_mut(from, item.to()) else {
                // From_Account was deleted while the batch had released the lock.
                return Verdict::refused(Code::FromAccountNotExist);
            };
            let decision = rule(&pair.facts(item.groups()), item);
            let verdict = Verdict::of(&decision);
            pair.apply(decision.changes);
            sequences = pair.from.sequences;
            verdict
        };
        let mut verdicts = Vec::with_capacity(items.len());
        for items in items.chunks(ITEMS_PER_LOCK) {
            let mut accounts = self.lock();
            verdicts.extend(items.iter().map(|item| match item {
                Ok(item) => judge(&mut accounts, item),
                Err(code) => Verdict::refused(*code),
            }));
        }
        Ok(Judged {
            verdicts,
            sequences,
        })
    }

    fn find(&self, user: UserId) -> Option<SharedAccount> {
        self.lock().get(user).cloned()
    }

    /// One account. Creates it first with `unknown_accounts = "create"`.
    async fn account_or_create(&self, user: UserId) -> Result<SharedAccount, StoreError> {
        self.create_unknown([user]).await;
        self.account(user).await
    }

    /// With `unknown_accounts = "create"`, creates the accounts that are not imported.
    async fn create_unknown(&self, users: impl IntoIterator<Item = UserId>) {
        if self.unknown == UnknownAccounts::Refuse {
            return;
        }
        let _no_deletion = self.deletion.read().await;
        for user in users {
            let mut accounts = self.lock();
            if accounts.get(user).is_none() {
                accounts.insert(user, self.new_account());
            }
        }
    }

    fn new_account(&self) -> SharedAccount {
        let mut account = Account::default();
        account.profile.allow_type = self.default_allow_type;
        account.into()
    }

    /// Poisoning is ignored: rules run before any change, so a rule that panics changes nothing.
    fn lock(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sns::model::Friend;
    use tokio::runtime::Builder;

    /// While an account is deleted, the lists of the others still name it.
    #[test]
    fn a_copy_without_gaps_has_each_account_that_a_list_names() {
        let user = |name: &str| UserId::parse(name).expect("a legal UserID");
        let gone = user("gone");
        let friend = || Friend {
            to: gone,
            add_time: Default::default(),
            add_source: None,
            details: None,
        };
        let mut fan = Account::default();
        fan.friends.insert(friend());
        let fans = (0..300).map(|number| (user(&format!("u{number}")), fan.clone().into()));
        let all: Accounts = fans.chain([(gone, Account::default().into())]).collect();
        let store = MemoryStore::new(all.clone(), UnknownAccounts::Refuse, AllowType::AllowAny);
        let runtime = || Builder::new_current_thread().build().expect("a runtime");
        let names_gone = |accounts: &Accounts| accounts.friendships() > 0;

        let (mut before, mut after) = (0, 0);
        std::thread::scope(|scope| {
            let deleting = scope.spawn(|| {
                for _ in 0..500 {
                    let deleted = runtime().block_on(store.delete_accounts(&[gone]));
                    assert_eq!(deleted, Ok(vec![true]));
                    std::thread::yield_now();
                    store.begin_with(all.clone());
                }
            });
            while !deleting.is_finished() {
                let copy = runtime().block_on(store.accounts_without_gaps());
                let copy = copy.expect("all accounts");
                let has_gone = copy.get(gone).is_some();
                assert_eq!(names_gone(&copy), has_gone);
                *(if has_gone { &mut before } else { &mut after }) += 1;
            }
        });

        assert!(before > 0 && after > 0, "{before} before, {after} after");
    }
}
