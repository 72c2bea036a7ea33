//! The client. It does little work, so that the benchmark measures the server.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tencent_chat_emulator::protocol::ids::{SdkAppId, UnixTime};
use tencent_chat_emulator::protocol::user_sig::{self, SecretKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

#[expect(clippy::disallowed_methods, reason = "a benchmark needs the real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The key of `config/emulator.toml`.
const DEVELOPMENT_KEY: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";

/// A user's name: 12 bytes.
pub(crate) fn user(number: usize) -> String {
    format!("u{number:011}")
}

/// The path and query of friend_add by an admin of `app`, which has the benchmark's key.
pub(crate) fn friend_add(app: u32) -> String {
    signed_path(app, "friend_add")
}

/// The same for any sns command.
pub(crate) fn signed_path(app: u32, command: &str) -> String {
    signed(app, crate::process::KEY, command)
}

/// The basic request of the friend_add page, to the app of the built-in configuration.
pub(crate) fn first_call() -> Vec<u8> {
    let body = r#"{"From_Account":"id","AddFriendItem":[{"To_Account":"id1","AddSource":"AddSource_Type_XXXXXXXX"}]}"#;
    request(&signed(88_888_888, DEVELOPMENT_KEY, "friend_add"), body)
}

fn signed(app: u32, key: &str, command: &str) -> String {
    let key = SecretKey::new(key).expect("not empty");
    let id = SdkAppId::parse(&app.to_string()).expect("a legal SDKAppID");
    // It is valid for 100 years from 1970.
    let usersig = user_sig::sign(&key, id, "admin", UnixTime(0), 100 * 365 * 86_400);
    format!(
        "/v4/sns/{command}?sdkappid={app}&identifier=admin&usersig={usersig}&random=99999999&contenttype=json"
    )
}

/// A friend_add body that makes mutual friends, with an AddSource.
pub(crate) fn body(from: usize, tos: impl Iterator<Item = usize>) -> String {
    let items: Vec<_> = tos
        .map(|to| {
            format!(
                r#"{{"To_Account":"{}","AddSource":"AddSource_Type_Web"}}"#,
                user(to)
            )
        })
        .collect();
    format!(
        r#"{{"From_Account":"{}","AddFriendItem":[{}]}}"#,
        user(from),
        items.join(",")
    )
}

/// A whole request.
pub(crate) fn request(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Where a server listens.
#[derive(Clone)]
pub(crate) enum Place {
    Plain(SocketAddr),
    /// HTTPS, with the client's settings.
    Tls(SocketAddr, TlsConnector),
}

impl From<SocketAddr> for Place {
    fn from(addr: SocketAddr) -> Self {
        Self::Plain(addr)
    }
}

/// A connection that is kept alive.
pub(crate) struct Connection {
    stream: Either<TcpStream, Box<TlsStream<TcpStream>>>,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(place: impl Into<Place>) -> Self {
        let place = place.into();
        let (Place::Plain(addr) | Place::Tls(addr, _)) = place;
        let stream = TcpStream::connect(addr).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket option");
        let stream = match place {
            Place::Plain(_) => Either::Left(stream),
            Place::Tls(_, connector) => {
                let name = "localhost".try_into().expect("a name");
                let stream = connector.connect(name, stream).await;
                Either::Right(Box::new(stream.expect("a handshake")))
            }
        };
        Self {
            stream,
            buffer: Vec::with_capacity(1 << 18),
        }
    }

    /// Sends a request, reads the whole answer, and returns its body.
    pub(crate) async fn call(&mut self, request: &[u8]) -> &[u8] {
        self.stream
            .write_all(request)
            .await
            .expect("the server reads");
        self.stream.flush().await.expect("the server reads");
        self.buffer.clear();
        let mut whole = None;
        loop {
            let read = self
                .stream
                .read_buf(&mut self.buffer)
                .await
                .expect("the server answers");
            assert_ne!(read, 0, "the server hung up");
            if whole.is_none() {
                whole = head_and_length(&self.buffer);
            }
            if let Some((head, length)) = whole
                && self.buffer.len() >= head + length
            {
                return &self.buffer[head..];
            }
        }
    }
}

/// Makes a call whose answer ends with the connection, and reads all of it.
pub(crate) async fn call_to_end(addr: SocketAddr, request: &[u8]) {
    let mut stream = TcpStream::connect(addr).await.expect("the server listens");
    stream.write_all(request).await.expect("the server reads");
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    read.expect("the server answers");
    assert!(
        answer.starts_with(b"HTTP/1.1 200"),
        "{:?}",
        answer.get(..40)
    );
}

/// The start and the length of the body; `None` if the head is not complete yet.
fn head_and_length(answer: &[u8]) -> Option<(usize, usize)> {
    let head = 4 + answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&answer[..head]).expect("heads are ASCII");
    let mut lines = text.lines().filter_map(|line| line.split_once(": "));
    let (_, length) = lines
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .expect("a length");
    Some((head, length.parse().expect("a number")))
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(future)
}

/// Makes a call on a new connection. Its item has to succeed.
pub(crate) fn call_once(addr: SocketAddr, request: &[u8]) {
    one_by_one(addr, &[request.to_vec()], r#""ResultCode":0"#);
}

/// The length of the answer's body.
pub(crate) fn answer_length(addr: SocketAddr, request: &[u8]) -> usize {
    block_on(async { Connection::open(addr).await.call(request).await.len() })
}

/// Makes calls one after the other on one connection, and returns their total time. Every answer
/// has to contain `expected`.
pub(crate) fn one_by_one(addr: SocketAddr, requests: &[Vec<u8>], expected: &str) -> Duration {
    block_on(async {
        let mut connection = Connection::open(addr).await;
        let mut spent = Duration::ZERO;
        for request in requests {
            let started = now();
            let answer = connection.call(request).await;
            spent += started.elapsed();
            assert!(
                holds(answer, expected),
                "{}",
                String::from_utf8_lossy(answer)
            );
        }
        spent
    })
}

/// Sends the requests over parallel connections. Every answer has to contain `expected`.
pub(crate) fn all(addr: SocketAddr, connections: usize, requests: &[Vec<u8>], expected: &str) {
    let next = AtomicU64::new(0);
    block_on(async {
        let one = async || {
            let mut connection = Connection::open(addr).await;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed) as usize;
                let Some(request) = requests.get(number) else {
                    return;
                };
                let answer = connection.call(request).await;
                assert!(
                    holds(answer, expected),
                    "{}",
                    String::from_utf8_lossy(answer)
                );
            }
        };
        futures_util::future::join_all((0..connections).map(|_| one())).await;
    });
}

/// The calls per second of all `connections` together. `next` makes the request of a number.
pub(crate) fn calls_per_second(
    place: impl Into<Place>,
    connections: usize,
    duration: Duration,
    numbers: &AtomicU64,
    next: impl Fn(u64) -> Vec<u8>,
) -> f64 {
    let calls = AtomicU64::new(0);
    let place = place.into();
    let started = now();
    block_on(async {
        let one = async || {
            let mut connection = Connection::open(place.clone()).await;
            while started.elapsed() < duration {
                let request = next(numbers.fetch_add(1, Ordering::Relaxed));
                let answer = connection.call(&request).await;
                assert!(
                    holds(answer, r#""ResultCode":0"#),
                    "{}",
                    String::from_utf8_lossy(answer)
                );
                calls.fetch_add(1, Ordering::Relaxed);
            }
        };
        futures_util::future::join_all((0..connections).map(|_| one())).await;
    });
    calls.into_inner() as f64 / started.elapsed().as_secs_f64()
}

fn holds(answer: &[u8], expected: &str) -> bool {
    answer
        .windows(expected.len())
        .any(|window| window == expected.as_bytes())
}
