//! Named snapshots of an app's accounts, in memory.

use crate::protocol::ids::UserId;
use crate::store::Snapshot;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All accounts at one moment.
pub(crate) type Graph = BTreeMap<UserId, Snapshot>;

/// An app's snapshots, by name.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(Mutex<BTreeMap<String, Arc<Graph>>>);

impl Snapshots {
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Graph>> {
        self.lock().get(name).map(Arc::clone)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// Keeps one, in the place of one of the same name; false when there are `max` already.
    pub(crate) fn put(&self, name: String, graph: Graph, max: usize) -> bool {
        let mut all = self.lock();
        let fits = all.len() < max || all.contains_key(&name);
        if fits {
            all.insert(name, Arc::new(graph));
        }
        fits
    }

    pub(crate) fn remove(&self, name: &str) {
        self.lock().remove(name);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Graph>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
