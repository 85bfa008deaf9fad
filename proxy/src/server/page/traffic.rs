//! What was counted since the process began.

use prometheus::core::Collector as _;
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
        let (mut hits, mut misses) = (0, 0);
        for (verdict, count) in answers(metrics) {
            match verdict.as_str() {
                "miss" | "collapsed" | "refreshed" | "uncached" => misses += count,
                verdict if verdict.starts_with("hit") => hits += count,
                _ => {}
            }
        }
        let bytes = |source| metrics.sent_bytes.with_label_values(&[source]).get();
        Self {
            hits,
            misses,
            // Rounded down: 100 is said only of all.
            hit_percent: (hits * 100).checked_div(hits + misses),
            from_cache_bytes: bytes("cache"),
            from_origin_bytes: bytes("origin"),
        }
    }
}

/// The verdicts of answers that were no errors, and how many there were of each.
fn answers(metrics: &Metrics) -> Vec<(String, u64)> {
    let families = metrics.requests.collect();
    let counters = families
        .iter()
        .flat_map(prometheus::proto::MetricFamily::get_metric);
    let label = |metric: &prometheus::proto::Metric, name: &str| {
        let labels = metric.get_label().iter();
        let mut values = labels.filter(|label| label.name() == name);
        values.next().map(|label| label.value().to_owned())
    };
    counters
        .filter(|metric| label(metric, "status").is_some_and(|status| status.as_str() < "400"))
        .filter_map(|metric| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an integer counter"
            )]
            let count = metric.get_counter().get_value() as u64;
            Some((label(metric, "verdict")?, count))
        })
        .collect()
}
