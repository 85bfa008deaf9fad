//! Answers in the forms that every SDK reads.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use prometheus::TEXT_FORMAT;
use serde::Serialize;

use super::Answer;
use super::refusal::Refusal;
use crate::container_credentials::Issued;
use crate::metrics::Issuance;

/// When passing trouble is worth another try: a renewal that is under way takes no longer.
const TRY_AGAIN: HeaderValue = HeaderValue::from_static("2");

/// SDKs read either spelling, and botocore prints the whole.
#[derive(Serialize)]
struct Failure<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(rename = "Code")]
    code_again: &'a str,
    #[serde(rename = "Message")]
    message_again: &'a str,
}

/// Credentials.
pub(super) fn issued(issued: &Issued, is_head: bool) -> Answer {
    json(StatusCode::OK, issued.document.clone(), is_head)
}

/// Why there are none.
pub(super) fn trouble(
    status: StatusCode,
    outcome: Issuance,
    message: &str,
    is_head: bool,
) -> Answer {
    let mut answer = failure(status, code(outcome), message, is_head);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(RETRY_AFTER, TRY_AGAIN);
    }
    answer
}

/// For programs; people have the message.
fn code(outcome: Issuance) -> &'static str {
    match outcome {
        Issuance::LoginRequired => "LoginRequired",
        Issuance::ClockSkew => "ClockSkew",
        Issuance::Denied | Issuance::NotAllowed => "AccessDenied",
        Issuance::Misconfigured => "Misconfigured",
        Issuance::Unavailable | Issuance::Issued | Issuance::Checked => "Unavailable",
    }
}

/// Why the request is refused.
pub(super) fn refusal(refusal: &Refusal, is_head: bool) -> Answer {
    let mut answer = failure(
        refusal.status(),
        refusal.code(),
        &refusal.message(),
        is_head,
    );
    let headers = answer.headers_mut();
    match refusal.status() {
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        StatusCode::UNAUTHORIZED => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    if let Some(seconds) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

fn failure(status: StatusCode, code: &str, message: &str, is_head: bool) -> Answer {
    let failure = Failure {
        code,
        message,
        code_again: code,
        message_again: message,
    };
    let body = serde_json::to_vec(&failure).unwrap_or_default();
    json(status, body.into(), is_head)
}

/// For programs.
pub(super) fn json(status: StatusCode, body: Bytes, is_head: bool) -> Answer {
    whole(status, "application/json", body, is_head)
}

/// For Prometheus.
pub(super) fn numbers(text: prometheus::Result<Vec<u8>>, is_head: bool) -> Answer {
    match text {
        Ok(text) => whole(StatusCode::OK, TEXT_FORMAT, text.into(), is_head),
        Err(error) => {
            let message = error.to_string();
            failure(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Failed",
                &message,
                is_head,
            )
        }
    }
}

/// Nobody may keep it. A HEAD is told the length and given nothing.
pub(in crate::server) fn whole(
    status: StatusCode,
    kind: &'static str,
    body: Bytes,
    is_head: bool,
) -> Answer {
    let length = HeaderValue::from(body.len());
    let body = if is_head { Bytes::new() } else { body };
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
