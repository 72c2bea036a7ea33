//! An app's own server: it records the webhooks that it receives, and answers in several ways.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// How the receiver answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mood {
    /// As in the pages' samples.
    Good,
    /// HTTP 500.
    Broken,
    /// HTTP 201, which is not 200.
    Created,
    /// HTTP 200 with a body that is not JSON.
    Nonsense,
    /// Never.
    Silent,
}

/// A received webhook.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) content_type: String,
    pub(crate) text: String,
}

impl Told {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("webhooks are JSON")
    }

    pub(crate) fn command(&self) -> String {
        self.json()["CallbackCommand"]
            .as_str()
            .expect("a command")
            .to_owned()
    }

    /// PairList as (From_Account, To_Account).
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        let json = self.json();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let pairs = json["PairList"].as_array().expect("a list").iter();
        pairs
            .map(|pair| (text(&pair["From_Account"]), text(&pair["To_Account"])))
            .collect()
    }
}

pub(crate) struct Receiver {
    pub(crate) url: String,
    mood: Arc<Mutex<Mood>>,
    told: mpsc::UnboundedReceiver<Told>,
}

impl Receiver {
    pub(crate) async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let addr = listener.local_addr().expect("it is bound");
        let (sender, told) = mpsc::unbounded_channel();
        let mood = Arc::new(Mutex::new(mood));
        let router = Router::new()
            .fallback(take)
            .with_state((Arc::clone(&mood), sender));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url: format!("http://{addr}/callback"),
            mood,
            told,
        }
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().expect("nobody panics") = mood;
    }

    /// The next webhook.
    pub(crate) async fn next(&mut self) -> Told {
        let next = tokio::time::timeout(Duration::from_secs(10), self.told.recv());
        next.await.expect("in time").expect("it still listens")
    }

    /// The webhooks received so far.
    pub(crate) fn so_far(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }
}

async fn take(
    State((mood, told)): State<(Arc<Mutex<Mood>>, mpsc::UnboundedSender<Told>)>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX)
        .await
        .expect("a whole body");
    let content_type = head.headers.get("content-type");
    // An error means that the test is over.
    let _ = told.send(Told {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        content_type: content_type
            .map(|value| value.to_str().expect("ASCII").to_owned())
            .unwrap_or_default(),
        text: String::from_utf8(body.to_vec()).expect("UTF-8"),
    });
    let mood = *mood.lock().expect("nobody panics");
    match mood {
        Mood::Good => r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#.into_response(),
        Mood::Broken => axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Mood::Created => (axum::http::StatusCode::CREATED, "{}").into_response(),
        Mood::Nonsense => "thanks".into_response(),
        Mood::Silent => std::future::pending().await,
    }
}
