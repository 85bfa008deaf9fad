//! Requests of other proxies, for which this one is the upstream.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;

use super::router::App;
use super::status;
use crate::{peer, request};

/// Names the repository in answers to proxies, whatever they are, and ends circles.
pub(super) async fn serve_peers(
    State(app): State<Arc<App>>,
    asked: Request,
    next: Next,
) -> Response {
    let context = request::current();
    let Some(context) = context.filter(|context| !context.chain().is_empty()) else {
        return next.run(asked).await;
    };
    let mut response = if context.chain().is_a_circle() {
        status::circle()
    } else {
        next.run(asked).await
    };
    // Without a name the answer is good for nobody: it could be about another bucket.
    if let Ok(name) = HeaderValue::from_str(app.repository_name()) {
        response.headers_mut().insert(peer::REPOSITORY, name);
    }
    response
}
