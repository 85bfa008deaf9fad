//! The log: text for people, JSON for machines, to standard error.

mod line;

use std::io::IsTerminal as _;

use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogConfig, LogFormat};
use line::WithRequest;

/// Installs the logger; a second call changes nothing.
pub fn install(config: &LogConfig) {
    let is_terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(program::logging::filter(&config.filter))
        .with_ansi(is_terminal)
        .with_writer(std::io::stderr);
    let safe = filter_fn(program::logging::holds_no_secret);
    let _already_installed = match config.format {
        LogFormat::Text => {
            let lines = format().with_ansi(is_terminal);
            let builder = builder.event_format(WithRequest::new(lines, config.format));
            builder.finish().with(safe).try_init()
        }
        LogFormat::Json => {
            let lines = format().json().flatten_event(true);
            let builder = builder
                .json()
                .event_format(WithRequest::new(lines, config.format));
            builder.finish().with(safe).try_init()
        }
    };
}
