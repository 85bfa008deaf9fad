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

use http::request::Parts;
use tracing::Instrument as _;

use super::app::App;
use super::content::Answer;
use crate::request::{self, Context};
pub(super) use body::ObservedBody;
use record::{Record, Unanswered};
pub(super) use sampling::AccessLog;

/// Sees every request and every answer.
pub(super) async fn observe(
    app: &Arc<App>,
    asked: &Parts,
    answer: impl AsyncFnOnce(&Context) -> Answer,
) -> http::Response<ObservedBody> {
    let unanswered = Unanswered::new(Record::new(Arc::clone(app), asked));
    let context = Arc::clone(unanswered.context());
    let id = context.id().to_header();
    let span = unanswered.span().clone();
    let answering = request::scope(Arc::clone(&context), answer(&context));
    let mut answer = answering.instrument(span).await;
    answer.headers_mut().insert(request::ID_HEADER, id);
    let answered = unanswered.answered(&answer);
    answer.map(|content| ObservedBody::new(content, answered))
}
