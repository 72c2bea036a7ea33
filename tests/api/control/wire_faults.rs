//! Faults that damage the answer or the connection, byte by byte.

use super::client::{Control, MadeApp};
use crate::harness::TestApp;
use crate::wire::{Ended, Wire};
use serde_json::{Value, json};

/// An emulator, and an app for raw calls.
struct Bench {
    server: TestApp,
    control: Control,
    app: MadeApp,
}

impl Bench {
    async fn start() -> Self {
        let server = TestApp::start().await;
        let control = server.control();
        let app = control.create_with(&["id", "id1"]).await;
        Self {
            server,
            control,
            app,
        }
    }

    async fn arm(&self, fault: Value) {
        self.control.put("/faults", json!([fault])).await.ok();
    }

    async fn hits(&self) -> u64 {
        let all = self.control.get("/faults").await.ok();
        all[0]["hits"].as_u64().expect("a number")
    }

    async fn connect(&self) -> Wire {
        Wire::connect(self.server.emulator.addr()).await
    }

    /// A call that changes nothing, so its answer is always the same.
    fn call(&self, from: &str) -> Vec<u8> {
        let check = json!({"From_Account": from, "To_Account": ["id1"], "CheckType": "CheckResult_Type_Both"});
        self.bytes("friend_check", &check)
    }

