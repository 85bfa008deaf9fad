//! CodeArtifact as a far side: what a key of the cache names is asked of the repository whose it is.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use futures_util::future::BoxFuture;

use super::address::Address;
use super::table::Table;
use crate::artifact::{ArtifactKey, Freshness};
use crate::config::{CodeArtifactUpstream, Config, Format};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::object::ObjectAttributes;
use crate::remote::{Body, Remote, Revalidation};

/// All repositories, and the way to them.
pub(super) struct Repositories {
    table: RwLock<Arc<Table>>,
    credentials: Credentials,
    _metrics: Arc<Metrics>,
}

impl Repositories {
    pub(super) fn new(
        config: &Config,
        credentials: Credentials,
        _http: &SharedHttpClient,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            table: RwLock::new(Arc::new(Table::new(config.codeartifact.clone()))),
            credentials,
            _metrics: metrics,
        }
    }

    pub(super) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn replace(&self, upstreams: Vec<CodeArtifactUpstream>) {
        let table = Arc::new(Table::new(upstreams));
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = table;
    }
}

impl Remote for Repositories {
    fn get(self: Arc<Self>, _key: ArtifactKey) -> BoxFuture<'static, Result<Box<dyn Body>, Error>> {
        Box::pin(async { Err(Error::NotFound) })
    }

    fn head(
        self: Arc<Self>,
        key: ArtifactKey,
    ) -> BoxFuture<'static, Result<ObjectAttributes, Error>> {
        Box::pin(async move { Ok(self.get(key).await?.head().attributes.clone()) })
    }

    fn revalidate(
        self: Arc<Self>,
        key: ArtifactKey,
        _copy: ObjectAttributes,
        _patience: Duration,
    ) -> BoxFuture<'static, Result<Revalidation, Error>> {
        Box::pin(async move { Ok(Revalidation::Changed(self.get(key).await?)) })
    }

    fn refuse_without_login(&self) -> Result<(), Error> {
        self.credentials.refuse_without_login()
    }

    fn freshness(&self, key: &str) -> Freshness {
        // Without an allocation, as every hit asks.
        let mut parts = key.splitn(4, '/').skip(2);
        let format = parts.next().and_then(Format::of_name);
        match (format, parts.next()) {
            (Some(Format::Maven), Some(path)) => Freshness::of(path),
            (Some(_), Some(_)) if Address::is_page(key) => Freshness::Mutable,
            (Some(_), Some(_)) => Freshness::Immutable,
            (None, _) | (_, None) => Freshness::Mutable,
        }
    }

    fn remembers_missing(&self) -> bool {
        false
    }
}
