//! What S3 says about an object, and what we send on: neither HTTP nor disk.

use serde::{Deserialize, Serialize};

/// An object's length and validators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectAttributes {
    /// Bytes in the body.
    pub length: u64,
    /// S3's entity tag, quotes included, as received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<i64>,
    /// The type its uploader gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Passed on as it is; the body is never decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
}
