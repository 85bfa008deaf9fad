//! One state, one router, one stack of layers.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode};
use tokio::sync::watch;
use tracing::info;

use super::access::{self, AccessLog};
use super::connection::AbortHandle;
use super::health::{self, Readiness};
use super::hold::Hold;
use super::hosts::{AllowedHosts, HostError};
use super::html::Pages;
use super::listing::Listings;
use super::page::{self, Surroundings, Vantage};
use super::troubles::Troubles;
use super::verdict::Verdict;
use super::{artifact, numbers, peers, status};
use crate::artifact::RequestPath;
use crate::config::Config;
use crate::fetch::Fetcher;
use crate::metrics::Metrics;
use crate::peer;

/// What every request may use.
pub struct App {
    fetcher: Arc<Fetcher>,
    prefix_bytes: usize,
    hosts: AllowedHosts,
    readiness: Readiness,
    listings: Listings,
    hold: Hold,
    troubles: Troubles,
    pages: Pages,
    vantage: Vantage,
    metrics: Arc<Metrics>,
    access_log: AccessLog,
    repository_name: String,
}

impl App {
    /// Puts the parts together. `stop` becomes true when the process stops.
    #[must_use]
    pub fn new(
        config: &Config,
        fetcher: Arc<Fetcher>,
        metrics: Arc<Metrics>,
        surroundings: Surroundings,
        stop: watch::Receiver<bool>,
    ) -> Arc<Self> {
        let credentials = fetcher.origin().credentials().clone();
        let again = fetcher.origin().tried_again_after();
        let repository_name = peer::repository_name(&config.bucket, &config.prefix);
        let troubles = Troubles::default();
        Arc::new(Self {
            hold: Hold::new(
                config.login_wait,
                credentials,
                again,
                stop,
                troubles.clone(),
            ),
            troubles,
            pages: Pages::new(),
            vantage: Vantage::new(config, surroundings),
            fetcher,
            prefix_bytes: config.prefix.len(),
            hosts: AllowedHosts::new(&config.allowed_hosts),
            readiness: Readiness::default(),
            listings: Listings::new(&config.bucket),
            metrics,
            access_log: AccessLog::new(config.log.hits),
            repository_name,
        })
    }

    /// What [`peer::repository_name`] makes of this proxy's bucket and folder.
    pub(super) fn repository_name(&self) -> &str {
        &self.repository_name
    }

    pub(super) fn fetcher(&self) -> &Arc<Fetcher> {
        &self.fetcher
    }

    pub(super) fn hold(&self) -> &Hold {
        &self.hold
    }

    pub(super) fn troubles(&self) -> &Troubles {
        &self.troubles
    }

    pub(super) fn pages(&self) -> &Pages {
        &self.pages
    }

    pub(super) fn vantage(&self) -> &Vantage {
        &self.vantage
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(super) fn access_log(&self) -> &AccessLog {
        &self.access_log
    }

    pub(super) fn readiness(&self) -> &Readiness {
        &self.readiness
    }
}

/// All routes. Names of our own pages shadow artifacts of the same name at the top of the bucket.
pub fn router(app: &Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(numbers::metrics))
        .route("/status", get(page::status))
        .fallback(by_path)
        // Innermost: what it refuses is logged and counted, too.
        .layer(middleware::from_fn_with_state(
            Arc::clone(app),
            peers::serve_peers,
        ))
        // A request for a foreign host reaches nothing …
        .layer(middleware::from_fn_with_state(Arc::clone(app), check_host))
        // … but is counted: outermost, so that it sees every answer.
        .layer(middleware::from_fn_with_state(
            Arc::clone(app),
            access::observe,
        ))
        .with_state(Arc::clone(app))
}

async fn by_path(
    State(app): State<Arc<App>>,
    Extension(abort): Extension<AbortHandle>,
    request: Request,
) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let text = "this repository is read-only: publish to the bucket itself";
        let mut response = status::plain(StatusCode::METHOD_NOT_ALLOWED, text, Verdict::ReadOnly);
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let (request, _no_body) = request.into_parts();
    match RequestPath::parse(request.uri.path(), app.prefix_bytes) {
        Ok(RequestPath::Artifact(key)) => {
            let attempt = || artifact::answer(&app, abort.clone(), &key, &request);
            app.hold.answer(&request, key.as_str(), attempt).await
        }
        Ok(RequestPath::Folder(folder)) => {
            let attempt = || app.listings.answer(&app, &folder, &request);
            app.hold.answer(&request, folder.as_str(), attempt).await
        }
        Err(error) => status::bad_key(&error),
    }
}

async fn check_host(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut refusal = match app.hosts.check(&request) {
        Ok(()) => return next.run(request).await,
        Err(HostError::Malformed) => {
            let text = "an HTTP/1.1 request has exactly one Host header\n";
            (StatusCode::BAD_REQUEST, text).into_response()
        }
        Err(HostError::Foreign(name)) => {
            let text = format!(
                "this proxy is not called `{name}`; if it is, add the name to PROXY_ALLOWED_HOSTS"
            );
            info!(host = name, "refused a request for a foreign host");
            (StatusCode::MISDIRECTED_REQUEST, format!("{text}\n")).into_response()
        }
    };
    Verdict::Refused.mark(&mut refusal);
    refusal
}
