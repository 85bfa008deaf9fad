//! What an AWS service is to the HTTP side: a classifier of requests and a maker of answers.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;

use crate::Operation;

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
}

/// The request's id, in the request's extensions, for error documents.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// One AWS service.
pub(crate) trait Service: Send + Sync {
    /// What the request asks of this service, or `None` if it is for another one.
    fn target(&self, head: &Parts) -> Option<Target>;

    /// Answers a request.
    fn answer(
        &self,
        request: Request<Incoming>,
        target: Target,
    ) -> BoxFuture<'_, Response<PlainBody>>;

    /// An error in the service's own form.
    fn error(&self, status: u16, code: &str, request_id: &RequestId) -> Response<PlainBody>;
}

/// A body that is at hand.
pub(crate) fn full(bytes: impl Into<Bytes>) -> PlainBody {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}
