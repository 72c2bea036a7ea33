//! The recent deliveries of webhooks.

use super::apps::AppFilter;
use super::extract::Query;
use super::problem::Problem;
use super::recorded::{Count, Filter, ListQuery, WaitQuery};
use super::redact::redact_body;
use crate::deliveries::Delivery;
use crate::protocol::ids::SdkAppId;
use crate::protocol::webhook::Event;
use crate::ring::{Coverage, Ring};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;

/// A filter of deliveries. Without fields, it matches every delivery.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliveryFilter {
    /// Only deliveries of this app.
    sdkappid: Option<SdkAppId>,
    /// Only deliveries with this CallbackCommand.
    #[schemars(extend("enum" = Event::NAMES))]
    command: Option<String>,
    /// Only deliveries after the delivery with this id.
    since: Option<u64>,
}

impl Filter for DeliveryFilter {
    type Entry = Delivery;

    const NOUN: &str = "deliveries";

    fn ring(state: &AppState) -> Arc<Ring<Delivery>> {
        Arc::clone(&state.world().deliveries.ring)
    }

    fn since(&self) -> Option<u64> {
        self.since
    }

    fn matches(&self, delivery: &Delivery) -> bool {
        let is_event = |name: &String| name == delivery.event;
        self.sdkappid.is_none_or(|app| delivery.app == app)
            && self.command.as_ref().is_none_or(is_event)
    }
}

/// The deliveries that match, oldest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Deliveries {
    webhooks: Vec<DeliveryDocument>,
    /// The number of deliveries that match, including deliveries that `limit` leaves out.
    count: usize,
    #[serde(flatten)]
    coverage: Coverage,
}

/// One delivery, which has ended: the receiver has the event, or no attempt is left.
#[derive(Serialize, JsonSchema)]
struct DeliveryDocument {
    id: u64,
    /// When the event was first sent, by the app's clock: seconds since 1970-01-01 UTC.
    time: f64,
    /// The time of all attempts by the system's clock, in milliseconds.
    duration_ms: f64,
    sdkappid: SdkAppId,
    /// CallbackCommand.
    command: &'static str,
    /// The URL. The values of the configured URL's query and the signature are redacted.
    url: Arc<str>,
    /// The number of attempts; 0 if the event was dropped because the queue was full.
    attempts: u32,
    /// The HTTP status of the answer to the last attempt; null if there was none.
    status: Option<u16>,
    /// Why the last attempt failed; null if the receiver has accepted the event.
    error: Option<Arc<str>>,
    /// The body.
    #[schemars(with = "serde_json::Value")]
    request: Option<Box<RawValue>>,
    /// Whether the body was too long and was cut off.
    cut: bool,
}

impl DeliveryDocument {
    fn of(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id,
            time: delivery.at.wall.as_secs_f64(),
            duration_ms: delivery.took.as_secs_f64() * 1000.0,
            sdkappid: delivery.app,
            command: delivery.event,
            url: Arc::clone(&delivery.url),
            attempts: delivery.attempts,
            status: delivery.status,
            error: delivery.error.clone(),
            request: redact_body(&delivery.body),
            cut: delivery.is_cut,
        }
    }
}

pub(super) async fn list(
    State(state): State<AppState>,
    Query(query): Query<ListQuery<DeliveryFilter>>,
) -> Json<Deliveries> {
    let (webhooks, counted) = query.list(&state, DeliveryDocument::of);
    let Count { count, coverage } = counted;
    Json(Deliveries {
        webhooks,
        count,
        coverage,
    })
}

pub(super) async fn wait(
    State(state): State<AppState>,
    Query(query): Query<WaitQuery<DeliveryFilter>>,
) -> Result<Json<Count>, Problem> {
    query.wait(&state).await
}

/// The number of deliveries that were removed.
#[derive(Serialize, JsonSchema)]
pub(super) struct ClearedDeliveries {
    webhooks: usize,
}

/// With `sdkappid`, removes only the deliveries of this app.
pub(super) async fn clear(
    State(state): State<AppState>,
    Query(AppFilter { sdkappid }): Query<AppFilter>,
) -> Json<ClearedDeliveries> {
    let is_of = |delivery: &Delivery| sdkappid.is_none_or(|app| delivery.app == app);
    let webhooks = state.world().deliveries.ring.remove(is_of);
    Json(ClearedDeliveries { webhooks })
}
