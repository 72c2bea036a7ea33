//! The request journal: a ring buffer of recent calls and their answers, limited by size in bytes. It
//! contains no UserSig.
//!
//! No crate does this: ring buffers are bounded by entries, not by bytes, and broadcast channels keep
//! no history for a reader that comes later. Here a reader continues after any id, learns which
//! entries were dropped, and the ids continue when the journal is emptied.

use crate::clock::Moment;
use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// A body may take 1/8 of the journal's bytes; the rest of a longer body is cut off.
const BODY_SHARE: usize = 8;

/// The memory of an entry beside its texts. Up to half of the ring's slots may be empty.
const ENTRY_OVERHEAD_BYTES: usize = 2 * size_of::<Entry>() + 16;

/// A page ends with the entry that reaches this size: the journal is locked while a page is copied, and
/// a slow reader keeps the entries of a page alive.
const PAGE_BYTES: usize = 64 << 10;

/// Recent calls. When full, the oldest entries are dropped.
#[derive(Debug)]
pub(crate) struct Journal {
    /// The limit in bytes; 0 stores nothing.
    capacity: usize,
    ring: Mutex<Ring>,
    /// Shared with successors.
    grown: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Entry>,
    bytes: usize,
    last_id: u64,
    /// The id of the newest entry that was dropped.
    dropped_to: u64,
}

/// One call and its answer. A clone shares its texts.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Ids start at 1 and are never used twice.
    pub(crate) id: u64,
    /// When the call arrived.
    pub(crate) at: Moment,
    pub(crate) took: Duration,
    /// The app that the call named, whether it exists or not.
    pub(crate) app: Option<SdkAppId>,
    /// The generation of the app that answered. Apps with the same SDKAppID differ in it.
    generation: Option<u64>,
    pub(crate) code: Code,
    /// The HTTP status: 200, unless a fault changed it.
    pub(crate) status: u16,
    /// Whether a body was cut off.
    pub(crate) is_cut: bool,
    pub(crate) method: &'static str,
    /// All texts in one allocation.
    texts: Bytes,
    ends: [u32; 6],
}

/// A call that is to be stored.
#[derive(Debug)]
pub(crate) struct NewEntry<'a> {
    pub(crate) at: Moment,
    pub(crate) took: Duration,
    pub(crate) app: Option<SdkAppId>,
    pub(crate) generation: Option<u64>,
    pub(crate) from_account: Option<UserId>,
    pub(crate) code: Code,
    pub(crate) status: u16,
    pub(crate) method: &'static str,
    pub(crate) command: &'a str,
    pub(crate) query: &'a str,
    /// A deviation from the documentation that was accepted; may be empty.
    pub(crate) warning: &'a str,
    pub(crate) request: &'a [u8],
    pub(crate) response: &'a [u8],
}

/// Whether a reader has seen every call that it asked for.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(crate) struct Coverage {
    /// The id of the last call of all: the next request can continue with `since` = `last_id`.
    pub(crate) last_id: u64,
    /// False if the journal has dropped calls that may have matched.
    pub(crate) complete: bool,
    /// The id of the newest call that the journal has dropped; 0 if it has dropped none.
    pub(crate) dropped_to: u64,
}

