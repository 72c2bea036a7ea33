//! Server-sent events of the calls: each call comes once and in order, or a gap is announced.

use super::calls::{body_of, ids};
use super::client::Control;
use crate::harness::TestApp;
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const PATIENCE: Duration = Duration::from_secs(20);

/// An event of the stream.
#[derive(Clone, Debug, Default, PartialEq)]
struct Event {
    event: String,
    id: String,
    data: String,
}

impl Event {
    /// Parses an event as the standard says: joins `data` lines, ignores comments.
    fn parse(block: &str) -> Option<Self> {
        let mut event = Self::default();
        let mut data = Vec::new();
        for line in block.lines() {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "" => {}
                "event" => event.event = value.to_owned(),
                "id" => event.id = value.to_owned(),
                "data" => data.push(value),
                other => panic!("{other} is no field: {block}"),
            }
        }
        event.data = data.join("\n");
        (event != Self::default()).then_some(event)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.data).expect("JSON")
    }

    /// The id of the event's call. Asserts that the event is a call with the same id.
    #[track_caller]
    fn call_id(&self) -> u64 {
        assert_eq!(self.event, "call", "{self:?}");
        let id = self.json()["id"].as_u64().expect("a number");
        assert_eq!(self.id, id.to_string());
        id
    }
}

/// A reader of the stream.
struct Reader {
    response: reqwest::Response,
    text: String,
}

impl Reader {
    async fn open(control: &Control, query: &str) -> Self {
        let request = control.request(Method::GET, &format!("/events?{query}"));
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let text = String::new();
        Self { response, text }
    }

    /// The next event; `None` if the stream has ended in order.
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = Event::parse(block);
                self.text = rest.to_owned();
                if event.is_some() {
                    return event;
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk
                .expect("something is told")
                .expect("no broken stream")?;
            // A carriage return ends a line, too.
            self.text += &std::str::from_utf8(&chunk)
                .expect("text")
                .replace('\r', "\n");
        }
    }

    async fn next_id(&mut self) -> u64 {
        self.next().await.expect("more").call_id()
    }

    /// The ids of the next calls.
    async fn take(&mut self, count: usize) -> Vec<u64> {
        let mut ids = Vec::new();
        while ids.len() < count {
            ids.push(self.next_id().await);
        }
        ids
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_is_told_once_and_in_order_while_eight_tasks_call() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create_with(&[]).await;
    let mut all = Reader::open(&control, "").await;
    let mut some = Reader::open(&control, "from_account=task3").await;
    let mut late = Reader::open(&control, "since=250").await;
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let made = made.clone();
            let calls = if task < 4 { 63 } else { 62 };
            tokio::spawn(async move {
                for _ in 0..calls {
                    made.add(&format!("task{task}"), &["x"]).await;
                }
            })
        })
        .collect();

    let mut told = Vec::new();
    while told.len() < 500 {
        told.push(all.next().await.expect("more"));
    }
    for task in tasks {
        task.await.expect("it does not panic");
    }

    let ids_told: Vec<_> = told.iter().map(Event::call_id).collect();
    assert_eq!(ids_told, (1..=500).collect::<Vec<_>>());
    let entries = control.calls("").await;
    let entries = entries["calls"].as_array().expect("a list");
    assert!(told.iter().map(Event::json).eq(entries.iter().cloned()));
    let of_three = ids(&control.calls("from_account=task3").await);
    assert_eq!(of_three.len(), 63);
    assert_eq!(some.take(63).await, of_three);
    // When this reader connected, there was no call after 250 yet. Its events are in order.
    let behind = late.take(250).await;
    assert!(behind.is_sorted());
    assert_eq!(behind.last(), Some(&500));
    // No other event follows: the next event is the next call.
    made.add("task3", &["x"]).await;
    assert_eq!(
        (
            all.next_id().await,
            some.next_id().await,
            late.next_id().await
        ),
        (501, 501, 501)
    );
}

#[tokio::test]
async fn from_any_call_on_it_is_told_again_and_goes_on_with_new_ones() {
    let app = TestApp::start().await;
    let control = app.control();
    for _ in 0..6 {
        app.send_body(body_of("id")).await;
    }
    let mut readers = vec![(6, Reader::open(&control, "").await)];
    for since in 0..=6_u64 {
        readers.push((
            since,
            Reader::open(&control, &format!("since={since}")).await,
        ));
    }

    app.send_body(body_of("id")).await;

    for (since, mut reader) in readers {
        let behind: Vec<_> = (since + 1..=7).collect();
        assert_eq!(reader.take(behind.len()).await, behind);
    }
}

#[tokio::test]
async fn a_reader_is_told_what_a_list_with_its_filter_has() {
    let app = TestApp::start().await;
    let control = app.control();
    let made = control.create_with(&["id"]).await;
    for (command, from) in [
        ("friend_add", "id"),
        ("friend_get", "id"),
        ("friend_add", "other"),
        ("none", "id"),
    ] {
        let body = body_of(from);
        app.post(&format!("/v4/sns/{command}"), &app.query(), body.clone())
            .await;
        app.post(&format!("/v4/sns/{command}"), &made.query, body)
            .await;
    }
    let app_id = made.sdkappid;
    for filter in [
        "code=0".to_owned(),
        "code=60009".to_owned(),
        "command=friend_add".to_owned(),
        "command=sns/friend_get&since=3".to_owned(),
        "from_account=id".to_owned(),
        format!("sdkappid={app_id}"),
        format!("sdkappid={app_id}&command=friend_add&from_account=other"),
    ] {
        let listed = ids(&control.calls(&filter).await);
        assert!(!listed.is_empty(), "{filter}");
        let since = if filter.contains("since") {
            ""
        } else {
            "&since=0"
        };

        let mut reader = Reader::open(&control, &format!("{filter}{since}")).await;

        assert_eq!(reader.take(listed.len()).await, listed, "{filter}");
        control.calls("").await;
    }
    let refused = control.get("/events?sinse=1").await;
    assert_eq!(refused.faults(422)[0].0, "/sinse");
}

