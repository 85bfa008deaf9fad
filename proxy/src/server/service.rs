//! The way of one request: one function, from its head to the head of its answer.
//!
//! Artifacts do not go through axum's router: boxes for its layers and handlers take as long as all else
//! about a hit in memory. Our own pages do.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse as _;
use axum::routing::get;
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use tower::ServiceExt as _;
use tracing::info;

use super::access::{self, ObservedBody};
use super::answering::{Answers, Bounds, Client};
use super::app::App;
use super::codeartifact::{self, Route, Upload};
use super::connection::AbortHandle;
use super::content::{Answer, page};
use super::hosts::HostError;
use super::verdict::Verdict;
use super::{artifact, health, numbers, page as status_page, peers, status};
use crate::artifact::RequestPath;
use crate::codeartifact::CodeArtifact;
use crate::request::Context;

const HEALTHZ: &str = "/healthz";
const READYZ: &str = "/readyz";
/// And the name of one repository.
const READYZ_OF_CODEARTIFACT: &str = "/readyz/codeartifact/";
const METRICS: &str = "/metrics";
const STATUS: &str = "/status";

const NO_BUCKET: &str = "no bucket is configured (S3_BUCKET_NAME): this proxy serves repositories of CodeArtifact, \
                         below /codeartifact/";

/// Answers requests. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    app: Arc<App>,
    pages: Router,
}

impl Service {
    /// Over one state.
    #[must_use]
    pub fn new(app: &Arc<App>) -> Self {
        let pages = Router::new()
            .route(HEALTHZ, get(health::healthz))
            .route(READYZ, get(health::readyz))
            .route(
                &format!("{READYZ_OF_CODEARTIFACT}{{alias}}"),
                get(health::readyz_of_one),
            )
            .route(METRICS, get(numbers::metrics))
            .route(STATUS, get(status_page::status))
            .with_state(Arc::clone(app));
        Self {
            app: Arc::clone(app),
            pages,
        }
    }
}

impl Answers for Service {
    type Body = ObservedBody;

    const BOUNDS: Bounds = Bounds {
        connections: 8192,
        // Every answer may need a file beside its connection.
        descriptors: 2,
        idle: Duration::from_secs(75),
        headers: 100,
        head_bytes: 64 * 1024,
    };

    async fn answer(
        &self,
        request: Request<Incoming>,
        client: Client,
    ) -> http::Response<ObservedBody> {
        let abort = client.abort;
        let (request, body) = request.into_parts();
        // Outermost, so that every answer is counted.
        access::observe(&self.app, &request, async |asked| {
            // A request for a foreign host reaches nothing.
            if let Some(refusal) = refuse_foreign_host(&self.app, &request) {
                return refusal;
            }
            if let Some((codeartifact, route)) = of_codeartifact(&self.app, asked, &request) {
                let body = Upload::new(body, &request.headers);
                let asked = (&request, body);
                return codeartifact::answer(&self.app, codeartifact, route, asked, &abort).await;
            }
            if let Some(answer) = at_hand(&self.app, &abort, &request, asked) {
                return answer;
            }
            let answer = async {
                // They shadow artifacts of the same name at the top of the bucket.
                if is_page(&self.app, request.uri.path()) {
                    let request = Request::from_parts(request.clone(), Body::new(body));
                    let Ok(answer) = self.pages.clone().oneshot(request).await;
                    page(answer)
                } else {
                    by_path(&self.app, &request, abort).await
                }
            };
            // Boxed: it is large, as it may wait for a login, and hits should not have its size.
            Box::pin(peers::serve(&self.app, asked, answer)).await
        })
        .await
    }
}

fn is_page(app: &App, path: &str) -> bool {
    matches!(path, HEALTHZ | READYZ | METRICS | STATUS)
        || (path.starts_with(READYZ_OF_CODEARTIFACT) && app.served_codeartifact().is_some())
}

/// Whom to ask for one of CodeArtifact's URLs. Another proxy asks for objects of the bucket, whatever their names.
fn of_codeartifact<'a>(
    app: &'a App,
    asked: &Context,
    request: &'a Parts,
) -> Option<(&'a CodeArtifact, Route<'a>)> {
    let path = request.uri.path();
    // First, as nearly all paths are the bucket's.
    if !Route::may_be(path) || !asked.chain().is_empty() {
        return None;
    }
    let codeartifact = app.codeartifact_once_served()?;
    let route = Route::of(&codeartifact.table(), path)?;
    Some((codeartifact, route))
}

fn is_read(request: &Parts) -> bool {
    matches!(request.method, Method::GET | Method::HEAD)
}

/// An artifact for which nothing has to be waited for, for a client that is no proxy.
fn at_hand(app: &App, abort: &AbortHandle, request: &Parts, asked: &Context) -> Option<Answer> {
    let may_be = is_read(request) && asked.chain().is_empty() && !is_page(app, request.uri.path());
    may_be
        .then(|| artifact::at_hand(app, abort, request))
        .flatten()
}

async fn by_path(app: &Arc<App>, request: &Parts, abort: AbortHandle) -> Answer {
    let Some(bucket) = app.bucket() else {
        return page(status::plain(
            StatusCode::NOT_FOUND,
            NO_BUCKET,
            Verdict::NotServed,
        ));
    };
    if !is_read(request) {
        let text = "this repository is read-only: publish to the bucket itself";
        let mut answer = status::plain(StatusCode::METHOD_NOT_ALLOWED, text, Verdict::ReadOnly);
        let allowed = HeaderValue::from_static("GET, HEAD");
        answer.headers_mut().insert(ALLOW, allowed);
        return page(answer);
    }
    match RequestPath::parse(request.uri.path(), app.prefix_bytes()) {
        Ok(RequestPath::Artifact(key)) => {
            let attempt = || artifact::answer(app, &bucket.fetcher, abort.clone(), &key, request);
            app.hold().answer(request, key.as_str(), attempt).await
        }
        Ok(RequestPath::Folder(folder)) => {
            let attempt = async || {
                app.listings()
                    .answer((app, bucket), &folder, request)
                    .await
                    .map(page)
            };
            app.hold().answer(request, folder.as_str(), attempt).await
        }
        Err(error) => page(status::bad_key(&error)),
    }
}

fn refuse_foreign_host(app: &App, request: &Parts) -> Option<Answer> {
    let mut refusal = match app.hosts().check(&[], request) {
        Ok(()) => return None,
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
    Some(page(refusal))
}
