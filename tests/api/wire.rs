//! HTTP/1.1 byte by byte, for requests that no client library would let one write.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any answer takes, so that a server that says nothing fails a test, not hangs it.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub(crate) struct Wire {
    stream: TcpStream,
    /// What was received and belongs to no answer yet.
    unread: Vec<u8>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// In order: the server has said all that it had to say.
    Closed,
    /// What was under way is lost.
    Reset,
}

/// One answer; an interim one (100) has no body.
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

    /// Says that this is all; answers can still be read.
    pub(crate) async fn finish(&mut self) {
        self.stream.shutdown().await.expect("a socket");
    }

    /// Reads one answer, which has to say how long it is.
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

    /// Whether the server hangs up now, with nothing more to say.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.unread.is_empty() && self.receive().await == 0
    }

    /// All bytes that come until the connection ends, and how it does.
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

    /// Waits for bytes; 0 is the end of them.
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
