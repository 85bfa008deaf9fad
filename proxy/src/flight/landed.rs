//! Which flights may have ended since somebody looked into the cache.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::cache::key::EntryId;

/// Few enough to cost nothing, enough that the flights of one build seldom share a count.
const COUNTS: usize = 1024;

/// How many flights have landed, counted by a part of their keys.
pub(super) struct Landed([AtomicU32; COUNTS]);

/// How many flights of a key, and of some others, had landed at a moment. Taken before a look into the
/// cache, it tells whether that look still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LandedBefore(u32);

impl Default for Landed {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU32::new(0)))
    }
}

impl Landed {
    pub(super) fn note(&self, id: EntryId) {
        self.count(id).fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn of(&self, id: EntryId) -> LandedBefore {
        LandedBefore(self.count(id).load(Ordering::Acquire))
    }

    fn count(&self, id: EntryId) -> &AtomicU32 {
        &self.0[id.shard(COUNTS)]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cache::CacheKey;

    #[test]
    fn a_landing_makes_what_was_seen_before_it_old() {
        let landed = Landed::default();
        let id = CacheKey::new(&Arc::from("s3://bucket/"), "a.jar").id();
        let before = landed.of(id);
        assert_eq!(landed.of(id), before);
        landed.note(id);
        assert_ne!(landed.of(id), before);
    }
}
