//! The host of the files, as S3 is behind presigned URLs: it takes no other authorization, no other method, and
//! nothing after the URL's end.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ShareObjectPreSignedURL.html>

use std::ops::Range;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{
    ACCEPT_RANGES, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName, IF_MATCH,
    IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::Shared;
use super::asset::Asset;
use super::place::{Domain, Format, Place};
use crate::Operation;
use crate::credential::query_value;
use crate::service::{ErrorAnswer, PlainBody, RequestId, Service, Target, full, reply};
use crate::xml::escape;

/// What the paths of all files begin with.
const ASSETS: &str = "/codeartifact-assets/";

/// How dates are written.
const DATE: &str = "%Y%m%dT%H%M%SZ";

/// What a path keeps as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The path and query at which a file can be had for a while.
pub(super) fn sign(shared: &Shared, place: &Place, format: Format, path: &str) -> String {
    let (label, repository) = (place.domain.label(), &place.repository);
    let path = format!("{ASSETS}{label}/{repository}/{format}/{path}");
    let path = utf8_percent_encode(&path, ENCODED).to_string();
    let now = Timestamp::try_from(shared.clock.now()).unwrap_or_default();
    let issued = now.to_zoned(TimeZone::UTC).strftime(DATE).to_string();
    let life = shared.lock().options.presigned_life.as_secs();
    let signature = signature(shared, &path, &issued, life);
    format!(
        "{path}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={issued}&X-Amz-Expires={life}\
         &X-Amz-SignedHeaders=host&X-Amz-Signature={signature}"
    )
}

fn signature(shared: &Shared, path: &str, issued: &str, life: u64) -> String {
    let text = format!("{}\n{path}\n{issued}\n{life}", shared.secret);
    hex::encode(Sha256::digest(text))
}

/// Seconds since 1970 of a date of ours; 0 for another.
fn epoch_seconds(date: &str) -> u64 {
    let civil = DateTime::strptime(DATE, date).ok();
    let zoned = civil.and_then(|civil| civil.to_zoned(TimeZone::UTC).ok());
    zoned.map_or(0, |zoned| {
        u64::try_from(zoned.timestamp().as_second()).unwrap_or(0)
    })
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// The host of the files behind the exchange.
pub(super) struct Presigned(pub(super) Arc<Shared>);

impl Service for Presigned {
    fn target(&self, head: &Parts) -> Option<Target> {
        let (place, format, path) = parse(head)?;
        Some(Target {
            bucket: Some(place.repository),
            key: Some(format!("{format}/{path}")),
            ..Target::of(Operation::GetAsset)
        })
    }

    fn answer(&self, request: Request<PlainBody>, _: Target) -> BoxFuture<'_, Response<PlainBody>> {
        let head = request.into_parts().0;
        let response = self.serve(&head);
        let response = response.unwrap_or_else(|error| document(&error, &RequestId::of(&head)));
        async { response }.boxed()
    }

    fn error(&self, error: &ErrorAnswer, request_id: &RequestId) -> Response<PlainBody> {
        document(error, request_id)
    }

    fn stamp(&self, headers: &mut HeaderMap, RequestId(request_id): &RequestId) {
        if let Ok(value) = HeaderValue::from_str(request_id) {
            headers.insert("x-amz-request-id", value);
        }
    }
}

impl Presigned {
    fn serve(&self, head: &Parts) -> Result<Response<PlainBody>, ErrorAnswer> {
        let refuse = |code: &str, message: &str| ErrorAnswer::new(403, code, message);
        if head.headers.contains_key(AUTHORIZATION) {
            let message = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature \
                           query string parameter or the Authorization header should be specified";
            return Err(ErrorAnswer::new(400, "InvalidArgument", message));
        }
        let query = head.uri.query().unwrap_or_default();
        let life = query_value(query, "X-Amz-Expires").and_then(|life| life.parse().ok());
        let (issued, life) = query_value(query, "X-Amz-Date")
            .zip(life)
            .ok_or_else(|| refuse("AccessDenied", "Access Denied"))?;
        let expected = signature(&self.0, head.uri.path(), &issued, life);
        // The method is signed as well, and it is GET.
        if head.method != Method::GET || query_value(query, "X-Amz-Signature") != Some(expected) {
            let message = "The request signature we calculated does not match the signature you provided. Check \
                           your key and signing method.";
            return Err(refuse("SignatureDoesNotMatch", message));
        }
        if epoch_seconds(&issued).saturating_add(life) <= seconds(self.0.clock.now()) {
            return Err(refuse("AccessDenied", "Request has expired"));
        }
        let asset = parse(head).and_then(|(place, format, path)| {
            let state = self.0.lock();
            let packages = state.repositories.get(&place)?;
            packages.asset(format, &path).cloned()
        });
        let gone = || ErrorAnswer::new(404, "NoSuchKey", "The specified key does not exist.");
        answer(&asset.ok_or_else(gone)?, &head.headers).ok_or_else(gone)
    }
}

/// Which file a request is about.
fn parse(head: &Parts) -> Option<(Place, Format, String)> {
    let path = head.uri.path().strip_prefix(ASSETS)?;
    let path = percent_decode_str(path).decode_utf8().ok()?;
    let mut parts = path.splitn(4, '/');
    let domain = Domain::of_label(parts.next()?)?;
    let repository = parts.next()?.to_owned();
    let format = Format::of_name(parts.next()?)?;
    let place = Place { domain, repository };
    Some((place, format, parts.next()?.to_owned()))
}

/// A file as S3 answers it, under conditions and in part; `None` if its bytes are not kept.
pub(crate) fn answer(asset: &Asset, headers: &HeaderMap) -> Option<Response<PlainBody>> {
    let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let (etag, length) = (asset.etag(), asset.length());
    let names = |tags: &str| {
        tags.split(',')
            .any(|tag| tag.trim() == etag || tag.trim() == "*")
    };
    if header(IF_MATCH).is_some_and(|tags| !names(tags)) {
        let message = "At least one of the pre-conditions you specified did not hold";
        let error = ErrorAnswer::new(412, "PreconditionFailed", message);
        return Some(document(&error, &RequestId(String::new())));
    }
    let mut response = Response::new(full(""));
    let own = response.headers_mut();
    for (name, value) in [
        (ETAG, etag.clone()),
        (LAST_MODIFIED, httpdate::fmt_http_date(asset.stored)),
        (ACCEPT_RANGES, "bytes".to_owned()),
    ] {
        own.insert(name, HeaderValue::from_str(&value).ok()?);
    }
    if header(IF_NONE_MATCH).is_some_and(names) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Some(response);
    }
    let is_same = header(IF_RANGE).is_none_or(|tag| tag == etag);
    let range = header(RANGE).filter(|_| is_same);
    let (start, end) = match range.and_then(|range| span(range, length)) {
        None => (0, length),
        Some(Ok(span)) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let told = format!("bytes {}-{}/{length}", span.start, span.end - 1);
            let told = HeaderValue::from_str(&told).ok()?;
            response.headers_mut().insert(CONTENT_RANGE, told);
            (span.start, span.end)
        }
        Some(Err(())) => {
            let message = "The requested range is not satisfiable";
            let error = ErrorAnswer::new(416, "InvalidRange", message);
            let mut refused = document(&error, &RequestId(String::new()));
            let told = HeaderValue::from_str(&format!("bytes */{length}")).ok()?;
            refused.headers_mut().insert(CONTENT_RANGE, told);
            return Some(refused);
        }
    };
    let own = response.headers_mut();
    own.insert(CONTENT_LENGTH, HeaderValue::from(end - start));
    let octets = HeaderValue::from_static("application/octet-stream");
    own.insert(http::header::CONTENT_TYPE, octets);
    *response.body_mut() = asset.body(start, end)?;
    Some(response)
}

