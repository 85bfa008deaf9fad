//! What the process counts, in Prometheus' own types: `/metrics` shows it, the status page reads it back.
//!
//! Counters are moved where things happen. What has a value at any time (the credentials' state, the
//! cache's size, requests that wait) is not kept here but read when somebody asks: see `server::numbers`.
//! Everything begins at zero with the process. `docs/METRICS.md` lists all of it, and is held to it by a
//! test.

mod codeartifact;
mod containers;
mod family;
mod hits;
mod labels;
mod registrar;
mod totals;

use std::sync::OnceLock;
use std::time::Duration;

use http::StatusCode;
use prometheus::proto::MetricFamily;
use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGauge, Registry};

use crate::credentials::{RenewalOutcome, StateName};
use crate::server::{Source, Verdict};
pub use codeartifact::CodeArtifactCounters;
pub use containers::{Containers, Issuance, Last, Turned};
pub use family::Family;
use hits::{HIT, Hits};
pub use labels::{AbortedBy, HeldOutcome};
use registrar::Registrar;
pub use totals::{PackageTotals, Totals};

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
    /// Requests that waited for a login, by what came of it (`outcome`): `answered`, `redirected` (the
    /// client comes back and waits on), `given-up`.
    pub held_requests: IntCounterVec,
    /// Answers that ended before their last byte, `by` the `client` or the `proxy`.
    pub aborted_answers: IntCounterVec,
    /// Connections of clients.
    pub open_connections: IntGauge,
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
    /// Attempts to fetch credentials, by `outcome`: `ok`, or the state that they led to.
    pub credential_fetches: IntCounterVec,
    /// Renewals of SSO access tokens, by `outcome`.
    pub sso_renewals: IntCounterVec,
    /// Requests for a login that were made of the host, each once however often it is said again.
    pub login_requests: IntCounter,
    /// Downloads from S3 that went on over several connections.
    pub s3_parallel: IntCounter,
    /// Requests to the upstream, by `outcome`: `object`, `not-modified`, `not-found`, `refused` (it could
    /// not help with this one) or `absent` (no answer of a proxy of this repository).
    pub upstream_requests: IntCounterVec,
    /// Bytes of bodies that came from the upstream.
    pub upstream_received_bytes: IntCounter,
    /// What is counted of CodeArtifact.
    pub codeartifact: CodeArtifactCounters,
    hits: OnceLock<Hits>,
    containers: OnceLock<Containers>,
}

