//! What the process counts, in Prometheus' own types: `/metrics` shows it, the status page reads it back.
//!
//! Counters are moved where things happen. What has a value at any time (the credentials' state, the
//! cache's size, requests that wait) is not kept here but read when somebody asks.

use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

/// All counters of one process. Shared by everything that counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Answers, by the detail or the kind of hit in `Cache-Status` (`verdict`) and by `status`.
    pub requests: IntCounterVec,
    /// From the request's arrival to the head of its answer, in seconds, by `verdict`.
    pub first_byte_seconds: HistogramVec,
    /// From the request's arrival to the last byte of its answer, in seconds, by `verdict`.
    pub response_seconds: HistogramVec,
    /// Bytes of artifacts given to clients, by `source`: `cache` (no byte was asked of S3 for it) or `origin`.
    pub sent_bytes: IntCounterVec,
    /// Calls to S3, each attempt, by `operation` and `outcome`: `ok`, or S3's error code.
    pub s3_calls: IntCounterVec,
    /// From the begin of an attempt to the head of its answer, in seconds, by `operation`.
    pub s3_call_seconds: HistogramVec,
    /// Bytes of bodies that came from S3.
    pub s3_received_bytes: IntCounter,
    /// Downloads that broke off and were resumed.
    pub s3_resumed: IntCounter,
    /// Requests to the upstream, by `outcome`: `object`, `not-modified`, `not-found`, `refused` (it could
    /// not help with this one) or `absent` (no answer of a proxy of this repository).
    pub upstream_requests: IntCounterVec,
    /// Bytes of bodies that came from the upstream.
    pub upstream_received_bytes: IntCounter,
}

/// From a hit in memory to a login that is waited for.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0, 300.0, 600.0,
];

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Everything at zero.
    ///
    /// # Panics
    /// Never: names are constants, and each is used once.
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let counters = IntCounterVec::new(Opts::new(name, help), labels);
            register(&registry, counters.expect("a valid name"))
        };
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::with_opts(Opts::new(name, help));
            register(&registry, counter.expect("a valid name"))
        };
        let seconds = |name: &str, help: &str, labels: &[&str]| {
            let options = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
            let histograms = HistogramVec::new(options, labels);
            register(&registry, histograms.expect("a valid name"))
        };
        Self {
            requests: counters(
                "bazel_proxy_requests_total",
                "Answers to clients, by how they came about and by HTTP status.",
                &["verdict", "status"],
            ),
            first_byte_seconds: seconds(
                "bazel_proxy_first_byte_seconds",
                "Time from a request's arrival to the head of its answer.",
                &["verdict"],
            ),
            response_seconds: seconds(
                "bazel_proxy_response_seconds",
                "Time from a request's arrival to the last byte of its answer.",
                &["verdict"],
            ),
            sent_bytes: counters(
                "bazel_proxy_sent_bytes_total",
                "Bytes of artifacts given to clients, by where they came from.",
                &["source"],
            ),
            s3_calls: counters(
                "bazel_proxy_s3_calls_total",
                "Calls to S3, each attempt, by operation and outcome (ok, or the error code).",
                &["operation", "outcome"],
            ),
            s3_call_seconds: seconds(
                "bazel_proxy_s3_call_seconds",
                "Time from the begin of a call to S3 to the head of its answer.",
                &["operation"],
            ),
            s3_received_bytes: counter(
                "bazel_proxy_s3_received_bytes_total",
                "Bytes of objects that came from S3.",
            ),
            s3_resumed: counter(
                "bazel_proxy_s3_resumed_total",
                "Downloads from S3 that broke off and were resumed.",
            ),
            upstream_requests: counters(
                "bazel_proxy_upstream_requests_total",
                "Requests to the proxy in UPSTREAM_PROXY_URL, by what came of them.",
                &["outcome"],
            ),
            upstream_received_bytes: counter(
                "bazel_proxy_upstream_received_bytes_total",
                "Bytes of objects that came from the proxy in UPSTREAM_PROXY_URL.",
            ),
            registry,
        }
    }

    /// All of it, to be shown.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> C {
    registry
        .register(Box::new(collector.clone()))
        .expect("each name is used once");
    collector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_valid_and_used_once() {
        let metrics = Metrics::new();
        metrics.requests.with_label_values(&["hit", "200"]).inc();
        assert!(!metrics.registry().gather().is_empty());
    }
}
