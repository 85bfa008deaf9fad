//! A download that mends itself: an interrupted body is resumed where it ended, on the same object.
//! A large one goes on over several connections, where one is too slow for it ([`super::ranges`]).

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumMode;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::call::Refusal;
use super::extent::{Extent, Sent, ToldLength};
use super::limits::Permit;
use super::operation::Operation;
use super::ranges::{self, Break, Plan, RangeBody, Ranges};
use super::upstream::{self, Answer, Wanted};
use super::{Origin, PATIENCE};
use crate::artifact::ArtifactKey;
use crate::aws::Verdict;
use crate::error::Error;
use crate::remote::{Body, ObjectHead, Revalidation, Witness};

/// A body that is silent for so long is taken as cut.
pub(super) const SILENCE_TIMEOUT: Duration = Duration::from_secs(15);
/// Resumptions in a row that bring next to nothing.
const FRUITLESS_RESUMPTIONS: u32 = 4;
/// What a resumption has to bring to have been worth it, unless the body ends before.
const WORTHWHILE_BYTES: u64 = 4 * 1024;

/// The body of one object on its way, from its start.
pub(super) struct ObjectStream {
    origin: Arc<Origin>,
    key: ArtifactKey,
    head: ObjectHead,
    part: Part,
    /// Where it ends, or is left for the range behind it.
    part_end: u64,
    /// What it has brought of the bytes behind that.
    beyond: Option<Bytes>,
    ranges: Ranges,
    source: Source,
    /// Whether the upstream has sent any of it.
    has_upstream_bytes: bool,
    position: u64,
    fruitless: u32,
    resumed_at: u64,
    /// Given back while the download waits for a login.
    permit: Option<Permit>,
}

/// What is being read.
enum Part {
    /// The answer to a request of this stream.
    Body(ByteStream),
    /// Fetched ahead.
    Range(RangeBody),
}