/// What comes of a request to the upstream: see [`Metrics::upstream_requests`].
const UPSTREAM_OUTCOMES: [&str; 5] = ["object", "not-modified", "not-found", "refused", "absent"];

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
        let new = Registrar::default();
        let metrics = Self {
            held_requests: new.counters(
                "bazel_proxy_held_requests_total",
                "Requests that waited for a login, by what came of it.",
                &["outcome"],
            ),
            aborted_answers: new.counters(
                "bazel_proxy_aborted_answers_total",
                "Answers that ended before their last byte, by who ended them.",
                &["by"],
            ),
            open_connections: new.gauge(
                "bazel_proxy_open_connections",
                "Connections of clients, idle ones included.",
            ),
            credential_fetches: new.counters(
                "bazel_proxy_credential_fetches_total",
                "Attempts to fetch credentials, by outcome (ok, or the state that they led to).",
                &["outcome"],
            ),
            sso_renewals: new.counters(
                "bazel_proxy_sso_renewals_total",
                "Renewals of the SSO access token, by outcome.",
                &["outcome"],
            ),
            login_requests: new.counter(
                "bazel_proxy_login_requests_total",
                "Requests for a login made of the host.",
            ),
            requests: new.counters(
                "bazel_proxy_requests_total",
                "Answers to clients, by how they came about and by HTTP status.",
                &["verdict", "status"],
            ),
            first_byte_seconds: new.seconds(
                "bazel_proxy_first_byte_seconds",
                "Time from a request's arrival to the head of its answer.",
                &["verdict"],
            ),
            response_seconds: new.seconds(
                "bazel_proxy_response_seconds",
                "Time from a request's arrival to the last byte of its answer.",
                &["verdict"],
            ),
            sent_bytes: new.counters(
                "bazel_proxy_sent_bytes_total",
                "Bytes of artifacts given to clients, by where they came from.",
                &["source"],
            ),
            s3_calls: new.counters(
                "bazel_proxy_s3_calls_total",
                "Calls to S3, each attempt, by operation and outcome (ok, or the error code).",
                &["operation", "outcome"],
            ),
            s3_call_seconds: new.seconds(
                "bazel_proxy_s3_call_seconds",
                "Time from the begin of a call to S3 to the head of its answer.",
                &["operation"],
            ),
            s3_received_bytes: new.counter(
                "bazel_proxy_s3_received_bytes_total",
                "Bytes of objects that came from S3.",
            ),
            s3_resumed: new.counter(
                "bazel_proxy_s3_resumed_total",
                "Downloads from S3 that broke off and were resumed.",
            ),
            s3_parallel: new.counter(
                "bazel_proxy_s3_parallel_total",
                "Large downloads from S3 that went on over several connections.",
            ),
            upstream_requests: new.counters(
                "bazel_proxy_upstream_requests_total",
                "Requests to the proxy in UPSTREAM_PROXY_URL, by what came of them.",
                &["outcome"],
            ),
            upstream_received_bytes: new.counter(
                "bazel_proxy_upstream_received_bytes_total",
                "Bytes of objects that came from the proxy in UPSTREAM_PROXY_URL.",
            ),
            codeartifact: CodeArtifactCounters::new(&new),
            hits: OnceLock::new(),
            containers: OnceLock::new(),
            registry: new.finish(),
        };
        metrics.begin();
        metrics
    }

    /// Where the labels' values are few, all begin at zero: what appears with its first count has no
    /// increase that Prometheus could see.
    fn begin(&self) {
        let states = || StateName::ALL.map(StateName::label).into_iter();
        for (counters, values) in [
            (
                &self.held_requests,
                HeldOutcome::ALL.map(HeldOutcome::label).to_vec(),
            ),
            (
                &self.aborted_answers,
                AbortedBy::ALL.map(AbortedBy::label).to_vec(),
            ),
            (&self.sent_bytes, Source::ALL.map(Source::label).to_vec()),
            (&self.upstream_requests, UPSTREAM_OUTCOMES.to_vec()),
            (
                &self.sso_renewals,
                RenewalOutcome::ALL.map(RenewalOutcome::label).to_vec(),
            ),
            (
                &self.credential_fetches,
                ["ok"].into_iter().chain(states()).collect(),
            ),
        ] {
            for value in values {
                counters.with_label_values(&[value]).inc_by(0);
            }
        }
    }

    /// Notes the head of an answer, so long after its request came.
    pub fn note_head(&self, verdict: Verdict, first_byte: Duration) {
        let seconds = first_byte.as_secs_f64();
        if verdict == HIT {
            return self.hits().first_byte_seconds.observe(seconds);
        }
        let labels = [verdict.label()];
        let all = &self.first_byte_seconds;
        all.with_label_values(&labels).observe(seconds);
    }

    fn hits(&self) -> &Hits {
        self.hits.get_or_init(|| Hits::of(self))
    }

    /// Notes an answer, `whole` after its request came.
    pub fn note_request(&self, verdict: Verdict, status: u16, whole: Duration) {
        if verdict == HIT
            && let Some(requests) = self.hits().requests(status)
        {
            requests.inc();
            return self.hits().response_seconds.observe(whole.as_secs_f64());
        }
        // The statuses of this proxy are a closed set; formatting one allocates nothing.
        let code = StatusCode::from_u16(status).unwrap_or_default();
        let labels = [verdict.label(), code.as_str()];
        self.requests.with_label_values(&labels).inc();
        self.response_seconds
            .with_label_values(&[verdict.label()])
            .observe(whole.as_secs_f64());
    }

    /// Notes what became of a request that had waited for a login.
    pub fn note_held(&self, status: StatusCode) {
        let outcome = HeldOutcome::of(status).label();
        self.held_requests.with_label_values(&[outcome]).inc();
    }

    /// What is counted of credentials for containers: there from the first call on.
    pub fn containers(&self) -> &Containers {
        self.containers.get_or_init(Containers::new)
    }

    /// All that is counted, to be shown.
    #[must_use]
    pub fn gather(&self) -> Vec<MetricFamily> {
        let mut families = self.registry.gather();
        if let Some(containers) = self.containers.get() {
            families.extend(containers.registry().gather());
        }
        families
    }

    /// What people ask first.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals::of(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_valid_and_used_once() {
        let metrics = Metrics::new();
        metrics.requests.with_label_values(&["hit", "200"]).inc();
        assert!(!metrics.gather().is_empty());
    }
}
