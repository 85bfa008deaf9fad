//! `PutObject`.

use futures_util::StreamExt;
use http::HeaderMap;
use s3s::dto::{Checksum, ChecksumType, ETag, ETagCondition, PutObjectInput, PutObjectOutput};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result};
use tokio::io::AsyncWriteExt;

use super::backend::blocking;
use super::digests::{Digests, Hasher};
use super::read::precondition_failed;
use super::store::Object;
use super::{ChecksumAlgorithm, ObjectAttributes};
use crate::S3;

/// How a streamed upload names its framing, which is no encoding of the object.
const UPLOAD_FRAMING: &str = "aws-chunked";

/// Stores the request's body and answers with its entity tag and checksums.
pub(super) async fn write(
    s3: &S3,
    request: S3Request<PutObjectInput>,
) -> S3Result<PutObjectOutput> {
    let trailers = request.trailing_headers.clone();
    let mut input = request.input;
    let algorithms = algorithms(&input, &request.headers);
    let staged = blocking(s3, |store| store.stage().map_err(S3Error::internal_error)).await?;
    let mut file = tokio::fs::File::from_std(staged.reopen().map_err(S3Error::internal_error)?);
    let mut hasher = Hasher::new(&algorithms);
    let mut body = input.body.take();
    while let Some(chunk) = match &mut body {
        Some(body) => body.next().await,
        None => None,
    } {
        let chunk = chunk.map_err(broken_off)?;
        hasher.update(&chunk);
        file.write_all(&chunk)
            .await
            .map_err(S3Error::internal_error)?;
    }
    file.flush().await.map_err(S3Error::internal_error)?;
    let digests = hasher.finish();
    let promised = trailers.and_then(|trailers| trailers.take());
    verify(&input, promised.as_ref(), &digests)?;
    let attributes = attributes(&input, &algorithms);
    blocking(s3, move |store| {
        let (bucket, key) = (&input.bucket, &input.key);
        let present = store
            .open_object(bucket, key)
            .map_err(S3Error::internal_error)?;
        let present = present.as_ref().map(Object::etag);
        check_conditions(&input, present)?;
        store
            .publish(bucket, key, &staged, &attributes)
            .map_err(S3Error::internal_error)
    })
    .await?;
    Ok(output(digests))
}

fn output(digests: Digests) -> PutObjectOutput {
    PutObjectOutput {
        e_tag: Some(ETag::Strong(digests.md5)),
        checksum_crc32: digests.checksum.checksum_crc32,
        checksum_crc32c: digests.checksum.checksum_crc32c,
        checksum_crc64nvme: digests.checksum.checksum_crc64nvme,
        checksum_sha1: digests.checksum.checksum_sha1,
        checksum_sha256: digests.checksum.checksum_sha256,
        checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        ..PutObjectOutput::default()
    }
}

fn broken_off(error: s3s::StdError) -> S3Error {
    S3Error::with_source(S3ErrorCode::IncompleteBody, error)
}

/// The checksum the client chose, in a header or as a trailer, or S3's own choice.
fn algorithms(input: &PutObjectInput, headers: &HeaderMap) -> Vec<ChecksumAlgorithm> {
    let trailer = headers
        .get("x-amz-trailer")
        .and_then(|value| value.to_str().ok());
    let announced: Vec<_> = trailer
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .collect();
    let chosen = [
        (
            ChecksumAlgorithm::Crc32,
            &input.checksum_crc32,
            "x-amz-checksum-crc32",
        ),
        (
            ChecksumAlgorithm::Crc32C,
            &input.checksum_crc32c,
            "x-amz-checksum-crc32c",
        ),
        (
            ChecksumAlgorithm::Crc64Nvme,
            &input.checksum_crc64nvme,
            "x-amz-checksum-crc64nvme",
        ),
        (
            ChecksumAlgorithm::Sha1,
            &input.checksum_sha1,
            "x-amz-checksum-sha1",
        ),
        (
            ChecksumAlgorithm::Sha256,
            &input.checksum_sha256,
            "x-amz-checksum-sha256",
        ),
    ];
    let mut algorithms: Vec<_> = chosen
        .into_iter()
        .filter(|(_, given, name)| given.is_some() || announced.contains(name))
        .map(|(algorithm, ..)| algorithm)
        .collect();
    if algorithms.is_empty() {
        algorithms.push(ChecksumAlgorithm::Crc64Nvme);
    }
    algorithms
}

/// Compares what arrived with what the client promised, before and after the body.
fn verify(input: &PutObjectInput, trailers: Option<&HeaderMap>, digests: &Digests) -> S3Result<()> {
    let Checksum {
        checksum_crc32,
        checksum_crc32c,
        checksum_crc64nvme,
        checksum_sha1,
        checksum_sha256,
        ..
    } = &digests.checksum;
    let pairs = [
        (
            "x-amz-checksum-crc32",
            &input.checksum_crc32,
            checksum_crc32,
        ),
        (
            "x-amz-checksum-crc32c",
            &input.checksum_crc32c,
            checksum_crc32c,
        ),
        (
            "x-amz-checksum-crc64nvme",
            &input.checksum_crc64nvme,
            checksum_crc64nvme,
        ),
        ("x-amz-checksum-sha1", &input.checksum_sha1, checksum_sha1),
        (
            "x-amz-checksum-sha256",
            &input.checksum_sha256,
            checksum_sha256,
        ),
    ];
    for (name, header, computed) in pairs {
        let trailer = trailers.and_then(|trailers| trailers.get(name)?.to_str().ok());
        let promised = header.as_deref().or(trailer);
        if promised.is_some_and(|promised| Some(promised) != computed.as_deref()) {
            let message = "The checksum you specified did not match what we received.";
            return Err(S3Error::with_message(S3ErrorCode::BadDigest, message));
        }
    }
    if input
        .content_md5
        .as_deref()
        .is_some_and(|md5| !digests.matches_content_md5(md5))
    {
        let message = "The Content-MD5 you specified did not match what we received.";
        return Err(S3Error::with_message(S3ErrorCode::BadDigest, message));
    }
    Ok(())
}

fn check_conditions(input: &PutObjectInput, present: Option<&str>) -> S3Result<()> {
    let must_be_new = matches!(input.if_none_match, Some(ETagCondition::Any));
    let expected = input.if_match.as_ref();
    let is_expected = expected.is_none_or(|condition| match condition {
        ETagCondition::Any => present.is_some(),
        ETagCondition::ETag(etag) => present == Some(etag.value()),
    });
    if (must_be_new && present.is_some()) || !is_expected {
        return Err(precondition_failed());
    }
    Ok(())
}

fn attributes(input: &PutObjectInput, algorithms: &[ChecksumAlgorithm]) -> ObjectAttributes {
    let encodings = input
        .content_encoding
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .map(str::trim);
    let encodings: Vec<_> = encodings
        .filter(|name| !name.is_empty() && *name != UPLOAD_FRAMING)
        .collect();
    let default = algorithms == [ChecksumAlgorithm::Crc64Nvme];
    ObjectAttributes {
        content_type: input.content_type.clone(),
        content_encoding: (!encodings.is_empty()).then(|| encodings.join(",")),
        cache_control: input.cache_control.clone(),
        etag: None,
        checksums: (!default).then(|| algorithms.to_vec()),
        metadata: input
            .metadata
            .clone()
            .unwrap_or_default()
            .into_iter()
            .collect(),
        last_modified: None,
    }
}
