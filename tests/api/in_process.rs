//! The functions that Rust tests call on an emulator in their own process: what they do is seen over HTTP, and
//! the reverse.

mod accounts;
mod apps;
mod builder;
mod faults;
mod requests;
mod whole;

use crate::control::Control;
use crate::harness::user;
use reqwest::Client;
use serde_json::{Value, json};
use tencent_chat_emulator::{AccountSeed, AppHandle, Emulator};

/// An emulator as a test makes it, and its control API.
async fn start() -> (Emulator, Control) {
    let emulator = Emulator::builder().start().await.expect("a port is free");
    let control = Control::of(&emulator);
    (emulator, control)
}

/// Adds friends as an admin of the app. Returns the ResultCodes.
async fn add(app: &AppHandle, from: &str, tos: &[&str]) -> Vec<u64> {
    let item = |to: &&str| json!({"To_Account": to, "AddSource": "AddSource_Type_Test"});
    let items: Vec<_> = tos.iter().map(item).collect();
    let body = json!({"From_Account": from, "AddFriendItem": items});
    let answer = call(app, "friend_add", &body).await;
    let items = answer["ResultItem"].as_array().expect("it is admitted");
    let code = |item: &Value| item["ResultCode"].as_u64().expect("a number");
    items.iter().map(code).collect()
}

/// Calls a command as an admin of the app.
async fn call(app: &AppHandle, command: &str, body: &Value) -> Value {
    let client = Client::builder().no_proxy().build().expect("a client");
    let call = client.post(app.url(command)).body(body.to_string());
    let answer = call.send().await.expect("an answer");
    serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON")
}
