//! The store in this process: a map finds an account, a lock enters it.

use super::account::{
    Account, BlocklistPage, FriendView, FriendsPage, Group, LockedPair, Snapshot,
};
use super::{NoAccount, Rehearsed, Verdict};
use crate::profile::{Profile, ProfileField};
use crate::protocol::code::Code;
use crate::protocol::ids::{UnixTime, UserId};
use crate::sns::decision::Decision;
use crate::sns::model::{AccountSeed, AllowType, DeleteType, Sequences, UnknownAccounts};
use crate::sns::pair::{ItemTarget, PairFacts};
use crate::sns::texts::GroupName;
use dashmap::DashMap;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

/// A guard of the map is never held while the map is touched again, nor while an account is
/// locked: DashMap's own documents warn that it may deadlock. LockedPair accounts are locked in the order
/// of their UserIDs. Locks are std's: nothing here awaits, and every section is short.
#[derive(Debug)]
pub(crate) struct MemoryStore {
    by_id: DashMap<UserId, Arc<Mutex<Account>>, RandomState>,
    unknown: UnknownAccounts,
    default_allow_type: AllowType,
    /// Held shared by every call, and alone by whoever looks at all accounts at once.
    gate: RwLock<()>,
}

/// The accounts, while nobody else is at them.
#[derive(Debug)]
pub(crate) struct Editor<'a>(&'a MemoryStore);

impl Editor<'_> {
    /// An account as it is.
    pub(crate) fn get(&self, user: UserId) -> Option<Snapshot> {
        let account = self.0.find(user)?;
        let snapshot = lock(&account).snapshot();
        Some(snapshot)
    }

    /// Makes an account what the snapshot says.
    pub(crate) fn put(&mut self, user: UserId, snapshot: Snapshot) {
        let account = Arc::new(Mutex::new(Account::of(snapshot)));
        self.0.by_id.insert(user, account);
    }

    /// Leaves no account.
    pub(crate) fn clear(&mut self) {
        self.0.by_id.clear();
    }

    /// A new account, of which nothing is said.
    pub(crate) fn new_account(&self) -> Snapshot {
        self.0.new_account().snapshot()
    }

    /// Who is there, in the order of their UserIDs.
    pub(crate) fn users(&self) -> Vec<UserId> {
        let mut users: Vec<_> = self.0.by_id.iter().map(|entry| *entry.key()).collect();
        users.sort_unstable();
        users
    }
}

impl MemoryStore {
    pub(super) fn new(unknown: UnknownAccounts, default_allow_type: AllowType) -> Self {
        Self {
            by_id: DashMap::default(),
            unknown,
            default_allow_type,
            gate: RwLock::default(),
        }
    }

