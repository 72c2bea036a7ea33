//! Hostile, broken, endless and silent clients, over real sockets. After each of them, the next
//! good call is served.

mod bodies;
mod budget;
mod family;
mod fields;
mod protocol;
mod query;
mod random;
mod slow;
mod socket;

use crate::harness::{APP, Reply, TestApp};
use socket::Socket;
use tencent_chat_emulator::config::Config;

/// A friend_add body that gets OK, whether or not the account is a friend already.
const GOOD_BODY: &str = r#"{"From_Account":"id","AddFriendItem":[{"To_Account":"id1"}]}"#;

/// The answer to a browser's preflight, without ErrorDisplay because it is the gateway's.
const PREFLIGHT: &[u8] = br#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

/// The attacked server.
struct Target {
    app: TestApp,
    /// The query string of a good call.
    query: String,
}

impl Target {
    async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let app = TestApp::start_with(change).await;
        let query = app.query();
        Self { app, query }
    }

    fn open(&self) -> Socket {
        Socket::open(self.app.emulator.addr())
    }

    /// The query string of a good call, with a part replaced.
    #[track_caller]
    fn query_with(&self, part: &str, other: &str) -> String {
        assert!(self.query.contains(part), "{part}");
        self.query.replacen(part, other, 1)
    }

    /// The bytes of a good call.
    fn good(&self) -> Vec<u8> {
        post(&self.query, GOOD_BODY)
    }

    /// Asserts that a good call on this connection succeeds.
    async fn good_call(&self, socket: &mut Socket) {
        let reply = socket.call(&self.good()).await;
        assert_eq!(reply.error_code(), 0, "{}", reply.text);
    }

    /// Asserts that a good call on a new connection succeeds.
    async fn still_serves(&self) {
        self.good_call(&mut self.open()).await;
    }

    /// The reply to a call with this query and body. Asserts that the connection and the server
    /// still work afterwards.
    async fn call(&self, query: &str, body: impl AsRef<[u8]>) -> Reply {
        let mut socket = self.open();
        let reply = socket.call(&post(query, body)).await;
        self.good_call(&mut socket).await;
        self.still_serves().await;
        reply
    }

    /// [`Target::call`] with a good query.
    async fn body(&self, body: impl AsRef<[u8]>) -> Reply {
        self.call(&self.query, body).await
    }

    /// A query with a UserSig of the admin that expired ten seconds ago.
    fn expired_query(&self) -> String {
        let app = crate::harness::app_id(APP);
        let expired = self
            .app
            .emulator
            .user_sig(app, crate::harness::ADMIN, -10)
            .expect("the app exists");
        self.query_with(&self.user_sig(), &expired)
    }

    /// The UserSig of the good query.
    fn user_sig(&self) -> String {
        value_of(&self.query, "usersig").to_owned()
    }
}

/// The value of a parameter.
fn value_of<'a>(query: &'a str, name: &str) -> &'a str {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .expect("the query has it")
}

/// The bytes of a friend_add call.
fn post(query: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut request = head(query, &format!("Content-Length: {}\r\n", body.len()));
    request.extend_from_slice(body);
    request
}

/// The head of a friend_add call with these header lines.
fn head(query: &str, headers: &str) -> Vec<u8> {
    format!("POST /v4/sns/friend_add?{query} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
        .into_bytes()
}
