//! How many calls are under way at once, and how many a second: below what the service takes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::error::Error;

/// Calls that wait for an answer of CodeArtifact, or read a page.
const CALLS: usize = 64;
/// Files under way, from where assets are.
const DOWNLOADS: usize = 128;
/// Bodies that come from clients, or go to them straight: as slow as those are, and none of the files' business.
const UPLOADS: usize = 32;
const PASSED: usize = 32;
/// A body that finds no place for so long is given up: before the attempt that it is of is.
const BODY_PATIENCE: Duration = Duration::from_secs(20);
/// One call every so often: 400 a second, of 800 reads that an account has ("Quotas in AWS CodeArtifact").
const INTERVAL: Duration = Duration::from_micros(2_500);
/// So many may go at once after a rest.
const BURST: u32 = 64;

/// The places and the pace of a process.
pub(super) struct Pace {
    calls: Arc<Semaphore>,
    downloads: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    passed: Arc<Semaphore>,
    /// When the next call would go if each had waited for its turn.
    next: Mutex<Instant>,
}

/// A place among the calls or downloads; given back on drop.
#[derive(Debug)]
pub(in crate::codeartifact) struct Place {
    pub(super) _permit: OwnedSemaphorePermit,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            calls: Arc::new(Semaphore::new(CALLS)),
            downloads: Arc::new(Semaphore::new(DOWNLOADS)),
            uploads: Arc::new(Semaphore::new(UPLOADS)),
            passed: Arc::new(Semaphore::new(PASSED)),
            next: Mutex::new(Instant::now()),
        }
    }
}

impl Pace {
    /// A place for a call, when it is its turn.
    pub(super) async fn call(&self, patience: Duration) -> Result<Place, Error> {
        let place = place(&self.calls, patience).await?;
        let go = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let (go, then) = turn(*next, Instant::now());
            *next = then;
            go
        };
        tokio::time::sleep_until(go).await;
        Ok(place)
    }

    /// A place for the body of a file.
    pub(super) async fn download(&self) -> Result<Place, Error> {
        place(&self.downloads, BODY_PATIENCE).await
    }

    /// A place for a publication.
    pub(super) async fn upload(&self) -> Result<Place, Error> {
        place(&self.uploads, BODY_PATIENCE).await
    }

    /// A place for a body that a client reads from us as it comes.
    pub(super) async fn passed(&self) -> Result<Place, Error> {
        place(&self.passed, BODY_PATIENCE).await
    }
}

async fn place(places: &Arc<Semaphore>, patience: Duration) -> Result<Place, Error> {
    match timeout(patience, Arc::clone(places).acquire_owned()).await {
        Ok(Ok(permit)) => Ok(Place { _permit: permit }),
        Ok(Err(_)) | Err(_) => Err(Error::unavailable(
            "too many requests to CodeArtifact are under way",
        )),
    }
}

/// When a call that comes now may go, and what `next` is then.
fn turn(next: Instant, now: Instant) -> (Instant, Instant) {
    let rested = now.checked_sub(INTERVAL * BURST).unwrap_or(now);
    let next = next.max(rested);
    (next.max(now), next + INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_its_pace() {
        tokio::time::advance(Duration::from_mins(1)).await;
        let now = Instant::now();
        let mut next = now - Duration::from_secs(30);
        let mut last = now;
        for call in 0..BURST + 400 {
            (last, next) = turn(next, now);
            if call <= BURST {
                assert_eq!(last, now, "{call}");
            }
        }
        let waited = last - now;
        assert!(
            waited > Duration::from_millis(950) && waited <= Duration::from_secs(1),
            "{waited:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn slow_clients_take_no_place_of_a_file() {
        let pace = Pace::default();
        let mut held = Vec::new();
        for _ in 0..UPLOADS {
            held.push(pace.upload().await.expect("a place"));
        }
        for _ in 0..PASSED {
            held.push(pace.passed().await.expect("a place"));
        }
        assert!(pace.upload().await.is_err() && pace.passed().await.is_err());
        assert!(pace.download().await.is_ok());
        held.clear();
        assert!(pace.upload().await.is_ok() && pace.passed().await.is_ok());
    }
}
