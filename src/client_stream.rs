//! A client's connection: a TCP stream that has a write timeout, can be reset instead of closed, and can be
//! closed during a call because its client has hung up.
//!
//! The write timeout is tokio-io-timeout's. No crate offers the rest: a reset that is requested
//! while a call is handled, a disconnect that is noticed while hyper does not read, and short answers
//! sent with one plain write.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A vectored write of at most this many bytes is copied into one buffer, because a plain write
/// costs less. Most answers are that short.
const SHORT_BYTES: usize = 1024;

/// The beginning of a TLS connection: a handshake record of version 3.
const TLS: [u8; 2] = [0x16, 3];

/// A client's connection, as hyper reads and writes it.
pub(crate) struct ClientStream {
    /// `None` if it was closed because the client has hung up.
    stream: Option<Pin<Box<TimeoutStream<TcpStream>>>>,
    /// Whether the client has sent anything.
    has_begun: bool,
    connection: Connection,
}

/// A handle to a client's connection, or to its stream of HTTP/2, for the calls that arrive on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    is_reset: AtomicBool,
    is_tls: AtomicBool,
    is_watched: AtomicBool,
    hung_up: CancellationToken,
}

/// While it exists, the connection is closed as soon as the client closes it.
#[derive(Debug)]
pub(crate) struct HangUpWatch<'a>(&'a Flags);

impl Connection {
    /// Marks the connection to be reset instead of closed at its end.
    pub(crate) fn reset(&self) {
        self.0.is_reset.store(true, Ordering::Relaxed);
    }

    /// Whether the client's first bytes are TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.0.is_tls.load(Ordering::Relaxed)
    }

    /// Says that the client has hung up when the guard is dropped.
    pub(crate) fn hang_up_on_drop(&self) -> DropGuard {
        self.0.hung_up.clone().drop_guard()
    }

    /// Frees the connection's file descriptor as soon as the client hangs up, although a call is being
    /// handled. The call is not cancelled. The connection's own task must call this function.
    ///
    /// A client that closes only its sending side looks the same, so it gets no answer. Without a
    /// watch, it gets its answer. Over TLS, a client that sends close_notify first is noticed only when the
    /// call ends.
    pub(crate) fn watch(&self) -> HangUpWatch<'_> {
        self.0.is_watched.store(true, Ordering::Relaxed);
        HangUpWatch(&self.0)
    }
}

impl HangUpWatch<'_> {
    /// Completes when the client has hung up.
    pub(crate) async fn hung_up(&self) {
        self.0.hung_up.cancelled().await;
    }
}

impl Drop for HangUpWatch<'_> {
    fn drop(&mut self) {
        self.0.is_watched.store(false, Ordering::Relaxed);
    }
}

impl ClientStream {
    /// A write fails when the client has accepted no bytes for `timeout`.
    pub(crate) fn new(stream: TcpStream, timeout: Duration) -> (Self, Connection) {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(timeout));
        let connection = Connection::default();
        let client_stream = Self {
            stream: Some(Box::pin(stream)),
            has_begun: false,
            connection: connection.clone(),
        };
        (client_stream, connection)
    }

    /// The stream, or an error if it was closed.
    fn open(&mut self) -> io::Result<Pin<&mut TimeoutStream<TcpStream>>> {
        let stream = self.stream.as_mut().map(Pin::as_mut);
        stream.ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }

    /// Closes the stream if the client has hung up. Otherwise the task is woken when the client hangs up or
    /// sends bytes. A hang-up behind bytes that the client sent ahead is not noticed.
    fn close_if_hung_up(&mut self, context: &mut Context<'_>) {
        let Some(stream) = &self.stream else { return };
        let mut byte = [0];
        let mut byte = ReadBuf::new(&mut byte);
        let peeked = stream.get_ref().poll_peek(context, &mut byte);
        if matches!(peeked, Poll::Ready(Ok(0) | Err(_))) {
            self.stream = None;
            self.connection.0.hung_up.cancel();
        }
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream
            && self.connection.0.is_reset.load(Ordering::Relaxed)
        {
            // If the system refuses this option, the connection is closed normally.
            let _ = stream.as_ref().get_ref().get_ref().set_zero_linger();
        }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = self.open()?.poll_read(context, buffer);
        let received = &buffer.filled()[before..];
        if !self.has_begun && !received.is_empty() {
            self.has_begun = true;
            let is_tls = received.starts_with(&TLS);
            self.connection.0.is_tls.store(is_tls, Ordering::Relaxed);
        }
        result
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.open()?.poll_write(context, bytes)
    }

    /// hyper calls this function whenever the connection's task is polled, also while a call is handled.
    /// It does not read then, because of `half_close`.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.0.is_watched.load(Ordering::Relaxed) {
            self.close_if_hung_up(context);
        }
        match &mut self.stream {
            Some(stream) => stream.as_mut().poll_flush(context),
            // An error would cancel the call.
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.open()?.poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        if length > SHORT_BYTES {
            return self.open()?.poll_write_vectored(context, slices);
        }
        let mut buffer = [0; SHORT_BYTES];
        let mut end = 0;
        for slice in slices {
            buffer[end..end + slice.len()].copy_from_slice(slice);
            end += slice.len();
        }
        self.open()?.poll_write(context, &buffer[..end])
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
