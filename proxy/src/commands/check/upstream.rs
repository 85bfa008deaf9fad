//! The other proxy in `UPSTREAM_PROXY_URL`: does it answer, and is it one of the same repository?

use std::sync::Arc;
use std::time::Duration;

use program::report::Report;

use crate::config::Config;
use crate::metrics::Metrics;
use crate::origin::Upstream;

const STEP: &str = "upstream";
/// Longer than it asks S3 for its own readiness.
const PATIENCE: Duration = Duration::from_secs(8);

pub(super) async fn check(config: &Config, report: &mut Report) {
    let Some(upstream) = Upstream::new(config, Arc::new(Metrics::new())) else {
        return;
    };
    let url = upstream.url();
    match upstream.probe(PATIENCE).await {
        Ok(true) => report.passed(STEP, &format!("{url} answers, and serves this repository")),
        Ok(false) => report.advised(
            STEP,
            &format!("{url} answers, and cannot fetch from S3 itself at the moment"),
            &format!("{url}/readyz says why. What it has is served meanwhile."),
        ),
        Err(trouble) => report.failed(STEP, &trouble.reason, &trouble.cure),
    }
}
