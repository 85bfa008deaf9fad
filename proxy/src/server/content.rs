//! The body of an answer: bytes at hand, an artifact that is read piece by piece, or a page of ours.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tracing::warn;

use super::connection::AbortHandle;
use super::troubles::Troubles;
use crate::error::Error;
use crate::fetch::ArtifactReader;

/// An answer to a client.
pub(super) type Answer = http::Response<Content>;

/// What follows the head. No trait object stands between a hit and its socket.
pub(super) enum Content {
    /// All of it; empty once it was given away.
    Bytes(Bytes),
    /// Of an artifact that is not in memory, or not wholly there yet.
    Artifact(Box<ArtifactBody>),
    /// Made by axum's handlers.
    Page(Body),
}

/// Bytes of an artifact. If they cannot be had, the client sees a reset, never a short body.
pub(super) struct ArtifactBody {
    reading: Reading,
    left_bytes: u64,
    abort: AbortHandle,
    troubles: Troubles,
    path: String,
}

type Read = (ArtifactReader, Result<Option<Bytes>, Error>);

enum Reading {
    /// Nothing is asked for.
    Idle(ArtifactReader),
    /// The next bytes have to be waited for.
    Waiting(Pin<Box<dyn Future<Output = Read> + Send>>),
    /// It has ended, well or not.
    Ended,
}

impl Content {
    pub(super) fn empty() -> Self {
        Self::Bytes(Bytes::new())
    }

    /// What `reader` gives, `length` bytes in all.
    pub(super) fn artifact(
        reader: ArtifactReader,
        length: u64,
        abort: AbortHandle,
        troubles: Troubles,
        path: String,
    ) -> Self {
        Self::Artifact(Box::new(ArtifactBody {
            reading: Reading::Idle(reader),
            left_bytes: length,
            abort,
            troubles,
            path,
        }))
    }
}

/// One of axum's answers as one of ours.
pub(super) fn page(response: Response) -> Answer {
    response.map(Content::Page)
}

impl http_body::Body for Content {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match &mut *self {
            Self::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Artifact(body) => body.poll(context),
            Self::Page(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Artifact(body) => body.left_bytes == 0,
            Self::Page(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Artifact(body) => SizeHint::with_exact(body.left_bytes),
            Self::Page(body) => body.size_hint(),
        }
    }
}

impl ArtifactBody {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Reading::Idle(_) = self.reading
            && let Reading::Idle(mut reader) = std::mem::replace(&mut self.reading, Reading::Ended)
        {
            // What the system has in memory costs no task, no thread and no allocation.
            if let Some(bytes) = reader.at_hand() {
                self.reading = Reading::Idle(reader);
                return Poll::Ready(self.give(Ok(Some(bytes))));
            }
            self.reading = Reading::Waiting(Box::pin(async move {
                let read = reader.next().await;
                (reader, read)
            }));
        }
        let Reading::Waiting(waiting) = &mut self.reading else {
            return Poll::Ready(None);
        };
        let (reader, read) = ready!(waiting.as_mut().poll(context));
        self.reading = match read {
            Ok(Some(_)) => Reading::Idle(reader),
            Ok(None) | Err(_) => Reading::Ended,
        };
        Poll::Ready(self.give(read))
    }

    fn give(
        &mut self,
        read: Result<Option<Bytes>, Error>,
    ) -> Option<Result<Frame<Bytes>, axum::Error>> {
        match read.transpose()? {
            Ok(bytes) => {
                self.left_bytes = self.left_bytes.saturating_sub(bytes.len() as u64);
                Some(Ok(Frame::data(bytes)))
            }
            Err(error) => {
                let path = &self.path;
                warn!(path, %error, "an answer broke off: its connection is reset");
                self.troubles.note(&error, path);
                self.abort.abort();
                Some(Err(axum::Error::new(error)))
            }
        }
    }
}
