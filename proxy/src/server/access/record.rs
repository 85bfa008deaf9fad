//! One request from its arrival to its line in the log.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, USER_AGENT};
use http::{HeaderValue, Method, StatusCode, Uri};
use http_body::Body as _;
use prometheus::IntCounter;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Level, Span, event, info_span};

use crate::metrics::AbortedBy;
use crate::peer::Chain;
use crate::request::{Context, ID_HEADER, RequestId, S3Ids};
use crate::server::router::App;
use crate::server::verdict::{Held, Verdict};
use crate::telemetry;

/// By which `LOG_LEVEL` may name these lines.
const TARGET: &str = "bazel_proxy::access";
/// Nobody gets these statuses: there was no answer. The client left before there was one (the number is
/// nginx's) …
const LEFT: u16 = 499;
/// … or answering has failed unexpectedly, which resets the connection.
const FAILED: u16 = StatusCode::INTERNAL_SERVER_ERROR.as_u16();

/// What is known when a request comes.
pub(super) struct Record {
    app: Arc<App>,
    context: Arc<Context>,
    method: Method,
    uri: Uri,
    user_agent: Option<HeaderValue>,
    arrived: Instant,
    span: Span,
}

/// A request without an answer yet; if it stays so, that is said, too.
pub(super) struct Unanswered(Option<Record>);

/// What is known when the answer's head goes out.
pub(super) struct Answered {
    record: Record,
    status: u16,
    verdict: Verdict,
    /// Whether it waited for a login.
    is_held: bool,
    first_byte: Duration,
    /// The length of the body that will be asked for, where it is known.
    expected_bytes: Option<u64>,
    /// What bytes of an artifact are counted by.
    counter: Option<IntCounter>,
    sent_bytes: u64,
}

/// How the answer's body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Complete,
    /// The client left before the end.
    ByClient,
    /// It could not go on, and the connection is reset.
    ByProxy,
}

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
            let (status, verdict, end) = without_answer();
            Answered::never(record, status, verdict).finish(end);
        }
    }
}

impl Answered {
    fn new(record: Record, response: &Response) -> Self {
        let first_byte = record.arrived.elapsed();
        let verdict = Verdict::of(response);
        let headers = response.headers();
        let has_body =
            record.method != Method::HEAD && response.status() != StatusCode::NOT_MODIFIED;
        let said = headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        let expected = said.or_else(|| response.body().size_hint().exact());
        let metrics = record.app.metrics();
        metrics
            .first_byte_seconds
            .with_label_values(&[verdict.label()])
            .observe(first_byte.as_secs_f64());
        let is_held = response.extensions().get::<Held>().is_some();
        if is_held {
            metrics.note_held(response.status());
        }
        let source = verdict.source().filter(|_| has_body);
        Self {
            status: response.status().as_u16(),
            verdict,
            is_held,
            first_byte,
            expected_bytes: if has_body { expected } else { Some(0) },
            counter: source.map(|source| {
                let sent = &metrics.sent_bytes;
                sent.with_label_values(&[source.label()])
            }),
            sent_bytes: 0,
            record,
        }
    }

    fn never(record: Record, status: u16, verdict: Verdict) -> Self {
        Self {
            status,
            verdict,
            is_held: false,
            first_byte: record.arrived.elapsed(),
            expected_bytes: None,
            counter: None,
            sent_bytes: 0,
            record,
        }
    }

