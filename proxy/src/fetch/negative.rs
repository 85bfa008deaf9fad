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

pub(super) struct NegativeAnswers(Cache<EntryId, Instant>);

impl Default for NegativeAnswers {
    fn default() -> Self {
        Self(Cache::new(MOST_ANSWERS))
    }
}

impl NegativeAnswers {
    pub(super) fn remember(&self, key: &CacheKey) {
        self.0.insert(key.id(), Instant::now());
    }

    /// [`Error::NotFound`], if that was the origin's answer a moment ago.
    pub(super) fn check(&self, key: &CacheKey) -> Result<(), Error> {
        match self.0.get(&key.id()) {
            Some(at) if at.elapsed() < GOOD_FOR => Err(Error::NotFound),
            Some(_) | None => Ok(()),
        }
    }
}
