//! A server that the tests did not start: only its base URL and an admin's credentials are known.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::error::Error;
use std::time::Duration;
use tencent_chat_emulator::clock::SystemMoment;
use tencent_chat_emulator::protocol::ids::SdkAppId;
use tencent_chat_emulator::protocol::user_sig::{self, SecretKey};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout};

/// The shortest time between two calls: 200 calls per second, and 100 to the account commands.
const PAUSE: Duration = Duration::from_millis(5);
const PAUSE_OF_ACCOUNTS: Duration = Duration::from_millis(10);

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The base URL, and the credentials of an app admin.
pub(super) struct Server {
    pub(super) url: String,
    pub(super) sdkappid: SdkAppId,
    pub(super) key: SecretKey,
    pub(super) admin: String,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    next_call: Mutex<Instant>,
}

/// The body of an answer; a text if it is not JSON or if there was no answer.
#[derive(Clone, Debug)]
pub(super) struct Answer(pub(super) Value);

impl Server {
    pub(super) fn new(url: String, sdkappid: SdkAppId, key: SecretKey, admin: String) -> Self {
        let connector = HttpsConnectorBuilder::new().with_webpki_roots();
        let connector = connector.https_or_http().enable_http1().build();
        Self {
            url: url.trim_end_matches('/').to_owned(),
            sdkappid,
            key,
            admin,
            client: Client::builder(TokioExecutor::new()).build(connector),
            next_call: Mutex::new(Instant::now()),
        }
    }

    /// The variables `EMULATOR_TEST_…`, or nothing if none is set.
    pub(super) fn from_environment() -> Option<Self> {
        let names = ["URL", "SDKAPPID", "SECRET_KEY", "ADMIN"];
        let values = names.map(|name| std::env::var(format!("EMULATOR_TEST_{name}")).ok());
        if values.iter().all(Option::is_none) {
            return None;
        }
        let [Some(url), Some(sdkappid), Some(key), Some(admin)] = values else {
            panic!("EMULATOR_TEST_URL, _SDKAPPID, _SECRET_KEY and _ADMIN belong together");
        };
        let sdkappid = SdkAppId::parse(&sdkappid).expect("EMULATOR_TEST_SDKAPPID is an SDKAppID");
        let key = SecretKey::new(&key).expect("EMULATOR_TEST_SECRET_KEY is not empty");
        Some(Self::new(url, sdkappid, key, admin))
    }

    pub(super) fn user_sig(&self, sdkappid: SdkAppId, identifier: &str) -> String {
        let now = SystemMoment::now().unix_time();
        user_sig::sign(&self.key, sdkappid, identifier, now, 86_400)
    }

    /// The query of a good call by `identifier`.
    pub(super) fn query_of(&self, identifier: &str) -> String {
        let usersig = self.user_sig(self.sdkappid, identifier);
        let sdkappid = self.sdkappid;
        format!(
            "sdkappid={sdkappid}&identifier={identifier}&usersig={usersig}&random=99999999&contenttype=json"
        )
    }

    /// The query of a good call by the admin.
    pub(super) fn query(&self) -> String {
        self.query_of(&self.admin)
    }

    /// Calls a command, such as `sns/friend_add`, as the admin.
    pub(super) async fn call(&self, command: &str, body: &Value) -> Answer {
        let body = body.to_string();
        self.send("POST", command, &self.query(), body).await
    }

    pub(super) async fn send(
        &self,
        method: &str,
        command: &str,
        query: &str,
        body: impl Into<String>,
    ) -> Answer {
        let accounts = command.starts_with("im_open_login_svc/");
        self.wait_for_turn(if accounts { PAUSE_OF_ACCOUNTS } else { PAUSE })
            .await;
        let url = format!("{}/v4/{command}?{query}", self.url);
        let request = hyper::Request::builder().method(method).uri(url);
        let request = request.body(Full::from(body.into()));
        let text = timeout(PATIENCE, async {
            let answer = self.client.request(request?).await?;
            let status = answer.status();
            let body = answer.into_body().collect().await?.to_bytes();
            let text = String::from_utf8_lossy(&body).into_owned();
            Ok::<_, Box<dyn Error + Send + Sync>>(match status.as_u16() {
                200 => text,
                _ => format!("HTTP {status}: {text}"),
            })
        });
        Answer(match text.await {
            Ok(Ok(text)) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            Ok(Err(error)) => json!(format!("no answer: {}", causes(&*error))),
            Err(_) => json!("no answer in time"),
        })
    }

    async fn wait_for_turn(&self, pause: Duration) {
        let mut next_call = self.next_call.lock().await;
        sleep_until(*next_call).await;
        *next_call = Instant::now() + pause;
    }
}

/// An error and its causes. A URL is not in it, because it has a UserSig.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

impl Answer {
    /// The code and text of the call; if it succeeded and has items, of its first item.
    pub(super) fn outcome(&self) -> (Option<u64>, &str) {
        let whole = &self.0;
        let item = self.items().and_then(|items| items.first());
        let (code, info) = match (whole["ErrorCode"].as_u64(), item) {
            (Some(0), Some(item)) => (&item["ResultCode"], &item["ResultInfo"]),
            _ => (&whole["ErrorCode"], &whole["ErrorInfo"]),
        };
        (code.as_u64(), info.as_str().unwrap_or_default())
    }

    /// The outcome in words.
    pub(super) fn text(&self) -> String {
        match self.outcome() {
            (Some(code), info) => format!("{code} {info}").trim_end().to_owned(),
            (None, _) => self.0.to_string(),
        }
    }

    /// The codes of the items, or the code of the call if it failed or has no items.
    pub(super) fn codes(&self) -> String {
        let call = self.0["ErrorCode"].as_u64();
        match (call, self.items()) {
            (Some(0), Some(items)) => {
                let codes = items.iter().map(|item| item["ResultCode"].to_string());
                codes.collect::<Vec<_>>().join(", ")
            }
            (Some(0), None) => "0".to_owned(),
            (Some(code), _) => format!("{code} of the call"),
            (None, _) => self.0.to_string(),
        }
    }

    fn items(&self) -> Option<&Vec<Value>> {
        let lists = ["ResultItem", "InfoItem", "UserProfileItem"];
        let list = lists.into_iter().find_map(|list| self.0[list].as_array());
        list.filter(|items| items.iter().all(|item| item.get("ResultCode").is_some()))
    }
}
