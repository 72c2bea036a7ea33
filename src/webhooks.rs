//! Webhooks: a task of each app sends the app's events to the app's own server, in order. A slow or
//! failing server neither fails nor delays a call.

use crate::client_ip::ClientIp;
use crate::clock::{Clock, Moment};
use crate::config::WebhookConfig;
use crate::protocol::ids::SdkAppId;
use crate::protocol::webhook::{Event, sign};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::CONTENT_TYPE;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::IgnoredAny;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, warn};

/// The receiver's deadline for its answer, as documented.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The limit of the queue, in bytes of event bodies. When the queue is full, new events are dropped
/// with a warning.
const QUEUE_BYTES: u32 = 16 << 20;

/// The longest reply that is read, in bytes. The reply is only checked to be JSON.
const REPLY_BYTES: usize = 64 << 10;

/// An app's webhook: a queue of events, and the task that sends them one after the other.
#[derive(Debug)]
pub(crate) struct Webhook {
    app: SdkAppId,
    queue: mpsc::UnboundedSender<Delivery>,
    /// One permit for each free byte of the queue.
    free_bytes: Arc<Semaphore>,
    task: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Delivery {
    event: &'static str,
    client_ip: ClientIp,
    body: Bytes,
    /// Dropping it frees the body's bytes in the queue.
    _permit: OwnedSemaphorePermit,
}

impl Webhook {
    /// Starts the task that sends the events. Needs a Tokio runtime.
    pub(crate) fn start(app: SdkAppId, config: &WebhookConfig, clock: Arc<Clock>) -> Self {
        let (queue, deliveries) = mpsc::unbounded_channel();
        let receiver = Receiver {
            app,
            config: config.clone(),
            clock,
            client: Client::builder(TokioExecutor::new()).build_http(),
        };
        Self {
            app,
            queue,
            free_bytes: Arc::new(Semaphore::new(QUEUE_BYTES as usize)),
            task: AbortOnDropHandle::new(tokio::spawn(receiver.send_all(deliveries))),
        }
    }

    /// Queues an event.
    pub(crate) fn send(&self, event: &Event, client_ip: ClientIp) {
        let body = serde_json::to_vec(event).expect("strings, numbers and lists serialise");
        let (app, event) = (self.app.get(), event.name());
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let Ok(permit) = Arc::clone(&self.free_bytes).try_acquire_many_owned(length) else {
            return warn!(app.id = app, event, "webhook dropped: the queue is full");
        };
        // An error means that the webhook has ended.
        let _ = self.queue.send(Delivery {
            event,
            client_ip,
            body: body.into(),
            _permit: permit,
        });
    }

    /// Drops the queued events and sends no more: an event from before a reset must not be sent
    /// after it.
    pub(crate) fn end(&self) {
        self.task.abort();
    }

    /// Waits until the queue is empty. New events are dropped meanwhile.
    pub(crate) async fn flush(&self) {
        let _ = self.free_bytes.acquire_many(QUEUE_BYTES).await;
    }
}

/// The server that an app's events are sent to.
#[derive(Debug)]
struct Receiver {
    app: SdkAppId,
    config: WebhookConfig,
    clock: Arc<Clock>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Receiver {
    async fn send_all(self, mut deliveries: mpsc::UnboundedReceiver<Delivery>) {
        while let Some(delivery) = deliveries.recv().await {
            self.deliver(&delivery).await;
        }
    }

    /// Sends an event, with the configured number of retries.
    async fn deliver(&self, delivery: &Delivery) {
        let (app, event) = (self.app.get(), delivery.event);
        for attempt in 0..=self.config.retries {
            let sent = tokio::time::timeout(TIMEOUT, self.post(delivery)).await;
            match sent.unwrap_or_else(|_| Err("no answer in 2 s".to_owned())) {
                Ok(()) => return debug!(app.id = app, event, attempt, "webhook delivered"),
                Err(why) => warn!(app.id = app, event, attempt, why, "webhook failed"),
            }
        }
    }

    /// Sends an event once. As documented, a status other than 200 and a reply that is not JSON are
    /// failures. The content of the reply is ignored, because it cannot undo the event.
    async fn post(&self, delivery: &Delivery) -> Result<(), String> {
        let request = Request::post(self.url(delivery, self.clock.now()))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(delivery.body.clone()))
            .map_err(|error| error.to_string())?;
        let reply = self.client.request(request).await;
        let reply = reply.map_err(|error| format!("{error:?}"))?;
        if reply.status() != StatusCode::OK {
            return Err(format!("the status is {}", reply.status()));
        }
        let body = Limited::new(reply.into_body(), REPLY_BYTES).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        serde_json::from_slice::<IgnoredAny>(&body)
            .map(drop)
            .map_err(|error| format!("the reply is not JSON: {error}"))
    }

    fn url(&self, delivery: &Delivery, now: Moment) -> String {
        let (app, WebhookConfig { url, token, .. }) = (self.app, &self.config);
        let (event, ClientIp(client_ip)) = (delivery.event, delivery.client_ip);
        let start = if url.contains('?') { '&' } else { '?' };
        let mut url = format!(
            "{url}{start}SdkAppid={app}&CallbackCommand={event}&contenttype=json&ClientIP={client_ip}&OptPlatform=RESTAPI"
        );
        if let Some(token) = token {
            let time = now.unix_time();
            let sign = sign(token, time);
            url += &format!("&Sign={sign}&RequestTime={}", time.0);
        }
        url
    }
}