impl Journal {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            ring: Mutex::default(),
            grown: Arc::default(),
        }
    }

    /// An empty journal that continues this journal's ids. It wakes the readers that wait for this
    /// journal.
    pub(crate) fn successor(&self) -> Self {
        let ring = Ring {
            last_id: self.last_id(),
            ..Ring::default()
        };
        Self {
            capacity: self.capacity,
            ring: ring.into(),
            grown: Arc::clone(&self.grown),
        }
    }

    /// Whether entries are stored at all.
    pub(crate) fn is_enabled(&self) -> bool {
        self.capacity > 0
    }

    /// Uses an id for a call that is not stored.
    pub(crate) fn skip(&self) {
        {
            let mut ring = self.lock();
            ring.last_id += 1;
            ring.dropped_to = ring.last_id;
        }
        self.grown.notify_waiters();
    }

    pub(crate) fn append(&self, new: &NewEntry<'_>) {
        let entry = Entry::new(new, self.capacity / BODY_SHARE);
        let dropped = self.lock().push(entry, self.capacity);
        self.grown.notify_waiters();
        drop(dropped);
    }

    /// The next entries after `cursor`, the oldest first, and the cursor for the next page: its
    /// `last_id`. The lock is held only while these entries are copied.
    pub(crate) fn page(&self, cursor: u64) -> (Vec<Entry>, Coverage) {
        let ring = self.lock();
        let start = ring.entries.partition_point(|entry| entry.id <= cursor);
        let mut bytes = 0;
        let fit = ring.entries.range(start..).take_while(|entry| {
            let is_full = bytes >= PAGE_BYTES;
            bytes += entry.bytes();
            !is_full
        });
        let entries: Vec<_> = fit.cloned().collect();
        let last_id = match entries.last() {
            Some(last) if start + entries.len() < ring.entries.len() => last.id,
            _ => ring.last_id,
        };
        let coverage = Coverage {
            last_id,
            complete: ring.dropped_to <= cursor,
            dropped_to: ring.dropped_to,
        };
        (entries, coverage)
    }

    /// Visits the entries after `cursor`, page by page, up to the entry that is the last one now.
    pub(crate) fn visit(&self, mut cursor: u64, mut visit: impl FnMut(Entry)) -> Coverage {
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

    /// Completes when an entry is appended after this function was called.
    pub(crate) fn grown(&self) -> Notified<'_> {
        self.grown.notified()
    }

    pub(crate) fn last_id(&self) -> u64 {
        self.lock().last_id
    }

    /// The memory that the entries take.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Removes the calls that an app answered, and the calls that named it and reached no app.
    pub(crate) fn remove_app(&self, app: SdkAppId, generation: u64) {
        self.remove(|entry| match entry.generation {
            Some(of_entry) => of_entry == generation,
            None => entry.app == Some(app),
        });
    }

    /// Removes the entries that match, and returns their number.
    pub(crate) fn remove(&self, matches: impl Fn(&Entry) -> bool) -> usize {
        let mut ring = self.lock();
        let count = ring.entries.len();
        ring.entries.retain(|entry| !matches(entry));
        ring.bytes = ring.entries.iter().map(Entry::bytes).sum();
        count - ring.entries.len()
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    /// Returns the last entry that was dropped, so that the caller frees it without the lock.
    fn push(&mut self, entry: Entry, capacity: usize) -> Option<Entry> {
        self.last_id += 1;
        self.bytes += entry.bytes();
        self.entries.push_back(Entry {
            id: self.last_id,
            ..entry
        });
        let mut dropped = None;
        while self.bytes > capacity
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.bytes();
            self.dropped_to = oldest.id;
            dropped = Some(oldest);
        }
        // `ENTRY_OVERHEAD_BYTES` counts at most one empty slot for each entry.
        if self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to(2 * self.entries.len());
        }
        dropped
    }
}

impl Entry {
    fn new(new: &NewEntry<'_>, max_body_bytes: usize) -> Self {
        let cut = |body: &'_ [u8]| body.len().min(max_body_bytes);
        let (request, response) = (cut(new.request), cut(new.response));
        let parts = [
            new.command.as_bytes(),
            new.from_account
                .as_ref()
                .map_or("", UserId::as_str)
                .as_bytes(),
            new.query.as_bytes(),
            new.warning.as_bytes(),
            &new.request[..request],
            &new.response[..response],
        ];
        let texts = Bytes::from(parts.concat());
        let mut end = 0;
        let ends = parts.map(|part| {
            end += u32::try_from(part.len()).expect("a part is at most 128 MiB");
            end
        });
        Self {
            id: 0,
            at: new.at,
            took: new.took,
            app: new.app,
            generation: new.generation,
            code: new.code,
            status: new.status,
            is_cut: request < new.request.len() || response < new.response.len(),
            method: new.method,
            texts,
            ends,
        }
    }

    /// `sns/friend_add`, or the path of a call that reached no command.
    pub(crate) fn command(&self) -> &str {
        self.text(0)
    }

