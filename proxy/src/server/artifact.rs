//! GET and HEAD of one artifact.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName,
    LAST_MODIFIED, RANGE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::body;
use super::conditions::{self, Outcome};
use super::connection::AbortHandle;
use super::range::{self, RangeOutcome};
use super::router::App;
use super::verdict::Verdict;
use crate::artifact::ArtifactKey;
use crate::error::Error;
use crate::fetch::Found;

/// Answers a GET or HEAD, or says why not.
pub(super) async fn answer(
    app: &Arc<App>,
    abort: AbortHandle,
    key: &ArtifactKey,
    request: &Parts,
) -> Result<Response, Error> {
    let is_head = request.method == Method::HEAD;
    let found = if is_head {
        app.fetcher().head(key).await
    } else {
        app.fetcher().get(key).await
    };
    let found = found?;
    let mut response = with_object(app, abort, key, request, &found);
    add_object_headers(response.headers_mut(), key, &found);
    Verdict::Found(found.verdict).mark(&mut response);
    Ok(response)
}

fn with_object(
    app: &Arc<App>,
    abort: AbortHandle,
    key: &ArtifactKey,
    request: &Parts,
    found: &Found,
) -> Response {
    let headers = &request.headers;
    let is_head = request.method == Method::HEAD;
    match conditions::evaluate(headers, &found.attributes) {
        Outcome::NotModified => return empty(StatusCode::NOT_MODIFIED),
        Outcome::PreconditionFailed => return empty(StatusCode::PRECONDITION_FAILED),
        Outcome::Proceed => {}
    }
    let length = found.attributes.length;
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok());
    // Ranges are defined for GET only (RFC 9110, section 14.2).
    let range = range.filter(|_| !is_head && conditions::range_applies(headers, &found.attributes));
    let (status, start, end) = match range::parse(range, length) {
        RangeOutcome::Full => (StatusCode::OK, 0, length),
        RangeOutcome::Partial { start, end } => (StatusCode::PARTIAL_CONTENT, start, end),
        RangeOutcome::NotSatisfiable => {
            let mut response = empty(StatusCode::RANGE_NOT_SATISFIABLE);
            insert(
                response.headers_mut(),
                CONTENT_RANGE,
                &format!("bytes */{length}"),
            );
            return response;
        }
    };
    let content = if is_head {
        Body::empty()
    } else {
        content(app, abort, key, found, start, end)
    };
    let mut response = Response::new(content);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(end - start));
    if status == StatusCode::PARTIAL_CONTENT {
        insert(
            headers,
            CONTENT_RANGE,
            &format!("bytes {start}-{}/{length}", end - 1),
        );
    }
    response
}

fn content(
    app: &Arc<App>,
    abort: AbortHandle,
    key: &ArtifactKey,
    found: &Found,
    start: u64,
    end: u64,
) -> Body {
    if let Some(bytes) = found.in_memory() {
        let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        return Body::from(bytes.slice(within(start)..within(end)));
    }
    let reader = found.reader(app.fetcher(), key, start, end);
    body::streaming(reader, abort, app.troubles().clone(), key.to_string())
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn add_object_headers(headers: &mut HeaderMap, key: &ArtifactKey, found: &Found) {
    let object = &found.attributes;
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    insert(
        headers,
        CONTENT_TYPE,
        key.media_type(object.content_type.as_deref()),
    );
    if let Some(etag) = &object.etag {
        insert(headers, ETAG, etag);
    }
    if let Some(seconds) = object
        .last_modified
        .and_then(|seconds| seconds.try_into().ok())
    {
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
        insert(headers, LAST_MODIFIED, &date);
    }
    if let Some(encoding) = &object.content_encoding {
        insert(headers, CONTENT_ENCODING, encoding);
    }
    for promise in found.promised.iter().filter(|_| found.checksums.is_none()) {
        let (name, value) = promise.header();
        insert(headers, name, &value);
    }
    if let Some(checksums) = &found.checksums {
        insert(
            headers,
            HeaderName::from_static("x-checksum-sha1"),
            &checksums.sha1,
        );
        insert(
            headers,
            HeaderName::from_static("x-checksum-md5"),
            &checksums.md5,
        );
        insert(
            headers,
            HeaderName::from_static("x-checksum-sha256"),
            &checksums.sha256,
        );
    }
}

/// Values come from S3; one that is no header value is left out rather than failing the answer.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
