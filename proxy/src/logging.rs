//! The log: text for people, JSON for machines, to standard error.

use std::io::IsTerminal as _;

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogConfig, LogFormat};

/// Installs the logger; a second call changes nothing.
pub fn install(config: &LogConfig) {
    // The configuration has checked the filter.
    // A bare level is about this program; aws-config would tell of every profile it reads.
    let quiet = format!("{},aws_config=warn", config.filter);
    let chosen = if config.filter == "info" {
        &quiet
    } else {
        &config.filter
    };
    let filter = EnvFilter::try_new(chosen).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let safe = filter_fn(holds_no_secret);
    let _already_installed = match config.format {
        LogFormat::Text => builder.finish().with(safe).try_init(),
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true);
            builder.finish().with(safe).try_init()
        }
    };
}

/// At `trace` the AWS SDK writes whole requests, tokens and all: nobody's filter may ask for that.
fn holds_no_secret(event: &Metadata<'_>) -> bool {
    const OURS: [&str; 2] = ["bazel_proxy", "sso_session"];
    let module = event.target().split("::").next().unwrap_or_default();
    OURS.contains(&module) || *event.level() <= Level::DEBUG
}
