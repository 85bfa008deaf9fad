//! What an AWS service is to the HTTP side: a classifier of requests and a maker of answers.

use crate::Operation;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};

/// Any error, where only its text matters.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A response's body before faults and counting.
pub(crate) type PlainBody = UnsyncBoxBody<Bytes, BoxError>;

/// What a request is about, as far as its head says.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) operation: Operation,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) grant_type: Option<String>,
}

impl Target {
    /// An operation on nothing that has a name.
    pub(crate) fn of(operation: Operation) -> Self {
        Self {
            operation,
            bucket: None,
            key: None,
            grant_type: None,
        }
    }
}

/// The request's id, in the request's extensions, for error documents.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

impl RequestId {
    /// The id of a request.
    pub(crate) fn of(head: &Parts) -> Self {
        let id = head.extensions.get::<Self>().cloned();
        id.unwrap_or_else(|| Self(String::new()))
    }
}

/// The body of a small POST, in the request's extensions: STS says only there what it is asked.
#[derive(Clone, Debug)]
pub(crate) struct SmallBody(pub(crate) Bytes);

impl SmallBody {
    /// The bytes of a request's small body; none for a request without.
    pub(crate) fn of(head: &Parts) -> &[u8] {
        head.extensions
            .get::<Self>()
            .map_or(&[], |body| body.0.as_ref())
    }
}

/// An error to be said in a service's own form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ErrorAnswer {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    /// The `reason` that SSO-OIDC gives beside a code; other services have none.
    pub(crate) reason: Option<String>,
}

impl ErrorAnswer {
    pub(crate) fn new(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            reason: None,
        }
    }

    /// The status; one that is none becomes a 500.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// One AWS service.
pub(crate) trait Service: Send + Sync {
    /// What the request asks of this service, or `None` if it is for another one.
    fn target(&self, head: &Parts) -> Option<Target>;

    /// Answers a request.
    fn answer(
        &self,
        request: Request<PlainBody>,
        target: Target,
    ) -> BoxFuture<'_, Response<PlainBody>>;

    /// An error in the service's own form.
    fn error(&self, error: &ErrorAnswer, request_id: &RequestId) -> Response<PlainBody>;

    /// Puts the headers on an answer that all answers of the service have.
    fn stamp(&self, headers: &mut HeaderMap, RequestId(request_id): &RequestId) {
        if let Ok(value) = HeaderValue::from_str(request_id) {
            headers.insert("x-amzn-requestid", value);
        }
    }
}

/// A body that is at hand.
pub(crate) fn full(bytes: impl Into<Bytes>) -> PlainBody {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// An answer with a content type (none, if it is empty) and a body that is at hand.
pub(crate) fn reply(
    status: StatusCode,
    content_type: &str,
    bytes: impl Into<Bytes>,
) -> Response<PlainBody> {
    let mut response = Response::new(full(bytes));
    *response.status_mut() = status;
    match HeaderValue::from_str(content_type) {
        Ok(value) if !value.is_empty() => {
            response.headers_mut().insert(CONTENT_TYPE, value);
        }
        Ok(_) | Err(_) => {}
    }
    response
}