/// The bytes that a `Range` asks for; `None` for one that S3 does not heed.
fn span(range: &str, length: u64) -> Option<Result<Range<u64>, ()>> {
    let (first, last) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = if first.is_empty() {
        let wanted: u64 = last.parse().ok()?;
        (
            length.saturating_sub(wanted),
            if wanted == 0 { 0 } else { length },
        )
    } else {
        let start = first.parse().ok()?;
        let last = if last.is_empty() {
            u64::MAX
        } else {
            last.parse().ok()?
        };
        if last < start {
            return None;
        }
        (start, last.saturating_add(1).min(length))
    };
    Some(if start < end { Ok(start..end) } else { Err(()) })
}

fn document(error: &ErrorAnswer, RequestId(id): &RequestId) -> Response<PlainBody> {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message><RequestId>{}\
         </RequestId></Error>",
        escape(&error.code),
        escape(&error.message),
        escape(id)
    );
    reply(error.status(), "application/xml", xml)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_range_is_read() {
        assert_eq!(span("bytes=0-0", 10), Some(Ok(0..1)));
        assert_eq!(span("bytes=4-", 10), Some(Ok(4..10)));
        assert_eq!(span("bytes=4-99", 10), Some(Ok(4..10)));
        assert_eq!(span("bytes=-3", 10), Some(Ok(7..10)));
        assert_eq!(span("bytes=-30", 10), Some(Ok(0..10)));
        assert_eq!(span("bytes=10-", 10), Some(Err(())));
        assert_eq!(span("bytes=-0", 10), Some(Err(())));
        assert_eq!(span("bytes=0-1,4-5", 10), None);
        assert_eq!(span("lines=0-1", 10), None);
    }
}
