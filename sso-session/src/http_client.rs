//! The HTTP client under every AWS call: system roots, plus `AWS_CA_BUNDLE`, through the proxy that
//! the environment names.

use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

pub use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// Whether calls go through the proxy that the environment names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardProxy {
    /// As `HTTPS_PROXY` and its siblings say.
    FromEnvironment,
    /// Straight, as to this very machine.
    None,
}

/// Builds the client. `ca_bundle` is PEM, added to the system's roots.
///
/// Built through a connector of our own, as `tls_context(…).build_https()` drops the proxy
/// variables (aws-smithy-http-client 1.5).
#[must_use]
pub fn http_client(ca_bundle: Option<&[u8]>) -> SharedHttpClient {
    /// More idle connections than calls at once are of no use.
    const IDLE_CONNECTIONS: usize = 64;
    let context = tls_context(ca_bundle);
    Builder::new()
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .build_with_connector_fn(move |settings, components| {
            let sleep = components.and_then(RuntimeComponents::sleep_impl);
            build(&context, ForwardProxy::FromEnvironment, settings, sleep)
        })
}

/// For calls that no SDK makes: over the same roots, and without any limit of time.
#[must_use]
pub fn connector(ca_bundle: Option<&[u8]>, forward_proxy: ForwardProxy) -> SharedHttpConnector {
    let context = tls_context(ca_bundle);
    SharedHttpConnector::new(build(&context, forward_proxy, None, None))
}

fn build(
    context: &TlsContext,
    forward_proxy: ForwardProxy,
    settings: Option<&HttpConnectorSettings>,
    sleep: Option<SharedAsyncSleep>,
) -> Connector {
    let forward_proxy = match forward_proxy {
        ForwardProxy::FromEnvironment => ProxyConfig::from_env(),
        ForwardProxy::None => ProxyConfig::disabled(),
    };
    let mut connector = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(context.clone())
        .proxy_config(forward_proxy)
        .enable_tcp_nodelay(true);
    if let Some(settings) = settings {
        connector = connector.connector_settings(settings.clone());
    }
    if let Some(sleep) = sleep {
        connector = connector.sleep_impl(sleep);
    }
    connector.build()
}

fn tls_context(ca_bundle: Option<&[u8]>) -> TlsContext {
    let mut roots = TrustStore::default();
    if let Some(pem) = ca_bundle {
        roots.add_pem_certificate(pem);
    }
    // Building a context cannot fail today; without one, the default still trusts the system's roots.
    TlsContext::builder()
        .with_trust_store(roots)
        .build()
        .unwrap_or_default()
}
