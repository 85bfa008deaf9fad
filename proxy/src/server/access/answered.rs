//! An answer from its head to its last byte.

use std::time::Duration;

use http::header::CONTENT_LENGTH;
use http::{Method, StatusCode};
use http_body::Body as _;
use prometheus::IntCounter;

use super::line;
use super::record::Record;
use crate::metrics::AbortedBy;
use crate::server::codeartifact::UploadedFile;
use crate::server::content::Answer;
use crate::server::verdict::{Held, Verdict};

/// What is known when the answer's head goes out.
pub(super) struct Answered {
    pub(super) record: Record,
    pub(super) status: u16,
    pub(super) verdict: Verdict,
    /// Whether it waited for a login.
    pub(super) is_held: bool,
    pub(super) first_byte: Duration,
    /// Which file was uploaded, where the path does not say so.
    pub(super) file: Option<String>,
    /// The length of the body that will be asked for, where it is known.
    expected_bytes: Option<u64>,
    /// What bytes of an artifact are counted by.
    counter: Option<IntCounter>,
    pub(super) sent_bytes: u64,
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

impl Answered {
    pub(super) fn new(record: Record, response: &Answer) -> Self {
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
        metrics.note_head(verdict, first_byte);
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
            file: response
                .extensions()
                .get()
                .map(|UploadedFile(name)| name.clone()),
            expected_bytes: if has_body { expected } else { Some(0) },
            counter: source.map(|source| {
                let sent = &metrics.sent_bytes;
                sent.with_label_values(&[source.label()])
            }),
            sent_bytes: 0,
            record,
        }
    }

    /// One that never came.
    pub(super) fn never(record: Record, status: u16, verdict: Verdict) -> Self {
        Self {
            status,
            verdict,
            is_held: false,
            first_byte: record.arrived.elapsed(),
            file: None,
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
        let write = || line::write(self, level, whole, aborted);
        self.record.context.run(write);
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
}
