//! A connection that can be aborted with a reset.
//!
//! A body that fails half-way must not end in a clean FIN: Bazel would take the short file for a
//! permanent checksum failure, where it resumes after a reset. So the body sets the connection's
//! [`AbortHandle`], and the socket is closed with `SO_LINGER` 0.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// A client that takes no byte for so long is given up.
const STALL_TIMEOUT: Duration = Duration::from_mins(5);

/// Turns the end of a connection into a reset.
#[derive(Clone, Debug, Default)]
pub(super) struct AbortHandle {
    this: Arc<AtomicBool>,
    all: AbortAll,
}

/// Turns the end of every connection into a reset.
#[derive(Clone, Debug, Default)]
pub(super) struct AbortAll(Arc<AtomicBool>);

impl AbortAll {
    pub(super) fn abort(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// For one more connection.
    pub(super) fn handle(&self) -> AbortHandle {
        AbortHandle {
            this: Arc::default(),
            all: self.clone(),
        }
    }
}

impl AbortHandle {
    pub(super) fn abort(&self) {
        self.this.store(true, Ordering::Release);
    }

    fn is_aborted(&self) -> bool {
        self.this.load(Ordering::Acquire) || self.all.0.load(Ordering::Acquire)
    }
}

/// The server's side of one connection.
pub(super) struct Connection {
    stream: TcpStream,
    abort: AbortHandle,
    /// Running while a write waits for the client.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, abort: AbortHandle) -> Self {
        Self {
            stream,
            abort,
            stalled: None,
        }
    }

    fn watch_for_stall(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let timer = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(STALL_TIMEOUT)));
        ready!(timer.as_mut().poll(context));
        self.abort.abort();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.abort.is_aborted() {
            // Fails only where the socket is gone, and with it the client.
            let _outcome = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch_for_stall(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch_for_stall(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.abort.is_aborted() {
            // No FIN before the reset.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
