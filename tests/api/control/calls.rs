//! Methods of the control client for tests of the journal and the clock.

use super::client::{Answer, Control, MadeApp};
use crate::harness::TestApp;
use serde_json::{Value, json};

/// A friend_add body with this From_Account.
pub(crate) fn body_of(from: &str) -> String {
    json!({"From_Account": from, "AddFriendItem": [{"To_Account": "id1"}]}).to_string()
}

impl Control {
    /// The journal's calls that match a filter, such as `code=0&since=3`.
    pub(crate) async fn calls(&self, filter: &str) -> Value {
        self.get(&format!("/requests?{filter}")).await.ok()
    }

    /// A gauge of `/metrics` that has no labels.
    pub(crate) async fn metric(&self, name: &str) -> usize {
        let url = self.outside("/metrics");
        let Answer { text, .. } = self.get(&url).await;
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("no {name}: {text}"));
        value.parse().expect("a whole number")
    }

    /// Holds the clock at this time.
    pub(crate) async fn hold(&self, at: i64) {
        self.post("/clock/hold", json!({"at": at})).await.ok();
    }

    /// Advances the clock.
    pub(crate) async fn advance(&self, seconds: f64) {
        let body = json!({"seconds": seconds});
        self.post("/clock/advance", body).await.ok();
    }
}

impl MadeApp {
    /// Calls friend_add with a minimal body. Returns the ErrorCode.
    pub(crate) async fn ping(&self) -> u64 {
        let body = json!({"From_Account": "id", "AddFriendItem": [{"To_Account": "id1"}]});
        self.call("sns/friend_add", &body).await.error_code()
    }
}

impl TestApp {
    /// Calls friend_add of the configured app with any body, as an admin. Returns the ErrorCode.
    pub(crate) async fn send_body(&self, body: impl Into<reqwest::Body>) -> u64 {
        let reply = self.post("/v4/sns/friend_add", &self.query(), body).await;
        reply.error_code()
    }
}

/// The ids of the calls, in order.
pub(crate) fn ids(calls: &Value) -> Vec<u64> {
    let calls = calls["calls"].as_array().expect("a list").iter();
    calls
        .map(|call| call["id"].as_u64().expect("a number"))
        .collect()
}
