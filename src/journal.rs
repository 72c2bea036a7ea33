//! The request journal: a ring buffer of recent calls and their answers, limited by size in bytes. It
//! contains no UserSig.
//!
//! No crate does this: ring buffers are bounded by entries, not by bytes, and broadcast channels
//! keep no history for later readers. In this journal, a reader can start after any id and learns
//! which entries were dropped, and the ids continue when the journal is emptied.

use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// A body may take 1/8 of the journal's bytes; the rest of a longer body is cut off.
const BODY_SHARE: usize = 8;

/// The memory of an entry besides its texts, in bytes. The entry counts twice, because up to half
/// of the ring's slots can be empty.
const ENTRY_OVERHEAD_BYTES: usize = 2 * size_of::<Entry>() + 16;

/// A page ends with the entry that reaches this size, in bytes. The journal is locked while a page
/// is copied, and a slow reader keeps the entries of a page in memory.
const PAGE_BYTES: usize = 64 << 10;

/// Recent calls. When full, the oldest entries are dropped.
#[derive(Debug)]
pub(crate) struct Journal {
    /// The limit in bytes; 0 stores nothing.
    capacity: usize,
    ring: Mutex<Ring>,
    /// Notified when a call gets an id, stored or not. Successors share it.
    new_call: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Entry>,
    bytes: usize,
    last_id: u64,
    /// The id of the newest entry that was dropped.
    dropped_to: u64,
}

/// The facts of a call that have a fixed size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// When the call arrived: the time since 1970-01-01 UTC, on the clock of its app; on the emulator's
    /// clock, if the app does not exist.
    pub(crate) at: Duration,
    /// The time from the emulator's start to the arrival, by the system's clock.
    pub(crate) arrived: Duration,
    pub(crate) took: Duration,
    /// The app that the call named, whether it exists or not.
    pub(crate) app: Option<SdkAppId>,
    /// From_Account, if the body was decoded and From_Account is a UserID.
    pub(crate) from_account: Option<UserId>,
    pub(crate) code: Code,
    /// The HTTP status: 200, unless a fault changed it.
    pub(crate) status: u16,
    pub(crate) method: &'static str,
}

/// The texts of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Texts<'a> {
    /// `sns/friend_add`, or the path of a call that reached no command.
    pub(crate) command: &'a str,
    /// The query without the UserSig.
    pub(crate) query: &'a str,
    /// A deviation from the documentation that was accepted; may be empty.
    pub(crate) warning: &'a str,
    /// Why the call or an item failed, and what to do; may be empty.
    pub(crate) hint: &'a str,
    /// The body; empty if the call was rejected or its body was not received.
    pub(crate) request: &'a [u8],
    /// The answer's body.
    pub(crate) response: &'a [u8],
}

/// One call and its answer. A clone shares the texts.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Ids start at 1 and are never used twice.
    pub(crate) id: u64,
    pub(crate) call: Call,
    /// Whether a body was cut off.
    pub(crate) is_cut: bool,
    /// All texts in one allocation, in the order of [`Texts`].
    packed: Bytes,
    lengths: [u32; 6],
}

/// Whether a reader has seen every call that it asked for.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(crate) struct Coverage {
    /// The id of the last call that was read, matching or not. To continue, set `since` to it.
    pub(crate) last_id: u64,
    /// False if calls that may have matched were dropped because the journal was full. Calls that were
    /// removed, as by a reset, do not count.
    pub(crate) complete: bool,
    /// The id of the newest call that the journal has dropped; 0 if it has dropped none.
    pub(crate) dropped_to: u64,
}

