//! The simulated S3.
//!
//! ```text
//! folder/
//!   <bucket>/<key…>                     objects; any tree put here is a bucket
//!   .simulated-aws/
//!     attributes/<bucket>/<hash>.json   what a file cannot say: content type, checksums, …
//!     odd/<bucket>/<hash>               objects whose key cannot be a path
//!     odd/<bucket>/<hash>.key           … and that key
//!     staging/                          uploads until they are whole
//! ```
//!
//! A request passes the [`gate`] (clock, region, access key, session token), then s3s, which verifies the
//! signature and reads the request, then the permissions, then the [`backend`].

mod access;
mod attributes;
mod backend;
mod conditions;
mod digests;
mod error;
mod front;
mod gate;
mod keys;
mod listing;
mod place;
mod read;
mod store;
mod write;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use attributes::{ChecksumAlgorithm, ObjectAttributes};

use crate::{Clock, Identities};
use store::Store;

/// The answer to a request signed for another region than the bucket's. AWS gives either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongRegion {
    /// 301 with the region in `x-amz-bucket-region` and an endpoint.
    PermanentRedirect,
    /// 400 with the region in the error document.
    AuthorizationHeaderMalformed,
}

/// The buckets and their objects. Clones share them.
///
/// The methods do their file work at once, on the calling thread.
#[derive(Clone)]
pub struct S3 {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    region: String,
    bucket_regions: Mutex<HashMap<String, String>>,
    redirects: AtomicBool,
}

impl S3 {
    pub(crate) fn open(folder: PathBuf, region: &str) -> io::Result<Self> {
        let shared = Shared {
            store: Store::open(folder)?,
            region: region.to_owned(),
            bucket_regions: Mutex::default(),
            redirects: AtomicBool::new(true),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    pub(crate) fn service(&self, identities: Identities, clock: Clock) -> front::Front {
        front::Front::new(self.clone(), identities, clock)
    }

    /// Makes an empty bucket; one that is there already stays as it is.
    pub fn create_bucket(&self, bucket: &str) -> io::Result<()> {
        self.shared.store.create_bucket(bucket)
    }

    /// Writes an object, and the bucket if it is new.
    pub fn put(&self, bucket: &str, key: &str, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.put_with(bucket, key, bytes, ObjectAttributes::default())
    }

    /// Writes an object with attributes of its own.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers write the attributes in place"
    )]
    pub fn put_with(
        &self,
        bucket: &str,
        key: &str,
        bytes: impl AsRef<[u8]>,
        attributes: ObjectAttributes,
    ) -> io::Result<()> {
        self.create_bucket(bucket)?;
        self.shared
            .store
            .put(bucket, key, bytes.as_ref(), &attributes)
    }

    /// Deletes an object; one that is not there is deleted already.
    pub fn delete(&self, bucket: &str, key: &str) -> io::Result<()> {
        self.shared.store.delete(bucket, key)
    }

    /// The file that holds an object, if there is one.
    #[must_use]
    pub fn path(&self, bucket: &str, key: &str) -> Option<PathBuf> {
        self.shared.store.locate(bucket, key)
    }

    /// Moves a bucket to a region.
    pub fn set_bucket_region(&self, bucket: &str, region: &str) {
        let mut regions = self
            .shared
            .bucket_regions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        regions.insert(bucket.to_owned(), region.to_owned());
    }

    /// The region of a bucket.
    #[must_use]
    pub fn bucket_region(&self, bucket: &str) -> String {
        let regions = self
            .shared
            .bucket_regions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        regions.get(bucket).unwrap_or(&self.shared.region).clone()
    }

    /// Chooses the answer to a request signed for a wrong region; at first it is the redirect.
    pub fn set_wrong_region(&self, answer: WrongRegion) {
        let redirects = answer == WrongRegion::PermanentRedirect;
        self.shared.redirects.store(redirects, Ordering::SeqCst);
    }

    fn wrong_region(&self) -> WrongRegion {
        if self.shared.redirects.load(Ordering::SeqCst) {
            WrongRegion::PermanentRedirect
        } else {
            WrongRegion::AuthorizationHeaderMalformed
        }
    }

    fn store(&self) -> &Store {
        &self.shared.store
    }
}
