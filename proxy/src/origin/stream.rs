//! A download that mends itself: an interrupted body is resumed where it ended, on the same object.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumMode;
use bytes::Bytes;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::call::Refusal;
use super::limits::Permit;
use super::operation::Operation;
use super::upstream::{self, Answer, Wanted};
use super::{ObjectHead, Origin, PATIENCE, Revalidation};
use crate::artifact::ArtifactKey;
use crate::aws::Verdict;
use crate::error::Error;

/// A body that is silent for so long is taken as cut.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(15);
/// Resumptions in a row that bring next to nothing.
const FRUITLESS_RESUMPTIONS: u32 = 4;
/// What a resumption has to bring to have been worth it, unless the body ends before.
const WORTHWHILE_BYTES: u64 = 4 * 1024;

/// The body of one object on its way, from its start.
pub struct ObjectStream {
    origin: Arc<Origin>,
    key: ArtifactKey,
    head: ObjectHead,
    body: ByteStream,
    source: Source,
    /// Whether the upstream has sent any of it.
    has_upstream_bytes: bool,
    position: u64,
    fruitless: u32,
    resumed_at: u64,
    /// Given back while the download waits for a login.
    permit: Option<Permit>,
}

/// Who sends the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    S3,
    Upstream,
}

impl ObjectStream {
    pub(super) async fn open(
        origin: &Arc<Origin>,
        key: &ArtifactKey,
        patience: Duration,
    ) -> Result<Self, Error> {
        let (permit, left) = origin.admit(patience).await?;
        match get(origin, key, left, |call| call).await {
            Ok(answer) => Self::of(origin, key, answer, permit).await,
            Err(refusal) => Err(origin.explain(key.as_str(), refusal).await),
        }
    }

    pub(super) async fn open_if_changed(
        origin: &Arc<Origin>,
        key: &ArtifactKey,
        etag: &str,
        patience: Duration,
    ) -> Result<Revalidation, Error> {
        let (permit, left) = origin.admit(patience).await?;
        match get(origin, key, left, |call| call.if_none_match(etag)).await {
            Ok(answer) => {
                let stream = Self::of(origin, key, answer, permit).await?;
                Ok(Revalidation::Changed(Box::new(stream)))
            }
            Err(Refusal::Answer(Verdict::NotModified, _)) => Ok(Revalidation::NotModified),
            Err(refusal) => Err(origin.explain(key.as_str(), refusal).await),
        }
    }

    async fn of(
        origin: &Arc<Origin>,
        key: &ArtifactKey,
        answer: GetObjectOutput,
        permit: Permit,
    ) -> Result<Self, Error> {
        let head = ObjectHead::of_get(&answer)?;
        Self::new(origin, key, head, (answer.body, Source::S3), permit).await
    }

    pub(super) async fn of_upstream(
        origin: &Arc<Origin>,
        key: &ArtifactKey,
        head: ObjectHead,
        body: ByteStream,
        permit: Permit,
    ) -> Result<Self, Error> {
        Self::new(origin, key, head, (body, Source::Upstream), permit).await
    }

    async fn new(
        origin: &Arc<Origin>,
        key: &ArtifactKey,
        head: ObjectHead,
        (body, source): (ByteStream, Source),
        permit: Permit,
    ) -> Result<Self, Error> {
        let permit = origin
            .limits
            .for_size(permit, head.attributes.length)
            .await?;
        Ok(Self {
            origin: Arc::clone(origin),
            key: key.clone(),
            head,
            body,
            source,
            has_upstream_bytes: false,
            position: 0,
            fruitless: 0,
            resumed_at: 0,
            permit: Some(permit),
        })
    }

    /// What was said before the body.
    #[must_use]
    pub fn head(&self) -> &ObjectHead {
        &self.head
    }