    /// From_Account, if the body was a request of the command and names a UserID.
    #[expect(
        clippy::wrong_self_convention,
        reason = "it is Tencent's name of the field"
    )]
    pub(crate) fn from_account(&self) -> Option<UserId> {
        UserId::parse(self.text(1))
    }

    /// The query without the UserSig.
    pub(crate) fn query(&self) -> &str {
        self.text(2)
    }

    /// A deviation from the documentation that was accepted; may be empty.
    pub(crate) fn warning(&self) -> &str {
        self.text(3)
    }

    /// The body; empty if the gateway rejected the call.
    pub(crate) fn request(&self) -> &[u8] {
        self.part(4)
    }

    /// The answer's body.
    pub(crate) fn response(&self) -> &[u8] {
        self.part(5)
    }

    fn text(&self, number: usize) -> &str {
        std::str::from_utf8(self.part(number)).unwrap_or_default()
    }

    fn part(&self, number: usize) -> &[u8] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        let range: Range<usize> = start as usize..self.ends[number] as usize;
        &self.texts[range]
    }

    /// The memory that the entry takes.
    pub(crate) fn bytes(&self) -> usize {
        ENTRY_OVERHEAD_BYTES + self.texts.len()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn entry(request: &[u8]) -> NewEntry<'_> {
        let zero = Duration::ZERO;
        NewEntry {
            at: Moment {
                wall: zero,
                steady: zero,
            },
            took: zero,
            app: SdkAppId::new(1),
            generation: Some(1),
            from_account: UserId::parse("id"),
            code: Code::Ok,
            status: 200,
            method: "POST",
            command: "sns/friend_add",
            query: "sdkappid=1",
            warning: "",
            request,
            response: b"{}",
        }
    }

    fn append(journal: &Journal, request: &[u8]) {
        journal.append(&entry(request));
    }

    #[test]
    fn when_full_the_oldest_entries_are_dropped_and_it_says_so() {
        let journal = Journal::new(10_000);
        for _ in 0..100 {
            append(&journal, &[b'x'; 500]);
            assert!(journal.bytes() <= 10_000);
        }
        let (entries, coverage) = journal.page(0);
        assert_eq!((coverage.last_id, coverage.complete), (100, false));
        assert_eq!(coverage.dropped_to + entries.len() as u64, 100);
        assert!(entries.len() > 10, "{}", entries.len());
        let last = entries.last().expect("one");
        assert_eq!(last.request().len(), 500);
        assert_eq!(last.from_account(), UserId::parse("id"));
        assert_eq!(journal.page(98).0.len(), 2);
    }

    #[test]
    fn pages_have_each_entry_once_and_are_bounded() {
        let journal = Journal::new(8 << 20);
        let sizes = |id: usize| if id < 2_000 { 10 } else { 60_000 };
        for id in 0..2_040 {
            append(&journal, &vec![b'x'; sizes(id)]);
        }
        for cursor in [0, 1_900, 2_000] {
            let (entries, _) = journal.page(cursor);
            let bytes: usize = entries.iter().map(Entry::bytes).sum();
            assert!((PAGE_BYTES..PAGE_BYTES + 61_000).contains(&bytes));
        }

        let mut ids = Vec::new();
        let coverage = journal.visit(0, |entry| ids.push(entry.id));

        assert_eq!((coverage.last_id, coverage.complete), (2_040, true));
        assert_eq!(ids, (1..=2_040).collect::<Vec<_>>());
    }

    #[test]
    fn the_slots_of_many_short_calls_are_freed_when_long_ones_follow() {
        let journal = Journal::new(1 << 20);
        for _ in 0..5_000 {
            append(&journal, b"");
        }
        let many = journal.len();
        for _ in 0..100 {
            append(&journal, &[b'x'; 50_000]);
        }
        let ring = journal.lock();
        assert!(many > 40 * ring.entries.len(), "{many}");
        assert!(ring.entries.capacity() < 4 * (ring.entries.len() + 1));
    }

    #[test]
    fn a_body_that_would_fill_it_is_cut() {
        let journal = Journal::new(8_000);
        append(&journal, &[b'x'; 100_000]);
        let entry = &journal.page(0).0[0];
        assert_eq!((entry.request().len(), entry.is_cut), (1_000, true));
        assert_eq!(entry.response(), b"{}");
    }

    #[test]
    fn a_call_that_is_larger_than_the_journal_is_dropped_at_once() {
        let journal = Journal::new(100);
        append(&journal, b"");
        let (entries, coverage) = journal.page(0);
        assert_eq!((entries.len(), coverage.dropped_to), (0, 1));
        assert_eq!(journal.bytes(), 0);
    }

    #[test]
    fn its_successor_is_empty_and_counts_on() {
        let journal = Journal::new(10_000);
        append(&journal, b"");

        let successor = journal.successor();
        assert_eq!(successor.len(), 0);
        append(&successor, b"");

        assert_eq!(successor.page(0).0[0].id, 2);
    }

    #[test]
    fn an_apps_calls_can_be_removed() {
        let journal = Journal::new(10_000);
        append(&journal, b"");
        let held = journal.bytes();
        for generation in [Some(2), None] {
            let other = NewEntry {
                app: SdkAppId::new(2),
                generation,
                ..entry(b"")
            };
            journal.append(&other);
        }
        journal.remove_app(SdkAppId::new(2).expect("not 0"), 2);
        assert_eq!(journal.bytes(), held);
        assert_eq!(journal.len(), 1);
    }
}
