//! HTTP calls with bodies that stream. Straight to this very machine, else through the proxy that the environment
//! names.

use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use http::{Request, Response};
use sso_session::failure::causes;
use url::Url;

use super::redirect::is_loopback;
use crate::aws::{ForwardProxy, SharedHttpConnector, http_connector};

/// For a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection that was kept for the next call may end just then.
const ATTEMPTS: u32 = 2;

/// Both ways out.
pub(in crate::codeartifact) struct Wire {
    straight: SharedHttpConnector,
    by_environment: SharedHttpConnector,
}

impl Wire {
    pub(in crate::codeartifact) fn new(ca_bundle: Option<&[u8]>) -> Self {
        let connector = |proxy| http_connector(ca_bundle, proxy, CONNECT_TIMEOUT);
        Self {
            straight: connector(ForwardProxy::None),
            by_environment: connector(ForwardProxy::FromEnvironment),
        }
    }

    /// Asks without a body. The error is for people, and holds no URL.
    pub(in crate::codeartifact) async fn ask(
        &self,
        url: &Url,
        request: http::request::Builder,
    ) -> Result<Response<SdkBody>, String> {
        let request = request.uri(url.as_str()).body(());
        let request = request.map_err(|_| "this cannot be asked for".to_owned())?;
        let mut attempt = 1;
        loop {
            let once = request.clone().map(|()| SdkBody::empty());
            match self.send(url, once).await {
                Err((_, true)) if attempt < ATTEMPTS => attempt += 1,
                sent => return sent.map_err(|(why, _)| why),
            }
        }
    }

    /// Sends a request with its body, once. The error tells what happened, and whether trying again makes sense.
    pub(in crate::codeartifact) async fn send(
        &self,
        url: &Url,
        request: Request<SdkBody>,
    ) -> Result<Response<SdkBody>, (String, bool)> {
        let request = HttpRequest::try_from(request);
        let request = request.map_err(|error| (causes(&error), false))?;
        let connector = if is_loopback(url) {
            &self.straight
        } else {
            &self.by_environment
        };
        match connector.call(request).await {
            Ok(answer) => answer
                .try_into_http1x()
                .map_err(|error| (causes(&error), false)),
            Err(error) => {
                let is_worth_it = !error.is_timeout();
                Err((causes(&error), is_worth_it))
            }
        }
    }
}
