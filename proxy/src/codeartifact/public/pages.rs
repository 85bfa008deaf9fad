//! Pages of public indexes as a far side: what a key names is asked of the index whose it is.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;
use url::Url;

use super::super::Upstream;
use super::super::body::{WholeBody, page_of, received, text, text_of};
use super::super::client::Client;
use super::super::repositories::Tables;
use super::rule::allowed;
use super::wire::ask;
use crate::artifact::{ArtifactKey, Freshness};
use crate::config::PublicFallback;
use crate::error::Error;
use crate::object::ObjectAttributes;
use crate::remote::{Body, Remote, Revalidation};

/// What stands before the client's `Accept` in a key.
const FORM: &str = "/@accept=";

/// The far side of that fetcher.
pub(super) struct Pages {
    pub(super) tables: Arc<Tables>,
    pub(super) client: Arc<Client>,
}

impl Pages {
    /// A page as it is, unless it is still the one of this entity tag.
    async fn ask(
        &self,
        key: &ArtifactKey,
        unless: Option<&str>,
    ) -> Result<Option<Box<dyn Body>>, Error> {
        let (rest, accept) = key.as_str().rsplit_once(FORM).ok_or(Error::NotFound)?;
        let (rest, name) = rest.rsplit_once('/').ok_or(Error::NotFound)?;
        let (of, index) = rest.rsplit_once('/').ok_or(Error::NotFound)?;
        let table = self.tables.get();
        let upstream = table.by_name(of).ok_or(Error::NotFound)?;
        let fallback = allowed(upstream.config.public_fallback.as_ref(), name)?;
        if index != index_of(fallback) {
            return Err(Error::NotFound);
        }
        let accept = percent_decode_str(accept).decode_utf8_lossy().into_owned();
        let url = page_url(fallback, name)?;
        // Links of a page are read by where it was asked for: it has to be there.
        let nowhere = |_: &Url| false;
        let response = ask(
            &self.client,
            upstream,
            ("public_page", &url),
            nowhere,
            |request| {
                let request = if accept.is_empty() {
                    request
                } else {
                    request.header(ACCEPT, accept.as_str())
                };
                match unless {
                    Some(etag) => request.header(IF_NONE_MATCH, etag),
                    None => request,
                }
            },
        );
        let response = response.await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if unless.is_some() => return Ok(None),
            StatusCode::NOT_FOUND => return Err(Error::NotFound),
            status => {
                let said = text_of(response.into_body()).await;
                let why = format!("the public index answers {} ({said})", status.as_u16());
                return Err(Error::unavailable(why));
            }
        }
        let headers = response.headers().clone();
        let (body, _room) = page_of(response, &self.client.pages).await?;
        received(self.client.metrics(), upstream).inc_by(body.len() as u64);
        let attributes = ObjectAttributes {
            length: body.len() as u64,
            etag: text(&headers, &ETAG).map(str::to_owned),
            last_modified: None,
            content_type: text(&headers, &CONTENT_TYPE).map(str::to_owned),
            content_encoding: None,
        };
        Ok(Some(WholeBody::boxed(attributes, body)))
    }
}

impl Remote for Pages {
    fn get(self: Arc<Self>, key: ArtifactKey) -> BoxFuture<'static, Result<Box<dyn Body>, Error>> {
        Box::pin(async move { self.ask(&key, None).await?.ok_or(Error::Changed) })
    }

    fn revalidate(
        self: Arc<Self>,
        key: ArtifactKey,
        copy: ObjectAttributes,
        patience: Duration,
    ) -> BoxFuture<'static, Result<Revalidation, Error>> {
        Box::pin(async move {
            let asked = timeout(patience, self.ask(&key, copy.etag.as_deref())).await;
            let late = |_| Error::unavailable("the public index takes its time");
            Ok(match asked.map_err(late)?? {
                Some(body) => Revalidation::Changed(body),
                None => Revalidation::NotModified,
            })
        })
    }

    fn refuse_without_login(&self) -> Result<(), Error> {
        Ok(())
    }

    fn freshness(&self, _key: &str) -> Freshness {
        Freshness::Mutable
    }

    fn remembers_missing(&self) -> bool {
        false
    }
}

pub(super) fn page_url(fallback: &PublicFallback, name: &str) -> Result<Url, Error> {
    let url = fallback.index_url.join(&format!("{name}/"));
    url.map_err(|_| Error::unavailable("this is no name of a project"))
}

/// `<name of the repository>/<hash of the index's URL>/<project>/@accept=…`: another index has other pages.
pub(super) fn key_of(
    upstream: &Upstream,
    fallback: &PublicFallback,
    name: &str,
    accept: &str,
) -> Result<ArtifactKey, Error> {
    let accept = utf8_percent_encode(accept, NON_ALPHANUMERIC);
    let index = index_of(fallback);
    let key = format!("{}/{index}/{name}{FORM}{accept}", upstream.name());
    ArtifactKey::new(&key).map_err(|_| Error::NotFound)
}

fn index_of(fallback: &PublicFallback) -> String {
    let mut hash = hex::encode(Sha256::digest(fallback.index_url.as_str()));
    hash.truncate(16);
    hash
}
