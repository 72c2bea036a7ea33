//! A client of the control API, and of apps that are created with it.

use super::document::Document;
use crate::harness::{Reply, TestApp};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tencent_chat_emulator::Emulator;
use tokio::sync::OnceCell;

/// A client of an emulator's control API.
#[derive(Clone)]
pub(crate) struct Control {
    client: reqwest::Client,
    url: String,
}

/// `openapi.json`, which is the same for all emulators.
pub(crate) async fn document(control: &Control) -> &'static Document {
    static DOCUMENT: OnceCell<Document> = OnceCell::const_new();
    let read = async || {
        let request = control.request(Method::GET, "/openapi.json");
        Document::of(
            Answer::of(request.send().await.expect("an answer"))
                .await
                .ok(),
        )
    };
    DOCUMENT.get_or_init(read).await
}

/// An answer of the control API.
#[derive(Debug)]
pub(crate) struct Answer {
    path: String,
    pub(crate) status: StatusCode,
    pub(crate) text: String,
    /// Null if the answer is not JSON.
    pub(crate) json: Value,
}

/// An app that was created with the control API.
#[derive(Clone)]
pub(crate) struct MadeApp {
    pub(crate) control: Control,
    pub(crate) sdkappid: u64,
    /// The query of a call as its admin.
    pub(crate) query: String,
}

impl TestApp {
    /// The control API of this emulator.
    pub(crate) fn control(&self) -> Control {
        Control {
            client: self.client.clone(),
            url: self.emulator.url(),
        }
    }
}

impl Control {
    /// The control API of an emulator in this process.
    pub(crate) fn of(emulator: &Emulator) -> Self {
        let client = reqwest::Client::builder().no_proxy().build();
        Self {
            client: client.expect("a client"),
            url: emulator.url(),
        }
    }

    /// A request to a path below the prefix, such as `/faults`, or to a URL that begins with
    /// `http:`.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = match path.starts_with("http:") {
            true => path.to_owned(),
            false => format!("{}/_emulator/v1{path}", self.url),
        };
        self.client.request(method, url)
    }

    /// The URL of a path outside the prefix, such as `/metrics`.
    pub(crate) fn outside(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.request(method.clone(), path);
        if let Some(body) = body {
            let body = body.to_string();
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        let answer = Answer::of(request.send().await.expect("an answer")).await;
        let document = document(self).await;
        if let Some(operation) = document.find(method.as_str(), &answer.path) {
            operation.check(answer.status.as_u16(), &answer.json);
        }
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// Creates an app.
    pub(crate) async fn create(&self, body: Value) -> MadeApp {
        let made = self.post("/apps", body).await.ok();
        MadeApp {
            control: self.clone(),
            sdkappid: made["sdkappid"].as_u64().expect("a number"),
            query: made["query"].as_str().expect("a query").to_owned(),
        }
    }

    /// Creates an app with these accounts and without a rate limit.
    pub(crate) async fn create_with(&self, accounts: &[&str]) -> MadeApp {
        self.create(json!({"accounts": accounts, "calls_per_second": 0}))
            .await
    }
}

impl Answer {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        let (status, path) = (response.status(), response.url().path().to_owned());
        let text = response.text().await.expect("a body");
        Self {
            path,
            status,
            json: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }

    /// The JSON of the answer. Asserts that the call succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!(self.status.is_success(), "{}: {}", self.status, self.text);
        self.json
    }

    /// The invalid fields: pointer and text. Asserts that the call failed with this status.
    #[track_caller]
    pub(crate) fn faults(&self, status: u16) -> Vec<(String, String)> {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.json["status"], status, "{}", self.text);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let errors = self.json["errors"].as_array().into_iter().flatten();
        let fault = |error: &Value| (text(&error["pointer"]), text(&error["detail"]));
        errors.map(fault).collect()
    }
}

impl MadeApp {
    /// The control path of a resource of this app, such as `/reset`.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("/apps/{}{path}", self.sdkappid)
    }

    /// Calls a command, such as `sns/friend_get`.
    pub(crate) async fn call(&self, command: &str, body: &Value) -> Reply {
        let url = format!("{}/v4/{command}?{}", self.control.url, self.query);
        let request = self.control.client.post(url).body(body.to_string());
        Reply::check(request.send().await.expect("an answer")).await
    }

    /// Calls friend_add with items that have only To_Account.
    pub(crate) async fn add(&self, from: &str, tos: &[&str]) -> Reply {
        let items: Vec<_> = tos.iter().map(|to| json!({"To_Account": to})).collect();
        let body = json!({"From_Account": from, "AddFriendItem": items});
        self.call("sns/friend_add", &body).await
    }

    /// An account's document.
    pub(crate) async fn account(&self, user: &str) -> Value {
        let path = self.path(&format!("/accounts/{user}"));
        self.control.get(&path).await.ok()
    }

    /// The app's state without the sequences, which a restored state moves on.
    pub(crate) async fn relations(&self) -> Value {
        let mut state = self.control.get(&self.path("/state")).await.ok();
        let accounts = state["accounts"].as_object_mut().expect("an object");
        for account in accounts.values_mut() {
            let account = account.as_object_mut().expect("an object");
            account.remove("sequences").expect("it has sequences");
        }
        state
    }

    /// The UserIDs in one of an account's lists.
    pub(crate) async fn list(&self, user: &str, list: &str) -> Vec<String> {
        let account = self.account(user).await;
        let entries = account[list].as_array().expect("a list").iter();
        let peer = |entry: &Value| {
            let peer = entry.get("to").or_else(|| entry.get("with"));
            peer.unwrap_or(entry).as_str().expect("a UserID").to_owned()
        };
        entries.map(peer).collect()
    }
}
