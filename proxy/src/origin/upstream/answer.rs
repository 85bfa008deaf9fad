//! What an upstream's answer means. A server that cannot be shown to be a proxy of this very repository
//! has said nothing about an artifact, whatever its status.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED,
};
use http::{HeaderMap, StatusCode};

use crate::cache_status::CacheStatus;
use crate::checksum::{Expected, ExpectedChecksum};
use crate::error::Trouble;
use crate::object::ObjectAttributes;
use crate::peer;
use crate::remote::ObjectHead;

/// A word of the upstream on one artifact.
#[derive(Debug)]
pub(super) enum Word {
    /// The whole object follows, or was asked about.
    Object(ObjectHead),
    /// Its bytes from here on follow.
    Rest {
        /// Its entity tag.
        etag: String,
        /// The first byte's place.
        start: u64,
    },
    /// It is still the one that was named.
    NotModified,
    /// S3 says that it does not exist.
    NotFound,
    /// The upstream cannot help with this one, for a reason of its own.
    Refused(String),
}

/// Reads an answer, or says why its sender is none to ask.
pub(super) fn read(
    repository: &str,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Word, Arc<Trouble>> {
    must_be_of(repository, status, headers)?;
    let word = match status {
        StatusCode::OK => object(headers),
        StatusCode::PARTIAL_CONTENT => rest(headers),
        StatusCode::NOT_MODIFIED if !is_stale(headers) => Some(Word::NotModified),
        // Not where it may be denied just as well: what this upstream may not read, we may.
        StatusCode::NOT_FOUND if detail(headers) == Some("not-found") => Some(Word::NotFound),
        _ => None,
    };
    let refused = || {
        let detail = detail(headers).unwrap_or("no detail");
        Word::Refused(format!("{status}, {detail}"))
    };
    Ok(word.unwrap_or_else(refused))
}

/// Fails unless the answer is a proxy's of the same bucket and folder.
pub(super) fn must_be_of(
    repository: &str,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<(), Arc<Trouble>> {
    match text(headers, &peer::REPOSITORY) {
        Some(theirs) if theirs == repository => {}
        Some(theirs) => {
            return Err(Trouble::new(
                format!("the upstream serves {theirs}, and this proxy {repository}"),
                "Let UPSTREAM_PROXY_URL name a proxy of the same bucket and folder.",
            ));
        }
        None if status == StatusCode::MISDIRECTED_REQUEST => {
            return Err(Trouble::new(
                "the upstream does not go by the name in UPSTREAM_PROXY_URL",
                "Add that name to the upstream's own PROXY_ALLOWED_HOSTS.",
            ));
        }
        None => {
            return Err(Trouble::new(
                format!("what answers there ({status}) is no bazel-proxy"),
                "Check UPSTREAM_PROXY_URL; behind a load balancer, whether its proxies run.",
            ));
        }
    }
    if status == StatusCode::LOOP_DETECTED {
        return Err(Trouble::new(
            "the upstream asks this very proxy in its turn",
            "Let UPSTREAM_PROXY_URL name a proxy that asks S3, here or there.",
        ));
    }
    Ok(())
}

/// S3 always tells length and entity tag, and so does a proxy: without them, something in between has
/// changed the answer. So it has where the tag is a weak one.
fn object(headers: &HeaderMap) -> Option<Word> {
    if is_stale(headers) {
        return None;
    }
    let owned = |name| text(headers, name).map(str::to_owned);
    let attributes = ObjectAttributes {
        length: text(headers, &CONTENT_LENGTH)?.parse().ok()?,
        etag: Some(strong_etag(headers)?.to_owned()),
        last_modified: last_modified(headers),
        content_type: owned(&CONTENT_TYPE),
        content_encoding: owned(&CONTENT_ENCODING),
    };
    let expected = Expected {
        length: attributes.length,
        checksums: ExpectedChecksum::promised_by_proxy(headers),
    };
    Some(Word::Object(ObjectHead {
        attributes,
        expected,
    }))
}

/// Whether it is the upstream's old copy, of which it could not ask S3 either.
fn is_stale(headers: &HeaderMap) -> bool {
    detail(headers) == Some("stale")
}

fn rest(headers: &HeaderMap) -> Option<Word> {
    let range = text(headers, &CONTENT_RANGE)?.strip_prefix("bytes ")?;
    Some(Word::Rest {
        etag: strong_etag(headers)?.to_owned(),
        start: range.split_once('-')?.0.parse().ok()?,
    })
}

fn strong_etag(headers: &HeaderMap) -> Option<&str> {
    text(headers, &ETAG).filter(|etag| etag.starts_with('"'))
}

fn last_modified(headers: &HeaderMap) -> Option<i64> {
    let date = httpdate::parse_http_date(text(headers, &LAST_MODIFIED)?).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

fn detail(headers: &HeaderMap) -> Option<&str> {
    CacheStatus::of(headers)?.detail()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "s3://artifacts/";

    fn read_as(status: u16, headers: &[(&str, &str)]) -> Result<Word, Arc<Trouble>> {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
                (name, value.parse().expect("a value"))
            })
            .collect();
        let status = StatusCode::from_u16(status).expect("a status");
        read(OURS, status, &headers)
    }

    const MARK: (&str, &str) = ("x-bazel-proxy-repository", OURS);
    const LENGTH: (&str, &str) = ("content-length", "7");
    const TAG: (&str, &str) = ("etag", "\"abc\"");

    fn refused(status: u16, headers: &[(&str, &str)]) -> bool {
        let all: Vec<_> = headers.iter().chain([&MARK]).copied().collect();
        matches!(read_as(status, &all), Ok(Word::Refused(_)))
    }

    #[test]
    fn whoever_does_not_name_our_repository_has_said_nothing() {
        for status in [200, 204, 301, 302, 304, 401, 404, 407, 421, 500, 502, 503] {
            let answer = read_as(status, &[LENGTH, TAG, ("cache-status", "bazel-proxy; hit")]);
            assert!(answer.is_err(), "{status}");
        }
        let other = ("x-bazel-proxy-repository", "s3://other/");
        let trouble = read_as(200, &[other, LENGTH, TAG]).expect_err("another bucket");
        assert!(trouble.reason.contains("s3://other/"), "{trouble}");
        assert!(read_as(508, &[MARK]).is_err(), "a circle");
    }

    #[test]
    fn an_object_has_a_length_and_a_strong_tag() {
        let object = read_as(200, &[MARK, LENGTH, TAG]).expect("a word");
        let Word::Object(head) = object else {
            panic!("{object:?}");
        };
        assert_eq!(head.attributes.length, 7);
        assert_eq!(head.attributes.etag.as_deref(), Some("\"abc\""));
        assert!(refused(200, &[TAG]));
        assert!(refused(200, &[LENGTH]));
        assert!(refused(200, &[LENGTH, ("etag", "W/\"abc\"")]));
        let stale = ("cache-status", "bazel-proxy; hit; detail=stale");
        assert!(refused(200, &[LENGTH, TAG, stale]));
    }

    #[test]
    fn an_old_copy_that_nobody_has_asked_about_confirms_nothing() {
        let revalidated = ("cache-status", "bazel-proxy; hit; detail=revalidated");
        let confirmed = read_as(304, &[MARK, TAG, revalidated]);
        assert!(matches!(confirmed, Ok(Word::NotModified)));
        let stale = ("cache-status", "bazel-proxy; hit; detail=stale");
        assert!(refused(304, &[TAG, stale]));
    }

    #[test]
    fn only_s3s_own_word_makes_an_artifact_missing() {
        let detail = |detail: &str| format!("bazel-proxy; fwd=uri-miss; detail={detail}");
        let missing = detail("not-found");
        let missing = read_as(404, &[MARK, ("cache-status", &missing)]);
        assert!(matches!(missing, Ok(Word::NotFound)));
        assert!(refused(
            404,
            &[("cache-status", &detail("missing-or-denied"))]
        ));
        assert!(refused(404, &[]));
        for status in [307, 400, 403, 410, 412, 416, 429, 503] {
            assert!(refused(status, &[("cache-status", &detail("not-found"))]));
        }
    }

    #[test]
    fn the_rest_of_an_object_says_where_it_begins() {
        let range = ("content-range", "bytes 5-6/7");
        let rest = read_as(206, &[MARK, TAG, range]).expect("a word");
        assert!(matches!(rest, Word::Rest { start: 5, .. }), "{rest:?}");
        assert!(refused(206, &[TAG]));
        assert!(refused(206, &[TAG, ("content-range", "bytes */7")]));
        assert!(refused(206, &[range]));
    }
}
