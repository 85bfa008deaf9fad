//! The HTTP client of the exporter: that of all other calls, with its roots and forward proxy; a collector on
//! this machine is asked straight.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Limited};
use opentelemetry_http::{HttpClient, HttpError};
use sso_session::failure::causes;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::aws::{ForwardProxy, SharedHttpConnector, http_connector};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longer than this no answer is waited for.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// A collector has little to say.
const MOST_ANSWER_BYTES: usize = 64 * 1024;

/// The collector. Calls run on the runtime, as the exporter has a thread without one.
#[derive(Clone, Debug)]
pub(super) struct Collector {
    connector: SharedHttpConnector,
    runtime: Handle,
    /// Trouble is told once, and so is its end.
    is_away: Arc<AtomicBool>,
}

impl Collector {
    pub(super) fn new(endpoint: &str, ca_bundle: Option<&[u8]>, runtime: Handle) -> Self {
        let endpoint = endpoint.parse::<Uri>().unwrap_or_default();
        let forward_proxy = ForwardProxy::toward(endpoint.host().unwrap_or_default());
        Self {
            connector: http_connector(ca_bundle, forward_proxy, CONNECT_TIMEOUT),
            runtime,
            is_away: Arc::default(),
        }
    }

    async fn send(self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = match timeout(CALL_TIMEOUT, self.call(request)).await {
            Ok(sent) => sent,
            Err(_) => Err(format!("no answer within {CALL_TIMEOUT:?}").into()),
        };
        match &sent {
            Ok(answer) if answer.status().is_success() => {
                if self.is_away.swap(false, Ordering::Relaxed) {
                    info!("traces are sent again");
                }
            }
            Ok(answer) => self.note_trouble(&format!("the collector answers {}", answer.status())),
            Err(error) => self.note_trouble(&causes(&**error)),
        }
        sent
    }

    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = HttpRequest::try_from(request.map(SdkBody::from))?;
        let answer = self.connector.call(request).await?;
        let (head, body) = answer.try_into_http1x()?.into_parts();
        let body = Limited::new(body, MOST_ANSWER_BYTES).collect().await?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    fn note_trouble(&self, reason: &str) {
        if !self.is_away.swap(true, Ordering::Relaxed) {
            warn!(
                reason,
                "traces cannot be sent, and are dropped until their collector takes them: see \
                 OTEL_EXPORTER_OTLP_ENDPOINT"
            );
        }
    }
}

// As `async_trait` would write it.
impl HttpClient for Collector {
    fn send_bytes<'this, 'future>(
        &'this self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'future>>
    where
        'this: 'future,
        Self: 'future,
    {
        let sent = self.runtime.spawn(self.clone().send(request));
        Box::pin(async move { sent.await? })
    }
}