    /// Gives away a part of the body, on behalf of the request.
    pub(super) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        self.record.span.in_scope(|| self.record.context.run(work))
    }

    /// Bytes were given away.
    pub(super) fn sent(&mut self, bytes: u64) {
        self.sent_bytes += bytes;
        if let Some(counter) = &self.counter {
            counter.inc_by(bytes);
        }
    }

    /// Whether all that was announced has been given away.
    pub(super) fn has_sent_all(&self) -> bool {
        self.expected_bytes == Some(self.sent_bytes)
    }

    /// Counts it and writes its line.
    pub(super) fn finish(&self, end: End) {
        let metrics = self.record.app.metrics();
        let whole = self.record.arrived.elapsed();
        metrics.note_request(self.verdict, self.status, whole);
        let aborted = match end {
            End::Complete => None,
            End::ByClient => Some(AbortedBy::Client),
            End::ByProxy => Some(AbortedBy::Proxy),
        };
        let is_error = self.status >= 500 || aborted == Some(AbortedBy::Proxy);
        let aborted = aborted.map(AbortedBy::label);
        if let (Some(by), true) = (aborted, self.verdict != Verdict::Left) {
            metrics.aborted_answers.with_label_values(&[by]).inc();
        }
        self.end_span(aborted, is_error);
        let level = self.record.app.access_log().level(self.verdict);
        self.record.context.run(|| self.log(level, whole, aborted));
    }

    fn end_span(&self, aborted: Option<&str>, is_error: bool) {
        let span = &self.record.span;
        span.record("http.response.status_code", self.status);
        span.record("http.response.body.size", self.sent_bytes);
        span.record("bazel_proxy.verdict", self.verdict.label());
        if let Some(by) = aborted {
            span.record("bazel_proxy.aborted", by);
        }
        if is_error {
            span.record("otel.status_code", "ERROR");
        }
    }

    fn log(&self, level: Level, whole: Duration, aborted: Option<&str>) {
        // The fields are worked out only where the line is wanted.
        macro_rules! line {
            ($level:expr, $calls:expr) => {
                event!(
                    target: TARGET,
                    $level,
                    method = %self.record.method,
                    path = self.record.uri.path(),
                    status = self.status,
                    verdict = self.verdict.label(),
                    held = self.is_held.then_some(true),
                    duration_ms = milliseconds(whole),
                    first_byte_ms = milliseconds(self.first_byte),
                    bytes = self.sent_bytes,
                    client = client(self.record.user_agent.as_ref()),
                    aborted,
                    s3_request_id = joined($calls, |ids| ids.request_id.as_deref()),
                    s3_extended_id = joined($calls, |ids| ids.extended_id.as_deref()),
                    "request"
                );
            };
        }
        if level == Level::INFO {
            line!(Level::INFO, &self.record.context.s3_calls());
        } else {
            line!(Level::DEBUG, &self.record.context.s3_calls());
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
fn span(request: &Request, id: &RequestId) -> Span {
    let method = known_method(request.method());
    info_span!(
        target: telemetry::SPANS,
        "request",
        otel.kind = "server",
        otel.name = method.unwrap_or("HTTP"),
        http.request.method = method.unwrap_or("_OTHER"),
        url.path = request.uri().path(),
        user_agent.original = text(request.headers().get(USER_AGENT)),
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

fn text(value: Option<&HeaderValue>) -> Option<&str> {
    value.and_then(|value| value.to_str().ok())
}

/// The product that a client calls itself first: `bazel/7.4.0`.
fn client(user_agent: Option<&HeaderValue>) -> Option<&str> {
    const MOST_BYTES: usize = 40;
    let product = text(user_agent)?.split([' ', '(']).next()?;
    // ASCII, as `to_str` has checked.
    let product = &product[..product.len().min(MOST_BYTES)];
    (!product.is_empty()).then_some(product)
}

fn joined(calls: &[S3Ids], id: impl Fn(&S3Ids) -> Option<&str>) -> Option<String> {
    let ids: Vec<_> = calls.iter().filter_map(id).collect();
    (!ids.is_empty()).then(|| ids.join(","))
}

/// Microseconds are enough for a person.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
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

    #[test]
    fn a_client_is_called_by_its_product() {
        for (user_agent, product) in [
            ("bazel/7.4.0", Some("bazel/7.4.0")),
            (
                "Apache-Maven/3.8.7 (Java 17.0.15; Linux 6.1)",
                Some("Apache-Maven/3.8.7"),
            ),
            ("Bazel/development version", Some("Bazel/development")),
            ("(nobody)", None),
            ("", None),
        ] {
            let value = HeaderValue::from_str(user_agent).expect("a header");
            assert_eq!(client(Some(&value)), product, "{user_agent}");
        }
        let long = HeaderValue::from_str(&"x".repeat(1000)).expect("a header");
        assert_eq!(client(Some(&long)).map(str::len), Some(40));
    }
}
