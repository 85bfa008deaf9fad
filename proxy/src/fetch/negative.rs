//! What was lately not found. In memory only, and never for long.

use std::time::{Duration, Instant};

use quick_cache::sync::Cache;

use crate::cache::CacheKey;
use crate::cache::key::EntryId;
use crate::error::Error;

/// Long enough for the many clients of one build, short enough for a person who has just uploaded
/// the missing artifact.
const GOOD_FOR: Duration = Duration::from_secs(10);
const MOST_ANSWERS: usize = 10_000;

/// Which of the two ways of being missing it was, and when.
pub(super) struct NegativeAnswers(Cache<EntryId, (Instant, Error)>);

impl Default for NegativeAnswers {
    fn default() -> Self {
        Self(Cache::new(MOST_ANSWERS))
    }
}

impl NegativeAnswers {
    /// Remembers an error, if it says that there is nothing.
    pub(super) fn remember(&self, key: &CacheKey, error: &Error) {
        if matches!(error, Error::NotFound | Error::MissingOrDenied) {
            self.0.insert(key.id(), (Instant::now(), error.clone()));
        }
    }

    /// Fails with what was the origin's answer a moment ago, if that was that there is nothing.
    pub(super) fn check(&self, key: &CacheKey) -> Result<(), Error> {
        match self.0.get(&key.id()) {
            Some((at, error)) if at.elapsed() < GOOD_FOR => Err(error),
            Some(_) | None => Ok(()),
        }
    }
}
