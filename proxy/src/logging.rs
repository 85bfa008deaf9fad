//! The log: text for people, JSON for machines, to standard error. Beside it, spans for traces.

mod line;

use std::io::IsTerminal as _;

use opentelemetry_sdk::trace::SdkTracer;
use tracing::Subscriber;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::{self, format};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::{LogConfig, LogFormat};
use crate::telemetry;
use line::WithRequest;

/// Installs the logger, and `tracer` for the spans; a second call changes nothing.
pub fn install(config: &LogConfig, tracer: Option<SdkTracer>) {
    let _already_installed = match tracer {
        None => log_alone(config).try_init(),
        Some(tracer) => log_and_traces(config, tracer).try_init(),
    };
}

/// One filter for all: what it refuses costs no more than a look at a flag.
fn log_alone(config: &LogConfig) -> impl Subscriber + Send + Sync {
    let safe = filter_fn(program::logging::holds_no_secret);
    let registry = Registry::default().with(filter(config)).with(safe);
    registry.with(lines(config))
}

fn log_and_traces(config: &LogConfig, tracer: SdkTracer) -> impl Subscriber + Send + Sync {
    let safe = filter_fn(program::logging::holds_no_secret);
    let lines = lines(config).with_filter(safe).with_filter(filter(config));
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(telemetry::is_traced));
    Registry::default().with(lines).with(spans)
}

/// Spans for traces are none of the log's business, whatever `LOG_LEVEL` says.
fn filter(config: &LogConfig) -> EnvFilter {
    let filter = program::logging::filter(&config.filter);
    let no_spans = format!("{}=off", telemetry::SPANS).parse();
    match no_spans {
        Ok(no_spans) => filter.add_directive(no_spans),
        // A constant, which a test parses.
        Err(_) => filter,
    }
}

fn lines<S>(config: &LogConfig) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_terminal = std::io::stderr().is_terminal();
    let lines = fmt::layer()
        .with_ansi(is_terminal)
        .with_writer(std::io::stderr);
    match config.format {
        LogFormat::Text => {
            let text = format().with_ansi(is_terminal);
            let text = WithRequest::new(text, config.format);
            lines.event_format(text).boxed()
        }
        LogFormat::Json => {
            let json = format().json().flatten_event(true);
            let json = WithRequest::new(json, config.format);
            lines.json().event_format(json).boxed()
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing::info_span;
    use tracing::subscriber::with_default;

    use super::*;

    fn config(filter: &str) -> LogConfig {
        LogConfig {
            filter: filter.to_owned(),
            format: LogFormat::Text,
            hits: None,
        }
    }

    #[test]
    fn spans_for_traces_are_nothing_without_traces() {
        let is_made = || !info_span!(target: telemetry::SPANS, "request").is_disabled();
        for filter in [
            "info",
            "trace",
            "bazel_proxy=trace",
            "bazel_proxy::spans=trace",
        ] {
            assert!(
                !with_default(log_alone(&config(filter)), is_made),
                "{filter}"
            );
        }
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        let subscriber = log_and_traces(&config("error"), tracer);
        assert!(with_default(subscriber, is_made));
    }
}
