//! How many calls to S3 run at once. Small files never wait for big ones.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;

/// Calls that wait for an answer, or stream something small.
const CALLS: usize = 64;
/// Downloads of large objects, which have left the first kind behind.
const LARGE_DOWNLOADS: usize = 128;
/// From this size on an object is large, in bytes.
const LARGE_BYTES: u64 = 4 * 1024 * 1024;
/// A large download that finds no place for so long is given up.
const LARGE_PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct Limits {
    calls: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// A place among the calls; given back on drop.
#[derive(Debug)]
pub(super) struct Permit {
    _place: OwnedSemaphorePermit,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls: Arc::new(Semaphore::new(CALLS)),
            large: Arc::new(Semaphore::new(LARGE_DOWNLOADS)),
        }
    }
}

impl Limits {
    /// A place for a call, waiting for one at most `patience`.
    pub(super) async fn call(&self, patience: Duration) -> Result<Permit, Error> {
        Self::place(&self.calls, patience).await
    }

    /// Exchanges the place when the object turns out to be large. The answer's body waits unread
    /// meanwhile, without a place, so that small calls go on.
    pub(super) async fn for_size(&self, permit: Permit, bytes: u64) -> Result<Permit, Error> {
        if bytes < LARGE_BYTES {
            return Ok(permit);
        }
        drop(permit);
        Self::place(&self.large, LARGE_PATIENCE).await
    }

    async fn place(semaphore: &Arc<Semaphore>, patience: Duration) -> Result<Permit, Error> {
        let place = tokio::time::timeout(patience, Arc::clone(semaphore).acquire_owned());
        match place.await {
            Ok(Ok(place)) => Ok(Permit { _place: place }),
            Ok(Err(_)) | Err(_) => Err(Error::unavailable("too many downloads are under way")),
        }
    }
}
