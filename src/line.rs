//! A connection's stream: it gives up on who does not read, and it can be reset instead of ended.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;

/// Up to so many bytes are copied to be written in one piece, which takes the system less work than
/// several; most answers are so short.
const SHORT: usize = 1024;

/// A connection's stream.
pub(crate) struct Line {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    resets: Arc<AtomicBool>,
}

/// Has a line reset where it would end.
#[derive(Clone)]
pub(crate) struct Resetter(Arc<AtomicBool>);

impl Resetter {
    pub(crate) fn reset(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Line {
    /// Writing fails once the other side has taken nothing for `timeout`.
    pub(crate) fn new(stream: TcpStream, timeout: Duration) -> (Self, Resetter) {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(timeout));
        let (stream, resets) = (Box::pin(stream), Arc::<AtomicBool>::default());
        let resetter = Resetter(Arc::clone(&resets));
        (Self { stream, resets }, resetter)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.resets.load(Ordering::Relaxed) {
            // Where that is refused, the connection just ends.
            let _ = self.stream.as_ref().get_ref().get_ref().set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
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
        if length > SHORT {
            return self.stream.as_mut().poll_write_vectored(context, slices);
        }
        let mut piece = [0; SHORT];
        let mut end = 0;
        for slice in slices {
            piece[end..end + slice.len()].copy_from_slice(slice);
            end += slice.len();
        }
        self.stream.as_mut().poll_write(context, &piece[..end])
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
