//! A ring buffer of entries, limited by size in bytes.
//!
//! No crate does this: ring buffers are bounded by entries, not by bytes, and broadcast channels
//! keep no history for later readers. In this ring, a reader can start after any id and learns
//! which entries were dropped, and the ids continue when the ring is emptied.

use schemars::JsonSchema;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// A page ends with the entry that reaches this size, in bytes. The ring is locked while a page
/// is copied, and a slow reader keeps the entries of a page in memory.
const PAGE_BYTES: usize = 64 << 10;

/// The size of the entries that wait while readers use the ring, in bytes. With more, the next entry waits
/// for the readers.
const MAX_WAITING_BYTES: usize = 64 << 10;

/// An entry of a [`Ring`]. A clone should cost little.
pub(crate) trait RingEntry: Clone {
    /// Ids start at 1 and are never used twice.
    fn id(&self) -> u64;

    fn set_id(&mut self, id: u64);

    /// The memory of the entry besides its slot in the ring, in bytes.
    fn extra_bytes(&self) -> usize;

    /// The memory of the entry, in bytes. The slot counts twice, because up to half of the ring's slots can
    /// be empty.
    fn bytes(&self) -> usize {
        2 * size_of::<Self>() + self.extra_bytes()
    }
}

/// Recent entries. When full, the oldest entries are dropped.
#[derive(Debug)]
pub(crate) struct Ring<E> {
    /// The limit in bytes; 0 stores nothing.
    capacity: usize,
    slots: Mutex<Slots<E>>,
    /// New entries, which get their slots when `slots` is locked next. So a call does not wait for a
    /// reader that was interrupted while it copied a page. Lock order: `slots` before `waiting`.
    waiting: Mutex<Waiting<E>>,
    /// Notified when an entry gets an id, stored or not. Successors share it.
    new_entry: Arc<Notify>,
}

#[derive(Debug)]
struct Waiting<E> {
    entries: Vec<E>,
    bytes: usize,
    /// The id of the newest entry, whether it waits, is stored or was dropped.
    last_id: u64,
}

#[derive(Debug)]
struct Slots<E> {
    entries: VecDeque<E>,
    bytes: usize,
    last_id: u64,
    /// The id of the newest entry that was dropped.
    dropped_to: u64,
}

/// Whether a reader has seen every entry that it asked for.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(crate) struct Coverage {
    /// The id of the last entry that was read, matching or not. To continue, set `since` to it.
    pub(crate) last_id: u64,
    /// False if entries that may have matched were dropped because there was no room. Entries that were
    /// removed, as by a reset, do not count.
    pub(crate) complete: bool,
    /// The id of the newest entry that was dropped; 0 if none was.
    pub(crate) dropped_to: u64,
}

