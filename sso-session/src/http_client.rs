//! The HTTP client under every AWS call, and under calls to our own kind: system roots, plus
//! `AWS_CA_BUNDLE`, through the proxy that the environment names.

use std::net::IpAddr;
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::HttpConnectorSettings;

pub use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector};

/// Whether calls go through the proxy that the environment names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardProxy {
    /// As `HTTPS_PROXY` and its siblings say.
    FromEnvironment,
    /// Straight, as to this very machine.
    None,
}

impl ForwardProxy {
    /// The one on the way to this host, a name or an address: none leads to this very machine.
    #[must_use]
    pub fn toward(host: &str) -> Self {
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        let is_loopback = host.eq_ignore_ascii_case("localhost")
            || address.is_ok_and(|address| address.is_loopback());
        if is_loopback {
            Self::None
        } else {
            Self::FromEnvironment
        }
    }
}

/// Builds the client. `ca_bundle` is PEM, added to the system's roots.
///
/// Built through a connector of our own, as `tls_context(…).build_https()` drops the proxy
/// variables (aws-smithy-http-client 1.5).
#[must_use]
pub fn http_client(ca_bundle: Option<&[u8]>) -> SharedHttpClient {
    let context = tls_context(ca_bundle);
    Builder::new().build_with_connector_fn(move |settings, _| {
        let settings = settings.cloned().unwrap_or_default();
        connector(&context, ForwardProxy::FromEnvironment, settings, None)
    })
}

/// Builds what plain calls go through, to servers that are none of AWS's: over the same roots.
/// `connect_timeout` bounds a connection's begin, TLS included; nothing else is bounded.
#[must_use]
pub fn http_connector(
    ca_bundle: Option<&[u8]>,
    forward_proxy: ForwardProxy,
    connect_timeout: Duration,
) -> SharedHttpConnector {
    /// Load balancers close what is idle; better that we do so first.
    const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
    let settings = HttpConnectorSettings::builder().connect_timeout(connect_timeout);
    let (context, settings) = (tls_context(ca_bundle), settings.build());
    SharedHttpConnector::new(connector(
        &context,
        forward_proxy,
        settings,
        Some(IDLE_TIMEOUT),
    ))
}

fn connector(
    context: &TlsContext,
    forward_proxy: ForwardProxy,
    settings: HttpConnectorSettings,
    idle_timeout: Option<Duration>,
) -> Connector {
    /// More idle connections than calls at once are of no use.
    const IDLE_CONNECTIONS: usize = 64;
    let forward_proxy = match forward_proxy {
        ForwardProxy::FromEnvironment => ProxyConfig::from_env(),
        ForwardProxy::None => ProxyConfig::disabled(),
    };
    let mut connector = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(context.clone())
        .proxy_config(forward_proxy)
        .enable_tcp_nodelay(true)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .connector_settings(settings);
    if let Some(idle_timeout) = idle_timeout {
        connector = connector.pool_idle_timeout(idle_timeout);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_forward_proxy_leads_to_this_very_machine() {
        for host in [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.3.2.1",
            "::1",
            "[::1]",
        ] {
            assert_eq!(ForwardProxy::toward(host), ForwardProxy::None, "{host}");
        }
        for host in ["team.example", "10.0.0.1", "localhost.example", ""] {
            assert_eq!(
                ForwardProxy::toward(host),
                ForwardProxy::FromEnvironment,
                "{host}"
            );
        }
    }
}
