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
use super::{ObjectHead, Origin, PATIENCE, Revalidation};
use crate::artifact::ArtifactKey;
use crate::aws::Verdict;
use crate::checksum::{Hasher, Verified};
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
    position: u64,
    fruitless: u32,
    resumed_at: u64,
    /// Given back while the download waits for a login.
    permit: Option<Permit>,
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
        let permit = origin
            .limits
            .for_size(permit, head.attributes.length)
            .await?;
        Ok(Self {
            origin: Arc::clone(origin),
            key: key.clone(),
            head,
            body: answer.body,
            position: 0,
            fruitless: 0,
            resumed_at: 0,
            permit: Some(permit),
        })
    }

    /// What S3 said before the body.
    #[must_use]
    pub fn head(&self) -> &ObjectHead {
        &self.head
    }

    /// The next bytes; `None` at the promised length, never before it.
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let length = self.head.attributes.length;
        while self.position < length {
            let cause = match timeout(SILENCE_TIMEOUT, self.body.next()).await {
                Ok(Some(Ok(bytes))) if bytes.is_empty() => continue,
                Ok(Some(Ok(bytes))) => {
                    self.position += bytes.len() as u64;
                    let received = &self.origin.metrics.s3_received_bytes;
                    received.inc_by(bytes.len() as u64);
                    return Ok(Some(bytes));
                }
                Ok(Some(Err(error))) => error.to_string(),
                Ok(None) => "the body ended early".to_owned(),
                Err(_) => format!("silence for {} s", SILENCE_TIMEOUT.as_secs()),
            };
            self.resume(&cause).await?;
        }
        Ok(None)
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
        match self.rest(position, &etag).await {
            // Not every S3 honours If-Match.
            Ok(answer) if answer.e_tag().is_some_and(|given| given != etag) => Err(Error::Changed),
            Ok(answer) if starts_at(&answer, position) => {
                self.body = answer.body;
                self.origin.metrics.s3_resumed.inc();
                Ok(())
            }
            Ok(_) => Err(Error::Corrupt(
                "S3 resumed at another place than asked for".to_owned(),
            )),
            Err(refusal) => Err(self.origin.explain(key, refusal).await),
        }
    }

    /// The object from `position` on. Readers wait for a login here as they do before the first byte:
    /// without a place among the calls.
    async fn rest(&mut self, position: u64, etag: &str) -> Result<GetObjectOutput, Refusal> {
        let range = format!("bytes={position}-");
        let until = Instant::now() + self.origin.login_wait;
        loop {
            let tried = self.origin.credentials.generation();
            let resumed = get(&self.origin, &self.key, PATIENCE, |call| {
                call.range(&range).if_match(etag)
            });
            let refusal = match resumed.await {
                Err(refusal @ Refusal::Error(Error::LoginRequired(_))) => refusal,
                resumed => return resumed,
            };
            self.permit = None;
            if !self.origin.credentials.login_returned(tried, until).await {
                return Err(refusal);
            }
            let permit = self.origin.limits.call(PATIENCE).await?;
            let length = self.head.attributes.length;
            self.permit = Some(self.origin.limits.for_size(permit, length).await?);
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

/// An [`ObjectStream`] that gives away its last bytes only when all of them were verified.
pub struct VerifiedDownload {
    stream: ObjectStream,
    hasher: Option<Hasher>,
    verified: Option<Verified>,
}

impl VerifiedDownload {
    /// Takes a stream at its start.
    #[must_use]
    pub fn new(stream: ObjectStream) -> Self {
        let hasher = Hasher::new(stream.head.expected.clone());
        Self {
            stream,
            hasher: Some(hasher),
            verified: None,
        }
    }

    /// What S3 said before the body.
    #[must_use]
    pub fn head(&self) -> &ObjectHead {
        self.stream.head()
    }

    /// The next bytes; `None` at the end.
    ///
    /// Fails with [`Error::Corrupt`] instead of the last bytes if the body is not what S3
    /// promised.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let bytes = self.stream.next().await?;
        if let (Some(hasher), Some(bytes)) = (&mut self.hasher, &bytes) {
            hasher.update(bytes);
        }
        if let Some(hasher) = self.hasher.take_if(|hasher| hasher.is_complete()) {
            let verified = hasher
                .finish()
                .map_err(|mismatch| Error::Corrupt(mismatch.to_string()))?;
            self.verified = Some(verified);
        }
        Ok(bytes)
    }

    /// The proof, once [`Self::next`] has given the last bytes.
    #[must_use]
    pub fn verified(&self) -> Option<&Verified> {
        self.verified.as_ref()
    }
}
