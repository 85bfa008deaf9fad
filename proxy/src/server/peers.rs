//! Requests of other proxies, for which this one is the upstream.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;

use super::router::App;
use super::status;
use crate::peer::{self, Chain};

/// Names the repository in answers to proxies, whatever they are, and ends circles.
pub(super) async fn serve_peers(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let chain = Chain::of(request.headers());
    if chain.is_empty() {
        return next.run(request).await;
    }
    let mut response = if chain.is_a_circle() {
        status::circle()
    } else {
        chain.scope(next.run(request)).await
    };
    // Without a name the answer is good for nobody: it could be about another bucket.
    if let Ok(name) = HeaderValue::from_str(app.repository_name()) {
        response.headers_mut().insert(peer::REPOSITORY, name);
    }
    response
}
