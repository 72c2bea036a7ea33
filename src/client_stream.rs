//! A client's connection: a TCP stream that has a write timeout and can be reset instead of closed.
//!
//! The write timeout is tokio-io-timeout's. No crate offers the rest: a reset that is requested
//! while a call is handled, and short answers sent with one plain write.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;

/// A vectored write of at most this many bytes is copied into one buffer, because a plain write
/// costs less. Most answers are that short.
const SHORT_BYTES: usize = 1024;

/// The beginning of a TLS connection: a handshake record of version 3.
const TLS: [u8; 2] = [0x16, 3];

/// A client's connection.
pub(crate) struct ClientStream {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    /// Whether the client has sent anything.
    has_begun: bool,
    flags: Arc<Flags>,
}

/// What a [`ClientStream`] and its handle share.
#[derive(Default)]
struct Flags {
    /// Whether the stream is to be reset when it is dropped.
    is_reset: AtomicBool,
    is_tls: AtomicBool,
}

/// A handle to a [`ClientStream`] that is served.
#[derive(Clone)]
pub(crate) struct StreamHandle(Arc<Flags>);

impl StreamHandle {
    /// Marks the stream to be reset when it is dropped.
    pub(crate) fn reset(&self) {
        self.0.is_reset.store(true, Ordering::Relaxed);
    }

    /// Whether the client's first bytes are TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.0.is_tls.load(Ordering::Relaxed)
    }
}

impl ClientStream {
    /// A write fails when the client has accepted no bytes for `timeout`.
    pub(crate) fn new(stream: TcpStream, timeout: Duration) -> (Self, StreamHandle) {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(timeout));
        let flags = Arc::<Flags>::default();
        let handle = StreamHandle(Arc::clone(&flags));
        let stream = Self {
            stream: Box::pin(stream),
            has_begun: false,
            flags,
        };
        (stream, handle)
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        if self.flags.is_reset.load(Ordering::Relaxed) {
            // If the system refuses this option, the connection is closed normally.
            let _ = self.stream.as_ref().get_ref().get_ref().set_zero_linger();
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
        let result = self.stream.as_mut().poll_read(context, buffer);
        let received = &buffer.filled()[before..];
        if !self.has_begun && !received.is_empty() {
            self.has_begun = true;
            let is_tls = received.starts_with(&TLS);
            self.flags.is_tls.store(is_tls, Ordering::Relaxed);
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
        self.stream.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        if length > SHORT_BYTES {
            return self.stream.as_mut().poll_write_vectored(context, slices);
        }
        let mut buffer = [0; SHORT_BYTES];
        let mut end = 0;
        for slice in slices {
            buffer[end..end + slice.len()].copy_from_slice(slice);
            end += slice.len();
        }
        self.stream.as_mut().poll_write(context, &buffer[..end])
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