impl Journal {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            ring: Mutex::default(),
            new_call: Arc::default(),
        }
    }

    /// An empty journal that continues this journal's ids. A call that is appended to it also wakes
    /// the readers that wait for this journal.
    pub(crate) fn successor(&self) -> Self {
        let ring = Ring {
            last_id: self.last_id(),
            ..Ring::default()
        };
        Self {
            capacity: self.capacity,
            ring: ring.into(),
            new_call: Arc::clone(&self.new_call),
        }
    }

    /// Whether calls are stored.
    pub(crate) fn is_enabled(&self) -> bool {
        self.capacity > 0
    }

    /// Gives an id to a call that is not stored, and marks it as dropped.
    pub(crate) fn skip(&self) {
        {
            let mut ring = self.lock();
            ring.last_id += 1;
            ring.dropped_to = ring.last_id;
        }
        self.new_call.notify_waiters();
    }

    /// Returns the id of the entry.
    pub(crate) fn append(&self, call: Call, texts: Texts<'_>) -> u64 {
        let entry = Entry::new(call, texts, self.capacity / BODY_SHARE);
        let (id, dropped) = {
            let mut ring = self.lock();
            let dropped = ring.push(entry, self.capacity);
            (ring.last_id, dropped)
        };
        self.new_call.notify_waiters();
        drop(dropped);
        id
    }

    /// The next entries after `cursor`, the oldest first. `last_id` is the cursor for the next
    /// page. The lock is held only while these entries are copied.
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

    /// Visits the entries after `cursor`: all that exist now, and perhaps newer ones.
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

    /// Completes when a call gets an id after this function was called, also in a successor.
    pub(crate) fn next_call(&self) -> Notified<'_> {
        self.new_call.notified()
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

    /// Removes the calls that match, and returns their number.
    pub(crate) fn remove(&self, matches: impl Fn(&Call) -> bool) -> usize {
        let mut ring = self.lock();
        let count = ring.entries.len();
        ring.entries.retain(|entry| !matches(&entry.call));
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
        let length = self.entries.len();
        if length < self.entries.capacity() / 2 {
            self.entries.shrink_to(length + length / 2);
        }
        dropped
    }
}

impl Entry {
    fn new<'a>(call: Call, texts: Texts<'a>, max_body_bytes: usize) -> Self {
        let cut = |body: &'a [u8]| body.get(..max_body_bytes).unwrap_or(body);
        let parts = [
            texts.command.as_bytes(),
            texts.query.as_bytes(),
            texts.warning.as_bytes(),
            texts.hint.as_bytes(),
            cut(texts.request),
            cut(texts.response),
        ];
        let length = |part: &[u8]| u32::try_from(part.len()).expect("a part is at most 128 MiB");
        Self {
            id: 0,
            call,
            is_cut: texts.request.len().max(texts.response.len()) > max_body_bytes,
            packed: parts.concat().into(),
            lengths: parts.map(length),
        }
    }

    pub(crate) fn texts(&self) -> Texts<'_> {
        let mut rest = &self.packed[..];
        let [command, query, warning, hint, request, response] = self.lengths.map(|length| {
            let (part, after) = rest.split_at(length as usize);
            rest = after;
            part
        });
        let text = |part| std::str::from_utf8(part).unwrap_or_default();
        Texts {
            command: text(command),
            query: text(query),
            warning: text(warning),
            hint: text(hint),
            request,
            response,
        }
    }

    /// The memory of the entry, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        ENTRY_OVERHEAD_BYTES + self.packed.len()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn append(journal: &Journal, command: &str, request: &[u8]) {
        let zero = Duration::ZERO;
        let call = Call {
            at: zero,
            arrived: zero,
            took: zero,
            app: SdkAppId::new(1),
            from_account: None,
            code: Code::Ok,
            status: 200,
            method: "POST",
        };
        let texts = Texts {
            command,
            query: "sdkappid=1",
            warning: "",
            hint: "",
            request,
            response: b"{}",
        };
        journal.append(call, texts);
    }

    #[test]
    fn pages_have_each_entry_once_and_are_bounded() {
        let journal = Journal::new(8 << 20);
        let sizes = |id: usize| if id < 2_000 { 10 } else { 60_000 };
        for id in 0..2_040 {
            append(&journal, "sns/friend_add", &vec![b'x'; sizes(id)]);
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
            append(&journal, "sns/friend_add", b"");
        }
        let many = journal.len();
        for _ in 0..100 {
            append(&journal, "sns/friend_add", &[b'x'; 50_000]);
        }
        let ring = journal.lock();
        assert!(many > 40 * ring.entries.len(), "{many}");
        assert!(ring.entries.capacity() <= 2 * (ring.entries.len() + 1));
    }

    #[test]
    fn a_call_that_is_larger_than_the_journal_is_dropped_at_once() {
        let journal = Journal::new(100);
        append(&journal, "sns/friend_add", b"");
        let (entries, coverage) = journal.page(0);
        assert_eq!((entries.len(), coverage.dropped_to), (0, 1));
        assert_eq!(journal.bytes(), 0);
    }
}
