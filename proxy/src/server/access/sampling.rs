//! Which lines of the access log are worth `info`.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing::Level;

use crate::config::EveryNth;
use crate::server::verdict::Verdict;

/// Decides for each request.
pub(in crate::server) struct AccessLog {
    every: Option<EveryNth>,
    hits: AtomicU64,
}

impl AccessLog {
    pub(in crate::server) fn new(every: Option<EveryNth>) -> Self {
        Self {
            every,
            hits: AtomicU64::new(0),
        }
    }

    /// The level of this request's line. Counts: of N hits in a row, exactly one is chosen.
    pub(super) fn level(&self, verdict: Verdict) -> Level {
        let is_chosen = match self.every {
            Some(EveryNth(every)) if verdict.is_hit() => {
                self.hits.fetch_add(1, Ordering::Relaxed) % every == 0
            }
            Some(_) | None => !verdict.is_routine(),
        };
        if is_chosen { Level::INFO } else { Level::DEBUG }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;
    use crate::fetch::Verdict as Found;

    #[test]
    fn one_of_so_many_hits_is_chosen_and_every_miss() {
        let chosen = |every, verdict| {
            let log = AccessLog::new(NonZeroU64::new(every).map(EveryNth));
            let levels = (0..100).map(|_| log.level(verdict));
            levels.filter(|level| *level == Level::INFO).count()
        };
        let (hit, miss) = (Verdict::Found(Found::Hit), Verdict::Found(Found::Miss));
        assert_eq!([0, 1, 10].map(|every| chosen(every, hit)), [0, 100, 10]);
        assert_eq!([0, 10].map(|every| chosen(every, miss)), [100, 100]);
        assert_eq!([0, 1].map(|every| chosen(every, Verdict::Page)), [0, 0]);
    }
}
