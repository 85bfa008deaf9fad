//! The log: text for people, JSON for machines, to standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

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
    let _already_installed = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
