//! The budget for bodies in flight.

use super::Target;
use crate::harness::APP;
use reqwest::{Method, StatusCode};

/// A good body with white space up to this length.
fn padded(length: usize) -> String {
    let good = super::GOOD_BODY;
    format!("{good}{}", " ".repeat(length - good.len()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_that_gets_no_share_of_the_budget_is_refused_and_short_ones_pass() {
    const LENGTH: usize = 900_000;
    let target = Target::start_with(|config| config.max_bodies_bytes = 1 << 20).await;
    let head = format!(
        "POST /v4/sns/friend_add?{} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {LENGTH}\r\n\r\n",
        target.query
    );
    let mut holder = target.open();
    holder.send(head.as_bytes());
    holder.send(&padded(LENGTH).as_bytes()[..500_000]);
    target.still_serves().await;

    let path = format!("/apps/{APP}/state");
    let request = target.app.control().request(Method::PUT, &path);
    let request = request.header("content-type", "application/json");
    let control = tokio::spawn(request.body(padded(LENGTH)).send());
    let path = "/v4/sns/friend_add";
    let call = target.app.post(path, &target.query, padded(LENGTH)).await;
    let control = control.await.expect("it ends").expect("an answer");

    assert_eq!(call.error_code(), 60008, "{}", call.text);
    assert!(target.app.why(&call).await.contains("max_bodies_bytes"));
    assert_eq!(control.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(control.headers().contains_key("retry-after"));
    target.still_serves().await;

    // The share is given back when the holder disconnects.
    drop(holder);
    assert_eq!(target.body(padded(LENGTH)).await.error_code(), 0);
}
