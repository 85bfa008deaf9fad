//! S3 as a service: what a request is about, the gate, and s3s behind it.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::SERVER;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};

use super::access::{FolderNames, Guard};
use super::backend::Backend;
use super::error::document;
use super::gate::Gate;
use crate::credential::{Credential, query_value};
use crate::service::{ErrorAnswer, PlainBody, RequestId, Service, Target};
use crate::{Clock, Identities, Operation, S3};

/// S3 behind the exchange. It takes every request, so it is the last service.
pub(crate) struct Front {
    s3: S3,
    gate: Gate,
    service: S3Service,
}

impl Front {
    pub(crate) fn new(s3: S3, identities: Identities, clock: Clock) -> Self {
        let mut builder = S3ServiceBuilder::new(Backend::new(s3.clone(), identities.clone()));
        builder.set_auth(Guard(identities.clone()));
        builder.set_access(Guard(identities.clone()));
        builder.set_validation(FolderNames);
        // The gate judges the skew by the simulated clock; s3s would by the machine's.
        let mut config = S3Config::default();
        config.presigned_url_max_skew_time_secs = u32::MAX;
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        Self {
            s3,
            gate: Gate { identities, clock },
            service: builder.build(),
        }
    }

    async fn serve(&self, request: Request<PlainBody>, target: Target) -> Response<PlainBody> {
        let (head, body) = request.into_parts();
        let request_id = RequestId::of(&head);
        let credential = Credential::of(&head);
        if let Err(error) = self.gate.check(credential.as_ref(), &target, &self.s3) {
            return error.response(&request_id);
        }
        let request = Request::from_parts(head, s3s::Body::http_body_unsync(body));
        match self.service.call(request).await {
            Ok(response) => response.map(BodyExt::boxed_unsync),
            Err(error) => {
                tracing::error!(?error, "s3s gave no answer");
                let error = ErrorAnswer::new(500, "InternalError", "s3s gave no answer.");
                self.error(&error, &request_id)
            }
        }
    }
}

impl Service for Front {
    fn target(&self, head: &Parts) -> Option<Target> {
        let path = head.uri.path();
        let path = percent_decode_str(path.strip_prefix('/').unwrap_or(path)).decode_utf8_lossy();
        let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (bucket, key) = (given(bucket), given(key));
        let query = head.uri.query().unwrap_or_default();
        let operation = operation(&head.method, bucket.is_some(), key.is_some(), query);
        Some(Target {
            operation,
            bucket,
            key,
            grant_type: None,
        })
    }

    fn answer(
        &self,
        request: Request<PlainBody>,
        target: Target,
    ) -> BoxFuture<'_, Response<PlainBody>> {
        self.serve(request, target).boxed()
    }

    fn error(&self, error: &ErrorAnswer, request_id: &RequestId) -> Response<PlainBody> {
        document(error.status, &error.code, &error.message, &[], request_id)
    }

    fn stamp(&self, headers: &mut HeaderMap, RequestId(request_id): &RequestId) {
        headers.insert(SERVER, HeaderValue::from_static("AmazonS3"));
        for name in ["x-amz-request-id", "x-amz-id-2"] {
            if let Ok(value) = HeaderValue::from_str(request_id) {
                headers.insert(name, value);
            }
        }
    }
}

/// Tells the operations apart, as s3s does later.
fn operation(method: &Method, bucket: bool, key: bool, query: &str) -> Operation {
    let asks = |name: &str| query_value(query, name).is_some();
    // Sub-resources have operations of their own.
    let other = [
        "acl",
        "tagging",
        "uploads",
        "uploadId",
        "attributes",
        "torrent",
        "retention",
    ];
    if other.into_iter().any(asks) {
        return Operation::Unknown;
    }
    match (method.as_str(), bucket, key) {
        ("GET", true, true) => Operation::GetObject,
        ("HEAD", true, true) => Operation::HeadObject,
        ("PUT", true, true) => Operation::PutObject,
        ("DELETE", true, true) => Operation::DeleteObject,
        ("GET", true, false) if asks("list-type") => Operation::ListObjectsV2,
        ("GET", true, false) if asks("location") => Operation::GetBucketLocation,
        ("HEAD", true, false) => Operation::HeadBucket,
        ("GET", false, false) => Operation::ListBuckets,
        _ => Operation::Unknown,
    }
}
