//! Calls to the upstream: plain HTTP, each bounded until the head of its answer is there.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use http::header::{ACCEPT_ENCODING, USER_AGENT, VIA};
use http::request::Builder;
use http::{Request, Response, Uri};
use sso_session::failure::causes;
use tokio::time::timeout;

use crate::aws::{ForwardProxy, SharedHttpConnector, http_connector};
use crate::error::Trouble;
use crate::{peer, request, telemetry};

/// For a connection, TLS included. Off the team's network, the miss that notices waits so long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection that was kept for the next call may end just then.
const ATTEMPTS: u32 = 2;

/// The way there.
pub(super) struct Client {
    connector: SharedHttpConnector,
}

impl Client {
    pub(super) fn new(url: &str, ca_bundle: Option<&[u8]>) -> Self {
        let uri = url.parse::<Uri>().unwrap_or_default();
        let forward_proxy = ForwardProxy::toward(uri.host().unwrap_or_default());
        Self {
            connector: http_connector(ca_bundle, forward_proxy, CONNECT_TIMEOUT),
        }
    }

    /// Sends a request without a body, for an answer whose head is there within `patience`.
    pub(super) async fn send(
        &self,
        builder: Builder,
        patience: Duration,
    ) -> Result<Response<SdkBody>, Arc<Trouble>> {
        let request = builder
            .header(USER_AGENT, peer::USER_AGENT)
            .header(VIA, peer::via())
            // Bodies are compared with S3's checksums, byte by byte.
            .header(ACCEPT_ENCODING, "identity");
        // The same name for it in both logs.
        let request = match request::current() {
            Some(context) => request.header(request::ID_HEADER, context.id().to_header()),
            None => request,
        };
        let mut request = request.body(()).map_err(|error| unreachable(&error))?;
        telemetry::hand_on(request.headers_mut());
        match timeout(patience, self.attempts(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(unreachable(&format!("no answer within {patience:?}"))),
        }
    }

    async fn attempts(&self, request: Request<()>) -> Result<Response<SdkBody>, Arc<Trouble>> {
        let mut attempt = 1;
        loop {
            let request = request.clone().map(|()| SdkBody::empty());
            let request = HttpRequest::try_from(request).map_err(|error| unreachable(&error))?;
            match self.connector.call(request).await {
                Ok(answer) => {
                    return answer
                        .try_into_http1x()
                        .map_err(|error| unreachable(&error));
                }
                Err(error) if attempt == ATTEMPTS || error.is_timeout() => {
                    return Err(unreachable(&causes(&error)));
                }
                Err(_) => attempt += 1,
            }
        }
    }
}

fn unreachable(why: &impl std::fmt::Display) -> Arc<Trouble> {
    Trouble::new(
        format!("the upstream cannot be asked ({why})"),
        "See that this machine is on its network, and that UPSTREAM_PROXY_URL is right.",
    )
}