    /// The next bytes; `None` at the promised length, never before it.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let length = self.head.attributes.length;
        while self.position < length {
            let longest_silence = self.longest_silence();
            let cause = match timeout(longest_silence, self.body.next()).await {
                Ok(Some(Ok(bytes))) if bytes.is_empty() => continue,
                Ok(Some(Ok(bytes))) => {
                    self.received(bytes.len() as u64);
                    return Ok(Some(bytes));
                }
                Ok(Some(Err(error))) => error.to_string(),
                Ok(None) => "the body ended early".to_owned(),
                Err(_) => {
                    self.note_silence();
                    format!("silence for {} s", longest_silence.as_secs())
                }
            };
            self.resume(&cause).await?;
        }
        Ok(None)
    }

    fn longest_silence(&self) -> Duration {
        match self.source {
            Source::Upstream if self.has_brought_nothing() => upstream::FIRST_BYTES_WITHIN,
            Source::Upstream | Source::S3 => SILENCE_TIMEOUT,
        }
    }

    fn note_silence(&self) {
        if let (Source::Upstream, Some(upstream)) = (self.source, &self.origin.upstream)
            && self.has_brought_nothing()
        {
            upstream.fell_silent();
        }
    }

    /// Whether the body has brought no byte so far.
    fn has_brought_nothing(&self) -> bool {
        self.position == self.resumed_at
    }

    async fn resume(&mut self, cause: &str) -> Result<(), Error> {
        let (key, position) = (self.key.clone(), self.position);
        let key = key.as_str();
        let brought = position - self.resumed_at;
        self.fruitless = if brought < WORTHWHILE_BYTES {
            self.fruitless + 1
        } else {
            1
        };
        self.resumed_at = position;
        let Some(etag) = self.head.attributes.etag.clone() else {
            return Err(Error::unavailable(format!(
                "the download broke off ({cause})"
            )));
        };
        if self.fruitless > FRUITLESS_RESUMPTIONS {
            warn!(
                artifact.key = key,
                position, cause, "a download cannot be mended"
            );
            return Err(Error::unavailable(format!(
                "the download keeps breaking off ({cause})"
            )));
        }
        info!(
            artifact.key = key,
            position, cause, "a download broke off and is resumed"
        );
        self.go_on_from(position, &etag).await
    }

    /// Finds another body for the object from `position` on. Readers wait for a login here as they do
    /// before the first byte: without a place among the calls.
    async fn go_on_from(&mut self, position: u64, etag: &str) -> Result<(), Error> {
        let until = Instant::now() + self.origin.login_wait;
        loop {
            let tried = self.origin.credentials.generation();
            if let Some(body) = self.rest_at_upstream(position, etag).await {
                (self.body, self.source) = (body, Source::Upstream);
                return Ok(());
            }
            let refusal = match self.rest_at_s3(position, etag).await {
                Ok(body) => {
                    (self.body, self.source) = (body, Source::S3);
                    self.origin.metrics.s3_resumed.inc();
                    return Ok(());
                }
                Err(refusal @ Refusal::Error(Error::LoginRequired(_))) => refusal,
                Err(refusal) => return Err(self.explain(refusal).await),
            };
            self.permit = None;
            let again = self.origin.tried_again_after();
            let credentials = &self.origin.credentials;
            if !credentials.login_returned(tried, until, again).await {
                return Err(self.explain(refusal).await);
            }
            let permit = self.origin.limits.call(PATIENCE).await?;
            let length = self.head.attributes.length;
            self.permit = Some(self.origin.limits.for_size(permit, length).await?);
        }
    }

    /// The upstream goes on with what S3 has begun and the other way round: it is the same object. One
    /// whose last body brought nothing has its turn after S3.
    async fn rest_at_upstream(&self, position: u64, etag: &str) -> Option<ByteStream> {
        let upstream = self.origin.upstream.as_ref()?;
        let brought_nothing = self.source == Source::Upstream && self.fruitless > 1;
        if brought_nothing && self.origin.credentials.generation().is_some() {
            return None;
        }
        let wanted = Wanted::Rest(position, etag);
        match upstream.ask(&self.key, wanted, upstream::PATIENCE).await? {
            Answer::Rest(body) => Some(body),
            Answer::Object(..) | Answer::NotModified | Answer::NotFound => None,
        }
    }

    async fn rest_at_s3(&self, position: u64, etag: &str) -> Result<ByteStream, Refusal> {
        let range = format!("bytes={position}-");
        let answer = get(&self.origin, &self.key, PATIENCE, |call| {
            call.range(&range).if_match(etag)
        });
        match answer.await? {
            // Not every S3 honours If-Match.
            answer if answer.e_tag().is_some_and(|given| given != etag) => {
                Err(Error::Changed.into())
            }
            answer if starts_at(&answer, position) => Ok(answer.body),
            _ => {
                let elsewhere = "S3 resumed at another place than asked for";
                Err(Error::Corrupt(elsewhere.to_owned()).into())
            }
        }
    }

    async fn explain(&self, refusal: Refusal) -> Error {
        self.origin.explain(self.key.as_str(), refusal).await
    }

    fn received(&mut self, bytes: u64) {
        self.position += bytes;
        let metrics = &self.origin.metrics;
        match self.source {
            Source::S3 => metrics.s3_received_bytes.inc_by(bytes),
            Source::Upstream => {
                self.has_upstream_bytes = true;
                metrics.upstream_received_bytes.inc_by(bytes);
            }
        }
    }

    /// The body has turned out right.
    pub(super) fn vouch(&self) {
        if let Some(upstream) = self.origin.upstream.as_ref()
            && self.has_upstream_bytes
        {
            upstream.trust();
        }
    }

    /// The body has turned out wrong. What the upstream has a part in, S3 has to send next time.
    pub(super) fn blame(&self, why: &str) {
        if let Some(upstream) = self.origin.upstream.as_ref()
            && self.has_upstream_bytes
        {
            upstream.distrust(why);
        }
    }
}

fn starts_at(answer: &GetObjectOutput, position: u64) -> bool {
    let range = answer.content_range().unwrap_or_default();
    range
        .strip_prefix("bytes ")
        .is_some_and(|range| range.starts_with(&format!("{position}-")))
}

type GetObject = aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;

async fn get(
    origin: &Origin,
    key: &ArtifactKey,
    patience: Duration,
    with: impl Fn(GetObject) -> GetObject,
) -> Result<GetObjectOutput, Refusal> {
    origin
        .call(Operation::GetObject, patience, |client| {
            let call = client
                .get_object()
                .bucket(&origin.bucket)
                .key(origin.s3_key(key));
            with(call.checksum_mode(ChecksumMode::Enabled)).send()
        })
        .await
}
