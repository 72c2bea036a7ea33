//! A list with one entry for each UserID, in the order in which they came.
//!
//! An account of a few friends is a short `Vec`; one of thousands has a hash index beside it, of
//! four bytes and a tag for each entry. So ten million relations fit in memory, a look-up costs the
//! same at any length, and a page of the list is a slice.

use crate::protocol::ids::UserId;
use crate::sns::model::{Blocked, Friend, PendingRequest};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::sync::LazyLock;

/// Up to this many entries, looking at each is as fast as hashing.
const UNINDEXED: usize = 8;

/// The first allocation, in entries.
const FIRST_CAPACITY: usize = 4;

/// Seeded once for each process, so that nobody can choose UserIDs that collide.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// An entry of a [`PeerList`].
pub(crate) trait Peer {
    /// The account that the entry is about.
    fn peer(&self) -> UserId;
}

impl Peer for Blocked {
    fn peer(&self) -> UserId {
        self.to
    }
}

impl Peer for Friend {
    fn peer(&self) -> UserId {
        self.to
    }
}

impl Peer for PendingRequest {
    fn peer(&self) -> UserId {
        self.with
    }
}

/// See the head of this file.
#[derive(Clone, Debug)]
pub(crate) struct PeerList<E> {
    entries: Vec<E>,
    /// Each entry's place in `entries`; empty as long as the list is short.
    index: HashTable<u32>,
}

impl<E> Default for PeerList<E> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            index: HashTable::new(),
        }
    }
}

impl<E: Peer> PeerList<E> {
    /// A list of these, in their order.
    pub(crate) fn of(entries: Vec<E>) -> Self {
        let mut list = Self::default();
        entries.into_iter().for_each(|entry| list.insert(entry));
        list
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.entries.len()).expect("the ceilings keep lists below 2^32 entries")
    }

    /// The entries, the oldest first.
    pub(crate) fn entries(&self) -> &[E] {
        &self.entries
    }

    /// Whether there is an entry about `peer`.
    pub(crate) fn contains(&self, peer: UserId) -> bool {
        self.find(peer).is_some()
    }

    /// The entries, to be changed in all but whom they are about.
    pub(crate) fn entries_mut(&mut self) -> &mut [E] {
        &mut self.entries
    }

    /// The entry about `peer`.
    pub(crate) fn get(&self, peer: UserId) -> Option<&E> {
        self.find(peer).map(|place| &self.entries[place])
    }

    /// The entry about `peer`, to be changed in all but that.
    pub(crate) fn get_mut(&mut self, peer: UserId) -> Option<&mut E> {
        self.find(peer).map(|place| &mut self.entries[place])
    }

    /// Adds an entry at the end, or replaces the one about the same account where it is.
    pub(crate) fn insert(&mut self, entry: E) {
        match self.find(entry.peer()) {
            Some(place) => self.entries[place] = entry,
            None => self.push(entry),
        }
    }

    /// Adds an entry about an account that the list has none about.
    pub(crate) fn push(&mut self, entry: E) {
        debug_assert!(!self.contains(entry.peer()), "the list has it already");
        if self.entries.len() == self.entries.capacity() {
            // By half, not by double: the ceiling on memory counts the spare room too.
            self.entries
                .reserve_exact((self.entries.len() / 2).max(FIRST_CAPACITY));
        }
        self.entries.push(entry);
        let count = self.entries.len();
        if count > UNINDEXED || !self.index.is_empty() {
            let first = if self.index.is_empty() { 0 } else { count - 1 };
            for place in first..count {
                self.index_place(place);
            }
        }
    }

    /// Takes out the entry about `peer`; those behind it move up.
    pub(crate) fn remove(&mut self, peer: UserId) -> Option<E> {
        let place = self.find(peer)?;
        let removed = as_index(place);
        if let Ok(entry) = self.index.find_entry(hash(peer), |other| *other == removed) {
            entry.remove();
        }
        for later in self.index.iter_mut().filter(|other| **other > removed) {
            *later -= 1;
        }
        Some(self.entries.remove(place))
    }

    fn find(&self, peer: UserId) -> Option<usize> {
        if self.index.is_empty() {
            return self.entries.iter().position(|entry| entry.peer() == peer);
        }
        let entries = &self.entries;
        let place = self
            .index
            .find(hash(peer), |place| entries[*place as usize].peer() == peer);
        place.map(|place| *place as usize)
    }

    fn index_place(&mut self, place: usize) {
        let entries = &self.entries;
        let hash_at = |place: &u32| hash(entries[*place as usize].peer());
        self.index
            .insert_unique(hash(entries[place].peer()), as_index(place), hash_at);
    }
}

fn as_index(place: usize) -> u32 {
    u32::try_from(place).expect("the ceilings keep lists below 2^32 entries")
}

fn hash(peer: UserId) -> u64 {
    HASHER.hash_one(peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Peer for UserId {
        fn peer(&self) -> UserId {
            *self
        }
    }

    fn user(number: u32) -> UserId {
        UserId::parse(&format!("user{number}")).expect("a legal UserID")
    }

    proptest! {
        /// Against a plain `Vec`: long enough to pass the threshold of the index both ways.
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
                prop_assert_eq!(list.entries(), &plain);
                prop_assert_eq!(list.len() as usize, plain.len());
                for number in 0..40 {
                    prop_assert_eq!(list.contains(user(number)), plain.contains(&user(number)));
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
        assert_eq!(list.entries()[50], friend(50, 2));
    }
}
