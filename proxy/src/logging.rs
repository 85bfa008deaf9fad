//! The log: text for people, JSON for machines, to standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogConfig, LogFormat};

/// Installs the logger; a second call changes nothing.
pub fn install(config: &LogConfig) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(program::logging::filter(&config.filter))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let safe = filter_fn(program::logging::holds_no_secret);
    let _already_installed = match config.format {
        LogFormat::Text => builder.finish().with(safe).try_init(),
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true);
            builder.finish().with(safe).try_init()
        }
    };
}
