//! Tells an app's own server what has happened: webhooks, in the order of the calls, behind the
//! calls' backs. A receiver that is slow, wrong or gone never fails a call nor makes one wait.

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
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, warn};

/// How long the receiver may take to answer, as documented.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What may wait to be told, in bytes of bodies; what comes on top of it is dropped, with a
/// warning.
const QUEUE_BYTES: usize = 16 << 20;

/// The longest reply that is read. All it is read for is to see that it is JSON.
const REPLY_BYTES: usize = 64 << 10;

/// Where an app's events go. It ends with its app, though calls may be under way that still have it.
#[derive(Debug)]
pub(crate) struct Webhook {
    teller: AbortOnDropHandle<()>,
    app: SdkAppId,
    queue: mpsc::UnboundedSender<Message>,
    /// The bytes of the bodies that wait.
    waiting: Arc<AtomicUsize>,
}

#[derive(Debug)]
enum Message {
    Event(Delivery),
    /// Tells that all before it is done.
    Flush(oneshot::Sender<()>),
}

#[derive(Debug)]
struct Delivery {
    event: &'static str,
    client_ip: IpAddr,
    body: Bytes,
}

/// Who made the call that an event comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientIp(pub(crate) IpAddr);

/// Where a call comes from that came over no connection.
impl Default for ClientIp {
    fn default() -> Self {
        Self(IpAddr::from([0, 0, 0, 0]))
    }
}

impl Webhook {
    /// Starts the task that tells them, one after the other. Needs a Tokio runtime.
    pub(crate) fn start(app: SdkAppId, config: &WebhookConfig, clock: Arc<Clock>) -> Self {
        let (queue, messages) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let teller = Teller {
            app,
            config: config.clone(),
            clock,
            waiting: Arc::clone(&waiting),
            client: Client::builder(TokioExecutor::new()).build_http(),
        };
        Self {
            teller: AbortOnDropHandle::new(tokio::spawn(teller.run(messages))),
            app,
            queue,
            waiting,
        }
    }

    /// Tells an event in its turn.
    pub(crate) fn tell(&self, event: &Event, ClientIp(client_ip): ClientIp) {
        let body = serde_json::to_vec(event).expect("strings, numbers and lists serialise");
        let length = body.len();
        if self.waiting.fetch_add(length, Ordering::Relaxed) + length > QUEUE_BYTES {
            self.waiting.fetch_sub(length, Ordering::Relaxed);
            let event = event.name();
            return warn!(
                app.id = self.app.get(),
                event, "webhook dropped: too many wait"
            );
        }
        // An error means that it has ended.
        let _ = self.queue.send(Message::Event(Delivery {
            event: event.name(),
            client_ip,
            body: body.into(),
        }));
    }

    /// Tells nothing more: what happened before a reset must not be told after it.
    pub(crate) fn end(&self) {
        self.teller.abort();
    }

    /// Waits until all that was told before has been delivered, or given up.
    pub(crate) async fn flush(&self) {
        let (done, is_done) = oneshot::channel();
        let _ = self.queue.send(Message::Flush(done));
        let _ = is_done.await;
    }
}

struct Teller {
    app: SdkAppId,
    config: WebhookConfig,
    clock: Arc<Clock>,
    waiting: Arc<AtomicUsize>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Teller {
    async fn run(self, mut messages: mpsc::UnboundedReceiver<Message>) {
        while let Some(message) = messages.recv().await {
            match message {
                Message::Event(delivery) => {
                    self.deliver(&delivery).await;
                    self.waiting
                        .fetch_sub(delivery.body.len(), Ordering::Relaxed);
                }
                Message::Flush(done) => drop(done.send(())),
            }
        }
    }

    /// Once, and again as often as the configuration says when the receiver does not take it.
    async fn deliver(&self, delivery: &Delivery) {
        let (app, event) = (self.app.get(), delivery.event);
        for attempt in 0..=self.config.retries {
            let told = tokio::time::timeout(TIMEOUT, self.post(delivery)).await;
            match told.unwrap_or_else(|_| Err("no answer in 2 s".to_owned())) {
                Ok(()) => return debug!(app.id = app, event, attempt, "webhook delivered"),
                Err(why) => warn!(app.id = app, event, attempt, why, "webhook failed"),
            }
        }
    }

    /// Any other status than 200, and a reply that is not JSON, are failures, as documented. What
    /// the reply says is ignored: the event has happened already.
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
        let WebhookConfig { url, token, .. } = &self.config;
        let Delivery {
            event, client_ip, ..
        } = delivery;
        let start = if url.contains('?') { '&' } else { '?' };
        let app = self.app;
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