    fn bytes(&self, command: &str, body: &Value) -> Vec<u8> {
        let (body, query) = (body.to_string(), &self.app.query);
        let length = body.len();
        format!("POST /v4/sns/{command}?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
    }

    /// The body of a call that no fault matches.
    async fn healthy(&self) -> String {
        let mut wire = self.connect().await;
        wire.send(&self.call("id1")).await;
        let answer = wire.read_response().await;
        assert_eq!(answer.status, 200);
        answer.body
    }
}

/// The fault, for calls of "id" only.
fn of_id(way: &Value, commits: bool) -> Value {
    let mut fault = match commits {
        true => json!({"commit_then": way}),
        false => way.clone(),
    };
    fault["from_account"] = json!("id");
    fault
}

#[tokio::test]
async fn an_http_status_comes_alone_for_every_status_of_a_failure() {
    let bench = Bench::start().await;
    let mut wire = bench.connect().await;
    for status in 400..=599 {
        bench
            .arm(of_id(&json!({"http_status": status}), status % 2 == 0))
            .await;

        wire.send(&bench.call("id")).await;
        let answer = wire.read_response().await;

        assert_eq!(answer.status, status);
        assert!(!answer.body.contains("ErrorCode"), "{}", answer.body);
        assert_eq!(answer.header("content-type"), ["text/html"]);
        assert_eq!(bench.hits().await, 1);
    }
    wire.send(&bench.call("id1")).await;
    assert_eq!(wire.read_response().await.status, 200);
}

#[tokio::test]
async fn a_malformed_answer_is_a_200_that_is_no_json() {
    let bench = Bench::start().await;
    for commits in [false, true] {
        bench.arm(of_id(&json!({"malformed": true}), commits)).await;
        let mut wire = bench.connect().await;

        wire.send(&bench.call("id")).await;
        let answer = wire.read_response().await;

        assert_eq!(answer.status, 200);
        assert!(!answer.body.is_empty());
        let json = serde_json::from_str::<Value>(&answer.body);
        assert!(json.is_err(), "{}", answer.body);
        assert_eq!(bench.hits().await, 1);
        wire.send(&bench.call("id1")).await;
        assert_eq!(wire.read_response().await.body, bench.healthy().await);
    }
}

#[tokio::test]
async fn a_closed_connection_is_reset_before_a_byte_of_an_answer() {
    let bench = Bench::start().await;
    for commits in [false, true] {
        bench.arm(of_id(&json!({"close": true}), commits)).await;
        let mut wire = bench.connect().await;

        wire.send(&bench.call("id")).await;
        let (bytes, ended) = wire.read_to_end().await;

        assert_eq!(ended, Ended::Reset);
        assert!(bytes.is_empty(), "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(bench.hits().await, 1);
        bench.healthy().await;
    }
}

/// Without `commit_then`, the command does not run, so the truncated body is that of a 60008.
#[tokio::test]
async fn a_truncated_answer_has_a_whole_head_and_half_a_body_and_then_the_connection_ends() {
    let bench = Bench::start().await;
    let mut wire = bench.connect().await;
    wire.send(&bench.call("id")).await;
    let done = wire.read_response().await.body;
    let not_done = r#"{"ActionStatus":"FAIL","ErrorCode":60008,"ErrorInfo":"service timeout or request format error,please check and try again"}"#;
    for (commits, whole) in [(false, not_done), (true, &done)] {
        bench.arm(of_id(&json!({"truncate": true}), commits)).await;
        let mut wire = bench.connect().await;

        wire.send(&bench.call("id")).await;
        let (bytes, ended) = wire.read_to_end().await;

        assert_eq!(ended, Ended::Closed);
        let text = String::from_utf8(bytes).expect("it is text");
        let (head, half) = text.split_once("\r\n\r\n").expect("a whole head");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        let length = format!("content-length: {}", whole.len());
        assert!(
            head.to_lowercase().lines().any(|header| header == length),
            "{head}"
        );
        assert_eq!(half, &whole[..whole.len() / 2]);
        assert_eq!(bench.hits().await, 1);
        bench.healthy().await;
    }
}

/// Half of a long answer does not fit into one write.
#[tokio::test]
async fn half_of_a_long_answer_comes_whole() {
    let bench = Bench::start().await;
    let tos = vec!["id1"; 1000];
    let body =
        json!({"From_Account": "id", "To_Account": tos, "CheckType": "CheckResult_Type_Both"});
    let call = bench.bytes("friend_check", &body);
    let mut wire = bench.connect().await;
    wire.send(&call).await;
    let whole = wire.read_response().await.body;
    assert!(whole.len() > 50_000, "{}", whole.len());
    bench.arm(of_id(&json!({"truncate": true}), true)).await;

    let mut wire = bench.connect().await;
    wire.send(&call).await;
    let (bytes, ended) = wire.read_to_end().await;

    assert_eq!(ended, Ended::Closed);
    let text = String::from_utf8(bytes).expect("it is text");
    let (_, half) = text.split_once("\r\n\r\n").expect("a whole head");
    assert!(
        half == &whole[..whole.len() / 2],
        "{} of {}",
        half.len(),
        whole.len()
    );
}

#[tokio::test]
async fn calls_that_came_before_on_the_connection_are_answered() {
    let bench = Bench::start().await;
    let healthy = bench.healthy().await;
    for way in [
        json!({"close": true}),
        json!({"truncate": true}),
        json!({"http_status": 502}),
        json!({"malformed": true}),
    ] {
        for commits in [false, true] {
            for pipelined in [false, true] {
                bench.arm(of_id(&way, commits)).await;
                let mut wire = bench.connect().await;
                let good = bench.call("id1");

                if pipelined {
                    let all = [&good[..], &good, &bench.call("id"), &good].concat();
                    wire.send(&all).await;
                }
                for _ in 0..2 {
                    if !pipelined {
                        wire.send(&good).await;
                    }
                    let answer = wire.read_response().await;
                    assert_eq!(answer.body, healthy, "{way} {commits} {pipelined}");
                }
                if !pipelined {
                    wire.send(&bench.call("id")).await;
                }

                let ends = way.get("close").is_some() || way.get("truncate").is_some();
                if ends {
                    wire.read_to_end().await;
                } else {
                    wire.read_response().await;
                    if !pipelined {
                        wire.send(&good).await;
                    }
                    assert_eq!(wire.read_response().await.body, healthy, "{way}");
                }
                assert_eq!(bench.hits().await, 1, "{way} {commits} {pipelined}");
                assert_eq!(bench.healthy().await, healthy);
            }
        }
    }
}

#[tokio::test]
async fn the_journal_has_the_calls_whose_answers_failed() {
    let bench = Bench::start().await;
    for (way, status) in [
        (json!({"close": true}), 200),
        (json!({"truncate": true}), 200),
        (json!({"http_status": 502}), 502),
        (json!({"malformed": true}), 200),
    ] {
        bench.control.delete("/requests").await.ok();
        bench.arm(of_id(&way, true)).await;
        let mut wire = bench.connect().await;
        let call = String::from_utf8(bench.call("id")).expect("it is text");
        let last = call.replace("Host: localhost", "Host: localhost\r\nConnection: close");
        wire.send(last.as_bytes()).await;
        wire.read_to_end().await;

        let path = format!("/requests?sdkappid={}&from_account=id", bench.app.sdkappid);
        let journal = bench.control.get(&path).await.ok();

        let calls = journal["calls"].as_array().expect("a list");
        assert_eq!(calls.len(), 1, "{way}: {journal}");
        assert_eq!(calls[0]["status"], status, "{way}");
        assert_eq!(calls[0]["code"], 0, "{way}");
    }
}

/// A client that disconnects does not cancel the call, as with a slow server.
#[tokio::test]
async fn a_delayed_call_is_done_and_written_down_though_its_client_has_hung_up() {
    let app = TestApp::start().await;
    let control = app.control();
    for (number, fault) in (1..).zip([
        json!({"delay_ms": 150, "times": 1}),
        json!({"commit_then": {"delay_ms": 150}, "times": 1}),
    ]) {
        control.put("/faults", json!([fault])).await.ok();
        let (user, friend) = (format!("a{number}"), format!("b{number}"));
        app.import([&user, &friend]);
        let body =
            json!({"From_Account": user, "AddFriendItem": [{"To_Account": friend}]}).to_string();
        let wire = Wire::connect(app.emulator.addr()).await;
        let head = format!(
            "POST /v4/sns/friend_add?{} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            app.query(),
            body.len()
        );
        wire.send(format!("{head}{body}").as_bytes()).await;
        while control.get("/faults").await.ok()[0]["hits"] == 0 {
            tokio::task::yield_now().await;
        }

        drop(wire);

        let wait = control.get(&format!("/requests/wait?count={number}")).await;
        assert_eq!(wait.ok()["count"], number);
        assert_eq!(app.friends(&user), [friend]);
    }
}

/// Like `nc -N`, and scripts that pipe a request into a socket. During a delay, such a client cannot be told
/// from a client that has hung up, which must free its descriptor.
#[tokio::test]
async fn a_client_that_has_said_all_and_closes_its_side_gets_its_answer_unless_it_is_delayed() {
    let app = TestApp::start().await;
    app.import(["a", "b"]);
    let body = r#"{"From_Account":"a","AddFriendItem":[{"To_Account":"b"}]}"#;
    let query = app.query();
    let length = body.len();
    let call = format!(
        "POST /v4/sns/friend_add?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let (begin, end) = call.split_at(call.len() - 1);
    for is_delayed in [false, true] {
        if is_delayed {
            let fault = json!({"delay_ms": 60_000});
            app.control().post("/faults", fault).await.ok();
        }
        let mut wire = Wire::connect(app.emulator.addr()).await;
        wire.send(begin.as_bytes()).await;
        wire.send(end.as_bytes()).await;

        wire.finish().await;

        if !is_delayed {
            let answer = wire.read_response().await;
            assert!(answer.body.contains(r#""ErrorCode":0"#), "{}", answer.body);
        }
        assert!(wire.is_closed().await);
    }
}

#[tokio::test]
async fn a_stop_cuts_delays_short() {
    let app = TestApp::start().await;
    app.control()
        .post("/faults", json!({"delay_ms": 600_000}))
        .await
        .ok();
    app.import(["a", "b"]);
    let call = app.client.post(app.url("/v4/sns/friend_add", &app.query()));
    let body = r#"{"From_Account":"a","AddFriendItem":[{"To_Account":"b"}]}"#;
    let call = tokio::spawn(call.body(body).send());
    while app.control().get("/faults").await.ok()[0]["hits"] == 0 {
        tokio::task::yield_now().await;
    }

    app.emulator.stop().await;

    let answer = call.await.expect("a task").expect("an answer");
    assert_eq!(answer.status(), 200);
}
