//! Stubs: commands that check the required fields of their pages and answer from a template.

mod built_in;
mod own;
mod pages;
mod refused;
mod templates;

use crate::control::{Control, MadeApp};
use crate::harness::{Reply, TestApp};
use serde_json::{Value, json};

/// Noon of 2023-11-14, when most tests hold the clock.
const NOW: i64 = 1_700_000_000;

/// An emulator, its control API, and an app without rate limits.
struct Bench {
    app: TestApp,
    control: Control,
    made: MadeApp,
}

impl Bench {
    /// The clock is held at [`NOW`].
    async fn start() -> Self {
        Self::start_with(json!({"calls_per_second": 0})).await
    }

    async fn start_with(wish: Value) -> Self {
        let app = TestApp::start().await;
        let control = app.control();
        control.hold(NOW).await;
        let made = control.create(wish).await;
        Self { app, control, made }
    }

    /// Makes a stub of the app.
    async fn put(&self, path: &str, definition: Value) -> Value {
        let path = self.made.path(&format!("/stubs/{path}"));
        self.control.put(&path, definition).await.ok()
    }

    async fn call(&self, path: &str, body: Value) -> Reply {
        self.made.call(path, &body).await
    }

    /// The answer's fields besides the envelope.
    async fn fields(&self, path: &str, body: Value) -> Value {
        let reply = self.call(path, body).await;
        assert_eq!(reply.error_code(), 0, "{}", reply.text);
        fields(&reply)
    }

    /// Makes the stub openim/x with one key in its answer, and calls it. Returns the key's value, if the
    /// answer has the key.
    async fn render(&self, template: Value, body: Value) -> Option<Value> {
        self.put("openim/x", json!({"answer": {"Key": template}}))
            .await;
        self.fields("openim/x", body).await.get("Key").cloned()
    }
}

/// The fields of a reply besides the envelope.
fn fields(reply: &Reply) -> Value {
    let mut fields = reply.json.clone();
    let object = fields.as_object_mut().expect("checked");
    object.retain(|key, _| !["ActionStatus", "ErrorCode", "ErrorInfo"].contains(&key.as_str()));
    fields
}
