//! What an object holds, and how S3 describes it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};

/// A body with its validators, computed once; clones share the memory.
#[derive(Clone)]
pub(crate) struct Content {
    bytes: Bytes,
    etag: String,
    crc64nvme: String,
}

impl Content {
    /// Of these bytes.
    pub(crate) fn new(bytes: Bytes) -> Self {
        let etag = format!("\"{}\"", hex::encode(Md5::digest(&bytes)));
        let crc = crc_fast::checksum(CrcAlgorithm::Crc64Nvme, &bytes);
        Self {
            etag,
            crc64nvme: BASE64.encode(crc.to_be_bytes()),
            bytes,
        }
    }

    /// Of random bytes, as jars are: nothing on the way can make them smaller. The same seed gives the same bytes.
    pub(crate) fn random(length: usize, seed: u64) -> Self {
        let mut bytes = vec![0; length];
        fastrand::Rng::with_seed(seed).fill(&mut bytes);
        Self::new(bytes.into())
    }

    /// The body.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The quoted MD5, as of an object that was uploaded in one part.
    pub(super) fn etag(&self) -> &str {
        &self.etag
    }

    /// `x-amz-checksum-crc64nvme`, which S3 has of each object since the end of 2024.
    pub(super) fn crc64nvme(&self) -> &str {
        &self.crc64nvme
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("length", &self.bytes.len())
            .field("etag", &self.etag)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_described_as_s3_does() {
        let content = Content::new(Bytes::from_static(b"123456789"));
        assert_eq!(content.etag(), "\"25f9e794323b453885f5181f1b624d0b\"");
        // The check value of CRC-64/NVME is ae8b14860a799888.
        assert_eq!(content.crc64nvme(), "rosUhgp5mIg=");
    }
}
