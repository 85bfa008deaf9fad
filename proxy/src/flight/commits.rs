//! How many objects are made durable at once.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Objects of either kind: those that wait for it keep their place among the calls to S3, so that downloads
/// do not run ahead of a slow disk.
const AT_ONCE: usize = 64;
/// An object that finds no place for so long is not kept: the disk hangs, and downloads can do without it.
const PLACE_WITHIN: Duration = Duration::from_secs(30);

/// The places of all downloads. Cheap to clone.
#[derive(Clone)]
pub(super) struct Commits {
    /// Of objects that were gathered in memory, and are verified.
    gathered: Arc<Semaphore>,
    /// Of those that came as a stream, and may have to be hashed yet.
    streamed: Arc<Semaphore>,
}

/// A place; given back on drop.
#[derive(Debug)]
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
}

/// There was none in time.
#[derive(Debug, Error)]
#[error("no place among the {AT_ONCE} objects that are made durable at once in {} s", PLACE_WITHIN.as_secs())]
pub(super) struct NoPlace;

impl Default for Commits {
    fn default() -> Self {
        Self {
            gathered: Arc::new(Semaphore::new(AT_ONCE)),
            streamed: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Commits {
    /// A place for an object from memory, waiting for one at most [`PLACE_WITHIN`].
    pub(super) async fn gathered(&self) -> Result<Place, NoPlace> {
        place(&self.gathered).await
    }

    /// A place for one that is in its staging file, with the same patience.
    pub(super) async fn streamed(&self) -> Result<Place, NoPlace> {
        place(&self.streamed).await
    }
}

async fn place(places: &Arc<Semaphore>) -> Result<Place, NoPlace> {
    match timeout(PLACE_WITHIN, Arc::clone(places).acquire_owned()).await {
        Ok(Ok(place)) => Ok(Place { _place: place }),
        Ok(Err(_)) | Err(_) => Err(NoPlace),
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_nor_for_objects_of_the_other_kind() {
        let commits = Commits::default();
        let mut taken = Vec::new();
        for _ in 0..AT_ONCE {
            taken.push(commits.streamed().await.expect("a place"));
        }
        let begun = Instant::now();
        commits.streamed().await.expect_err("all are taken");
        assert!(begun.elapsed() >= PLACE_WITHIN);
        commits.gathered().await.expect("a place of the other kind");
        taken.pop();
        commits.streamed().await.expect("the one given back");
    }
}
