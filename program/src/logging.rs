//! What every log of these programs keeps to, wherever it is written.

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;

/// The crates whose own words may be shown at every level.
const OURS: [&str; 3] = ["bazel_proxy", "sso_session", "sso_watcher"];

/// The filter of `LOG_LEVEL`, which [`Reader::log_filter`](crate::reader::Reader::log_filter) has
/// checked. A bare `info` is about the program; aws-config would tell of every profile that it reads.
#[must_use]
pub fn filter(chosen: &str) -> EnvFilter {
    let quiet = format!("{chosen},aws_config=warn");
    let chosen = if chosen == "info" { &quiet } else { chosen };
    EnvFilter::try_new(chosen).unwrap_or_else(|_| EnvFilter::new("info"))
}

/// At `trace` the AWS SDK writes whole requests, tokens and all: nobody's filter may ask for that.
#[must_use]
pub fn holds_no_secret(event: &Metadata<'_>) -> bool {
    let module = event.target().split("::").next().unwrap_or_default();
    OURS.contains(&module) || *event.level() <= Level::DEBUG
}