/// The upstream, where it has had a part in a body. What it has a part in that turns out wrong, S3 has to
/// send next time.
struct UpstreamWitness {
    origin: Arc<Origin>,
    has_upstream_bytes: bool,
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
            part: Part::Body(body),
            part_end: head.attributes.length,
            beyond: None,
            ranges: Ranges::of(&head.attributes),
            head,
            source,
            has_upstream_bytes: false,
            position: 0,
            fruitless: 0,
            resumed_at: 0,
            permit: Some(permit),
        })
    }

    /// As [`Body::next`].
    async fn receive(&mut self) -> Result<Option<Bytes>, Error> {
        let length = self.head.attributes.length;
        while self.position < length {
            if self.position == self.part_end {
                self.take_next_part().await;
            }
            let longest_silence = self.longest_silence();
            let asked = Instant::now();
            let cause = match timeout(longest_silence, self.read()).await {
                Ok(Some(Ok(bytes))) if bytes.is_empty() => continue,
                Ok(Some(Ok(bytes))) => {
                    let bytes = self.up_to_the_end_of_the_part(bytes);
                    self.received(bytes.len() as u64);
                    self.look_ahead(bytes.len() as u64, asked.elapsed());
                    return Ok(Some(bytes));
                }
                Ok(Some(Err(Break::Off(cause)))) => cause,
                Ok(Some(Err(Break::Changed))) => return Err(Error::Changed),
                Ok(Some(Err(Break::Whole))) => "S3 sent the whole object".to_owned(),
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

    async fn read(&mut self) -> Option<Result<Bytes, Break>> {
        if let Some(bytes) = self.beyond.take() {
            return Some(Ok(bytes));
        }
        match &mut self.part {
            Part::Body(body) => {
                let next = body.next().await?;
                Some(next.map_err(|error| Break::Off(error.to_string())))
            }
            Part::Range(range) => range.next().await,
        }
    }

    /// A body that is left brings more than its part. A last one that is too long is for the checksums
    /// to find.
    fn up_to_the_end_of_the_part(&mut self, mut bytes: Bytes) -> Bytes {
        let wanted = self.part_end.saturating_sub(self.position);
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        if self.part_end < self.head.attributes.length && wanted < bytes.len() {
            self.beyond = Some(bytes.split_off(wanted));
        }
        bytes
    }

    /// Sees to the ranges behind the part that is being read, after it has brought some more.
    fn look_ahead(&mut self, bytes: u64, waited: Duration) {
        match &mut self.ranges {
            Ranges::Watched(pace) if self.source == Source::S3 => {
                pace.note(bytes, waited);
                let attributes = &self.head.attributes;
                let rest = attributes.length.saturating_sub(self.position);
                if !pace.calls_for_more(rest) {
                    return;
                }
                let plan = Plan::begin(&self.origin, &self.key, attributes, self.position, *pace);
                if let Some(plan) = plan {
                    self.part_end = plan.boundary();
                    self.ranges = Ranges::Planned(plan);
                }
            }
            Ranges::Planned(plan) => {
                if matches!(self.part, Part::Range(_)) {
                    plan.note(self.position, bytes, waited);
                }
                if let Err(why) = plan.go_on() {
                    self.go_on_with_one(&why);
                }
            }
            Ranges::Watched(_) | Ranges::Unwanted => {}
        }
    }

    async fn take_next_part(&mut self) {
        let next = match &mut self.ranges {
            Ranges::Planned(plan) => plan.next_part().await,
            Ranges::Watched(_) | Ranges::Unwanted => return,
        };
        match next {
            Ok(range) => {
                self.part_end = range.extent().end;
                (self.part, self.source) = (Part::Range(range), Source::S3);
                self.beyond = None;
            }
            Err(why) => self.go_on_with_one(&why),
        }
    }

    /// The part that is being read goes on to the object's end.
    fn go_on_with_one(&mut self, why: &Break) {
        ranges::report_unwanted(&self.key, why);
        self.ranges = Ranges::Unwanted;
        self.part_end = self.head.attributes.length;
    }

    /// Gives back the places and the memory of ranges under way, where there are any: their bytes are
    /// asked for again, over one connection.
    fn give_ranges_up(&mut self) {
        if matches!(self.ranges, Ranges::Planned(_)) {
            self.ranges = Ranges::Unwanted;
            self.part_end = self.head.attributes.length;
        }
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

    /// Finds another body for the part from `position` on. Readers wait for a login here as they do
    /// before the first byte: without a place among the calls, or any for ranges.
    async fn go_on_from(&mut self, position: u64, etag: &str) -> Result<(), Error> {
        let until = Instant::now() + self.origin.login_wait;
        loop {
            let rest = Extent {
                start: position,
                end: self.part_end,
                length: self.head.attributes.length,
            };
            let tried = self.origin.credentials.generation();
            if let Some(body) = self.rest_at_upstream(rest, etag).await {
                (self.part, self.source) = (Part::Body(body), Source::Upstream);
                return Ok(());
            }
            let refusal = match self.rest_at_s3(rest, etag).await {
                Ok(body) => {
                    (self.part, self.source) = (Part::Body(body), Source::S3);
                    self.origin.metrics.s3_resumed.inc();
                    return Ok(());
                }
                Err(refusal @ Refusal::Error(Error::LoginRequired(_))) => refusal,
                Err(refusal) => return Err(self.explain(refusal).await),
            };
            self.permit = None;
            self.give_ranges_up();
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
    async fn rest_at_upstream(&self, rest: Extent, etag: &str) -> Option<ByteStream> {
        let upstream = self.origin.upstream.as_ref()?;
        let brought_nothing = self.source == Source::Upstream && self.fruitless > 1;
        if brought_nothing && self.origin.credentials.generation().is_some() {
            return None;
        }
        let wanted = Wanted::Rest(rest, etag);
        match upstream.ask(&self.key, wanted, upstream::PATIENCE).await? {
            Answer::Rest(body) => Some(body),
            Answer::Object(..) | Answer::NotModified | Answer::NotFound => None,
        }
    }

    async fn rest_at_s3(&self, rest: Extent, etag: &str) -> Result<ByteStream, Refusal> {
        let sent = rest.get(
            &self.origin,
            &self.key,
            etag,
            ToldLength::MayBeMissing,
            PATIENCE,
        );
        match Box::pin(sent).await? {
            Sent::Extent(body) => Ok(body),
            Sent::Whole => {
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
            // Its task has counted them.
            Source::S3 if matches!(self.part, Part::Range(_)) => {}
            Source::S3 => metrics.s3_received_bytes.inc_by(bytes),
            Source::Upstream => {
                self.has_upstream_bytes = true;
                metrics.upstream_received_bytes.inc_by(bytes);
            }
        }
    }
}

impl Body for ObjectStream {
    fn head(&self) -> &ObjectHead {
        &self.head
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, Error>> {
        Box::pin(self.receive())
    }

    fn witness(&self) -> Box<dyn Witness> {
        Box::new(UpstreamWitness {
            origin: Arc::clone(&self.origin),
            has_upstream_bytes: self.has_upstream_bytes,
        })
    }
}

impl Witness for UpstreamWitness {
    fn vouch(&self) {
        if let Some(upstream) = self.origin.upstream.as_ref()
            && self.has_upstream_bytes
        {
            upstream.trust();
        }
    }

    fn blame(&self, why: &str) {
        if let Some(upstream) = self.origin.upstream.as_ref()
            && self.has_upstream_bytes
        {
            upstream.distrust(why);
        }
    }
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
