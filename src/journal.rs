//! The request journal: a ring buffer of recent calls and their answers, limited by size in bytes. It
//! contains no UserSig.

use crate::protocol::code::Code;
use crate::protocol::ids::{SdkAppId, UserId};
use crate::ring::{Ring, RingEntry};
use bytes::Bytes;
use std::time::Duration;

/// A body may take 1/8 of the journal's bytes; the rest of a longer body is cut off.
const BODY_SHARE: usize = 8;

/// The memory that an allocator needs for an allocation, besides the allocation, in bytes.
const ALLOCATION_BYTES: usize = 16;

pub(crate) type Journal = Ring<Entry>;

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
    pub(crate) id: u64,
    pub(crate) call: Call,
    /// Whether a body was cut off.
    pub(crate) is_cut: bool,
    /// All texts in one allocation, in the order of [`Texts`].
    packed: Bytes,
    lengths: [u32; 6],
}

impl Journal {
    /// Returns the id of the entry.
    pub(crate) fn append(&self, call: Call, texts: Texts<'_>) -> u64 {
        self.push(Entry::new(call, texts, self.capacity() / BODY_SHARE))
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
}

impl RingEntry for Entry {
    fn id(&self) -> u64 {
        self.id
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    fn extra_bytes(&self) -> usize {
        ALLOCATION_BYTES + self.packed.len()
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
}
