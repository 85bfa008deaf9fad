//! How many calls to S3 run at once. Small files never wait for big ones.
//!
//! A download that goes on over several connections keeps its one place among the large ones. Its ranges
//! have places of their own, so they take none from others, and bound the memory in which they wait.

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
/// Ranges of large objects that are fetched, or wait in memory for their turn. Each is of
/// [`RANGE_BYTES`](super::ranges::RANGE_BYTES), so this is 48 MiB for the whole process.
const RANGES: u32 = 12;
/// A large download that finds no place for so long is given up.
const LARGE_PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct Limits {
    calls: Arc<Semaphore>,
    large: Arc<Semaphore>,
    ranges: Arc<Semaphore>,
}

/// Places for the ranges of one download; given back on drop.
#[derive(Debug)]
pub(super) struct RangePlaces(OwnedSemaphorePermit);

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
            ranges: Arc::new(Semaphore::new(RANGES as usize)),
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

    /// So many places for ranges, if there are as many now: nobody waits for them. Each large download
    /// under way counts as one that is taken: many of them have many connections as it is, and share
    /// a line and processors.
    pub(super) fn range_places(&self, count: u32) -> Option<RangePlaces> {
        let large = LARGE_DOWNLOADS.saturating_sub(self.large.available_permits());
        if self.ranges.available_permits() < large + count as usize {
            return None;
        }
        let places = Arc::clone(&self.ranges).try_acquire_many_owned(count);
        places.ok().map(RangePlaces)
    }

    async fn place(semaphore: &Arc<Semaphore>, patience: Duration) -> Result<Permit, Error> {
        let place = tokio::time::timeout(patience, Arc::clone(semaphore).acquire_owned());
        match place.await {
            Ok(Ok(place)) => Ok(Permit { _place: place }),
            Ok(Err(_)) | Err(_) => Err(Error::unavailable("too many downloads are under way")),
        }
    }
}

impl RangePlaces {
    /// How many these are.
    pub(super) fn count(&self) -> usize {
        self.0.num_permits()
    }

    /// Takes some more.
    pub(super) fn add(&mut self, more: Self) {
        self.0.merge(more.0);
    }

    /// Gives all but so many back.
    pub(super) fn keep(&mut self, count: usize) {
        let surplus = self.count().saturating_sub(count);
        drop(self.0.split(surplus));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_large_downloads_leave_no_places_for_ranges() {
        let limits = Limits::default();
        let mut downloads = Vec::new();
        for _ in 0..RANGES - 3 {
            let call = limits.call(Duration::ZERO).await.expect("a place");
            let large = limits.for_size(call, LARGE_BYTES).await;
            downloads.push(large.expect("a place"));
        }
        let three = limits.range_places(3).expect("places");
        assert!(limits.range_places(1).is_none());
        drop(three);
        downloads.pop();
        assert!(limits.range_places(4).is_some());
    }

    #[test]
    fn places_for_ranges_are_all_or_none_and_come_back() {
        let limits = Limits::default();
        let mut first = limits.range_places(RANGES - 2).expect("places");
        assert!(limits.range_places(3).is_none());
        first.add(limits.range_places(2).expect("the last ones"));
        assert!(limits.range_places(1).is_none());
        first.keep(1);
        assert_eq!(first.count(), 1);
        drop(first);
        assert!(limits.range_places(RANGES).is_some());
    }
}
