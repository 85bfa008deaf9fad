//! One request and its answer, whatever the service: count, play the fault, ask the service, count.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::header::{CONTENT_LENGTH, DATE, HeaderName, IF_NONE_MATCH, RANGE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::body::ShapedBody;
use crate::connection::Ending;
use crate::credential::Credential;
use crate::faults::{BodyEffects, Verdict};
use crate::service::{ErrorAnswer, PlainBody, RequestId, Service, SmallBody, Target, full, reply};
use crate::{Call, Clock, Counters, Faults, RequestHead};

/// Spreads consecutive numbers over the 64 bits of a request id (2^64 divided by the golden ratio).
const REQUEST_ID_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The largest body that is read before the request is given to a service, in bytes.
const SMALL_BODY_BYTES: u64 = 64 * 1024;

/// The connection is to be ended without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection ends without an answer")]
pub(crate) struct Closed;

/// What all connections share.
pub(crate) struct Exchange {
    /// Asked in this order; the last one takes everything.
    pub(crate) services: Vec<Box<dyn Service>>,
    pub(crate) faults: Faults,
    pub(crate) counters: Counters,
    pub(crate) clock: Clock,
    pub(crate) requests: AtomicU64,
}

impl Exchange {
    /// Answers a request of the connection that `ending` belongs to.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        ending: Ending,
    ) -> Result<Response<ShapedBody>, Closed> {
        let (mut head, body) = request.into_parts();
        let request_id = self.request_id();
        head.extensions.insert(request_id.clone());
        let body = take_body(&mut head, body).await?;
        let found = self
            .services
            .iter()
            .find_map(|service| Some((service, service.target(&head)?)));
        let Some((service, target)) = found else {
            return Ok(self.finish(unserved(), &head.method, BodyEffects::default(), ending));
        };
        let number = self.counters.arrived(call(&head, &target));
        let method = head.method.clone();
        let mut effects = self.faults.pick(&method, &target);
        let spoiled = effects
            .as_ref()
            .map_or(BodyEffects::default(), |verdict| verdict.effects.body);
        let headers = effects
            .as_ref()
            .map_or_else(HeaderMap::new, |verdict| verdict.effects.headers.clone());
        let instead = match effects.take() {
            Some(verdict) => {
                self.play(verdict, service.as_ref(), &request_id, &ending)
                    .await?
            }
            None => None,
        };
        let mut response = if let Some(response) = instead {
            response
        } else {
            let request = Request::from_parts(head, body);
            let mut response = service.answer(request, target).await;
            service.stamp(response.headers_mut(), &request_id);
            response
        };
        response.headers_mut().extend(headers);
        self.counters.answered(number, response.status().as_u16());
        Ok(self.finish(response, &method, spoiled, ending))
    }

    /// Plays what happens before the head; an answer if the fault has one of its own.
    async fn play(
        &self,
        verdict: Verdict,
        service: &dyn Service,
        request_id: &RequestId,
        ending: &Ending,
    ) -> Result<Option<Response<PlainBody>>, Closed> {
        let effects = verdict.effects.clone();
        if let Some(delay) = effects.delay {
            tokio::time::sleep(delay).await;
        }
        if effects.hang {
            verdict.removed().await;
        }
        if let Some(kind) = effects.close {
            ending.arm(kind);
            return Err(Closed);
        }
        if let Some(raw) = effects.raw {
            let status = StatusCode::from_u16(raw.status);
            let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Ok(Some(reply(status, &raw.content_type, raw.body)));
        }
        let Some((status, code)) = effects.respond else {
            return Ok(None);
        };
        let message = effects
            .message
            .unwrap_or_else(|| "A fault of the simulated AWS.".to_owned());
        let error = ErrorAnswer {
            status,
            code,
            message,
            reason: effects.reason,
        };
        let mut response = service.error(&error, request_id);
        service.stamp(response.headers_mut(), request_id);
        Ok(Some(response))
    }

    fn finish(
        &self,
        mut response: Response<PlainBody>,
        method: &Method,
        effects: BodyEffects,
        ending: Ending,
    ) -> Response<ShapedBody> {
        // Neither may carry a body, and an error answer to HEAD comes with one from the service.
        if method == Method::HEAD || response.status() == StatusCode::NOT_MODIFIED {
            *response.body_mut() = full("");
        }
        let date = httpdate::fmt_http_date(self.clock.now());
        if let Ok(date) = HeaderValue::from_str(&date) {
            response.headers_mut().insert(DATE, date);
        }
        response.map(|plain| ShapedBody::new(plain, effects, ending, self.counters.clone()))
    }

    fn request_id(&self) -> RequestId {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        RequestId(format!("{:016X}", number.wrapping_mul(REQUEST_ID_STEP)))
    }
}

/// The body for the service. A small one of a POST is read, and left with the head as well.
async fn take_body(head: &mut Parts, body: Incoming) -> Result<PlainBody, Closed> {
    let length = head.headers.get(CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if head.method != Method::POST || length.is_none_or(|length| length > SMALL_BODY_BYTES) {
        return Ok(body.map_err(Into::into).boxed_unsync());
    }
    let bytes = body.collect().await.map_err(|_| Closed)?.to_bytes();
    head.extensions.insert(SmallBody(bytes.clone()));
    Ok(full(bytes))
}

fn unserved() -> Response<PlainBody> {
    let mut response = Response::new(full("no such service\n"));
    *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
    response
}

fn call(head: &Parts, target: &Target) -> Call {
    let header = |name: HeaderName| {
        head.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let credential = Credential::of(head);
    Call {
        operation: target.operation,
        bucket: target.bucket.clone(),
        key: target.key.clone(),
        grant_type: target.grant_type.clone(),
        status: None,
        range: header(RANGE),
        if_none_match: header(IF_NONE_MATCH),
        access_key_id: credential.map(|credential| credential.access_key_id),
        head: target.operation.keeps_heads().then(|| {
            Arc::new(RequestHead {
                method: head.method.clone(),
                uri: head.uri.clone(),
                headers: head.headers.clone(),
            })
        }),
        at: Instant::now(),
    }
}
