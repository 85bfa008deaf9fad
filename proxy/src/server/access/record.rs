//! A request from its arrival to the head of its answer.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use http::header::USER_AGENT;
use http::{HeaderValue, Method, Uri};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Span, info_span};

use super::answered::{Answered, End};
use super::line;
use crate::peer::Chain;
use crate::request::{Context, ID_HEADER, RequestId};
use crate::server::router::App;
use crate::telemetry;

/// What is known when a request comes.
pub(super) struct Record {
    pub(super) app: Arc<App>,
    pub(super) context: Arc<Context>,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) user_agent: Option<HeaderValue>,
    pub(super) arrived: Instant,
    pub(super) span: Span,
}

/// A request without an answer yet; if it stays so, that is said, too.
pub(super) struct Unanswered(Option<Record>);

impl Record {
    pub(super) fn new(app: Arc<App>, request: &Request) -> Self {
        let headers = request.headers();
        let given = headers.get(ID_HEADER).and_then(RequestId::given);
        let id = given.unwrap_or_else(RequestId::generate);
        let span = span(request, &id);
        telemetry::continue_trace(&span, headers);
        Self {
            app,
            context: Context::new(id, Chain::of(headers)),
            span,
            method: request.method().clone(),
            uri: request.uri().clone(),
            user_agent: headers.get(USER_AGENT).cloned(),
            arrived: Instant::now(),
        }
    }
}

impl Unanswered {
    pub(super) fn new(record: Record) -> Self {
        Self(Some(record))
    }

    pub(super) fn context(&self) -> &Arc<Context> {
        &self.record().context
    }

    pub(super) fn span(&self) -> &Span {
        &self.record().span
    }

    fn record(&self) -> &Record {
        // Taken by `answered` only, which consumes this.
        self.0.as_ref().expect("not answered yet")
    }

    pub(super) fn answered(mut self, response: &Response) -> Answered {
        let record = self.0.take().expect("not answered yet");
        Answered::new(record, response)
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(record) = self.0.take() {
            Answered::never(record).finish(End::ByClient);
        }
    }
}

/// What a trace tells of a request, by OpenTelemetry's names.
fn span(request: &Request, id: &RequestId) -> Span {
    info_span!(
        target: telemetry::SPANS,
        "request",
        otel.kind = "server",
        otel.name = %request.method(),
        http.request.method = %request.method(),
        url.path = request.uri().path(),
        user_agent.original = line::text(request.headers().get(USER_AGENT)),
        bazel_proxy.request_id = %id,
        http.response.status_code = Empty,
        http.response.body.size = Empty,
        bazel_proxy.verdict = Empty,
        bazel_proxy.aborted = Empty,
        otel.status_code = Empty,
    )
}
