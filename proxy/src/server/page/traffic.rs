//! What was counted since the process began.

use serde::Serialize;

use crate::metrics::Metrics;

/// Answers with artifacts, and their bytes.
#[derive(Serialize)]
pub(super) struct Traffic {
    /// From the cache.
    hits: u64,
    /// From the origin.
    misses: u64,
    /// Of a hundred answers, how many came from the cache; unknown before the first.
    hit_percent: Option<u64>,
    /// Given to clients without asking S3 for a byte.
    from_cache_bytes: u64,
    /// Given to clients as they came from S3.
    from_origin_bytes: u64,
}

impl Traffic {
    pub(super) fn of(metrics: &Metrics) -> Self {
        let totals = metrics.totals();
        let (hits, misses) = (totals.hits, totals.misses);
        Self {
            hits,
            misses,
            // Rounded down: 100 is said only of all.
            hit_percent: (hits * 100).checked_div(hits + misses),
            from_cache_bytes: totals.cache_bytes,
            from_origin_bytes: totals.origin_bytes,
        }
    }
}
