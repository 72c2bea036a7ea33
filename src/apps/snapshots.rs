//! Named snapshots of an app's accounts, in memory.

use crate::store::Accounts;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An app's snapshots, by name.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(Mutex<BTreeMap<String, Accounts>>);

impl Snapshots {
    pub(crate) fn get(&self, name: &str) -> Option<Accounts> {
        self.lock().get(name).cloned()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// Keeps a snapshot, and replaces one of the same name. False when there are `max` already.
    pub(crate) fn put(&self, name: String, accounts: Accounts, max: usize) -> bool {
        let mut all = self.lock();
        let fits = all.len() < max || all.contains_key(&name);
        if fits {
            all.insert(name, accounts);
        }
        fits
    }

    pub(crate) fn remove(&self, name: &str) -> Option<Accounts> {
        self.lock().remove(name)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Accounts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
