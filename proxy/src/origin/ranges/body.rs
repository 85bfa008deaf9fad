//! The body of one range: fetched by a task, kept until its turn.

use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::byte_stream::error::Error as ByteStreamError;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::artifact::ArtifactKey;
use crate::aws::Verdict;
use crate::error::Error;
use crate::origin::call::Refusal;
use crate::origin::extent::{Extent, Sent, ToldLength};
use crate::origin::stream::SILENCE_TIMEOUT;
use crate::origin::{Origin, PATIENCE};
use crate::request;

/// Received bytes are copied together into pieces of this size: what the HTTP client gives away keeps
/// buffers in memory that are up to twice as large.
const PIECE_BYTES: usize = 256 * 1024;

/// A range on its way, or in memory. Its task ends with it.
pub(in crate::origin) struct RangeBody {
    extent: Extent,
    /// No longer than the range, so no bound is needed.
    news: UnboundedReceiver<News>,
    task: JoinHandle<()>,
}

enum News {
    /// S3 has begun to answer, with this range of the same object.
    Begun,
    Bytes(Bytes),
    End(Break),
}

/// Why no more bytes of a range come.
#[derive(Debug)]
pub(in crate::origin) enum Break {
    /// It broke off and can be resumed.
    Off(String),
    /// The object is another one now.
    Changed,
    /// S3 answers with the whole object.
    Whole,
}

impl RangeBody {
    /// Begins to fetch a range of the object with this entity tag.
    pub(super) fn fetch(
        origin: &Arc<Origin>,
        key: &ArtifactKey,
        etag: &str,
        extent: Extent,
    ) -> Self {
        let (tell, news) = mpsc::unbounded_channel();
        let fetch = Fetch {
            origin: Arc::clone(origin),
            key: key.clone(),
            etag: etag.to_owned(),
            extent,
            tell,
        };
        Self {
            extent,
            news,
            task: request::spawn(fetch.run()),
        }
    }

    pub(in crate::origin) fn extent(&self) -> Extent {
        self.extent
    }

    /// Whether S3 has begun to send it; `None` as long as it has not answered. To be asked before
    /// [`Self::next`], and not any more once it was answered.
    pub(super) fn has_begun(&mut self) -> Option<Result<(), Break>> {
        match self.news.try_recv() {
            Ok(news) => Some(begun(Some(news))),
            Err(mpsc::error::TryRecvError::Empty) => None,
            Err(mpsc::error::TryRecvError::Disconnected) => Some(begun(None)),
        }
    }

    /// As [`Self::has_begun`], waiting for the answer.
    pub(super) async fn begins(&mut self) -> Result<(), Break> {
        begun(self.news.recv().await)
    }

    /// The next bytes, or why there are none; nothing behind the last ones. May be given up and asked
    /// again.
    pub(in crate::origin) async fn next(&mut self) -> Option<Result<Bytes, Break>> {
        loop {
            match self.news.recv().await? {
                News::Begun => {}
                News::Bytes(bytes) => return Some(Ok(bytes)),
                News::End(end) => return Some(Err(end)),
            }
        }
    }
}

fn begun(news: Option<News>) -> Result<(), Break> {
    match news {
        Some(News::Begun | News::Bytes(_)) => Ok(()),
        Some(News::End(end)) => Err(end),
        None => Err(Break::Off("its task ended".to_owned())),
    }
}

impl Drop for RangeBody {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task of one range.
struct Fetch {
    origin: Arc<Origin>,
    key: ArtifactKey,
    etag: String,
    extent: Extent,
    tell: UnboundedSender<News>,
}

impl Fetch {
    async fn run(self) {
        if let Err(end) = self.fetch().await {
            self.tell(News::End(end));
        }
    }

    async fn fetch(&self) -> Result<(), Break> {
        let get = self.extent.get(
            &self.origin,
            &self.key,
            &self.etag,
            ToldLength::Needed,
            PATIENCE,
        );
        // Boxed, as the SDK's futures are large, and what follows takes longer.
        let body = match Box::pin(get).await {
            Ok(Sent::Extent(body)) => body,
            Ok(Sent::Whole) => return Err(Break::Whole),
            Err(refusal) => return Err(refused(refusal)),
        };
        self.tell(News::Begun);
        let mut piece = BytesMut::new();
        let received = self.receive(body, &mut piece).await;
        self.hand_on(&mut piece);
        received
    }

    async fn receive(&self, mut body: ByteStream, piece: &mut BytesMut) -> Result<(), Break> {
        let mut missing = self.extent.bytes();
        while missing > 0 {
            let bytes = if let Some(next) = body.next().now_or_never() {
                arrived(next)?
            } else {
                // Whoever reads along is not to wait for a whole piece.
                self.hand_on(piece);
                next(&mut body).await?
            };
            let length = bytes.len() as u64;
            missing = missing
                .checked_sub(length)
                .ok_or_else(|| Break::Off("more bytes than the range has".to_owned()))?;
            self.origin.metrics.s3_received_bytes.inc_by(length);
            self.keep(piece, &bytes);
        }
        Ok(())
    }

    fn keep(&self, piece: &mut BytesMut, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if piece.len() == piece.capacity() {
                self.hand_on(piece);
                *piece = BytesMut::with_capacity(PIECE_BYTES);
            }
            let room = piece.capacity() - piece.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            piece.extend_from_slice(now);
            bytes = later;
        }
    }

    fn hand_on(&self, piece: &mut BytesMut) {
        if !piece.is_empty() {
            self.tell(News::Bytes(piece.split().freeze()));
        }
    }

    /// Nobody listens to a range that is given up; its task is then about to be ended.
    fn tell(&self, news: News) {
        let _is_given_up = self.tell.send(news);
    }
}

/// The next bytes of a body that has more.
async fn next(body: &mut ByteStream) -> Result<Bytes, Break> {
    let silence = || format!("silence for {} s", SILENCE_TIMEOUT.as_secs());
    let next = timeout(SILENCE_TIMEOUT, body.next()).await;
    next.map_or_else(|_| Err(Break::Off(silence())), arrived)
}

fn arrived(next: Option<Result<Bytes, ByteStreamError>>) -> Result<Bytes, Break> {
    next.ok_or_else(|| Break::Off("the range ended early".to_owned()))?
        .map_err(|error| Break::Off(error.to_string()))
}

/// Most refusals are for the resumption to meet again and to explain, when it is the range's turn.
fn refused(refusal: Refusal) -> Break {
    match refusal {
        Refusal::Answer(Verdict::PreconditionFailed, _) | Refusal::Error(Error::Changed) => {
            Break::Changed
        }
        Refusal::Answer(_, failure) => Break::Off(failure.to_string()),
        Refusal::Error(error) => Break::Off(error.to_string()),
    }
}
