//! The body of a request that publishes: given on as it comes, and never just dropped.

mod file_name;

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::EXPECT;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::runtime::Handle;

use file_name::{Finder, Name};

/// In the extensions of an answer to an upload: which file it was, where its URL does not say so.
#[derive(Clone, Debug)]
pub(in crate::server) struct UploadedFile(pub(in crate::server) String);

/// So long what nobody wants is still read: a client that is answered while it sends may see a reset in place of the
/// answer. Not by its length: packages are large, and what counts is who waits for them.
const LONGEST_DRAIN: Duration = Duration::from_secs(30);

/// The body of a request. What is left of it when it is dropped is read, within a bound.
pub(in crate::server) struct Upload {
    body: Option<Incoming>,
    /// The client sends nothing before it is told to, which reading does.
    waits: bool,
    finder: Option<Finder>,
}

impl Upload {
    pub(in crate::server) fn new(body: Incoming, headers: &HeaderMap) -> Self {
        Self {
            body: Some(body),
            waits: headers.contains_key(EXPECT),
            finder: None,
        }
    }

    /// The same, of a form, and the name of the file in it, once that has passed by.
    pub(super) fn named(mut self) -> (Self, Name) {
        let name = Name::default();
        self.finder = Some(Finder::new(name.clone()));
        (self, name)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.waits = false;
        let polled = match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        };
        if let (Some(finder), Poll::Ready(Some(Ok(frame)))) = (&mut self.finder, &polled)
            && let Some(bytes) = frame.data_ref()
        {
            finder.look(bytes);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.as_ref();
        body.map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let left = self.body.take().filter(|body| !body.is_end_stream());
        if let (Some(body), false, Ok(runtime)) = (left, self.waits, Handle::try_current()) {
            runtime.spawn(drain(body));
        }
    }
}

async fn drain(mut body: Incoming) {
    let read = async { while let Some(Ok(_)) = body.frame().await {} };
    // Whoever goes on sending for longer sees the reset.
    let _in_time = tokio::time::timeout(LONGEST_DRAIN, read).await;
}
