//! What is said and counted of each request: one line, when the last byte of its answer is given away.
//!
//! ```text
//! observe ─► Record ─► (the answer's head) ─► Answered ─► ObservedBody ─► line, metrics
//!               └────► the client left before ──────────────────────────► line, metrics
//! ```
//!
//! A hit that is not logged costs no text: what a line would need is kept as it came.

mod answered;
mod body;
mod line;
mod record;
mod sampling;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use super::router::App;
use crate::request;
use body::ObservedBody;
use record::{Record, Unanswered};
pub(super) use sampling::AccessLog;

/// Sees every request and every answer.
pub(super) async fn observe(State(app): State<Arc<App>>, asked: Request, next: Next) -> Response {
    let unanswered = Unanswered::new(Record::new(app, &asked));
    let context = Arc::clone(unanswered.context());
    let id = context.id().to_header();
    let span = unanswered.span().clone();
    let answering = request::scope(context, next.run(asked));
    let mut response = answering.instrument(span).await;
    response.headers_mut().insert(request::ID_HEADER, id);
    let answered = unanswered.answered(&response);
    response.map(|body| Body::new(ObservedBody::new(body, answered)))
}
