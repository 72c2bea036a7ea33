//! A plain socket: it sends any bytes, and reads answers like a strict client.
//!
//! It blocks, to keep the tests simple. The tests' runtimes have a second thread for the server.

use crate::harness::Reply;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// The deadline for an answer, and for the end of a connection that should end.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Socket {
    stream: TcpStream,
    /// The received bytes of the next answers.
    unread: Vec<u8>,
}

/// A received answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Socket {
    pub(crate) fn open(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).expect("the server listens");
        stream.set_nodelay(true).expect("an open socket");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("an open socket");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("an open socket");
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    /// Sends these bytes. An error means that the server closed the connection before it received
    /// all.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).expect("the server reads");
    }

    /// Sets a send timeout: sending fails if the server receives nothing for this time.
    pub(crate) fn give_up_sending_after(&self, patience: Duration) {
        self.stream
            .set_write_timeout(Some(patience))
            .expect("an open socket");
    }

    /// Closes the sending side; answers can still be read.
    pub(crate) fn finish_sending(&mut self) {
        self.stream
            .shutdown(Shutdown::Write)
            .expect("an open socket");
    }

    /// Reads more bytes; `false` if the connection is closed.
    #[track_caller]
    fn read_more(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(length) => {
                self.unread.extend_from_slice(&buffer[..length]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("neither an answer nor the end: {error}"),
        }
    }

    /// The next answer without its body; `None` if the connection is closed before it.
    #[track_caller]
    pub(crate) fn answer_head(&mut self) -> Option<Answer> {
        let end = loop {
            match self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end,
                None if self.read_more() => {}
                None => {
                    assert!(self.unread.is_empty(), "half an answer: {:?}", self.unread);
                    return None;
                }
            }
        };
        let head: Vec<u8> = self.unread.drain(..end + 4).collect();
        let head = String::from_utf8(head).expect("heads are ASCII");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let header = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_lowercase(), value.to_owned()))
        };
        Some(Answer {
            status: status
                .and_then(|status| status.parse().ok())
                .expect("a status"),
            headers: lines.filter_map(header).collect(),
            body: Vec::new(),
        })
    }

    /// The next answer; `None` if the connection is closed before it.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let mut answer = self.answer_head()?;
        let length: usize = answer
            .header("content-length")
            .map_or(0, |length| length.parse().expect("a length"));
        while self.unread.len() < length {
            assert!(self.read_more(), "the answer is cut short");
        }
        answer.body = self.unread.drain(..length).collect();
        Some(answer)
    }

    /// Asserts that the server closes the connection without sending more.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        while self.read_more() {}
        let rest = String::from_utf8_lossy(&self.unread);
        assert!(rest.is_empty(), "sent before the end: {rest}");
    }

    /// Asserts that the server closes the connection; it can send bytes before.
    #[track_caller]
    pub(crate) fn expect_end_at_last(&mut self) {
        while self.read_more() {}
    }

    /// The reply to a whole request.
    pub(crate) async fn call(&mut self, request: &[u8]) -> Reply {
        self.send(request);
        self.reply().await
    }

    /// The next reply, with the checks of the harness.
    pub(crate) async fn reply(&mut self) -> Reply {
        self.answer().expect("an answer").reply().await
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| &**value)
    }

    pub(crate) async fn reply(self) -> Reply {
        let mut response = axum::http::Response::builder().status(self.status);
        for (name, value) in self.headers {
            // This header belongs to the connection, not to the reply.
            if name != "connection" {
                response = response.header(name, value);
            }
        }
        let response = response.body(self.body).expect("legal headers");
        Reply::check(response.into()).await
    }
}
