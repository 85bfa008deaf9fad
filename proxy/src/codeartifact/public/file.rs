//! A public file on its way.

use std::sync::Arc;

use aws_sdk_s3::primitives::SdkBody;
use http::header::{IF_MATCH, RANGE};
use http::request::Builder;
use http::{Response, StatusCode};
use url::Url;

use super::super::Upstream;
use super::super::client::Client;
use super::rule::may_come_from;
use super::wire::ask;
use crate::config::PublicFallback;
use crate::error::Error;

/// Where a public file comes from, and may go on.
pub(in crate::codeartifact) struct PublicFileSource {
    pub(super) client: Arc<Client>,
    pub(super) upstream: Arc<Upstream>,
    pub(super) url: Url,
    pub(super) path: String,
}

impl PublicFileSource {
    /// For the log.
    pub(in crate::codeartifact) fn path(&self) -> &str {
        &self.path
    }

    /// The rest of the file, if it is still the one of this entity tag.
    pub(in crate::codeartifact) async fn rest(
        &self,
        from: u64,
        etag: &str,
    ) -> Result<Response<SdkBody>, Error> {
        let fallback = self
            .upstream
            .config
            .public_fallback
            .as_ref()
            .ok_or(Error::NotFound)?;
        let ranged = |request: Builder| {
            if from == 0 {
                return request;
            }
            request
                .header(RANGE, format!("bytes={from}-"))
                .header(IF_MATCH, etag)
        };
        self.ask(fallback, ranged).await
    }

    pub(super) async fn ask(
        &self,
        fallback: &PublicFallback,
        with: impl Fn(Builder) -> Builder,
    ) -> Result<Response<SdkBody>, Error> {
        let may_be = |to: &Url| may_come_from(fallback, to);
        let what = ("public_file", &self.url);
        let response = ask(&self.client, &self.upstream, what, may_be, with).await?;
        match response.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(response),
            StatusCode::PRECONDITION_FAILED => Err(Error::Changed),
            StatusCode::NOT_FOUND => Err(Error::NotFound),
            status => Err(Error::unavailable(format!(
                "a public file cannot be had (status {})",
                status.as_u16()
            ))),
        }
    }
}
