//! S3's error documents, where s3s does not write them.

use std::fmt::Write as _;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

use crate::service::{PlainBody, RequestId, full};
use crate::xml::escape;

/// An error that is answered before s3s sees the request.
#[derive(Debug)]
pub(crate) struct EarlyError {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
    /// Further elements of the document.
    pub(crate) details: Vec<(&'static str, String)>,
    /// The value of `x-amz-bucket-region`.
    pub(crate) bucket_region: Option<String>,
}

impl EarlyError {
    pub(crate) fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self {
            status,
            code,
            message,
            details: Vec::new(),
            bucket_region: None,
        }
    }

    pub(crate) fn detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    pub(crate) fn response(&self, request_id: &RequestId) -> Response<PlainBody> {
        let mut response = document(
            self.status,
            self.code,
            self.message,
            &self.details,
            request_id,
        );
        let region = self
            .bucket_region
            .as_deref()
            .and_then(|name| HeaderValue::from_str(name).ok());
        if let Some(region) = region {
            response.headers_mut().insert("x-amz-bucket-region", region);
        }
        response
    }
}

/// An error document; a status that is none becomes a 500.
pub(crate) fn document(
    status: u16,
    code: &str,
    message: &str,
    details: &[(&'static str, String)],
    RequestId(request_id): &RequestId,
) -> Response<PlainBody> {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    let known = [("Code", code), ("Message", message)];
    let details = details.iter().map(|(name, value)| (*name, value.as_str()));
    let ids = [
        ("RequestId", request_id.as_str()),
        ("HostId", request_id.as_str()),
    ];
    for (name, value) in known.into_iter().chain(details).chain(ids) {
        // Writing to a String cannot fail.
        let _ = write!(xml, "<{name}>{}</{name}>", escape(value));
    }
    xml.push_str("</Error>");
    let mut response = Response::new(full(xml));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let xml = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(CONTENT_TYPE, xml);
    response
}
