//! The journal: the last calls, as they came and as they were answered, bounded by bytes. No UserSig
//! is in it.

use crate::clock::Moment;
use crate::protocol::code::Code;
use crate::protocol::ids::SdkAppId;
use bytes::Bytes;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Of a body, no more than this part of the journal is kept.
const LARGEST_PART: usize = 8;

/// What an entry costs beside its texts, in bytes; half of the ring's places may be empty.
const OVERHEAD: usize = 2 * size_of::<Call>() + 16;

/// The last calls. The oldest make room for new ones.
#[derive(Debug)]
pub(crate) struct Journal {
    /// What it may hold, in bytes; 0 is nothing.
    capacity: usize,
    ring: Mutex<Ring>,
    /// Its successors have the same.
    grown: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Ring {
    calls: VecDeque<Call>,
    bytes: usize,
    last_id: u64,
    /// The last call that made room for others.
    dropped: u64,
}

/// One call. A clone shares its texts.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Its number, from 1 on. Numbers are never used again.
    pub(crate) id: u64,
    /// When it came.
    pub(crate) at: Moment,
    /// How long it took.
    pub(crate) took: Duration,
    /// The app that it named, known or not.
    pub(crate) app: Option<SdkAppId>,
    /// Which of the apps that have had this SDKAppID it met.
    generation: Option<u64>,
    /// How it ended.
    pub(crate) code: Code,
    /// The HTTP status: 200, but for faults.
    pub(crate) status: u16,
    /// Whether a body was too long to be kept whole.
    pub(crate) is_cut: bool,
    method: &'static str,
    /// One piece of memory for all texts.
    texts: Bytes,
    ends: [u32; 5],
}

/// A call as it is written down.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) at: Moment,
    pub(crate) took: Duration,
    pub(crate) app: Option<SdkAppId>,
    pub(crate) generation: Option<u64>,
    pub(crate) code: Code,
    pub(crate) status: u16,
    pub(crate) method: &'static str,
    pub(crate) command: &'a str,
    pub(crate) query: &'a str,
    /// What was accepted, and is not as documented; may be empty.
    pub(crate) warning: &'a str,
    pub(crate) request: &'a [u8],
    pub(crate) response: &'a [u8],
}

/// The calls that are asked for, and whether any may be missing.
#[derive(Debug)]
pub(crate) struct Excerpt {
    pub(crate) calls: Vec<Call>,
    /// The last call of all.
    pub(crate) last_id: u64,
    /// The last call that made room for others; 0 when all are there.
    pub(crate) dropped: u64,
}

impl Journal {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            ring: Mutex::default(),
            grown: Arc::default(),
        }
    }

    /// An empty journal whose numbers go on where this one's end. Who waits for this one to grow
    /// waits for the other.
    pub(crate) fn successor(&self) -> Self {
        let ring = Ring {
            last_id: self.lock().last_id,
            ..Ring::default()
        };
        Self {
            capacity: self.capacity,
            ring: ring.into(),
            grown: Arc::clone(&self.grown),
        }
    }

    /// Whether calls are written down at all.
    pub(crate) fn is_kept(&self) -> bool {
        self.capacity > 0
    }

    /// Counts a call that is not written down.
    pub(crate) fn pass(&self) {
        {
            let mut ring = self.lock();
            ring.last_id += 1;
            ring.dropped = ring.last_id;
        }
        self.grown.notify_waiters();
    }

    pub(crate) fn write(&self, record: &Record<'_>) {
        let call = Call::new(record, self.capacity / LARGEST_PART);
        let oldest = self.lock().push(call, self.capacity);
        self.grown.notify_waiters();
        drop(oldest);
    }

    /// The calls behind `since` that `is_one` wants, the oldest first.
    pub(crate) fn read(&self, since: u64, is_one: impl Fn(&Call) -> bool) -> Excerpt {
        let (calls, last_id, dropped) = {
            let ring = self.lock();
            let start = ring.calls.partition_point(|call| call.id <= since);
            let calls: Vec<_> = ring.calls.range(start..).cloned().collect();
            (calls, ring.last_id, ring.dropped)
        };
        Excerpt {
            calls: calls.into_iter().filter(|call| is_one(call)).collect(),
            last_id,
            dropped,
        }
    }

    /// Ready when something is written after this was called.
    pub(crate) fn grown(&self) -> Notified<'_> {
        self.grown.notified()
    }

    /// How much it holds, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// How many calls it holds.
    pub(crate) fn len(&self) -> usize {
        self.lock().calls.len()
    }

    /// Takes the calls out that met this app, and those that named it and met none.
    pub(crate) fn forget(&self, app: SdkAppId, generation: u64) {
        self.take_out(|call| match call.generation {
            Some(met) => met == generation,
            None => call.app == Some(app),
        });
    }

    /// Takes these calls out; how many they were.
    pub(crate) fn take_out(&self, is_one: impl Fn(&Call) -> bool) -> usize {
        let mut ring = self.lock();
        let count = ring.calls.len();
        ring.calls.retain(|call| !is_one(call));
        ring.bytes = ring.calls.iter().map(|call| call.bytes()).sum();
        count - ring.calls.len()
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    /// The last one that made room is given back: freeing it takes a while, and others wait.
    fn push(&mut self, call: Call, capacity: usize) -> Option<Call> {
        self.last_id += 1;
        self.bytes += call.bytes();
        self.calls.push_back(Call {
            id: self.last_id,
            ..call
        });
        let mut oldest = None;
        while self.bytes > capacity
            && let Some(call) = self.calls.pop_front()
        {
            self.bytes -= call.bytes();
            self.dropped = call.id;
            oldest = Some(call);
        }
        // Half of the places, where there are many, may be empty, and no more.
        if self.calls.len() < self.calls.capacity() / 4 {
            self.calls.shrink_to(2 * self.calls.len());
        }
        oldest
    }
}

