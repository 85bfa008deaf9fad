//! An object's head, out of S3's answers.

use std::sync::atomic::Ordering;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ChecksumType, ServerSideEncryption};

use super::call::Refusal;
use super::{Origin, PATIENCE};
use crate::artifact::ArtifactKey;
use crate::aws::Verdict;
use crate::checksum::{Expected, ExpectedChecksum};
use crate::error::Error;
use crate::object::ObjectAttributes;

/// What S3 says of an object before its body.
#[derive(Clone, Debug)]
pub struct ObjectHead {
    /// Length and validators.
    pub attributes: ObjectAttributes,
    /// What its body must be.
    pub expected: Expected,
}

impl ObjectHead {
    /// Out of the answer to a `GetObject` of the whole object.
    pub(super) fn of_get(answer: &GetObjectOutput) -> Self {
        let attributes = ObjectAttributes {
            length: answer
                .content_length()
                .and_then(|length| length.try_into().ok())
                .unwrap_or(0),
            etag: answer.e_tag().map(str::to_owned),
            last_modified: answer
                .last_modified()
                .map(aws_sdk_s3::primitives::DateTime::secs),
            content_type: answer.content_type().map(str::to_owned),
            content_encoding: answer.content_encoding().map(str::to_owned),
        };
        let expected = Expected {
            length: attributes.length,
            checksums: promised(answer),
        };
        Self {
            attributes,
            expected,
        }
    }

    fn of_head(answer: &HeadObjectOutput) -> Self {
        let attributes = ObjectAttributes {
            length: answer
                .content_length()
                .and_then(|length| length.try_into().ok())
                .unwrap_or(0),
            etag: answer.e_tag().map(str::to_owned),
            last_modified: answer
                .last_modified()
                .map(aws_sdk_s3::primitives::DateTime::secs),
            content_type: answer.content_type().map(str::to_owned),
            content_encoding: answer.content_encoding().map(str::to_owned),
        };
        let expected = Expected {
            length: attributes.length,
            checksums: Vec::new(),
        };
        Self {
            attributes,
            expected,
        }
    }
}

/// S3's checksums of the whole object; composite ones, of multipart uploads, are not of its bytes.
fn promised(answer: &GetObjectOutput) -> Vec<ExpectedChecksum> {
    let mut promised = Vec::new();
    promised.extend(md5_of_etag(answer).map(ExpectedChecksum::Md5Hex));
    if answer.checksum_type() != Some(&ChecksumType::Composite) {
        let given = [
            answer
                .checksum_crc32()
                .map(|value| ExpectedChecksum::Crc32(value.to_owned())),
            answer
                .checksum_crc32_c()
                .map(|value| ExpectedChecksum::Crc32c(value.to_owned())),
            answer
                .checksum_crc64_nvme()
                .map(|value| ExpectedChecksum::Crc64Nvme(value.to_owned())),
            answer
                .checksum_sha1()
                .map(|value| ExpectedChecksum::Sha1(value.to_owned())),
            answer
                .checksum_sha256()
                .map(|value| ExpectedChecksum::Sha256(value.to_owned())),
        ];
        // Composite values end in "-<parts>" where the type is not told.
        promised.extend(
            given
                .into_iter()
                .flatten()
                .filter(|checksum| !checksum.is_composite()),
        );
    }
    promised
}

/// The ETag, where it is the MD5 of the body: single-part, and plain or SSE-S3.
fn md5_of_etag(answer: &GetObjectOutput) -> Option<String> {
    let plain = matches!(
        answer.server_side_encryption(),
        None | Some(ServerSideEncryption::Aes256)
    );
    let customer_key = answer.sse_customer_algorithm().is_some();
    let etag = answer.e_tag()?.trim_matches('"');
    let is_md5 = etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit());
    (plain && !customer_key && is_md5).then(|| etag.to_ascii_lowercase())
}

/// `HeadObject`; where it only says 400 or 403, the first byte tells why. So it does for a 404 as
/// long as the bucket itself may be what is missing.
pub(super) async fn head(origin: &Origin, key: &ArtifactKey) -> Result<ObjectHead, Error> {
    let _permit = origin.limits.call().await?;
    let answer = origin
        .call(PATIENCE, |client| {
            client
                .head_object()
                .bucket(&origin.bucket)
                .key(origin.s3_key(key))
                .send()
        })
        .await;
    match answer {
        Ok(answer) => Ok(ObjectHead::of_head(&answer)),
        Err(Refusal::Answer(Verdict::Unexplained, _)) => first_byte(origin, key).await,
        Err(Refusal::Answer(Verdict::NoSuchKey, _))
            if !origin.bucket_answered.load(Ordering::Relaxed) =>
        {
            first_byte(origin, key).await
        }
        Err(refusal) => Err(origin.explain(key.as_str(), refusal).await),
    }
}

async fn first_byte(origin: &Origin, key: &ArtifactKey) -> Result<ObjectHead, Error> {
    let first = match get_head(origin, key, Some("bytes=0-0")).await {
        // An empty object has no first byte.
        Err(Refusal::Answer(Verdict::RangeNotSatisfiable, _)) => get_head(origin, key, None).await,
        first => first,
    };
    match first {
        Ok(answer) => {
            let mut head = ObjectHead::of_get(&answer);
            let total = answer
                .content_range()
                .and_then(|range| range.rsplit_once('/'));
            let total = total.and_then(|(_, total)| total.parse().ok());
            head.attributes.length = total.unwrap_or(head.attributes.length);
            head.expected = Expected {
                length: head.attributes.length,
                checksums: Vec::new(),
            };
            Ok(head)
        }
        Err(refusal) => Err(origin.explain(key.as_str(), refusal).await),
    }
}

async fn get_head(
    origin: &Origin,
    key: &ArtifactKey,
    range: Option<&str>,
) -> Result<GetObjectOutput, Refusal> {
    let get = origin.call(PATIENCE, |client| {
        client
            .get_object()
            .bucket(&origin.bucket)
            .key(origin.s3_key(key))
            .set_range(range.map(str::to_owned))
            .send()
    });
    get.await
}
