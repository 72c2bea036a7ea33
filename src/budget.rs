//! The memory for bodies in flight, which all calls share: received in part, or being processed.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long a body waits for its share.
const WAIT: Duration = Duration::from_secs(10);

/// A body's part of the budget, which is given back when this value is dropped.
pub(crate) type Share = OwnedSemaphorePermit;

#[derive(Debug)]
pub(crate) struct Budget {
    /// A permit for each KiB.
    permits: Arc<Semaphore>,
    kib: u32,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        let kib = kib(bytes);
        Self {
            permits: Arc::new(Semaphore::new(kib as usize)),
            kib,
        }
    }

    /// The share of a body; `None` if there was no room for too long. Bodies get their shares in the order
    /// in which they asked.
    pub(crate) async fn share(&self, bytes: usize) -> Option<Share> {
        // A body that is longer than the whole budget waits until it is alone.
        let kib = kib(bytes).min(self.kib);
        let share = Arc::clone(&self.permits).acquire_many_owned(kib);
        timeout(WAIT, share).await.ok()?.ok()
    }
}

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}
