//! An object's head, out of S3's answers.

use std::time::Duration;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ChecksumType, ServerSideEncryption};

use super::call::Refusal;
use super::operation::Operation;
use super::{Origin, PATIENCE};
use crate::artifact::ArtifactKey;
use crate::aws::Verdict;
use crate::checksum::{Expected, ExpectedChecksum};
use crate::error::Error;
use crate::object::ObjectAttributes;
use crate::remote::ObjectHead;

impl ObjectHead {
    /// Out of the answer to a `GetObject` of the whole object.
    pub(super) fn of_get(answer: &GetObjectOutput) -> Result<Self, Error> {
        let attributes = attributes(
            answer.content_length(),
            answer.e_tag(),
            answer.last_modified(),
            answer.content_type(),
            answer.content_encoding(),
        )?;
        let expected = Expected {
            length: attributes.length,
            checksums: promised(answer),
        };
        Ok(Self {
            attributes,
            expected,
        })
    }
}

/// The same headers of two kinds of answers. S3 always tells a length: something in between that
/// takes it away must not make an object empty.
fn attributes(
    length: Option<i64>,
    etag: Option<&str>,
    last_modified: Option<&DateTime>,
    content_type: Option<&str>,
    content_encoding: Option<&str>,
) -> Result<ObjectAttributes, Error> {
    let length = length.and_then(|length| length.try_into().ok());
    let length =
        length.ok_or_else(|| Error::unavailable("S3 did not say how long the object is"))?;
    Ok(ObjectAttributes {
        length,
        etag: etag.map(str::to_owned),
        last_modified: last_modified.map(DateTime::secs),
        content_type: content_type.map(str::to_owned),
        content_encoding: content_encoding.map(str::to_owned),
    })
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
pub(super) async fn head(
    origin: &Origin,
    key: &ArtifactKey,
    patience: Duration,
) -> Result<ObjectAttributes, Error> {
    let (_permit, left) = origin.admit(patience).await?;
    let answer = origin
        .call(Operation::HeadObject, left, |client| {
            client
                .head_object()
                .bucket(&origin.bucket)
                .key(origin.s3_key(key))
                .send()
        })
        .await;
    match answer {
        Ok(answer) => attributes(
            answer.content_length(),
            answer.e_tag(),
            answer.last_modified(),
            answer.content_type(),
            answer.content_encoding(),
        ),
        Err(Refusal::Answer(Verdict::Unexplained | Verdict::NoSuchKey, _)) => {
            first_byte(origin, key).await
        }
        Err(refusal) => Err(origin.explain(key.as_str(), refusal).await),
    }
}

async fn first_byte(origin: &Origin, key: &ArtifactKey) -> Result<ObjectAttributes, Error> {
    let first = match get_head(origin, key, Some("bytes=0-0")).await {
        // An empty object has no first byte.
        Err(Refusal::Answer(Verdict::RangeNotSatisfiable, _)) => get_head(origin, key, None).await,
        first => first,
    };
    match first {
        Ok(answer) => {
            let mut attributes = ObjectHead::of_get(&answer)?.attributes;
            let total = answer
                .content_range()
                .and_then(|range| range.rsplit_once('/'));
            let total = total.and_then(|(_, total)| total.parse().ok());
            attributes.length = total.unwrap_or(attributes.length);
            Ok(attributes)
        }
        Err(refusal) => Err(origin.explain(key.as_str(), refusal).await),
    }
}

async fn get_head(
    origin: &Origin,
    key: &ArtifactKey,
    range: Option<&str>,
) -> Result<GetObjectOutput, Refusal> {
    let get = origin.call(Operation::GetObject, PATIENCE, |client| {
        client
            .get_object()
            .bucket(&origin.bucket)
            .key(origin.s3_key(key))
            .set_range(range.map(str::to_owned))
            .send()
    });
    get.await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_untold_length_is_no_empty_object() {
        let untold = GetObjectOutput::builder().e_tag("\"x-2\"").build();
        assert!(matches!(
            ObjectHead::of_get(&untold),
            Err(Error::Unavailable(_))
        ));
        let empty = GetObjectOutput::builder().content_length(0).build();
        let head = ObjectHead::of_get(&empty).expect("a head");
        assert_eq!(head.attributes.length, 0);
    }

    #[test]
    fn only_an_etag_that_is_an_md5_is_one() {
        let tagged = |etag: &str| GetObjectOutput::builder().e_tag(etag);
        let md5 = "\"5d41402abc4b2a76b9719d911017c592\"";
        assert!(md5_of_etag(&tagged(md5).build()).is_some());
        let kms = tagged(md5).server_side_encryption(ServerSideEncryption::AwsKms);
        assert_eq!(md5_of_etag(&kms.build()), None);
        let customer = tagged(md5).sse_customer_algorithm("AES256");
        assert_eq!(md5_of_etag(&customer.build()), None);
        let parts = tagged("\"5d41402abc4b2a76b9719d911017c592-2\"");
        assert_eq!(md5_of_etag(&parts.build()), None);
    }

    #[test]
    fn a_checksum_of_parts_is_none_of_the_bytes() {
        let composite = GetObjectOutput::builder()
            .checksum_crc32("AAAAAA==")
            .checksum_type(ChecksumType::Composite);
        assert_eq!(promised(&composite.build()), []);
    }
}
