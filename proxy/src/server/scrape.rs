//! A listener for Prometheus alone, where the configuration file asks for one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use prometheus::TEXT_FORMAT;

use super::answering::{Answers, Bounds, Client};
use super::app::App;
use super::credentials::{CredentialsService, whole};
use super::hosts::AllowedHosts;
use super::numbers;
use crate::metrics::Metrics;

/// Answers `/metrics`, as the artifacts' listener does. Cheap to clone.
#[derive(Clone)]
pub struct MetricsService(Arc<Inner>);

struct Inner {
    metrics: Arc<Metrics>,
    app: Option<Arc<App>>,
    containers: Option<CredentialsService>,
    hosts: AllowedHosts,
}

impl MetricsService {
    /// All numbers of the process: of artifacts, where `app` serves them, and of credentials for containers.
    /// `hosts` may stand in a `Host` header beside addresses and `localhost`.
    #[must_use]
    pub fn new(
        metrics: Arc<Metrics>,
        app: Option<Arc<App>>,
        containers: Option<CredentialsService>,
        hosts: &[String],
    ) -> Self {
        let hosts = AllowedHosts::new(hosts);
        Self(Arc::new(Inner {
            metrics,
            app,
            containers,
            hosts,
        }))
    }

    async fn answer_head(&self, request: &Parts) -> Response<Full<Bytes>> {
        let Inner {
            metrics,
            app,
            containers,
            hosts,
        } = self.0.as_ref();
        let meant = containers
            .as_ref()
            .map(|containers| containers.check_host(request));
        if meant.unwrap_or_else(|| hosts.check(&[], request)).is_err() {
            let text =
                "this is not the host that the request names; add it to server.allowed_hosts\n";
            return plain(StatusCode::MISDIRECTED_REQUEST, text);
        }
        if !matches!(request.method, Method::GET | Method::HEAD) {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "numbers are only read\n");
            let allowed = HeaderValue::from_static("GET, HEAD");
            answer.headers_mut().insert(ALLOW, allowed);
            return answer;
        }
        if !matches!(request.uri.path(), "/metrics" | "/metrics/") {
            return plain(StatusCode::NOT_FOUND, "the numbers are at /metrics\n");
        }
        match numbers::text(metrics, app.as_deref(), containers.as_ref()).await {
            Ok(text) => {
                let is_head = request.method == Method::HEAD;
                whole(StatusCode::OK, TEXT_FORMAT, text.into(), is_head)
            }
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n")),
        }
    }
}

impl Answers for MetricsService {
    type Body = Full<Bytes>;

    const BOUNDS: Bounds = Bounds {
        connections: 32,
        descriptors: 16,
        // Longer than the usual minute between scrapes.
        idle: Duration::from_secs(90),
        headers: 64,
        head_bytes: 16 * 1024,
    };

    async fn answer(&self, request: Request<Incoming>, _client: Client) -> Response<Full<Bytes>> {
        let (request, _body) = request.into_parts();
        self.answer_head(&request).await
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let text = Bytes::copy_from_slice(text.as_bytes());
    whole(status, "text/plain; charset=utf-8", text, false)
}

#[cfg(test)]
mod tests {
    use http::header::HOST;
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn numbers_are_read_by_whoever_calls_us_by_our_name() {
        let metrics = Arc::new(Metrics::new());
        metrics.open_connections.set(3);
        let service = MetricsService::new(metrics, None, None, &["proxy".to_owned()]);
        for (method, host, path, status) in [
            ("GET", "proxy:9090", "/metrics", 200),
            ("HEAD", "127.0.0.1:9090", "/metrics/", 200),
            ("GET", "evil.example", "/metrics", 421),
            ("POST", "proxy", "/metrics", 405),
            ("GET", "proxy", "/", 404),
        ] {
            let request = Request::builder().method(method).uri(path);
            let request = request.header(HOST, host).body(()).expect("a request");
            let answer = service.answer_head(&request.into_parts().0).await;
            assert_eq!(answer.status(), status, "{method} {host} {path}");
            let body = answer
                .into_body()
                .collect()
                .await
                .expect("a body")
                .to_bytes();
            let text = String::from_utf8(body.to_vec()).expect("UTF-8");
            let is_told = text.contains("bazel_proxy_open_connections 3");
            assert_eq!(is_told, status == 200 && method == "GET", "{text}");
        }
    }
}
