//! A page on its way out: with its tag and its time, and under their conditions.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream;
use http::header::{
    CONTENT_LENGTH, ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, VARY,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sha2::{Digest, Sha256};

use super::options::{Feature, Options};
use crate::service::{BoxError, PlainBody, full, reply};

/// A chunked page comes in pieces of so many bytes.
const PIECE_BYTES: usize = 1_000;

/// What is answered at once.
pub(crate) struct Page {
    pub(crate) bytes: Bytes,
    pub(crate) content_type: &'static str,
    /// Of the latest file that it tells of.
    pub(crate) modified: Option<SystemTime>,
}

impl Page {
    /// With tag, time and length.
    pub(crate) fn answer_as_usual(self, headers: &HeaderMap) -> Response<PlainBody> {
        self.answer(&Options::default(), headers)
    }

    pub(super) fn answer(self, options: &Options, headers: &HeaderMap) -> Response<PlainBody> {
        let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let etag = hex::encode(&Sha256::digest(&self.bytes)[..16]);
        let etag = Some(format!("\"{etag}\"")).filter(|_| options.has(Feature::Etag));
        let modified = self.modified.filter(|_| options.has(Feature::LastModified));
        let is_same = match (&etag, header(IF_NONE_MATCH)) {
            (Some(etag), Some(tags)) => tags.split(',').any(|tag| tag.trim() == etag),
            (None, Some(_)) => false,
            (_, None) => modified
                .zip(header(IF_MODIFIED_SINCE))
                .is_some_and(|(own, theirs)| {
                    // The header has no fractions.
                    httpdate::parse_http_date(theirs)
                        .is_ok_and(|theirs| own < theirs + Duration::from_secs(1))
                }),
        };
        let mut response = if is_same {
            let mut response = Response::new(full(""));
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            let length = self.bytes.len();
            let mut response = reply(StatusCode::OK, self.content_type, self.bytes.clone());
            if options.has(Feature::ContentLength) {
                // Said here because an answer to HEAD loses its body.
                let length = HeaderValue::from(length);
                response.headers_mut().insert(CONTENT_LENGTH, length);
            } else {
                *response.body_mut() = chunked(&self.bytes);
            }
            response
        };
        let own = response.headers_mut();
        own.insert(VARY, HeaderValue::from_static("Accept"));
        let modified = modified.map(httpdate::fmt_http_date);
        for (name, value) in [(ETAG, etag), (LAST_MODIFIED, modified)] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                own.insert(name, value);
            }
        }
        response
    }
}

fn chunked(bytes: &Bytes) -> PlainBody {
    let pieces: Vec<_> = bytes
        .chunks(PIECE_BYTES)
        .map(|piece| Ok::<_, BoxError>(Frame::data(bytes.slice_ref(piece))))
        .collect();
    BodyExt::boxed_unsync(StreamBody::new(stream::iter(pieces)))
}
