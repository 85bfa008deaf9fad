//! What is counted of CodeArtifact. The alias of a repository is the configuration's, and so may be a label.

use prometheus::IntCounterVec;

use super::registrar::Registrar;

/// Its counters: there from their first count on.
#[derive(Debug)]
pub struct CodeArtifactCounters {
    /// Answers with packages and pages, by `upstream` (its alias), `format` and `source`, as
    /// [`Metrics::sent_bytes`](super::Metrics::sent_bytes).
    pub requests: IntCounterVec,
    /// Each attempt of a call, by `upstream` (its alias), `operation` and `outcome`.
    pub calls: IntCounterVec,
    /// Bytes of bodies that came from CodeArtifact, from where it keeps files, or from a public index, by `upstream`.
    pub received_bytes: IntCounterVec,
    /// Tokens asked for, by the `upstream` that needed one and `outcome`: `ok` or `failed`.
    pub token_renewals: IntCounterVec,
}

impl CodeArtifactCounters {
    pub(super) fn new(new: &Registrar) -> Self {
        Self {
            requests: new.counters(
                "bazel_proxy_codeartifact_requests_total",
                "Answers with files and pages of CodeArtifact, by repository, format and where they came from.",
                &["upstream", "format", "source"],
            ),
            calls: new.counters(
                "bazel_proxy_codeartifact_calls_total",
                "Calls to CodeArtifact, each attempt, by repository, operation and outcome.",
                &["upstream", "operation", "outcome"],
            ),
            received_bytes: new.counters(
                "bazel_proxy_codeartifact_received_bytes_total",
                "Bytes of pages and files that came for repositories of CodeArtifact.",
                &["upstream"],
            ),
            token_renewals: new.counters(
                "bazel_proxy_codeartifact_token_renewals_total",
                "Tokens of CodeArtifact asked for, by the repository that needed one and by outcome.",
                &["upstream", "outcome"],
            ),
        }
    }
}