impl Call {
    fn new(record: &Record<'_>, largest: usize) -> Self {
        let Record {
            request, response, ..
        } = record;
        let keep = |body: &[u8]| body.len().min(largest);
        let parts = [
            record.command.as_bytes(),
            record.query.as_bytes(),
            record.warning.as_bytes(),
            &request[..keep(request)],
            &response[..keep(response)],
        ];
        let texts = Bytes::from(parts.concat());
        let mut end = 0;
        let ends = parts.map(|part| {
            end += u32::try_from(part.len()).expect("a part is at most 128 MiB");
            end
        });
        Self {
            id: 0,
            at: record.at,
            took: record.took,
            app: record.app,
            generation: record.generation,
            code: record.code,
            status: record.status,
            is_cut: keep(request) < request.len() || keep(response) < response.len(),
            method: record.method,
            texts,
            ends,
        }
    }

    pub(crate) fn method(&self) -> &'static str {
        self.method
    }

    /// `sns/friend_add`; or what else the path says.
    pub(crate) fn command(&self) -> &str {
        std::str::from_utf8(self.part(0)).unwrap_or_default()
    }

    /// The query, with the UserSig struck out.
    pub(crate) fn query(&self) -> &str {
        std::str::from_utf8(self.part(1)).unwrap_or_default()
    }

    /// What was accepted, and is not as documented; may be empty.
    pub(crate) fn warning(&self) -> &str {
        std::str::from_utf8(self.part(2)).unwrap_or_default()
    }

    /// The body. A call that the gateway refused has none.
    pub(crate) fn request(&self) -> &[u8] {
        self.part(3)
    }

    /// The answer's body.
    pub(crate) fn response(&self) -> &[u8] {
        self.part(4)
    }

    fn part(&self, number: usize) -> &[u8] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        let range: Range<usize> = start as usize..self.ends[number] as usize;
        &self.texts[range]
    }

    /// What it costs to keep.
    pub(crate) fn bytes(&self) -> usize {
        OVERHEAD + self.texts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(request: &[u8]) -> Record<'_> {
        let zero = Duration::ZERO;
        Record {
            at: Moment {
                wall: zero,
                steady: zero,
            },
            took: zero,
            app: SdkAppId::new(1),
            generation: Some(1),
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

    fn write(journal: &Journal, request: &[u8]) {
        journal.write(&record(request));
    }

    #[test]
    fn the_oldest_make_room_and_it_says_so() {
        let journal = Journal::new(10_000);
        for _ in 0..100 {
            write(&journal, &[b'x'; 500]);
            assert!(journal.bytes() <= 10_000);
        }
        let Excerpt {
            calls,
            last_id,
            dropped,
        } = journal.read(0, |_| true);
        assert_eq!(last_id, 100);
        assert_eq!(dropped + calls.len() as u64, 100);
        assert!(calls.len() > 10, "{}", calls.len());
        assert_eq!(calls.last().map(|call| call.request().len()), Some(500));
        assert_eq!(journal.read(98, |_| true).calls.len(), 2);
    }

    #[test]
    fn the_places_of_many_short_calls_are_given_back_when_long_ones_follow() {
        let journal = Journal::new(1 << 20);
        for _ in 0..5_000 {
            write(&journal, b"");
        }
        let many = journal.len();
        for _ in 0..100 {
            write(&journal, &[b'x'; 50_000]);
        }
        let ring = journal.lock();
        assert!(many > 40 * ring.calls.len(), "{many}");
        assert!(ring.calls.capacity() < 4 * (ring.calls.len() + 1));
    }

    #[test]
    fn a_body_that_would_fill_it_is_cut() {
        let journal = Journal::new(8_000);
        write(&journal, &[b'x'; 100_000]);
        let calls = journal.read(0, |_| true).calls;
        assert_eq!((calls[0].request().len(), calls[0].is_cut), (1_000, true));
        assert_eq!(calls[0].response(), b"{}");
    }

    #[test]
    fn a_call_that_is_larger_than_all_of_it_is_dropped_at_once() {
        let journal = Journal::new(100);
        write(&journal, b"");
        let Excerpt { calls, dropped, .. } = journal.read(0, |_| true);
        assert_eq!((calls.len(), dropped, journal.bytes()), (0, 1, 0));
    }

    #[test]
    fn its_successor_is_empty_and_counts_on() {
        let journal = Journal::new(10_000);
        write(&journal, b"");

        let successor = journal.successor();
        assert_eq!(successor.len(), 0);
        write(&successor, b"");

        assert_eq!(successor.read(0, |_| true).calls[0].id, 2);
    }

    #[test]
    fn an_apps_calls_can_be_taken_out() {
        let journal = Journal::new(10_000);
        write(&journal, b"");
        let held = journal.bytes();
        for generation in [Some(2), None] {
            let other = Record {
                app: SdkAppId::new(2),
                generation,
                ..record(b"")
            };
            journal.write(&other);
        }
        journal.forget(SdkAppId::new(2).expect("not 0"), 2);
        assert_eq!(journal.bytes(), held);
        assert_eq!(journal.len(), 1);
    }
}
