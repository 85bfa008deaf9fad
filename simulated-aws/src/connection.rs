//! A TCP stream that can be made to end badly, at a known byte.
//!
//! hyper owns the stream, and only the stream knows when everything before the cut has left hyper's
//! buffer. So a body that reaches its cut arms the [`Ending`] and stops; hyper then flushes what it has,
//! and the flush, complete, pulls the plug.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use crate::faults::CutKind;

/// How long a half-closed connection waits for the client to close its side too.
const LINGER: Duration = Duration::from_secs(5);

/// The agreed end of one connection, shared by its stream, its bodies and its task.
#[derive(Clone, Default)]
pub(crate) struct Ending(Arc<Mutex<EndingState>>);

#[derive(Default)]
struct EndingState {
    armed: Option<CutKind>,
    /// The stream after a FIN, kept because closing it at once could turn the FIN into a reset.
    half_closed: Option<TcpStream>,
}

impl Ending {
    /// Ends the connection so, at the next complete flush or when the stream is dropped.
    pub(crate) fn arm(&self, kind: CutKind) {
        self.lock().armed = Some(kind);
    }

    /// Sends the FIN, if that is how the connection ended, and waits for the client's, for a while.
    pub(crate) async fn finish(&self) {
        let Some(mut stream) = self.lock().half_closed.take() else {
            return;
        };
        let drain = async {
            stream.shutdown().await?;
            let mut rest = [0; 1024];
            while stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        // The client may answer our end as rudely as it likes.
        let _ = tokio::time::timeout(LINGER, drain).await;
    }

    fn armed(&self) -> Option<CutKind> {
        self.lock().armed
    }

    fn lock(&self) -> MutexGuard<'_, EndingState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stream hyper serves.
pub(crate) struct MortalStream {
    /// `None` once the connection was ended on purpose.
    stream: Option<TcpStream>,
    ending: Ending,
}

impl MortalStream {
    pub(crate) fn new(stream: TcpStream, ending: Ending) -> Self {
        Self {
            stream: Some(stream),
            ending,
        }
    }

    fn end(&mut self, kind: CutKind) {
        let Some(stream) = self.stream.take() else {
            return;
        };
        match kind {
            CutKind::Reset => {
                if let Err(error) = stream.set_zero_linger() {
                    tracing::warn!(%error, "the connection ends without a reset");
                }
            }
            CutKind::Fin => self.ending.lock().half_closed = Some(stream),
        }
    }

    fn project(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream
            .as_mut()
            .map(Pin::new)
            .ok_or_else(|| io::ErrorKind::ConnectionAborted.into())
    }
}

impl Drop for MortalStream {
    fn drop(&mut self) {
        if let Some(kind) = self.ending.armed() {
            self.end(kind);
        }
    }
}

impl AsyncRead for MortalStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.project()?.poll_read(context, buffer)
    }
}

impl AsyncWrite for MortalStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project()?.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.project()?.poll_flush(context))?;
        let Some(kind) = self.ending.armed() else {
            return Poll::Ready(Ok(()));
        };
        self.end(kind);
        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project()?.poll_shutdown(context)
    }
}
