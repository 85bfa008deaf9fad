//! What is counted of each hit, found once: looking label values up takes longer than a hit in memory.

use http::StatusCode;
use prometheus::{Histogram, IntCounter};

use super::Metrics;
use crate::fetch::Verdict as Found;
use crate::server::Verdict;

/// The verdict that builds get thousands of times in a row.
pub(super) const HIT: Verdict = Verdict::Found(Found::Hit);

/// The counters of [`HIT`].
#[derive(Debug)]
pub(super) struct Hits {
    pub(super) first_byte_seconds: Histogram,
    pub(super) response_seconds: Histogram,
    ok: IntCounter,
}

impl Hits {
    pub(super) fn of(metrics: &Metrics) -> Self {
        let label = HIT.label();
        Self {
            first_byte_seconds: metrics.first_byte_seconds.with_label_values(&[label]),
            response_seconds: metrics.response_seconds.with_label_values(&[label]),
            ok: metrics
                .requests
                .with_label_values(&[label, StatusCode::OK.as_str()]),
        }
    }

    /// Hits of this status, if it is the usual one.
    pub(super) fn requests(&self, status: u16) -> Option<&IntCounter> {
        (status == StatusCode::OK.as_u16()).then_some(&self.ok)
    }
}
