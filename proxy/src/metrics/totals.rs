//! The few sums that a person wants to see, out of the counters.

use prometheus::core::Collector as _;
use prometheus::proto::LabelPair;

use super::Metrics;
use crate::config::Format;
use crate::fetch::Verdict as Found;
use crate::server::{Source, Verdict};

const HITS: [Found; 3] = [Found::Hit, Found::Revalidated, Found::Stale];
const DOWNLOADS: [Found; 4] = [
    Found::Miss,
    Found::Collapsed,
    Found::Refreshed,
    Found::Uncached,
];

/// Since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Artifacts that came from the cache.
    pub hits: u64,
    /// Artifacts that came from S3, by a download of their own or of somebody else.
    pub misses: u64,
    /// Bytes of artifacts that S3 was not asked for.
    pub cache_bytes: u64,
    /// Bytes of artifacts that came by a download.
    pub origin_bytes: u64,
}

impl Totals {
    pub(super) fn of(metrics: &Metrics) -> Self {
        let sent = |source: Source| {
            let sent = &metrics.sent_bytes;
            sent.with_label_values(&[source.label()]).get()
        };
        let mut totals = Self {
            cache_bytes: sent(Source::Cache),
            origin_bytes: sent(Source::Origin),
            ..Self::default()
        };
        for family in metrics.requests.collect() {
            for metric in family.get_metric() {
                let mut labels = metric.get_label().iter();
                let verdict = labels.find(|pair| pair.name() == "verdict");
                let verdict = verdict.map(LabelPair::value);
                let is_of = |found: &[Found]| {
                    let mut found = found.iter().map(|found| Verdict::Found(*found).label());
                    found.any(|label| verdict == Some(label))
                };
                let count = whole(metric.get_counter().get_value());
                if is_of(&HITS) {
                    totals.hits += count;
                } else if is_of(&DOWNLOADS) {
                    totals.misses += count;
                }
            }
        }
        totals
    }
}

/// Answers with packages of one repository of CodeArtifact since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PackageTotals {
    /// From the cache.
    pub hits: u64,
    /// From CodeArtifact.
    pub misses: u64,
}

impl PackageTotals {
    /// Of the repository of this name in the configuration.
    #[must_use]
    pub fn of(metrics: &Metrics, alias: &str) -> Self {
        let sum = |source: Source| {
            let requests = &metrics.codeartifact.requests;
            let of = |format: Format| {
                let labels = [alias, format.name(), source.label()];
                requests.with_label_values(&labels).get()
            };
            Format::ALL.map(of).iter().sum()
        };
        Self {
            hits: sum(Source::Cache),
            misses: sum(Source::Origin),
        }
    }

    /// Of a hundred answers, how many came from the cache, rounded down: 100 is said only of all.
    #[must_use]
    pub fn hit_percent(self) -> Option<u64> {
        (self.hits * 100).checked_div(self.hits + self.misses)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an integer counter that Prometheus shows as a float"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_of_every_kind_and_downloads_of_every_kind_are_told_apart() {
        let metrics = Metrics::new();
        for (verdict, status) in [
            ("hit", "200"),
            ("hit", "304"),
            ("hit-stale", "200"),
            ("miss", "200"),
            ("not-found", "404"),
            ("page", "200"),
        ] {
            metrics.requests.with_label_values(&[verdict, status]).inc();
        }
        metrics.sent_bytes.with_label_values(&["cache"]).inc_by(7);
        let expected = Totals {
            hits: 3,
            misses: 1,
            cache_bytes: 7,
            origin_bytes: 0,
        };
        assert_eq!(metrics.totals(), expected);
    }
}
