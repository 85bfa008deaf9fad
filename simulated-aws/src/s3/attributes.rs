//! What an object has besides its bytes.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// A checksum S3 can keep with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChecksumAlgorithm {
    /// CRC-64/NVME, which S3 computes for uploads that bring none.
    Crc64Nvme,
    /// CRC-32 as in zip.
    Crc32,
    /// CRC-32C.
    Crc32C,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// The attributes of an object that its file cannot hold.
///
/// They survive a restart. They belong to the bytes they were put with: a file that is changed by hand
/// has the default attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectAttributes {
    /// `Content-Type`; `binary/octet-stream` if absent, as in S3.
    pub content_type: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// The entity tag instead of the MD5, with or without its quotes (`"…-2"` for a multipart upload).
    pub etag: Option<String>,
    /// The checksums S3 keeps: CRC-64/NVME if absent, none if empty.
    pub checksums: Option<Vec<ChecksumAlgorithm>>,
    /// The user's `x-amz-meta-…` headers, named without that prefix.
    pub metadata: BTreeMap<String, String>,
    /// `Last-Modified`, kept as the file's own time; now if absent.
    #[serde(skip)]
    pub last_modified: Option<SystemTime>,
}

impl ObjectAttributes {
    /// The checksums S3 keeps for the object.
    pub(crate) fn kept_checksums(&self) -> &[ChecksumAlgorithm] {
        self.checksums
            .as_deref()
            .unwrap_or(&[ChecksumAlgorithm::Crc64Nvme])
    }

    /// Whether a file alone says as much.
    pub(crate) fn are_default(&self) -> bool {
        let plain = Self {
            last_modified: self.last_modified,
            ..Self::default()
        };
        *self == plain
    }
}
