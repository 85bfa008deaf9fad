//! The body of one range: fetched by a task, kept until its turn.

use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::artifact::ArtifactKey;
use crate::aws::Verdict;
use crate::error::Error;
use crate::origin::call::Refusal;
use crate::origin::extent::{Extent, Sent};
use crate::origin::stream::SILENCE_TIMEOUT;
use crate::origin::{Origin, PATIENCE};
use crate::request;

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
        let get = self
            .extent
            .get(&self.origin, &self.key, &self.etag, PATIENCE);
        // Boxed, as the SDK's futures are large, and what follows takes longer.
        let mut body = match Box::pin(get).await {
            Ok(Sent::Extent(body)) => body,
            Ok(Sent::Whole) => return Err(Break::Whole),
            Err(refusal) => return Err(refused(refusal)),
        };
        self.tell(News::Begun);
        let mut missing = self.extent.bytes();
        while missing > 0 {
            let bytes = next(&mut body).await?;
            let length = bytes.len() as u64;
            missing = missing
                .checked_sub(length)
                .ok_or_else(|| Break::Off("more bytes than the range has".to_owned()))?;
            self.origin.metrics.s3_received_bytes.inc_by(length);
            self.tell(News::Bytes(bytes));
        }
        Ok(())
    }

    /// Nobody listens to a range that is given up; its task is then about to be ended.
    fn tell(&self, news: News) {
        let _is_given_up = self.tell.send(news);
    }
}

/// The next bytes of a body that has more.
async fn next(body: &mut ByteStream) -> Result<Bytes, Break> {
    match timeout(SILENCE_TIMEOUT, body.next()).await {
        Ok(Some(Ok(bytes))) => Ok(bytes),
        Ok(Some(Err(error))) => Err(Break::Off(error.to_string())),
        Ok(None) => Err(Break::Off("the range ended early".to_owned())),
        Err(_) => Err(Break::Off(format!(
            "silence for {} s",
            SILENCE_TIMEOUT.as_secs()
        ))),
    }
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
