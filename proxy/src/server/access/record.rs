//! A request from its arrival to the head of its answer.

use std::sync::Arc;

use http::header::USER_AGENT;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, Uri};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Span, info_span};

use super::answered::{Answered, End};
use super::line;
use crate::peer::Chain;
use crate::request::{Context, ID_HEADER, RequestId};
use crate::server::app::App;
use crate::server::content::Answer;
use crate::server::verdict::Verdict;
use crate::telemetry;

/// Nobody gets these statuses: there was no answer. The client left before there was one (the number is
/// nginx's) …
const LEFT: u16 = 499;
/// … or answering has failed unexpectedly, which resets the connection.
const FAILED: u16 = StatusCode::INTERNAL_SERVER_ERROR.as_u16();

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
    pub(super) fn new(app: Arc<App>, request: &Parts) -> Self {
        let headers = &request.headers;
        let given = headers.get(ID_HEADER).and_then(RequestId::given);
        let id = given.unwrap_or_else(RequestId::generate);
        let span = span(request, &id);
        telemetry::continue_trace(&span, headers);
        Self {
            app,
            context: Context::new(id, Chain::of(headers)),
            span,
            method: request.method.clone(),
            uri: request.uri.clone(),
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

    pub(super) fn answered(mut self, response: &Answer) -> Answered {
        let record = self.0.take().expect("not answered yet");
        Answered::new(record, response)
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(record) = self.0.take() {
            let (status, verdict, end) = without_answer();
            Answered::never(record, status, verdict).finish(end);
        }
    }
}

/// What comes of a request that is dropped now, before there is an answer.
fn without_answer() -> (u16, Verdict, End) {
    if std::thread::panicking() {
        (FAILED, Verdict::Failed, End::ByProxy)
    } else {
        (LEFT, Verdict::Left, End::ByClient)
    }
}

/// What a trace tells of a request, by OpenTelemetry's names.
fn span(request: &Parts, id: &RequestId) -> Span {
    let method = known_method(&request.method);
    info_span!(
        target: telemetry::SPANS,
        "request",
        otel.kind = "server",
        otel.name = method.unwrap_or("HTTP"),
        http.request.method = method.unwrap_or("_OTHER"),
        url.path = request.uri.path(),
        user_agent.original = line::text(request.headers.get(USER_AGENT)),
        bazel_proxy.request_id = %id,
        http.response.status_code = Empty,
        http.response.body.size = Empty,
        bazel_proxy.verdict = Empty,
        bazel_proxy.aborted = Empty,
        otel.status_code = Empty,
    )
}

/// Names of spans are a closed set, whatever clients send.
fn known_method(method: &Method) -> Option<&'static str> {
    const KNOWN: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT",
    ];
    KNOWN.into_iter().find(|known| *known == method.as_str())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn who_leaves_is_told_from_a_handler_that_panics() {
        struct Dropped(mpsc::Sender<(u16, Verdict, End)>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.send(without_answer()).expect("a receiver");
            }
        }
        let (sender, dropped) = mpsc::channel();
        let guard = Dropped(sender.clone());
        let panics = tokio::spawn(async move {
            let _guard = guard;
            tokio::task::yield_now().await;
            panic!("a test");
        });
        assert!(panics.await.is_err_and(|error| error.is_panic()));
        let failed = (500, Verdict::Failed, End::ByProxy);
        assert_eq!(dropped.recv(), Ok(failed));
        drop(Dropped(sender));
        assert_eq!(dropped.recv(), Ok((499, Verdict::Left, End::ByClient)));
    }
}
