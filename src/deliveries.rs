//! The recent deliveries of webhooks, and their numbers for the metrics.

use crate::clock::Moment;
use crate::protocol::ids::SdkAppId;
use crate::ring::{Ring, RingEntry};
use bytes::Bytes;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use std::sync::Arc;
use std::time::Duration;

/// A body may take 1/8 of the ring's bytes; the rest of a longer body is cut off.
const BODY_SHARE: usize = 8;

/// The memory that an allocator needs for the allocations of a delivery, besides the allocations, in bytes.
const ALLOCATION_BYTES: usize = 3 * 16;

/// The deliveries of all apps.
#[derive(Debug)]
pub(crate) struct Deliveries {
    pub(crate) ring: Arc<Ring<Delivery>>,
    pub(crate) counts: Family<Labels, Counter>,
}

/// One event and the receiver's answer to the last attempt. A clone shares the texts.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) id: u64,
    /// When the event was first sent, or when it was dropped.
    pub(crate) at: Moment,
    /// The time of all attempts.
    pub(crate) took: Duration,
    pub(crate) app: SdkAppId,
    /// CallbackCommand.
    pub(crate) event: &'static str,
    /// The URL without secrets.
    pub(crate) url: Arc<str>,
    pub(crate) body: Bytes,
    /// Whether the body was cut off.
    pub(crate) is_cut: bool,
    /// The HTTP status, if the receiver answered.
    pub(crate) status: Option<u16>,
    /// Why the last attempt failed, in words.
    pub(crate) error: Option<Arc<str>>,
    /// 0 if the event was dropped.
    pub(crate) attempts: u32,
}

/// The labels of finished deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Labels {
    /// `delivered`, `failed`, or `dropped` because the queue was full.
    result: &'static str,
}

impl Deliveries {
    /// `capacity` is the limit of the ring in bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            ring: Ring::new(capacity).into(),
            counts: Family::default(),
        }
    }

    /// Counts a delivery, and stores it unless its app was reset or removed. `is_current` is called while the
    /// ring is locked, so that no delivery is stored after the app's deliveries were removed.
    pub(crate) fn add(&self, mut delivery: Delivery, is_current: impl FnOnce() -> bool) {
        let result = match (&delivery.error, delivery.attempts) {
            (_, 0) => "dropped",
            (Some(_), _) => "failed",
            (None, _) => "delivered",
        };
        self.counts.get_or_create(&Labels { result }).inc();
        if !self.ring.is_enabled() {
            return self.ring.skip();
        }
        let max = self.ring.capacity() / BODY_SHARE;
        delivery.is_cut = delivery.body.len() > max;
        if delivery.is_cut {
            delivery.body = Bytes::copy_from_slice(&delivery.body[..max]);
        }
        self.ring.push_if(delivery, is_current);
    }
}

impl RingEntry for Delivery {
    fn id(&self) -> u64 {
        self.id
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    fn extra_bytes(&self) -> usize {
        let error = self.error.as_ref().map_or(0, |error| error.len());
        ALLOCATION_BYTES + self.url.len() + self.body.len() + error
    }
}
