//! The one map from errors to HTTP.
//!
//! Trouble with our own credentials is never 404, 400, 401, 403, 410 or 429: every build tool would
//! ask the next, public, repository. 503 is what all of them take as passing.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use super::verdict::Verdict;
use crate::artifact::KeyError;
use crate::error::{Error, Trouble};
use crate::metrics::Issuance;

/// The answer to a request whose object cannot be had.
pub(super) fn answer(error: &Error) -> Response {
    match error {
        // Plain text: maven-resolver does not take a problem+json as "not found".
        Error::NotFound => plain(StatusCode::NOT_FOUND, &error.to_string(), Verdict::NotFound),
        // Told apart for a proxy that asks: what is denied here may be allowed there.
        Error::MissingOrDenied => plain(
            StatusCode::NOT_FOUND,
            &error.to_string(),
            Verdict::MissingOrDenied,
        ),
        Error::Denied(_) => plain(StatusCode::FORBIDDEN, &error.to_string(), Verdict::Denied),
        Error::LoginRequired(_) => unavailable(error, Verdict::LoginRequired),
        Error::Misconfigured(_) => unavailable(error, Verdict::Misconfigured),
        Error::ClockSkew(_) => unavailable(error, Verdict::ClockSkew),
        Error::Unavailable(_) => unavailable(error, Verdict::Unavailable),
        Error::Rejected { status, .. } => rejected(*status, error),
        Error::Throttled { retry_after } => throttled(*retry_after, error),
        Error::Changed | Error::Corrupt(_) | Error::Cache(_) => unavailable(error, Verdict::Failed),
    }
}

/// What the repository says of the request itself.
fn rejected(status: u16, error: &Error) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    plain(status, &error.to_string(), Verdict::Rejected)
}

/// 429 with the repository's own advice.
fn throttled(retry_after: Option<u64>, error: &Error) -> Response {
    let mut response = plain(
        StatusCode::TOO_MANY_REQUESTS,
        &error.to_string(),
        Verdict::Throttled,
    );
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from(retry_after.unwrap_or(1)));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What is wrong, in a line and in full; `None` where the bucket just does not have it.
pub(super) fn trouble(error: &Error) -> Option<(&'static str, Arc<Trouble>)> {
    Some(match error {
        Error::NotFound | Error::MissingOrDenied | Error::Rejected { .. } => return None,
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
        Error::Unavailable(trouble) => ("This cannot be fetched now", Arc::clone(trouble)),
        Error::Throttled { .. } => (
            "CodeArtifact throttles",
            Trouble::new(error.to_string(), "Let fewer builds run at once."),
        ),
        Error::Changed | Error::Corrupt(_) | Error::Cache(_) => (
            "The download went wrong",
            Trouble::new(error.to_string(), "Try again."),
        ),
    })
}

/// The answer to an SDK that asks for credentials: a status that tells it whether to try again, and the name
/// of the trouble. `is_denied`: AWS denies them, which [`Error`] does not tell from other misconfiguration.
///
/// Here nobody takes a 4xx for a missing file: it is what every SDK takes as lasting, and 503 as passing.
pub(super) fn for_sdk(error: &Error, is_denied: bool) -> (StatusCode, Issuance) {
    const PASSING: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
    match error {
        Error::LoginRequired(_) => (PASSING, Issuance::LoginRequired),
        Error::ClockSkew(_) => (PASSING, Issuance::ClockSkew),
        Error::Misconfigured(_) if !is_denied => {
            (StatusCode::FAILED_DEPENDENCY, Issuance::Misconfigured)
        }
        Error::Misconfigured(_) | Error::Denied(_) => (StatusCode::FORBIDDEN, Issuance::Denied),
        // The others are about objects: no credentials come of them either.
        Error::Unavailable(_)
        | Error::NotFound
        | Error::MissingOrDenied
        | Error::Rejected { .. }
        | Error::Throttled { .. }
        | Error::Changed
        | Error::Corrupt(_)
        | Error::Cache(_) => (PASSING, Issuance::Unavailable),
    }
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
    Verdict::Redirected.mark(&mut response);
    response
}

/// The answer to a path that cannot be a key.
pub(super) fn bad_key(error: &KeyError) -> Response {
    plain(
        StatusCode::BAD_REQUEST,
        &error.to_string(),
        Verdict::BadRequest,
    )
}

/// The answer to a proxy that asks itself, through others or directly, or through far too many.
pub(super) fn circle() -> Response {
    let text = "this request has come through this very proxy before, or through too many: see UPSTREAM_PROXY_URL";
    plain(StatusCode::LOOP_DETECTED, text, Verdict::Circle)
}

/// A short text, ending in a line feed for terminals.
pub(super) fn plain(status: StatusCode, text: &str, verdict: Verdict) -> Response {
    let mut response = Response::new(Body::from(format!("{text}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    verdict.mark(&mut response);
    response
}

/// 503 with a problem document (RFC 9457), which maven-resolver and Gradle show to the user.
fn unavailable(error: &Error, verdict: Verdict) -> Response {
    let (title, trouble) = trouble(error).unzip();
    let mut problem = serde_json::json!({
        "title": title,
        "status": 503,
        "detail": trouble.as_ref().map(ToString::to_string),
    });
    if let Some(command) = trouble
        .as_ref()
        .and_then(|trouble| trouble.command.as_ref())
    {
        problem["command"] = command.as_str().into();
    }
    let mut response = Response::new(Body::from(format!("{problem}\n")));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    verdict.mark(&mut response);
    response
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
    fn an_sdk_tries_again_what_passes_and_nothing_else() {
        let trouble = || Trouble::new("it ended", "Run this.");
        for (error, is_denied, status, outcome) in [
            (
                Error::LoginRequired(trouble()),
                false,
                503,
                Issuance::LoginRequired,
            ),
            (Error::ClockSkew(trouble()), false, 503, Issuance::ClockSkew),
            (
                Error::Unavailable(trouble()),
                false,
                503,
                Issuance::Unavailable,
            ),
            (
                Error::Misconfigured(trouble()),
                false,
                424,
                Issuance::Misconfigured,
            ),
            (Error::Misconfigured(trouble()), true, 403, Issuance::Denied),
        ] {
            let (told, of) = for_sdk(&error, is_denied);
            assert_eq!((told.as_u16(), of), (status, outcome), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_problem_document_names_the_command_where_there_is_one() {
        let with = Trouble::with_command("it ended", "a b", |command| format!("Run `{command}`."));
        let without = Trouble::new("it ended", "Run `a b`.");
        for (trouble, command) in [(with, Some("a b")), (without, None)] {
            let body = answer(&Error::LoginRequired(trouble)).into_body();
            let body = axum::body::to_bytes(body, 1000).await.expect("a body");
            let problem: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(problem["detail"], "it ended. Run `a b`.");
            assert_eq!(problem.get("command").and_then(|it| it.as_str()), command);
        }
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
    fn nobody_may_keep_a_redirect() {
        let response = again("/g/a-1.jar?w=1");
        assert_eq!(response.status(), 307);
        assert_eq!(response.headers()[LOCATION], "/g/a-1.jar?w=1");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    }
}
