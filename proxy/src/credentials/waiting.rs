//! Who waits for credentials: counted, so that the keeper looks again sooner while anyone does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tracing::info;

/// The requests that wait. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicUsize,
    /// Whether the log was told that requests wait for a login; it is told once a login.
    announced: AtomicBool,
}

/// One request that waits. Dropping it takes it out of the count, however its request ends.
#[derive(Debug)]
pub(super) struct Waiter(Waiting);

impl Waiting {
    pub(super) fn enter(&self) -> Waiter {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        Waiter(self.clone())
    }

    pub(super) fn count(&self) -> usize {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// Says that requests wait for a login, if that was not said yet.
    pub(super) fn announce(&self, reason: &str) {
        if !self.0.announced.swap(true, Ordering::Relaxed) {
            info!(
                reason,
                "misses wait for a login; the builds go on by themselves"
            );
        }
    }

    /// Says that they go on, if it was said that they wait.
    pub(super) fn announce_login(&self) {
        // Read first: this is on the way of every miss.
        if self.0.announced.load(Ordering::Relaxed)
            && self.0.announced.swap(false, Ordering::Relaxed)
        {
            info!(
                requests = self.count(),
                "the credentials are back: the misses that wait go on"
            );
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}
