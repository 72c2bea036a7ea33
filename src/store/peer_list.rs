//! A list with at most one entry for each UserID, in the order in which they were added.
//!
//! A short list is a plain `Vec`. A longer list also has a hash index of about five bytes for each
//! entry, so that a look-up costs the same at any length. (`indexmap` would keep a hash beside each
//! entry, and indexes of eight bytes: twelve bytes more for each of perhaps ten million relations.)

use crate::protocol::ids::UserId;
use crate::sns::model::{Blocked, Friend, PendingRequest};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::ops::Deref;
use std::sync::LazyLock;

/// Up to this many entries, comparing each is as fast as hashing.
const MAX_UNINDEXED: usize = 8;

/// The first allocation, in entries.
const FIRST_CAPACITY: usize = 4;

/// Seeded at random once for each process, so that clients cannot choose UserIDs that collide.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// An entry of a [`PeerList`].
pub trait PeerEntry {
    /// The account that the entry is about.
    fn peer(&self) -> UserId;
}

impl PeerEntry for Blocked {
    fn peer(&self) -> UserId {
        self.to
    }
}

impl PeerEntry for Friend {
    fn peer(&self) -> UserId {
        self.to
    }
}

impl PeerEntry for PendingRequest {
    fn peer(&self) -> UserId {
        self.with
    }
}

/// A list that dereferences to a slice of its entries, the oldest first. Most accounts use only the
/// friend list, so a list that never had an entry takes one word and no allocation.
#[derive(Clone, Debug)]
pub struct PeerList<E>(Option<Box<List<E>>>);

#[derive(Clone, Debug)]
struct List<E> {
    entries: Vec<E>,
    /// Each entry's index in `entries`; empty while the list is short.
    index: HashTable<u32>,
}

impl<E> Default for PeerList<E> {
    fn default() -> Self {
        Self(None)
    }
}

impl<E> Deref for PeerList<E> {
    type Target = [E];

    fn deref(&self) -> &[E] {
        self.0.as_ref().map_or(&[], |list| &list.entries)
    }
}

impl<E: PartialEq> PartialEq for PeerList<E> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<E: Eq> Eq for PeerList<E> {}

/// If several entries are about one account, the last one is kept, at the position of the first.
impl<E: PeerEntry> FromIterator<E> for PeerList<E> {
    fn from_iter<I: IntoIterator<Item = E>>(entries: I) -> Self {
        let mut list = Self::default();
        entries.into_iter().for_each(|entry| list.insert(entry));
        list
    }
}

impl<E: PeerEntry> PeerList<E> {
    /// The length as `u32`, the type of the limits.
    pub fn count(&self) -> u32 {
        as_index(self.len())
    }

    /// Whether there is an entry about `peer`.
    pub fn has(&self, peer: UserId) -> bool {
        self.find(peer).is_some()
    }

    /// The entry about `peer`.
    pub fn entry(&self, peer: UserId) -> Option<&E> {
        self.find(peer).map(|place| &self[place])
    }

    /// The entry about `peer`. The caller must not change which account it is about.
    pub(super) fn entry_mut(&mut self, peer: UserId) -> Option<&mut E> {
        let place = self.find(peer)?;
        self.entries_mut().get_mut(place)
    }

    /// The entries. The caller must not change which accounts they are about.
    pub(super) fn entries_mut(&mut self) -> &mut [E] {
        self.0.as_mut().map_or(&mut [], |list| &mut list.entries)
    }

    /// Adds an entry at the end, or replaces the one about the same account in place.
    pub fn insert(&mut self, entry: E) {
        match self.entry_mut(entry.peer()) {
            Some(old) => *old = entry,
            None => self.push(entry),
        }
    }

    /// Adds an entry about an account that has none in the list.
    pub(super) fn push(&mut self, entry: E) {
        debug_assert!(
            !self.has(entry.peer()),
            "the list already has an entry about this account"
        );
        let List { entries, index } = &mut **self.0.get_or_insert_with(Box::default);
        if entries.len() == entries.capacity() {
            // By half instead of by double, which wastes less memory.
            entries.reserve_exact((entries.len() / 2).max(FIRST_CAPACITY));
        }
        entries.push(entry);
        if entries.len() > MAX_UNINDEXED {
            let first = if index.is_empty() {
                0
            } else {
                entries.len() - 1
            };
            let hash_at = |place: &u32| hash(entries[*place as usize].peer());
            for place in (first..entries.len()).map(as_index) {
                index.insert_unique(hash_at(&place), place, hash_at);
            }
        }
    }

    /// Removes the entry about `peer`; later entries move up. O(n) in the length of the list.
    pub fn remove(&mut self, peer: UserId) -> Option<E> {
        let place = self.find(peer)?;
        let List { entries, index } = &mut **self.0.as_mut()?;
        if entries.len() > MAX_UNINDEXED + 1 {
            let removed = as_index(place);
            index.retain(|other| *other != removed);
            index
                .iter_mut()
                .for_each(|other| *other -= u32::from(*other > removed));
        } else {
            index.clear();
        }
        Some(entries.remove(place))
    }

    fn find(&self, peer: UserId) -> Option<usize> {
        let List { entries, index } = &**self.0.as_ref()?;
        if index.is_empty() {
            return entries.iter().position(|entry| entry.peer() == peer);
        }
        let is_it = |place: &u32| entries[*place as usize].peer() == peer;
        let place = index.find(hash(peer), is_it)?;
        Some(*place as usize)
    }
}

impl<E> Default for List<E> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            index: HashTable::new(),
        }
    }
}

fn as_index(place: usize) -> u32 {
    u32::try_from(place).expect("the configured limits keep lists below 2^32 entries")
}

fn hash(peer: UserId) -> u64 {
    HASHER.hash_one(peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl PeerEntry for UserId {
        fn peer(&self) -> UserId {
            *self
        }
    }

    fn user(number: u32) -> UserId {
        UserId::parse(&format!("user{number}")).expect("a legal UserID")
    }

    proptest! {
        /// Compared with a plain `Vec`. 40 accounts cross the index's threshold in both directions.
        #[test]
        fn it_does_what_a_plain_list_would(steps in prop::collection::vec((any::<bool>(), 0_u32..40), 0..200)) {
            let mut list = PeerList::default();
            let mut plain: Vec<UserId> = Vec::new();
            for (insert, number) in steps {
                let peer = user(number);
                let place = plain.iter().position(|other| *other == peer);
                if insert {
                    list.insert(peer);
                    if place.is_none() {
                        plain.push(peer);
                    }
                } else {
                    prop_assert_eq!(list.remove(peer), place.map(|place| plain.remove(place)));
                }
                prop_assert_eq!(&list[..], &plain);
                prop_assert_eq!(list.count() as usize, plain.len());
                for number in 0..40 {
                    prop_assert_eq!(list.has(user(number)), plain.contains(&user(number)));
                }
            }
        }
    }

    #[test]
    fn an_entry_is_replaced_where_it_is() {
        let friend = |number, time| Friend {
            to: user(number),
            add_time: crate::protocol::ids::UnixTime(time),
            add_source: None,
            details: None,
        };
        let mut list = PeerList::default();
        for number in 0..100 {
            list.insert(friend(number, 1));
        }

        list.insert(friend(50, 2));

        assert_eq!(list.len(), 100);
        assert_eq!(list[50], friend(50, 2));
    }
}
