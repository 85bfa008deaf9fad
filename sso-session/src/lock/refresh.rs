//! The lock around a token refresh.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::LockError;
use super::marker::{self, Held, Marker, Sight};
use super::observation::Observation;
use crate::disk::DiskError;

/// How often an owner shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// For how long an observer must see no change, by its own clock, to take an owner for dead.
const STALE_AFTER: Duration = Duration::from_secs(15);

/// How often an observer looks, about.
const LOOK: Duration = Duration::from_millis(100);

/// The one lock of a state folder; cheap to clone. Keep it between attempts: what it has seen of an
/// owner that is dead counts in the next one, however short its patience.
#[derive(Clone, Debug)]
pub struct RefreshLock {
    marker: Marker,
    heartbeat: Duration,
    stale_after: Duration,
    look: Duration,
    seen: Observation<Sight>,
}

/// The lock, until dropped. Dropping gives it back, and blocks on the disk for that.
#[derive(Debug)]
pub struct RefreshGuard {
    path: PathBuf,
    nonce: String,
    held: Arc<Mutex<Option<Held>>>,
    beating: JoinHandle<()>,
}

enum Attempt {
    Taken(Held),
    Occupied(Sight),
    /// It was given back in between, or somebody else was quicker.
    Free,
}

impl RefreshLock {
    /// Names the folder; touches nothing yet.
    #[must_use]
    pub fn new(state_folder: impl Into<PathBuf>) -> Self {
        Self {
            marker: Marker {
                state_folder: state_folder.into(),
                guard_name: "refresh.guard".to_owned(),
            },
            heartbeat: HEARTBEAT,
            stale_after: STALE_AFTER,
            look: LOOK,
            seen: Observation::default(),
        }
    }

    #[cfg(test)]
    pub(super) fn hurried(mut self, stale_after: Duration, guard_name: String) -> Self {
        self.marker.guard_name = guard_name;
        self.heartbeat = stale_after / 15;
        self.stale_after = stale_after;
        self.look = Duration::from_millis(5);
        self
    }

    /// Takes the lock, waiting at most `patience` for whoever has it; tries at least once.
    ///
    /// The state folder must exist. Cancelling gives back what was taken.
    pub async fn acquire(&self, patience: Duration) -> Result<RefreshGuard, LockError> {
        let begin = Instant::now();
        loop {
            let sight = match self
                .attempt(self.seen.unchanged_for(self.stale_after))
                .await?
            {
                Attempt::Taken(held) => return Ok(self.guard(held)),
                Attempt::Occupied(sight) => Some(sight),
                Attempt::Free => None,
            };
            let holder = sight.as_ref().map(Sight::holder);
            self.seen.note(sight.as_ref());
            let waited = begin.elapsed();
            let left = patience.saturating_sub(waited);
            if left.is_zero() {
                return Err(LockError::Held {
                    path: self.marker.path(),
                    holder: holder.unwrap_or_else(|| "others in turn".to_owned()),
                    waited,
                });
            }
            let pause = self.look.mul_f64(0.5 + fastrand::f64());
            tokio::time::sleep(pause.min(left)).await;
        }
    }

    async fn attempt(&self, dead: Option<Sight>) -> Result<Attempt, LockError> {
        let marker = self.marker.clone();
        let attempt = tokio::task::spawn_blocking(move || {
            let mut held = marker.try_take()?;
            if held.is_none()
                && let Some(dead) = dead
            {
                held = marker.take_over(&dead)?;
            }
            Ok(match held {
                Some(held) => Attempt::Taken(held),
                None => marker.look()?.map_or(Attempt::Free, Attempt::Occupied),
            })
        });
        attempt.await.unwrap_or_else(|error| {
            let at = DiskError::at("taking the lock", &self.marker.path());
            Err(at(io::Error::other(error)).into())
        })
    }

    fn guard(&self, held: Held) -> RefreshGuard {
        let nonce = held.nonce().to_owned();
        let held = Arc::new(Mutex::new(Some(held)));
        RefreshGuard {
            path: self.marker.path(),
            nonce,
            beating: tokio::spawn(beat(Arc::clone(&held), self.heartbeat)),
            held,
        }
    }
}

impl RefreshGuard {
    /// Whether nobody has taken us for dead: ask before a refresh token is spent, and before the
    /// new one is written. Blocks on the disk.
    #[must_use]
    pub fn is_still_ours(&self) -> bool {
        marker::is_owned_by(&self.path, &self.nonce).unwrap_or(false)
    }

    /// The lock's folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RefreshGuard {
    fn drop(&mut self) {
        self.beating.abort();
        // A heartbeat under way ends first.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        drop(held.take());
    }
}

/// Shows signs of life until the lock is given back or lost.
async fn beat(held: Arc<Mutex<Option<Held>>>, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        let held = Arc::clone(&held);
        let beaten = tokio::task::spawn_blocking(move || {
            let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
            held.as_mut().map_or(Ok(false), Held::beat)
        });
        match beaten.await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => {
                tracing::debug!("the lock is not ours any more");
                return;
            }
            Ok(Err(error)) => tracing::warn!(%error, "no sign of life could be given"),
            // The runtime is going away.
            Err(_) => return,
        }
    }
}
