//! CodeArtifact: Python, JavaScript and Java packages from repositories that ask for a token every twelve hours,
//! under URLs that never change.
//!
//! ```text
//! server ─► CodeArtifact ─┬► fetch ─► cache, flight ─► Repositories (`Remote`) ─► client ─► data endpoint
//!                         │                              └► public, by explicit rule   └► asset's own host
//!                         ├► index (pages: links, hashes, metadata; neither HTTP nor AWS)
//!                         └► publish ──────────────────────────────────────────────────► client
//! token ─► GetAuthorizationToken, with the keeper's credentials
//! ```
//!
//! * An [`Address`] names one page or file of one configured repository: nothing else can be asked for.
//! * A token stays in [`token`](self): no client, redirect, log or error ever has it.
//! * A page is cached as CodeArtifact gave it but for its links, which are made to fit wherever it is served.

mod address;
pub mod index;
mod report;
mod repositories;
mod table;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use bytes::Bytes;
use url::Url;

pub use address::{Address, AddressError, Kind};
pub use report::{TokenReport, UpstreamReport};
pub use table::{Table, Upstream};

use crate::cache::Cache;
use crate::config::{CodeArtifactUpstream, Config, Format};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::fetch::{Fetcher, Verdict};
use crate::metrics::Metrics;
use repositories::Repositories;

/// What all objects of CodeArtifact are kept under; the rest of the name stands in each key.
const REPOSITORY: &str = "codeartifact:";

/// All repositories of CodeArtifact that are served. Cheap to clone.
#[derive(Clone)]
pub struct CodeArtifact {
    repositories: Arc<Repositories>,
    fetcher: Arc<Fetcher>,
}

/// A page, neutral: links fit wherever it is served, but for [`index::npm::MARK`] in packuments.
#[derive(Clone, Debug)]
pub struct ServedPage {
    /// How it was found.
    pub verdict: Verdict,
    /// Its bytes, and what CodeArtifact calls them.
    pub page: index::Page,
    /// Seconds since the epoch, where CodeArtifact says.
    pub last_modified: Option<i64>,
}

impl CodeArtifact {
    /// Puts the parts together; calls nothing.
    #[must_use]
    pub fn new(
        config: &Config,
        credentials: Credentials,
        http: &SharedHttpClient,
        cache: &Cache,
        metrics: Arc<Metrics>,
    ) -> Self {
        let repositories = Arc::new(Repositories::new(config, credentials, http, metrics));
        let remote: Arc<dyn crate::remote::Remote> = Arc::clone(&repositories) as _;
        Self {
            fetcher: Fetcher::new(REPOSITORY, config.metadata_ttl, cache.clone(), remote),
            repositories,
        }
    }

    /// The repositories as they are configured now.
    #[must_use]
    pub fn table(&self) -> Arc<Table> {
        self.repositories.table()
    }

    /// Serves these from now on; requests under way end as they began.
    pub fn replace(&self, upstreams: Vec<CodeArtifactUpstream>) {
        self.repositories.replace(upstreams);
    }

    /// What finds files and pages.
    #[must_use]
    pub fn fetcher(&self) -> &Arc<Fetcher> {
        &self.fetcher
    }

    /// A page, from the cache or from CodeArtifact, and from the public index where that is allowed.
    pub async fn page(&self, address: &Address) -> Result<ServedPage, Error> {
        let _ = (address, &self.repositories);
        Err(Error::NotFound)
    }

    /// The metadata of a wheel (PEP 658): out of the wheel, where it is cached; else what CodeArtifact has.
    pub async fn core_metadata(&self, wheel: &Address) -> Result<Bytes, Error> {
        let _ = wheel;
        Err(Error::NotFound)
    }

    /// Passes a GET or HEAD on for what is not kept ([`Kind::Other`]). Of the answer's headers only those of
    /// its content are left. An answer to HEAD has no body.
    pub async fn pass(
        &self,
        address: &Address,
        request: http::Request<()>,
    ) -> Result<http::Response<SdkBody>, Error> {
        let _ = (address, request);
        Err(Error::NotFound)
    }

    /// Publishes: passes a request on with its body, once. Whether it may is for the caller to ask of the
    /// upstream's configuration. 2xx and 4xx of CodeArtifact are answers.
    pub async fn publish(
        &self,
        address: &Address,
        request: http::Request<SdkBody>,
    ) -> Result<http::Response<SdkBody>, Error> {
        let _ = (address, request);
        Err(Error::NotFound)
    }

    /// All repositories and their tokens, as they are known now: nobody is asked.
    #[must_use]
    pub fn reports(&self) -> Vec<UpstreamReport> {
        Vec::new()
    }

    /// Until when a repository's token is good; one is asked for, where there is none.
    pub async fn ready(
        &self,
        upstream: &Arc<Upstream>,
        patience: Duration,
    ) -> Result<SystemTime, Error> {
        let _ = (upstream, patience);
        Err(Error::NotFound)
    }

    /// Where a repository's packages of one format are. For `check`.
    pub async fn endpoint(
        &self,
        upstream: &Arc<Upstream>,
        format: Format,
        patience: Duration,
    ) -> Result<Url, Error> {
        let _ = (upstream, format, patience);
        Err(Error::NotFound)
    }

    /// Whether packages of one format may be read, by asking for one that nobody has. For `check`.
    pub async fn try_read(
        &self,
        upstream: &Arc<Upstream>,
        format: Format,
        patience: Duration,
    ) -> Result<(), Error> {
        let _ = (upstream, format, patience);
        Err(Error::NotFound)
    }
}