impl<E: RingEntry> Ring<E> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            slots: Slots::after(0).into(),
            waiting: Waiting::after(0).into(),
            new_entry: Arc::default(),
        }
    }

    /// An empty ring that continues this ring's ids. An entry that is appended to it also wakes the readers
    /// that wait for this ring.
    pub(crate) fn successor(&self) -> Self {
        let last_id = self.last_id();
        Self {
            capacity: self.capacity,
            slots: Slots::after(last_id).into(),
            waiting: Waiting::after(last_id).into(),
            new_entry: Arc::clone(&self.new_entry),
        }
    }

    /// The limit in bytes.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether entries are stored.
    pub(crate) fn is_enabled(&self) -> bool {
        self.capacity > 0
    }

    /// Gives an id to an entry that is not stored, and marks it as dropped.
    pub(crate) fn skip(&self) {
        {
            let mut slots = self.lock();
            let mut waiting = self.waiting();
            waiting.admit(&mut slots, self.capacity);
            waiting.last_id += 1;
            slots.last_id = waiting.last_id;
            slots.dropped_to = waiting.last_id;
        }
        self.new_entry.notify_waiters();
    }

    /// Appends an entry, and returns its id.
    pub(crate) fn push(&self, entry: E) -> u64 {
        self.push_if(entry, || true).expect("it is wanted")
    }

    /// Appends an entry if it is still wanted when the ring is locked. Returns its id.
    pub(crate) fn push_if(&self, mut entry: E, is_wanted: impl FnOnce() -> bool) -> Option<u64> {
        let (id, is_full) = {
            let mut waiting = self.waiting();
            if !is_wanted() {
                return None;
            }
            waiting.last_id += 1;
            entry.set_id(waiting.last_id);
            waiting.bytes += entry.bytes();
            waiting.entries.push(entry);
            (waiting.last_id, waiting.bytes > MAX_WAITING_BYTES)
        };
        match self.slots.try_lock() {
            Ok(mut slots) => self.admit_waiting(&mut slots),
            Err(TryLockError::Poisoned(slots)) => self.admit_waiting(&mut slots.into_inner()),
            Err(TryLockError::WouldBlock) if is_full => drop(self.lock()),
            // The next reader or the next entry admits this entry.
            Err(TryLockError::WouldBlock) => {}
        }
        self.new_entry.notify_waiters();
        Some(id)
    }

    /// The next entries after `cursor`, the oldest first. `last_id` is the cursor for the next
    /// page. The lock is held only while these entries are copied.
    pub(crate) fn page(&self, cursor: u64) -> (Vec<E>, Coverage) {
        let slots = self.lock();
        let start = slots.entries.partition_point(|entry| entry.id() <= cursor);
        let mut bytes = 0;
        let fit = slots.entries.range(start..).take_while(|entry| {
            let is_full = bytes >= PAGE_BYTES;
            bytes += entry.bytes();
            !is_full
        });
        let entries: Vec<_> = fit.cloned().collect();
        let last_id = match entries.last() {
            Some(last) if start + entries.len() < slots.entries.len() => last.id(),
            _ => slots.last_id,
        };
        let coverage = Coverage {
            last_id,
            complete: slots.dropped_to <= cursor,
            dropped_to: slots.dropped_to,
        };
        (entries, coverage)
    }

    /// Visits the entries after `cursor`: all that exist now, and perhaps newer ones.
    pub(crate) fn visit(&self, mut cursor: u64, mut visit: impl FnMut(E)) -> Coverage {
        let (end, mut complete) = (self.last_id(), true);
        loop {
            let (entries, coverage) = self.page(cursor);
            complete &= coverage.complete;
            cursor = cursor.max(coverage.last_id);
            entries.into_iter().for_each(&mut visit);
            if coverage.last_id >= end {
                return Coverage {
                    complete,
                    ..coverage
                };
            }
        }
    }

    /// Completes when an entry gets an id after this function was called, also in a successor.
    pub(crate) fn next_entry(&self) -> Notified<'_> {
        self.new_entry.notified()
    }

    pub(crate) fn last_id(&self) -> u64 {
        self.lock().last_id
    }

    /// The memory of the entries, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Removes the entries that match, and returns their number.
    pub(crate) fn remove(&self, matches: impl Fn(&E) -> bool) -> usize {
        let mut slots = self.lock();
        let count = slots.entries.len();
        slots.entries.retain(|entry| !matches(entry));
        slots.bytes = slots.entries.iter().map(E::bytes).sum();
        count - slots.entries.len()
    }

    /// Locks the slots, and admits the entries that wait for it.
    fn lock(&self) -> MutexGuard<'_, Slots<E>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        self.admit_waiting(&mut slots);
        slots
    }

    fn admit_waiting(&self, slots: &mut Slots<E>) {
        self.waiting().admit(slots, self.capacity);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<E>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: RingEntry> Waiting<E> {
    fn after(last_id: u64) -> Self {
        Self {
            entries: Vec::new(),
            bytes: 0,
            last_id,
        }
    }

    /// Moves the entries to their slots.
    fn admit(&mut self, slots: &mut Slots<E>, capacity: usize) {
        for entry in self.entries.drain(..) {
            slots.push(entry, capacity);
        }
        self.bytes = 0;
    }
}

impl<E: RingEntry> Slots<E> {
    /// Without entries; the next one gets the id after `last_id`.
    fn after(last_id: u64) -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            last_id,
            dropped_to: 0,
        }
    }

    fn push(&mut self, entry: E, capacity: usize) {
        self.last_id = entry.id();
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        while self.bytes > capacity
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.bytes();
            self.dropped_to = oldest.id();
        }
        // `RingEntry::bytes` counts at most one empty slot for each entry.
        let length = self.entries.len();
        if length < self.entries.capacity() / 2 {
            self.entries.shrink_to(length + length / 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[derive(Clone, Debug)]
    struct TestEntry {
        id: u64,
        extra_bytes: usize,
    }

    impl RingEntry for TestEntry {
        fn id(&self) -> u64 {
            self.id
        }

        fn set_id(&mut self, id: u64) {
            self.id = id;
        }

        fn extra_bytes(&self) -> usize {
            self.extra_bytes
        }
    }

    fn of(extra_bytes: usize) -> TestEntry {
        TestEntry { id: 0, extra_bytes }
    }

    #[test]
    fn pages_have_each_entry_once_and_are_bounded() {
        let ring = Ring::new(8 << 20);
        for id in 0..2_040 {
            ring.push(of(if id < 2_000 { 10 } else { 60_000 }));
        }
        for cursor in [0, 1_900, 2_000] {
            let (entries, _) = ring.page(cursor);
            let bytes: usize = entries.iter().map(RingEntry::bytes).sum();
            assert!((PAGE_BYTES..PAGE_BYTES + 61_000).contains(&bytes));
        }

        let mut ids = Vec::new();
        let coverage = ring.visit(0, |entry| ids.push(entry.id));

        assert_eq!((coverage.last_id, coverage.complete), (2_040, true));
        assert_eq!(ids, (1..=2_040).collect::<Vec<_>>());
    }

    #[test]
    fn writers_do_not_wait_for_a_reader_and_their_entries_keep_their_order() {
        let ring = Ring::new(1 << 20);
        ring.push(of(1));

        let reader = ring.lock();
        for extra_bytes in [2, 3, 4] {
            ring.push(of(extra_bytes));
        }
        drop(reader);

        let (entries, coverage) = ring.page(0);
        let sizes: Vec<_> = entries.iter().map(|entry| entry.extra_bytes).collect();
        assert_eq!(sizes, [1, 2, 3, 4]);
        let ids: Vec<_> = entries.iter().map(|entry| entry.id).collect();
        assert_eq!((ids, coverage.last_id), (vec![1, 2, 3, 4], 4));
        let waiting = ring.waiting();
        assert_eq!((waiting.entries.len(), waiting.bytes), (0, 0));
    }

    /// A writer that did not wait would almost always return before the reader has ended.
    #[test]
    fn a_writer_waits_for_a_reader_when_too_many_bytes_wait() {
        let ring = Ring::new(8 << 20);
        for round in 1..=100 {
            let has_ended = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let reader = ring.lock();
                let writer = scope.spawn(|| {
                    ring.push(of(MAX_WAITING_BYTES));
                    has_ended.load(Ordering::SeqCst)
                });
                while ring.waiting().entries.is_empty() {
                    std::thread::yield_now();
                }
                std::thread::yield_now();
                has_ended.store(true, Ordering::SeqCst);
                drop(reader);
                assert!(writer.join().expect("it ends"), "{round}");
            });
            assert_eq!(ring.len(), round);
        }
    }

    #[test]
    fn the_slots_of_many_small_entries_are_freed_when_large_ones_follow() {
        let ring = Ring::new(1 << 20);
        for _ in 0..5_000 {
            ring.push(of(0));
        }
        let many = ring.len();
        for _ in 0..100 {
            ring.push(of(50_000));
        }
        let slots = ring.lock();
        assert!(many > 40 * slots.entries.len(), "{many}");
        assert!(slots.entries.capacity() <= 2 * (slots.entries.len() + 1));
    }

    #[test]
    fn an_entry_that_is_larger_than_the_ring_is_dropped_at_once() {
        let ring = Ring::new(100);
        ring.push(of(100));
        let (entries, coverage) = ring.page(0);
        assert_eq!((entries.len(), coverage.dropped_to), (0, 1));
        assert_eq!(ring.bytes(), 0);
    }
}
