//! A client for raw HTTP/1.1, for requests that no client library can send.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any answer takes. A server that does not answer fails the test instead of blocking
/// it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection.
pub(crate) struct Wire {
    stream: TcpStream,
    /// The received bytes of the next answers.
    unread: Vec<u8>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Closed in order, after all bytes of the server.
    Closed,
    /// Reset; bytes can be lost.
    Reset,
}

/// An answer. An interim answer (100) has no body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Wire {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(addr).await.expect("it listens"),
            unread: Vec::new(),
        }
    }

    /// Sends exactly these bytes.
    pub(crate) async fn send(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let writable = timeout(PATIENCE, self.stream.writable()).await;
            writable.expect("it reads on").expect("a socket");
            match self.stream.try_write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
            }
        }
    }

    /// Closes the sending side; answers can still be read.
    pub(crate) async fn finish(&mut self) {
        self.stream.shutdown().await.expect("a socket");
    }

    /// Reads an answer; its length is its Content-Length.
    pub(crate) async fn read_response(&mut self) -> Answer {
        let end = loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                break end + 4;
            }
            assert_ne!(self.receive().await, 0, "closed before an answer's head");
        };
        let head: Vec<u8> = self.unread.drain(..end).collect();
        let head = String::from_utf8(head).expect("a head is text");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok())
            .unwrap_or_else(|| panic!("no status line: {head}"));
        let headers: Vec<_> = lines
            .map(|line| line.split_once(": ").expect("a header"))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length = match headers.iter().find(|(name, _)| name == "content-length") {
            Some((_, length)) => length.parse().expect("a length"),
            None => 0,
        };
        while self.unread.len() < length {
            assert_ne!(self.receive().await, 0, "closed within a body");
        }
        let body = self.unread.drain(..length).collect();
        Answer {
            status,
            headers,
            body: String::from_utf8(body).expect("a body is text"),
        }
    }

    /// The first byte after the answers.
    pub(crate) async fn first_byte(&mut self) -> u8 {
        if self.unread.is_empty() {
            self.receive().await;
        }
        *self.unread.first().expect("not the end")
    }

    /// Whether the server closes the connection without more bytes.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.unread.is_empty() && self.receive().await == 0
    }

    /// All bytes until the end of the connection, and how it ended.
    pub(crate) async fn read_to_end(&mut self) -> (Vec<u8>, Ended) {
        let ended = loop {
            match self.try_receive().await {
                Ok(0) => break Ended::Closed,
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
                    break Ended::Reset;
                }
            }
        };
        (std::mem::take(&mut self.unread), ended)
    }

    /// Waits for bytes and returns their number; 0 at the end of the connection.
    async fn receive(&mut self) -> usize {
        self.try_receive().await.expect("a socket")
    }

    async fn try_receive(&mut self) -> io::Result<usize> {
        loop {
            let readable = timeout(PATIENCE, self.stream.readable()).await;
            readable.expect("it says something")?;
            let mut bytes = [0; 4096];
            match self.stream.try_read(&mut bytes) {
                Ok(count) => {
                    self.unread.extend_from_slice(&bytes[..count]);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Answer {
    /// The values of a header, `name` in lower case.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| value.as_str()).collect()
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|part| part == what)
}
