//! GET and HEAD of one artifact.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName,
    LAST_MODIFIED, RANGE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use percent_encoding::percent_decode_str;

use super::app::App;
use super::conditions::{self, Outcome};
use super::connection::AbortHandle;
use super::content::{Answer, Content};
use super::range::{self, RangeOutcome};
use super::verdict::Verdict;
use crate::artifact::{self, ArtifactKey};
use crate::cache_status::CACHE_STATUS;
use crate::error::Error;
use crate::fetch::{Fetcher, Found};
use crate::object::ObjectAttributes;
use crate::request::ID_HEADER;

/// So many headers has an answer with an object.
const USUAL_HEADERS: usize = 12;

/// The head of an answer with an object in memory, worked out once. It has a place for whatever differs
/// from request to request, so that a copy need not grow.
struct PreparedHead(HeaderMap);

/// Answers with an artifact for which nothing has to be waited for.
pub(super) fn at_hand(app: &App, abort: &AbortHandle, request: &Parts) -> Option<Answer> {
    let encoded = request.uri.path().strip_prefix('/')?;
    let key = percent_decode_str(encoded).decode_utf8().ok()?;
    let fetcher = &app.bucket()?.fetcher;
    let found = fetcher.at_hand(&key)?;
    let key = ArtifactKey::new(&key).ok()?;
    let asked = (request, fetcher);
    Some(with_artifact(app, abort.clone(), &key, asked, &found))
}

/// Answers a GET or HEAD, or says why not.
pub(super) async fn answer(
    app: &Arc<App>,
    fetcher: &Arc<Fetcher>,
    abort: AbortHandle,
    key: &ArtifactKey,
    request: &Parts,
) -> Result<Answer, Error> {
    let is_head = request.method == Method::HEAD;
    let found = if is_head {
        fetcher.head(key).await
    } else {
        fetcher.get(key).await
    };
    let asked = (request, fetcher);
    Ok(with_artifact(app, abort, key, asked, &found?))
}

/// An answer with what was found.
pub(super) fn with_artifact(
    app: &App,
    abort: AbortHandle,
    key: &ArtifactKey,
    (request, fetcher): (&Parts, &Arc<Fetcher>),
    found: &Found,
) -> Answer {
    let content = |start, end| {
        if let Some(bytes) = found.in_memory(start, end) {
            return Content::Bytes(bytes);
        }
        let reader = found.reader(fetcher, key, start, end);
        let troubles = app.troubles().clone();
        Content::artifact(reader, end - start, abort, troubles, key.to_string())
    };
    let mut answer = with_object(
        request,
        found.attributes(),
        head(key.as_str(), found),
        content,
    );
    Verdict::Found(found.verdict).mark(&mut answer);
    answer
}

/// What is said of the object, from what was prepared where it is in memory.
fn head(key: &str, found: &Found) -> HeaderMap {
    let prepare = || {
        let mut headers = object_headers(key, found);
        for name in [CONTENT_LENGTH, CACHE_STATUS, ID_HEADER] {
            headers.insert(name, HeaderValue::from_static("-"));
        }
        PreparedHead(headers)
    };
    let prepared = found.annex().and_then(|annex| annex.get_or_make(prepare));
    prepared.map_or_else(|| object_headers(key, found), |head| head.0.clone())
}

/// The answer by the request's conditions and its range; `said` of the object is in all of them.
pub(super) fn with_object(
    request: &Parts,
    object: &ObjectAttributes,
    said: HeaderMap,
    content: impl FnOnce(u64, u64) -> Content,
) -> Answer {
    let headers = &request.headers;
    let is_head = request.method == Method::HEAD;
    match conditions::evaluate(headers, object) {
        Outcome::NotModified => return without_body(StatusCode::NOT_MODIFIED, said),
        Outcome::PreconditionFailed => {
            return without_body(StatusCode::PRECONDITION_FAILED, said);
        }
        Outcome::Proceed => {}
    }
    let length = object.length;
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok());
    // Ranges are defined for GET only (RFC 9110, section 14.2).
    let range = range.filter(|_| !is_head && conditions::range_applies(headers, object));
    let (status, start, end) = match range::parse(range, length) {
        RangeOutcome::Full => (StatusCode::OK, 0, length),
        RangeOutcome::Partial { start, end } => (StatusCode::PARTIAL_CONTENT, start, end),
        RangeOutcome::NotSatisfiable => {
            let mut response = without_body(StatusCode::RANGE_NOT_SATISFIABLE, said);
            insert(
                response.headers_mut(),
                CONTENT_RANGE,
                &format!("bytes */{length}"),
            );
            return response;
        }
    };
    let content = if is_head {
        Content::empty()
    } else {
        content(start, end)
    };
    let mut response = Answer::new(content);
    *response.status_mut() = status;
    *response.headers_mut() = said;
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

fn without_body(status: StatusCode, mut said: HeaderMap) -> Answer {
    said.remove(CONTENT_LENGTH);
    let mut response = Answer::new(Content::empty());
    *response.status_mut() = status;
    *response.headers_mut() = said;
    response
}

/// What is said of the object in every answer, 304 and 416 included.
fn object_headers(key: &str, found: &Found) -> HeaderMap {
    let object = found.attributes();
    let mut headers = HeaderMap::with_capacity(USUAL_HEADERS);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let media_type = artifact::media_type(key, object.content_type.as_deref());
    insert(&mut headers, CONTENT_TYPE, media_type);
    if let Some(etag) = &object.etag {
        insert(&mut headers, ETAG, etag);
    }
    if let Some(seconds) = object
        .last_modified
        .and_then(|seconds| seconds.try_into().ok())
    {
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
        insert(&mut headers, LAST_MODIFIED, &date);
    }
    if let Some(encoding) = &object.content_encoding {
        insert(&mut headers, CONTENT_ENCODING, encoding);
    }
    let Some(checksums) = found.checksums() else {
        for promise in found.promised() {
            if let Some((name, value)) = promise.header() {
                insert(&mut headers, name, &value);
            }
        }
        return headers;
    };
    for (name, value) in [
        ("x-checksum-sha1", &checksums.sha1),
        ("x-checksum-md5", &checksums.md5),
        ("x-checksum-sha256", &checksums.sha256),
    ] {
        insert(&mut headers, HeaderName::from_static(name), value);
    }
    headers
}

/// Values come from S3; one that is no header value is left out rather than failing the answer.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
