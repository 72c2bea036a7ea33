//! The store in this process: a map finds an account, a lock enters it.

use super::StoreError;
use super::account::{Account, Snapshot, Two};
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::sns::decision::Decision;
use crate::sns::model::AccountSeed;
use crate::sns::model::{AllowType, UnknownAccounts};
use crate::sns::pair::{Asks, Pair};
use dashmap::DashMap;
use foldhash::fast::RandomState;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A guard of either map is never held while that map is touched again, nor while an account is
/// locked: DashMap's own documents warn that it may deadlock. Two accounts are locked in the order
/// of their UserIDs. Locks are std's: nothing here awaits, and every section is short.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    apps: DashMap<SdkAppId, Arc<Accounts>, RandomState>,
}

#[derive(Debug)]
struct Accounts {
    by_id: DashMap<UserId, Arc<Mutex<Account>>, RandomState>,
    unknown: UnknownAccounts,
    default_allow_type: AllowType,
}

impl MemoryStore {
    pub(super) fn put_app(
        &self,
        app: SdkAppId,
        unknown: UnknownAccounts,
        default_allow_type: AllowType,
    ) {
        let new = || {
            Arc::new(Accounts {
                by_id: DashMap::default(),
                unknown,
                default_allow_type,
            })
        };
        self.apps.entry(app).or_insert_with(new);
    }

    pub(super) fn put_account(&self, app: SdkAppId, user: UserId, seed: &AccountSeed) {
        if let Some(accounts) = self.accounts(app) {
            lock(&accounts.find_or_make(user)).set(seed);
        }
    }

    pub(super) fn script(&self, app: SdkAppId, from: UserId, to: UserId, code: Option<Code>) {
        if let Some(account) = self.accounts(app).and_then(|accounts| accounts.find(from)) {
            lock(&account).script(to, code);
        }
    }

    pub(super) fn snapshot(&self, app: SdkAppId, user: UserId) -> Option<Snapshot> {
        let account = self.accounts(app)?.find(user)?;
        let snapshot = lock(&account).snapshot();
        Some(snapshot)
    }

    pub(super) fn judge_each<I: Asks>(
        &self,
        app: SdkAppId,
        from: UserId,
        items: &[Result<I, Code>],
        rule: impl Fn(&Pair, &I) -> Decision,
    ) -> Result<Vec<Code>, StoreError> {
        let accounts = self.accounts(app).ok_or(StoreError::NoFromAccount)?;
        let asker = accounts.named(from).ok_or(StoreError::NoFromAccount)?;
        let judge = |item: &I| {
            let to = item.to();
            let asked = accounts.named(to);
            with_both((from, &asker), (to, asked.as_deref()), |mut two| {
                let facts = two.facts(from, to, item.groups());
                let Decision { code, changes } = rule(&facts, item);
                two.apply(from, to, changes);
                code
            })
        };
        Ok(items
            .iter()
            .map(|item| item.as_ref().map_or_else(|code| *code, judge))
            .collect())
    }

    fn accounts(&self, app: SdkAppId) -> Option<Arc<Accounts>> {
        self.apps.get(&app).map(|accounts| Arc::clone(&accounts))
    }
}

impl Accounts {
    fn find(&self, user: UserId) -> Option<Arc<Mutex<Account>>> {
        self.by_id.get(&user).map(|account| Arc::clone(&account))
    }

    fn find_or_make(&self, user: UserId) -> Arc<Mutex<Account>> {
        let new = || {
            let mut account = Account::default();
            account.set(&AccountSeed {
                allow_type: self.default_allow_type,
                ..AccountSeed::default()
            });
            Arc::new(Mutex::new(account))
        };
        Arc::clone(&self.by_id.entry(user).or_insert_with(new))
    }

    /// An account that a call names.
    fn named(&self, user: UserId) -> Option<Arc<Mutex<Account>>> {
        self.find(user).or_else(|| match self.unknown {
            UnknownAccounts::Refuse => None,
            UnknownAccounts::Create => Some(self.find_or_make(user)),
        })
    }
}

/// Locks the accounts in UserID order and lends them. The rules that need no second account get
/// none; an account never has to do with itself, since every item parser refuses that.
fn with_both<T>(
    (from, asker): (UserId, &Mutex<Account>),
    (to, asked): (UserId, Option<&Mutex<Account>>),
    work: impl FnOnce(Two<'_>) -> T,
) -> T {
    match asked.filter(|_| from != to) {
        None => work(Two {
            from: &mut lock(asker),
            to: None,
        }),
        Some(asked) if from < to => {
            let (mut first, mut second) = (lock(asker), lock(asked));
            work(Two {
                from: &mut first,
                to: Some(&mut second),
            })
        }
        Some(asked) => {
            let (mut first, mut second) = (lock(asked), lock(asker));
            work(Two {
                from: &mut second,
                to: Some(&mut first),
            })
        }
    }
}

/// A panic elsewhere does not make an account unusable: changes are applied whole or, when a rule
/// panics, not at all.
fn lock(account: &Mutex<Account>) -> MutexGuard<'_, Account> {
    account.lock().unwrap_or_else(PoisonError::into_inner)
}
