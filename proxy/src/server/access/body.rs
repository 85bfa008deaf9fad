//! An answer's body that is watched to its end.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::answered::{Answered, End};
use crate::server::content::Content;

/// Gives away what the inner body gives, and finishes the request's record when it is dropped: that is
/// right behind the last byte, or when the client has left.
pub struct ObservedBody {
    inner: Content,
    answered: Answered,
    end: Option<End>,
}

impl ObservedBody {
    pub(super) fn new(inner: Content, answered: Answered) -> Self {
        Self {
            inner,
            answered,
            end: None,
        }
    }
}

impl http_body::Body for ObservedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let inner = Pin::new(&mut this.inner);
        let polled = this.answered.run(|| inner.poll_frame(context));
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                this.answered.sent(bytes as u64);
            }
            Poll::Ready(Some(Err(_))) => this.end = Some(End::ByProxy),
            Poll::Ready(None) => this.end = Some(End::Complete),
            Poll::Pending => {}
        }
        polled
    }

    /// Also true at the announced length, so that the record is finished before the client has the last
    /// byte: whoever then looks into the log finds the line.
    fn is_end_stream(&self) -> bool {
        self.answered.has_sent_all() || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for ObservedBody {
    fn drop(&mut self) {
        let is_complete = http_body::Body::is_end_stream(self);
        let unsaid = if is_complete {
            End::Complete
        } else {
            End::ByClient
        };
        self.answered.finish(self.end.unwrap_or(unsaid));
    }
}