    pub(super) fn edit<T>(&self, work: impl FnOnce(&mut Editor<'_>) -> T) -> T {
        let _alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        work(&mut Editor(self))
    }

    pub(super) fn relations(&self) -> usize {
        let accounts = self.all();
        accounts
            .iter()
            .map(|account| lock(account).relations())
            .sum()
    }

    /// A call's turn: it lasts to the call's end, and nobody looks at all accounts during it. A
    /// method that has one calls no other that takes one.
    fn turn(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn put_account(&self, user: UserId, seed: &AccountSeed, now: UnixTime) {
        let _turn = self.turn();
        lock(&self.find_or_make(user)).set(seed, now);
    }

    pub(super) fn import_account(&self, user: UserId, fields: Vec<ProfileField>) {
        let _turn = self.turn();
        let account = self.find_or_make(user);
        let mut account = lock(&account);
        fields
            .into_iter()
            .for_each(|field| account.profile.set(field));
    }

    pub(super) fn delete_accounts(&self, users: &[UserId]) -> Vec<bool> {
        let _turn = self.turn();
        let delete = |user: &UserId| {
            let removed = self.by_id.remove(user);
            removed
                .map(|(_, account)| lock(&account).delete())
                .is_some()
        };
        let deleted: Vec<bool> = users.iter().map(delete).collect();
        // From here on nobody's list can gain one of them. Nobody knows who has them.
        let gone = users.iter().zip(&deleted).filter(|(_, deleted)| **deleted);
        let gone: Vec<UserId> = gone.map(|(user, _)| *user).collect();
        if !gone.is_empty() {
            for account in self.all() {
                lock(&account).forget(&gone);
            }
        }
        deleted
    }

    pub(super) fn set_profile(
        &self,
        user: UserId,
        fields: Vec<ProfileField>,
    ) -> Result<(), NoAccount> {
        self.enter(user, |account| {
            fields
                .into_iter()
                .for_each(|field| account.profile.set(field));
        })
    }

    pub(super) fn profile(&self, user: UserId) -> Result<Profile, NoAccount> {
        self.enter(user, |account| account.profile.clone())
    }

    pub(super) fn are_imported(&self, users: &[Option<UserId>]) -> Vec<bool> {
        let _turn = self.turn();
        let is_imported =
            |user: &Option<UserId>| user.is_some_and(|user| self.by_id.contains_key(&user));
        users.iter().map(is_imported).collect()
    }

    pub(super) fn knows(&self, user: UserId) -> bool {
        let _turn = self.turn();
        self.unknown == UnknownAccounts::Create || self.by_id.contains_key(&user)
    }

    pub(super) fn snapshot(&self, user: UserId) -> Option<Snapshot> {
        let _turn = self.turn();
        let account = self.find(user)?;
        let snapshot = lock(&account).snapshot();
        Some(snapshot)
    }

    pub(super) fn friends_page(
        &self,
        user: UserId,
        start: usize,
        count: usize,
    ) -> Result<FriendsPage, NoAccount> {
        self.enter(user, |account| account.friends_page(start, count))
    }

    pub(super) fn blocklist_page(
        &self,
        user: UserId,
        start: usize,
        count: usize,
    ) -> Result<BlocklistPage, NoAccount> {
        self.enter(user, |account| account.blocklist_page(start, count))
    }

    pub(super) fn friends_each(
        &self,
        from: UserId,
        tos: &[Result<UserId, Code>],
    ) -> Result<Vec<Result<FriendView, Code>>, NoAccount> {
        self.look_at_each(from, tos, |to, two| FriendView {
            pair: two.facts(from, to, &[]),
            friend: two.from.friend(to).cloned(),
            profile: two
                .to
                .map_or_else(Profile::default, |to| to.profile.clone()),
        })
    }

    pub(super) fn groups(
        &self,
        user: UserId,
        names: &[GroupName],
    ) -> Result<(Vec<Group>, Sequences), NoAccount> {
        self.enter(user, |account| (account.groups(names), account.sequences()))
    }

    pub(super) fn sequences(&self, user: UserId) -> Result<Sequences, NoAccount> {
        self.enter(user, |account| account.sequences())
    }

    pub(super) fn clear_friends(
        &self,
        from: UserId,
        delete_type: DeleteType,
    ) -> Result<Vec<(UserId, UserId)>, NoAccount> {
        let _turn = self.turn();
        let asker = self.named(from).ok_or(NoAccount)?;
        let mut lost = Vec::new();
        // Not in the loop's head, where the lock would be held to its end.
        let friends = lock(&asker).clear_friends();
        for to in friends {
            lost.push((from, to));
            if delete_type == DeleteType::Both {
                let asked = self.find(to);
                let reached_to = lock_pair((from, &asker), (to, asked.as_deref()), |mut two| {
                    two.unfriend_to(from, to)
                });
                lost.extend(reached_to.then_some((to, from)));
            }
        }
        Ok(lost)
    }

    pub(super) fn facts_each(
        &self,
        from: UserId,
        tos: &[Result<UserId, Code>],
    ) -> Result<Vec<Result<PairFacts, Code>>, NoAccount> {
        self.look_at_each(from, tos, |to, two| two.facts(from, to, &[]))
    }

    fn look_at_each<T>(
        &self,
        from: UserId,
        tos: &[Result<UserId, Code>],
        look: impl Fn(UserId, LockedPair<'_>) -> T,
    ) -> Result<Vec<Result<T, Code>>, NoAccount> {
        let _turn = self.turn();
        let asker = self.named(from).ok_or(NoAccount)?;
        let look = |to: UserId| {
            let asked = self.named(to);
            lock_pair((from, &asker), (to, asked.as_deref()), |two| look(to, two))
        };
        Ok(tos.iter().map(|to| to.map(look)).collect())
    }

    pub(super) fn judge_own(
        &self,
        from: UserId,
        groups: &[GroupName],
        rule: impl Fn(&PairFacts) -> Decision,
    ) -> Result<Code, NoAccount> {
        let _turn = self.turn();
        let asker = self.named(from).ok_or(NoAccount)?;
        lock_pair((from, &asker), (from, None), |mut two| {
            if two.from.is_deleted {
                return Err(NoAccount);
            }
            let Decision { code, changes } = rule(&two.facts(from, from, groups));
            two.apply(from, from, changes);
            Ok(code)
        })
    }

    pub(super) fn judge_each<I: ItemTarget>(
        &self,
        from: UserId,
        items: &[Result<I, Code>],
        rule: impl Fn(&PairFacts, &I) -> Decision,
    ) -> Result<Vec<Verdict>, NoAccount> {
        let _turn = self.turn();
        let asker = self.named(from).ok_or(NoAccount)?;
        let judge = |item: &I| {
            let to = item.to();
            let asked = self.named(to);
            lock_pair((from, &asker), (to, asked.as_deref()), |mut two| {
                if two.from.is_deleted {
                    return Verdict::refused(Code::FromAccountNotExist);
                }
                let facts = two.facts(from, to, item.groups());
                let decision = rule(&facts, item);
                let verdict = Verdict::of(&decision);
                two.apply(from, to, decision.changes);
                verdict
            })
        };
        let verdict = |item: &Result<I, Code>| {
            item.as_ref()
                .map_or_else(|code| Verdict::refused(*code), judge)
        };
        Ok(items.iter().map(verdict).collect())
    }

    pub(super) fn rehearse_each<I: ItemTarget>(
        &self,
        from: UserId,
        items: &[Result<I, Code>],
        rule: impl Fn(&PairFacts, &I) -> Decision,
    ) -> Result<Vec<Rehearsed>, NoAccount> {
        let _turn = self.turn();
        let copy = |user: UserId| match self.find(user) {
            Some(account) => Some(lock(&account).clone()),
            None if self.unknown == UnknownAccounts::Create => Some(self.new_account()),
            None => None,
        };
        let mut asker = copy(from).ok_or(NoAccount)?;
        // What earlier items of the batch would have done, later ones see.
        let mut others = HashMap::new();
        let mut judge = |item: &I| {
            let to = item.to();
            let other = others.entry(to).or_insert_with(|| copy(to));
            let mut two = LockedPair {
                from: &mut asker,
                to: other.as_mut().filter(|_| from != to),
            };
            let facts = two.facts(from, to, item.groups());
            let Decision { code, changes } = rule(&facts, item);
            two.apply(from, to, changes);
            (facts, code)
        };
        let judged = |item: &Result<I, Code>| item.as_ref().map(&mut judge).map_err(|code| *code);
        Ok(items.iter().map(judged).collect())
    }

    /// Lends one account.
    fn enter<T>(&self, user: UserId, work: impl FnOnce(&mut Account) -> T) -> Result<T, NoAccount> {
        let _turn = self.turn();
        let account = self.named(user).ok_or(NoAccount)?;
        let mut account = lock(&account);
        if account.is_deleted {
            return Err(NoAccount);
        }
        Ok(work(&mut account))
    }

    fn find(&self, user: UserId) -> Option<Arc<Mutex<Account>>> {
        self.by_id.get(&user).map(|account| Arc::clone(&account))
    }

    fn find_or_make(&self, user: UserId) -> Arc<Mutex<Account>> {
        let new = || Arc::new(Mutex::new(self.new_account()));
        Arc::clone(&self.by_id.entry(user).or_insert_with(new))
    }

    fn new_account(&self) -> Account {
        let mut account = Account::default();
        account.profile.allow_type = self.default_allow_type;
        account
    }

    fn all(&self) -> Vec<Arc<Mutex<Account>>> {
        let accounts = self.by_id.iter();
        accounts.map(|account| Arc::clone(&account)).collect()
    }

    /// An account that a call names.
    fn named(&self, user: UserId) -> Option<Arc<Mutex<Account>>> {
        self.find(user).or_else(|| match self.unknown {
            UnknownAccounts::Refuse => None,
            UnknownAccounts::Create => Some(self.find_or_make(user)),
        })
    }
}

/// Locks the accounts in UserID order and lends them. An account has no second side to itself, and
/// one that was deleted while the call was under way is none.
fn lock_pair<T>(
    (from, asker): (UserId, &Mutex<Account>),
    (to, asked): (UserId, Option<&Mutex<Account>>),
    work: impl FnOnce(LockedPair<'_>) -> T,
) -> T {
    match asked.filter(|_| from != to) {
        None => work(LockedPair {
            from: &mut lock(asker),
            to: None,
        }),
        Some(asked) if from < to => {
            let (mut first, mut second) = (lock(asker), lock(asked));
            work(LockedPair::new(&mut first, &mut second))
        }
        Some(asked) => {
            let (mut first, mut second) = (lock(asked), lock(asker));
            work(LockedPair::new(&mut second, &mut first))
        }
    }
}

/// A panic elsewhere does not make an account unusable: changes are applied whole or, when a rule
/// panics, not at all.
fn lock(account: &Mutex<Account>) -> MutexGuard<'_, Account> {
    account.lock().unwrap_or_else(PoisonError::into_inner)
}
