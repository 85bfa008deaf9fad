//! A body that goes to a client as it comes, and gives its place back when either side stands still: the client's
//! pace is not ours to wait for without end.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Place;
use crate::error::Error;
use crate::request;

/// A body that is silent for so long is taken as cut.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(15);
/// A client that takes nothing for so long is given up.
const CLIENT_PATIENCE: Duration = Duration::from_mins(1);
/// Pieces that wait for the client.
const AHEAD: usize = 4;

/// The client's end of it.
pub(in crate::codeartifact) struct Passed {
    pieces: mpsc::Receiver<Piece>,
    hint: SizeHint,
    is_over: bool,
}

enum Piece {
    Bytes(Bytes),
    Cut(Error),
    End,
}

impl Passed {
    pub(in crate::codeartifact) fn new(body: SdkBody, place: Place) -> Self {
        let (sender, pieces) = mpsc::channel(AHEAD);
        let (hint, is_over) = (body.size_hint(), body.is_end_stream());
        if !is_over {
            request::spawn(pump(body, place, sender));
        }
        Self {
            pieces,
            hint,
            is_over,
        }
    }
}

/// Ends with the body, with its client, or with the patience with either.
async fn pump(body: SdkBody, place: Place, sender: mpsc::Sender<Piece>) {
    let mut body = ByteStream::new(body);
    loop {
        let piece = tokio::select! {
            piece = timeout(SILENCE_TIMEOUT, body.next()) => piece,
            // Nobody reads any more.
            () = sender.closed() => break,
        };
        let piece = match piece {
            Ok(Some(Ok(bytes))) => Piece::Bytes(bytes),
            Ok(Some(Err(error))) => Piece::Cut(Error::unavailable(format!(
                "the answer of CodeArtifact broke off ({error})"
            ))),
            Ok(None) => Piece::End,
            Err(_) => Piece::Cut(Error::unavailable("the answer of CodeArtifact fell silent")),
        };
        let is_last = !matches!(piece, Piece::Bytes(_));
        let sent = timeout(CLIENT_PATIENCE, sender.send(piece)).await;
        if is_last || !matches!(sent, Ok(Ok(()))) {
            break;
        }
    }
    drop(place);
}

impl http_body::Body for Passed {
    type Data = Bytes;
    type Error = aws_smithy_types::body::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let piece = std::task::ready!(self.pieces.poll_recv(context));
        let error = match piece {
            Some(Piece::Bytes(bytes)) => {
                if let Some(left) = self.hint.exact() {
                    self.hint = SizeHint::with_exact(left.saturating_sub(bytes.len() as u64));
                }
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            Some(Piece::End) => {
                self.is_over = true;
                return Poll::Ready(None);
            }
            Some(Piece::Cut(error)) => error,
            // The end was not said: it was given up.
            None => Error::unavailable("the client took nothing for too long"),
        };
        self.is_over = true;
        Poll::Ready(Some(Err(error.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::StreamExt as _;
    use http_body_util::{BodyExt as _, StreamBody};
    use tokio::sync::Semaphore;

    use super::*;

    fn place(places: &Arc<Semaphore>) -> Place {
        let permit = Arc::clone(places).try_acquire_owned().expect("a place");
        Place { _permit: permit }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_comes_whole_and_its_place_is_given_back() {
        let places = Arc::new(Semaphore::new(1));
        let passed = Passed::new(SdkBody::from("all of it"), place(&places));
        let all = passed.collect().await.expect("a body").to_bytes();
        assert_eq!(all, "all of it");
        assert!(places.acquire().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_given_up_and_told_that_it_was_not_all() {
        let places = Arc::new(Semaphore::new(1));
        let pieces = futures_util::stream::repeat_with(|| {
            Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"x")))
        });
        let endless = SdkBody::from_body_1_x(StreamBody::new(pieces));
        let passed = Passed::new(endless, place(&places));
        let began = tokio::time::Instant::now();
        drop(places.acquire().await.expect("given back"));
        assert_eq!(began.elapsed(), CLIENT_PATIENCE);
        let read: Vec<_> = passed.into_data_stream().collect().await;
        assert!(read.last().is_some_and(Result::is_err));
        assert_eq!(read.len(), AHEAD + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_body_is_a_cut_one() {
        let places = Arc::new(Semaphore::new(1));
        let silent = futures_util::stream::pending::<Result<Frame<Bytes>, std::io::Error>>();
        let silent = SdkBody::from_body_1_x(StreamBody::new(silent));
        let passed = Passed::new(silent, place(&places));
        assert!(passed.collect().await.is_err());
        assert_eq!(places.available_permits(), 1);
    }
}
