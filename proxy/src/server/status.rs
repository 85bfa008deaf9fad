//! The one map from errors to HTTP.
//!
//! Trouble with our own credentials is never 404, 400, 401, 403, 410 or 429: every build tool would
//! ask the next, public, repository. 503 is what all of them take as passing.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::artifact::KeyError;
use crate::error::{Error, Trouble};

/// RFC 9211: this cache's name in `Cache-Status`.
pub(super) const CACHE_NAME: &str = "bazel-proxy";
const CACHE_STATUS: &str = "cache-status";
/// The `detail` of an answer that waited for a login.
const HELD: &str = "held";

/// The answer to a request whose object cannot be had.
pub(super) fn answer(error: &Error) -> Response {
    match error {
        // Plain text: maven-resolver does not take a problem+json as "not found".
        Error::NotFound => plain(StatusCode::NOT_FOUND, &error.to_string(), "not-found"),
        // Told apart for a proxy that asks: what is denied here may be allowed there.
        Error::MissingOrDenied => plain(
            StatusCode::NOT_FOUND,
            &error.to_string(),
            "missing-or-denied",
        ),
        Error::Denied(_) => plain(StatusCode::FORBIDDEN, &error.to_string(), "denied"),
        Error::LoginRequired(_) => unavailable(error, "login-required"),
        Error::Misconfigured(_) => unavailable(error, "misconfigured"),
        Error::ClockSkew(_) => unavailable(error, "clock-skew"),
        Error::Unavailable(_) => unavailable(error, "unavailable"),
        Error::Changed | Error::Corrupt(_) | Error::Cache(_) => unavailable(error, "failed"),
    }
}

/// What is wrong, in a line and in full; `None` where the bucket just does not have it.
pub(super) fn trouble(error: &Error) -> Option<(&'static str, Arc<Trouble>)> {
    Some(match error {
        Error::NotFound | Error::MissingOrDenied => return None,
        Error::Denied(_) => (
            "S3 denies access",
            Trouble::new(
                error.to_string(),
                "Ask for s3:GetObject (and kms:Decrypt) on it.",
            ),
        ),
        Error::LoginRequired(trouble) => ("AWS login required", Arc::clone(trouble)),
        Error::Misconfigured(trouble) => (
            "The proxy's configuration needs a change",
            Arc::clone(trouble),
        ),
        Error::ClockSkew(trouble) => ("This machine's clock is wrong", Arc::clone(trouble)),
        Error::Unavailable(trouble) => ("AWS cannot be reached", Arc::clone(trouble)),
        Error::Changed | Error::Corrupt(_) | Error::Cache(_) => (
            "The download went wrong",
            Trouble::new(error.to_string(), "Try again."),
        ),
    })
}

/// Sends a client that waits to the same place again. Nobody may keep this answer.
pub(super) fn again(location: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        // No URL of a request holds what a header may not.
        return answer(&Error::unavailable("this URL cannot be redirected to"));
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    let headers = response.headers_mut();
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    set_cache_status(headers, HELD);
    response
}

/// Says in an answer's `Cache-Status` that it waited for a login.
pub(super) fn mark_held(headers: &mut HeaderMap) {
    let written = headers
        .get(CACHE_STATUS)
        .and_then(|value| value.to_str().ok());
    let parameters = written.unwrap_or(CACHE_NAME).split("; ");
    let mut value: Vec<_> = parameters
        .filter(|parameter| !parameter.starts_with("detail="))
        .collect();
    let detail = format!("detail={HELD}");
    value.push(&detail);
    if let Ok(value) = HeaderValue::from_str(&value.join("; ")) {
        headers.insert(CACHE_STATUS, value);
    }
}

/// The answer to a path that cannot be a key.
pub(super) fn bad_key(error: &KeyError) -> Response {
    plain(StatusCode::BAD_REQUEST, &error.to_string(), "bad-request")
}

/// The answer to a proxy that asks itself, through others or directly.
pub(super) fn circle() -> Response {
    let text = "this request has come through this very proxy before: see UPSTREAM_PROXY_URL";
    plain(StatusCode::LOOP_DETECTED, text, "circle")
}

/// A short text, ending in a line feed for terminals.
pub(super) fn plain(status: StatusCode, text: &str, detail: &str) -> Response {
    let mut response = Response::new(Body::from(format!("{text}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    set_cache_status(headers, detail);
    response
}

/// 503 with a problem document (RFC 9457), which maven-resolver and Gradle show to the user.
fn unavailable(error: &Error, detail: &str) -> Response {
    let (title, trouble) = trouble(error).unzip();
    let trouble = trouble.map(|trouble| trouble.to_string());
    let problem = serde_json::json!({
        "title": title,
        "status": 503,
        "detail": trouble,
    });
    let mut response = Response::new(Body::from(format!("{problem}\n")));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    set_cache_status(headers, detail);
    response
}

fn set_cache_status(headers: &mut HeaderMap, detail: &str) {
    let value = format!("{CACHE_NAME}; fwd=uri-miss; detail={detail}");
    if let Ok(value) = HeaderValue::from_str(&value) {
        headers.insert(CACHE_STATUS, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_trouble_is_always_503_with_retry_after() {
        let trouble = || Trouble::new("it ended", "Run this.");
        for error in [
            Error::LoginRequired(trouble()),
            Error::Misconfigured(trouble()),
            Error::ClockSkew(trouble()),
            Error::Unavailable(trouble()),
            Error::Changed,
            Error::Corrupt("x".to_owned()),
            Error::Cache("x".to_owned()),
        ] {
            let response = answer(&error);
            assert_eq!(response.status(), 503, "{error}");
            assert!(response.headers().contains_key(RETRY_AFTER), "{error}");
        }
        assert_eq!(answer(&Error::NotFound).status(), 404);
        assert_eq!(answer(&Error::MissingOrDenied).status(), 404);
        assert_eq!(answer(&Error::Denied("x".to_owned())).status(), 403);
    }

    #[test]
    fn not_found_is_no_problem_document() {
        let response = answer(&Error::NotFound);
        assert_eq!(
            response.headers()[CONTENT_TYPE],
            "text/plain; charset=utf-8"
        );
    }

    #[test]
    fn what_waited_says_so_and_keeps_where_it_came_from() {
        for (before, after) in [
            ("bazel-proxy; hit", "bazel-proxy; hit; detail=held"),
            (
                "bazel-proxy; fwd=uri-miss; detail=uncached",
                "bazel-proxy; fwd=uri-miss; detail=held",
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_STATUS, HeaderValue::from_static(before));
            mark_held(&mut headers);
            assert_eq!(headers[CACHE_STATUS], after);
        }
    }

    #[test]
    fn nobody_may_keep_a_redirect() {
        let response = again("/g/a-1.jar?w=1");
        assert_eq!(response.status(), 307);
        assert_eq!(response.headers()[LOCATION], "/g/a-1.jar?w=1");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    }
}