/// A body with many lines, with any kind of line end, is one event.
#[tokio::test]
async fn a_body_of_many_lines_is_one_event() {
    let app = TestApp::start().await;
    let control = app.control();
    let mut reader = Reader::open(&control, "").await;
    for end in ["\n", "\r\n", "\r", "\n\n", "\n\nevent: dropped\n\n"] {
        let json = format!("{{{end}\"From_Account\":{end}\"id\"{end}}}");
        for body in [json.clone(), format!("{json}x")] {
            app.send_body(body.clone()).await;

            let event = reader.next().await.expect("one");

            let shown = event.json()["request"].clone();
            let json = serde_json::from_str(&body);
            assert_eq!(shown, json.unwrap_or(Value::String(body)));
        }
    }
}

#[tokio::test]
async fn the_stream_outlives_a_cleared_journal_and_a_reset() {
    let app = TestApp::start().await;
    let control = app.control();
    let mut reader = Reader::open(&control, "").await;
    for (number, method, path) in [
        (1, Method::DELETE, "/requests"),
        (2, Method::POST, "/reset"),
        (3, Method::DELETE, "/requests"),
    ] {
        app.send_body(body_of("id")).await;
        assert_eq!(reader.next_id().await, number);
        control.send(method, path, None).await.ok();
    }
}

#[tokio::test]
async fn who_asks_for_what_made_room_is_told_so_first() {
    let app = TestApp::start_with(|config| config.journal.bytes = 4_000).await;
    let control = app.control();
    for _ in 0..20 {
        app.send_body(body_of("id")).await;
    }
    let dropped = control.calls("").await["dropped_to"]
        .as_u64()
        .expect("a number");
    assert!(dropped > 5 && dropped < 19, "{dropped}");

    for since in [0, 1, dropped - 1, dropped, dropped + 1] {
        let mut reader = Reader::open(&control, &format!("since={since}")).await;
        if since < dropped {
            let told = reader.next().await.expect("more");
            assert_eq!((&*told.event, told.data), ("dropped", dropped.to_string()));
        }
        assert_eq!(reader.next_id().await, since.max(dropped) + 1);
    }
}

/// A reader that does not read while more calls are made than the sockets and the journal hold.
#[tokio::test]
async fn a_reader_that_falls_behind_is_told_each_gap_exactly() {
    const CALLS: u64 = 150;
    let app = TestApp::start_with(|config| config.journal.bytes = 1 << 20).await;
    let mut slow = open_slow(&app, "since=0").await;
    for _ in 0..CALLS {
        app.send_body("x".repeat(100_000)).await;
    }

    let (mut text, mut bytes) = (Vec::new(), vec![0; 1 << 16]);
    let last = format!("id: {CALLS}\n");
    while !text.ends_with(b"\n\n\r\n") || !contains(&text, last.as_bytes()) {
        let read = tokio::time::timeout(PATIENCE, slow.read(&mut bytes)).await;
        let count = read.expect("it goes on").expect("a socket");
        assert_ne!(count, 0);
        text.extend_from_slice(&bytes[..count]);
    }

    let (mut at, mut announced, mut gaps) = (0, None, 0);
    let text = dechunked(&text);
    for event in text.split("\n\n").filter_map(Event::parse) {
        if event.event == "dropped" {
            announced = Some(event.data.parse::<u64>().expect("a number"));
            gaps += 1;
        } else {
            let id = event.call_id();
            assert_eq!(id, announced.take().unwrap_or(at) + 1);
            at = id;
        }
    }
    assert_eq!(at, CALLS);
    assert!(gaps > 0, "it never fell behind");
}

async fn open_slow(app: &TestApp, query: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a size");
    let mut stream = socket
        .connect(app.emulator.addr())
        .await
        .expect("it listens");
    let call = format!("GET /_emulator/v1/events?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(call.as_bytes()).await.expect("a socket");
    stream
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(1 << 18)..];
    tail.windows(what.len()).any(|part| part == what)
}

/// Decodes the body of a chunked answer.
fn dechunked(answer: &[u8]) -> String {
    let answer = std::str::from_utf8(answer).expect("text");
    let (_, mut rest) = answer.split_once("\r\n\r\n").expect("a head");
    let mut body = String::new();
    while let Some((size, data)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a size");
        body += &data[..size];
        rest = &data[size + 2..];
    }
    body
}

#[tokio::test]
async fn the_stream_ends_whole_when_the_emulator_stops() {
    let app = TestApp::start().await;
    let control = app.control();
    app.send_body(body_of("id")).await;
    let mut reader = Reader::open(&control, "since=0").await;
    let mut idle = Reader::open(&control, "").await;
    assert_eq!(reader.next_id().await, 1);

    let stopping = tokio::time::timeout(PATIENCE, app.emulator.stop());
    let (stopped, told, idle) = tokio::join!(stopping, reader.next(), idle.next());

    stopped.expect("it stops");
    assert_eq!((told, idle), (None, None));
}
