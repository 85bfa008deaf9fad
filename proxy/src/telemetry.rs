//! Traces: what was done for a request, and for how long, sent to a collector by OTLP over HTTP.
//!
//! ```text
//! request ─┬─► download ─┬─► S3 call
//!          │             └─► upstream call ─► (the team's proxy)
//!          └─► S3 call (HEAD, folders)
//! credentials.fetch        credentials.renewal
//! ```
//!
//! Off unless a collector is configured: then nothing here is made, and a span costs a look at a flag. On,
//! finished spans wait in a bounded queue for a thread of their own; what does not fit is dropped, and
//! serving never waits. Lines of the log are the same either way.

mod client;
mod propagation;

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::{Metadata, debug};

use crate::config::{Sampling, TracesConfig};
use client::Collector;
pub use propagation::{continue_trace, hand_on};

/// The target of spans that are for traces only, and never part of a line of the log.
pub const SPANS: &str = "bazel_proxy::spans";
/// What is still to be sent when the process stops gets so long.
const LAST_SPANS: Duration = Duration::from_secs(3);

/// The way of spans to their collector.
#[derive(Debug)]
pub struct Telemetry(SdkTracerProvider);

impl Telemetry {
    /// Sends from now on. `ca_bundle` is trusted beside the system's roots.
    pub fn start(
        config: &TracesConfig,
        ca_bundle: Option<&[u8]>,
        runtime: Handle,
    ) -> Result<Self, ExporterBuildError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new(&config.endpoint, ca_bundle, runtime))
            .with_endpoint(&config.endpoint)
            .with_protocol(Protocol::HttpBinary)
            .build()?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let mut resource = Resource::builder().with_attribute(version);
        if !config.has_service_name {
            resource = resource.with_service_name("bazel-proxy");
        }
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler(config.sampling))
            .with_resource(resource.build())
            .with_span_processor(BatchSpanProcessor::builder(exporter).build());
        Ok(Self(provider.build()))
    }

    /// Takes spans.
    #[must_use]
    pub fn tracer(&self) -> SdkTracer {
        self.0.tracer("bazel-proxy")
    }

    /// Sends what is left. Blocks for a few seconds at most.
    pub fn finish(self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST_SPANS) {
            debug!(%error, "the last spans were not sent");
        }
    }
}

/// Whether a span is one of ours: those of the AWS SDK tell of every retry and header.
#[must_use]
pub fn is_traced(metadata: &Metadata<'_>) -> bool {
    let module = metadata.target().split("::").next();
    metadata.is_span() && module == Some("bazel_proxy")
}

fn sampler(sampling: Sampling) -> Sampler {
    let own = Sampler::TraceIdRatioBased(sampling.ratio);
    if sampling.parent_decides {
        Sampler::ParentBased(Box::new(own))
    } else {
        own
    }
}
