//! `GetObject` and `HeadObject`.

use std::fs::File;
use std::io::{self, SeekFrom};
use std::ops::Range as Span;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use http::header::{ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue};
use s3s::dto::{
    Checksum, ChecksumMode, ChecksumType, ETag, ETagCondition, GetObjectInput, GetObjectOutput,
    HeadObjectInput, HeadObjectOutput, Range, StreamingBlob, Timestamp,
};
use s3s::{S3Error, S3ErrorCode, S3Result};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::backend::blocking;
use super::conditions::{Conditions, Outcome};
use super::store::Object;
use crate::S3;

/// Read and sent this much at a time.
const CHUNK_BYTES: u64 = 256 * 1024;

/// What S3 says of an object that was put without a type.
const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

/// What both operations ask for.
pub(super) struct Reading {
    bucket: String,
    key: String,
    range: Option<Range>,
    with_checksum: bool,
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
    if_modified_since: Option<Timestamp>,
    if_unmodified_since: Option<Timestamp>,
}

/// The same fields of two types.
macro_rules! reading {
    ($input:expr) => {
        Reading {
            bucket: $input.bucket.clone(),
            key: $input.key.clone(),
            range: $input.range,
            with_checksum: asks_for_checksum($input.checksum_mode.as_ref()),
            if_match: $input.if_match.clone(),
            if_none_match: $input.if_none_match.clone(),
            if_modified_since: $input.if_modified_since.clone(),
            if_unmodified_since: $input.if_unmodified_since.clone(),
        }
    };
}

impl Reading {
    pub(super) fn of_get(input: &GetObjectInput) -> Self {
        reading!(input)
    }

    pub(super) fn of_head(input: &HeadObjectInput) -> Self {
        reading!(input)
    }

    fn conditions(&self) -> Conditions<'_> {
        Conditions {
            if_match: self.if_match.as_ref(),
            if_none_match: self.if_none_match.as_ref(),
            if_modified_since: self.if_modified_since.as_ref(),
            if_unmodified_since: self.if_unmodified_since.as_ref(),
        }
    }
}

fn asks_for_checksum(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

/// An object that may be answered, and which part of it.
pub(super) struct Found {
    object: Object,
    span: Span<u64>,
    partial: bool,
    with_checksum: bool,
}

/// Opens the object, if it is there and the conditions hold.
pub(super) async fn open(s3: &S3, reading: Reading) -> S3Result<Option<Found>> {
    blocking(s3, move |store| {
        let opened = store.open_object(&reading.bucket, &reading.key);
        let Some(object) = opened.map_err(S3Error::internal_error)? else {
            return Ok(None);
        };
        match reading.conditions().judge(object.etag(), object.modified) {
            Outcome::Proceed => {}
            Outcome::NotModified => return Err(not_modified(&object)),
            Outcome::PreconditionFailed => return Err(precondition_failed()),
        }
        let span = match &reading.range {
            None => 0..object.len,
            Some(range) => range.check(object.len).map_err(|_| invalid_range())?,
        };
        // S3 sends the stored checksum with the whole object only.
        let whole = span == (0..object.len);
        let (partial, with_checksum) = (reading.range.is_some(), reading.with_checksum && whole);
        Ok(Some(Found {
            object,
            span,
            partial,
            with_checksum,
        }))
    })
    .await
}

/// The same fields of two types.
macro_rules! output {
    ($type:ident, $found:expr) => {{
        let checksum = $found.checksum();
        let kept = checksum.is_some();
        let checksum = checksum.unwrap_or_default();
        let attributes = &$found.object.attributes;
        let content_type = attributes
            .content_type
            .as_deref()
            .unwrap_or(DEFAULT_CONTENT_TYPE);
        let metadata = attributes.metadata.clone().into_iter().collect();
        $type {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: attributes.cache_control.clone(),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type: kept.then(|| ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            content_encoding: attributes.content_encoding.clone(),
            content_length: i64::try_from($found.span.end - $found.span.start).ok(),
            content_range: $found.content_range(),
            content_type: Some(content_type.to_owned()),
            e_tag: Some(ETag::Strong($found.object.etag().to_owned())),
            last_modified: Some($found.object.modified.into()),
            metadata: Some(metadata),
            ..$type::default()
        }
    }};
}

impl Found {
    pub(super) fn content_range(&self) -> Option<String> {
        let Span { start, end } = self.span;
        let last = end.checked_sub(1)?;
        self.partial
            .then(|| format!("bytes {start}-{last}/{}", self.object.len))
    }

    pub(super) fn head(&self) -> HeadObjectOutput {
        output!(HeadObjectOutput, self)
    }

    pub(super) fn get(self) -> GetObjectOutput {
        let mut output = output!(GetObjectOutput, self);
        output.body = Some(StreamingBlob::wrap(chunks(self.object.file, self.span)));
        output
    }

    fn checksum(&self) -> Option<Checksum> {
        let kept = self.with_checksum && !self.object.attributes.kept_checksums().is_empty();
        kept.then(|| self.object.digests.checksum.clone())
    }
}

/// The bytes of a span. A file cut short meanwhile is an error, not a short answer.
fn chunks(file: File, span: Span<u64>) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync {
    let start = (tokio::fs::File::from_std(file), span, false);
    stream::try_unfold(start, async |(mut file, span, placed)| {
        if span.is_empty() {
            return Ok(None);
        }
        if !placed {
            file.seek(SeekFrom::Start(span.start)).await?;
            file.set_max_buf_size(usize::try_from(CHUNK_BYTES).unwrap_or(usize::MAX));
        }
        let wanted = CHUNK_BYTES.min(span.end - span.start);
        let mut chunk = BytesMut::with_capacity(usize::try_from(wanted).unwrap_or(0));
        let read = (&mut file).take(wanted).read_buf(&mut chunk).await? as u64;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some((
            chunk.freeze(),
            (file, span.start + read..span.end, true),
        )))
    })
}

/// A 304 repeats what the client knows the object by.
fn not_modified(object: &Object) -> S3Error {
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    let mut headers = HeaderMap::new();
    let modified = httpdate::fmt_http_date(object.modified);
    headers.extend(HeaderValue::from_str(&modified).map(|value| (LAST_MODIFIED, value)));
    let etag = format!("\"{}\"", object.etag());
    headers.extend(HeaderValue::from_str(&etag).map(|value| (ETAG, value)));
    error.set_headers(headers);
    error
}

pub(super) fn precondition_failed() -> S3Error {
    let message = "At least one of the pre-conditions you specified did not hold";
    S3Error::with_message(S3ErrorCode::PreconditionFailed, message)
}

fn invalid_range() -> S3Error {
    let message = "The requested range is not satisfiable";
    S3Error::with_message(S3ErrorCode::InvalidRange, message)
}
