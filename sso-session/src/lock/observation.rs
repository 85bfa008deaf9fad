//! Since when something looks as it does, by this process's own clock: no step of a wall clock moves it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What was seen last, and since when. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Observation<S>(Arc<Mutex<Option<(S, Instant)>>>);

impl<S> Default for Observation<S> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<S: Clone + PartialEq> Observation<S> {
    /// Notes what is to be seen now; for how long it has been looking like that.
    pub(super) fn note(&self, sight: Option<&S>) -> Duration {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*seen, sight) {
            (Some((before, since)), Some(now)) if before == now => since.elapsed(),
            (_, now) => {
                *seen = now.map(|now| (now.clone(), Instant::now()));
                Duration::ZERO
            }
        }
    }

    /// What had been looking the same for so long when it was last seen, and until now.
    pub(super) fn unchanged_for(&self, long: Duration) -> Option<S> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (sight, since) = seen.as_ref()?;
        (since.elapsed() >= long).then(|| sight.clone())
    }
}
