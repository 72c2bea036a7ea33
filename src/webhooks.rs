//! Webhooks: a task of each app sends the app's events to the app's own server, in order. A slow or
//! failing server neither fails nor delays a call.

use crate::client_ip::ClientIp;
use crate::clock::{Clock, Moment, SystemMoment};
use crate::config::WebhookConfig;
use crate::deliveries::{Deliveries, Delivery};
use crate::protocol::ids::SdkAppId;
use crate::protocol::redact::redact_url;
use crate::protocol::webhook::{Event, sign};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::CONTENT_TYPE;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::IgnoredAny;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
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
    receiver: Arc<Receiver>,
    queue: mpsc::UnboundedSender<QueuedEvent>,
    /// One permit for each free byte of the queue.
    free_bytes: Arc<Semaphore>,
    task: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct QueuedEvent {
    event: &'static str,
    client_ip: ClientIp,
    body: Bytes,
    /// Dropping it frees the body's bytes in the queue.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Webhook {
    /// Starts the task that sends the events. Needs a Tokio runtime.
    pub(crate) fn start(
        app: SdkAppId,
        config: &WebhookConfig,
        clock: Arc<Clock>,
        deliveries: Arc<Deliveries>,
    ) -> Self {
        let (queue, events) = mpsc::unbounded_channel();
        let receiver = Arc::new(Receiver {
            app,
            config: config.clone(),
            shown_url: redact_url(&config.url),
            clock,
            client: Client::builder(TokioExecutor::new()).build_http(),
            deliveries,
            ended: CancellationToken::new(),
        });
        let send_all = Arc::clone(&receiver).send_all(events);
        Self {
            receiver,
            queue,
            free_bytes: Arc::new(Semaphore::new(QUEUE_BYTES as usize)),
            task: AbortOnDropHandle::new(tokio::spawn(send_all)),
        }
    }

    /// Queues an event.
    pub(crate) fn send(&self, event: &Event, client_ip: ClientIp) {
        let body = serde_json::to_vec(event).expect("strings, numbers and lists serialise");
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.free_bytes).try_acquire_many_owned(length);
        let has_room = permit.is_ok();
        let event = QueuedEvent {
            event: event.name(),
            client_ip,
            body: body.into(),
            _permit: permit.ok(),
        };
        match has_room {
            // An error means that the webhook has ended.
            true => drop(self.queue.send(event)),
            false => self.receiver.drop_event(event),
        }
    }

    /// Drops the queued events and sends no more: an event from before a reset must not be sent
    /// after it.
    pub(crate) fn end(&self) {
        self.receiver.ended.cancel();
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
    /// The configured URL without secrets.
    shown_url: String,
    clock: Arc<Clock>,
    client: Client<HttpConnector, Full<Bytes>>,
    deliveries: Arc<Deliveries>,
    /// Cancelled when the app is reset or removed.
    ended: CancellationToken,
}

/// An attempt that failed.
#[derive(Debug)]
struct Failure {
    /// The HTTP status, if the receiver answered.
    status: Option<StatusCode>,
    /// The reason in words.
    why: String,
}

impl Receiver {
    async fn send_all(self: Arc<Self>, mut events: mpsc::UnboundedReceiver<QueuedEvent>) {
        while let Some(event) = events.recv().await {
            self.deliver(event).await;
        }
    }

    /// Sends an event, with the configured number of retries.
    async fn deliver(&self, queued: QueuedEvent) {
        let (app, event) = (self.app.get(), queued.event);
        let began = SystemMoment::now();
        let at = self.clock.at(began);
        let (mut attempts, mut result) = (0, Ok(()));
        while attempts <= self.config.retries {
            let sent = tokio::time::timeout(TIMEOUT, self.post(&queued)).await;
            result = sent.unwrap_or_else(|_| Err("no answer in 2 s".to_owned().into()));
            match &result {
                Ok(()) => debug!(
                    app.id = app,
                    event,
                    attempt = attempts + 1,
                    "webhook delivered"
                ),
                Err(Failure { why, .. }) => {
                    warn!(
                        app.id = app,
                        event,
                        attempt = attempts + 1,
                        why,
                        "webhook failed"
                    );
                }
            }
            attempts += 1;
            if result.is_ok() {
                break;
            }
        }
        let took = began.elapsed();
        self.record(queued, at, took, attempts, result);
    }

    fn drop_event(&self, queued: QueuedEvent) {
        let (app, event, why) = (self.app.get(), queued.event, "the queue is full");
        warn!(app.id = app, event, "webhook dropped: {why}");
        let failure = Failure::from(why.to_owned());
        let now = self.clock.now();
        self.record(queued, now, Duration::ZERO, 0, Err(failure));
    }

    fn record(
        &self,
        queued: QueuedEvent,
        at: Moment,
        took: Duration,
        attempts: u32,
        result: Result<(), Failure>,
    ) {
        let shown_sign = self.config.token.is_some().then_some("***");
        let url = self.url(&self.shown_url, &queued, shown_sign, at);
        let (status, error) = match result {
            Ok(()) => (Some(StatusCode::OK), None),
            Err(Failure { status, why }) => (status, Some(why.into())),
        };
        let delivery = Delivery {
            id: 0,
            at,
            took,
            app: self.app,
            event: queued.event,
            url: url.into(),
            body: queued.body,
            is_cut: false,
            status: status.map(|status| status.as_u16()),
            error,
            attempts,
        };
        let is_current = || !self.ended.is_cancelled();
        self.deliveries.add(delivery, is_current);
    }

    /// Sends an event once. As documented, a status other than 200 and a reply that is not JSON are
    /// failures. The content of the reply is ignored, because it cannot undo the event.
    async fn post(&self, queued: &QueuedEvent) -> Result<(), Failure> {
        let now = self.clock.now();
        let token = self.config.token.as_ref();
        let sign = token.map(|token| sign(token, now.unix_time()));
        let url = self.url(&self.config.url, queued, sign.as_deref(), now);
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(queued.body.clone()))
            .map_err(|error| error.to_string())?;
        let reply = self.client.request(request).await;
        let reply = reply.map_err(|error| in_words(&error))?;
        let status = reply.status();
        let failure = |why| Failure {
            status: Some(status),
            why,
        };
        if status != StatusCode::OK {
            return Err(failure(format!("the status is {status}")));
        }
        let body = Limited::new(reply.into_body(), REPLY_BYTES).collect().await;
        let body = body.map_err(|error| failure(in_words(&*error)))?.to_bytes();
        serde_json::from_slice::<IgnoredAny>(&body)
            .map(drop)
            .map_err(|error| failure(format!("the reply is not JSON: {error}")))
    }

    /// The URL of an event, from the configured URL.
    fn url(&self, url: &str, queued: &QueuedEvent, sign: Option<&str>, now: Moment) -> String {
        let (app, QueuedEvent { event, .. }) = (self.app, queued);
        let ClientIp(client_ip) = queued.client_ip;
        let start = if url.contains('?') { '&' } else { '?' };
        let mut url = format!(
            "{url}{start}SdkAppid={app}&CallbackCommand={event}&contenttype=json&ClientIP={client_ip}&OptPlatform=RESTAPI"
        );
        if let Some(sign) = sign {
            url += &format!("&Sign={sign}&RequestTime={}", now.unix_time().0);
        }
        url
    }
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self { status: None, why }
    }
}

/// The cause of an error, without the number and the type that the system and the libraries add.
fn in_words(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    let system = cause.downcast_ref::<io::Error>();
    if system.is_none_or(|error| error.raw_os_error().is_none()) {
        return text;
    }
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}
