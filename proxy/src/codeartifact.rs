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
mod body;
mod client;
mod control;
mod endpoint;
pub mod index;
mod memory;
mod public;
mod publish;
mod refusals;
mod report;
mod repositories;
mod table;
mod token;
mod unsharded;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use bytes::{Bytes, BytesMut};
use url::Url;

pub use address::{Address, AddressError, Kind};
pub use memory::{PageMemory, Room};
pub use report::{TokenReport, UpstreamReport};
pub use table::{Table, Upstream};
pub(crate) use unsharded::unsharded;

use crate::artifact::ArtifactKey;
use crate::cache::Cache;
use crate::config::{CodeArtifactUpstream, Config, Format};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::fetch::{Fetcher, Found, Verdict};
use crate::metrics::Metrics;
use client::Question;
use public::PublicIndex;
use repositories::{PYPI_ACCEPT, Repositories, is_list_of_versions};

/// What all objects of CodeArtifact are kept under; the rest of the name stands in each key.
const REPOSITORY: &str = "codeartifact:";
/// No page is longer, in bytes: what is rewritten is held in memory whole.
const LONGEST_PAGE_BYTES: u64 = 64 * 1024 * 1024;

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

/// A page that was found and not read.
pub struct FoundPage(Where);

/// Where its bytes are.
enum Where {
    /// Of a public index, which is read to be found.
    InMemory(ServedPage),
    /// In the cache, or on their way there.
    Cached {
        fetcher: Arc<Fetcher>,
        key: ArtifactKey,
        found: Found,
    },
}

impl FoundPage {
    /// How it was found.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match &self.0 {
            Where::InMemory(page) => page.verdict,
            Where::Cached { found, .. } => found.verdict,
        }
    }

    /// Bytes in its body.
    #[must_use]
    pub fn length(&self) -> u64 {
        match &self.0 {
            Where::InMemory(page) => page.page.body.len() as u64,
            Where::Cached { found, .. } => found.attributes().length,
        }
    }

    /// The SHA-256 of its bytes, where it is known without reading them.
    #[must_use]
    pub fn sha256(&self) -> Option<&str> {
        match &self.0 {
            Where::InMemory(_) => None,
            Where::Cached { found, .. } => Some(&found.checksums()?.sha256),
        }
    }

    /// Reads it whole.
    pub async fn read(self) -> Result<ServedPage, Error> {
        let (fetcher, key, found) = match self.0 {
            Where::InMemory(page) => return Ok(page),
            Where::Cached {
                fetcher,
                key,
                found,
            } => (fetcher, key, found),
        };
        let body = whole(&fetcher, &key, &found, LONGEST_PAGE_BYTES).await?;
        let attributes = found.attributes();
        Ok(ServedPage {
            verdict: found.verdict,
            page: index::Page {
                content_type: attributes.content_type.clone().unwrap_or_default(),
                body,
            },
            last_modified: attributes.last_modified,
        })
    }
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
        let repositories = Repositories::new(config, credentials, http, cache, metrics);
        let repositories = Arc::new(repositories);
        let remote: Arc<dyn crate::remote::Remote> = Arc::clone(&repositories) as _;
        let repository = repository(config);
        let fetcher = Fetcher::new(&repository, config.metadata_ttl, cache.clone(), remote);
        repositories.kept_by(&fetcher);
        Self {
            repositories,
            fetcher,
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

    /// Where pages find room that are held in memory whole.
    #[must_use]
    pub fn page_memory(&self) -> &PageMemory {
        &self.repositories.client.pages
    }

    /// What finds files and pages.
    #[must_use]
    pub fn fetcher(&self) -> &Arc<Fetcher> {
        &self.fetcher
    }

    /// Whether the configuration of the moment lets a file be served that may have come when it was another.
    pub fn may_be_served(&self, address: &Address) -> Result<(), Error> {
        PublicIndex::may_be_served(address)
    }

    /// Whether a copy of a file must not be served that may be old: whoever reads it writes it anew.
    #[must_use]
    pub fn is_read_to_be_written(&self, address: &Address) -> bool {
        let is_list = address.format() == Format::Maven && is_list_of_versions(address.path());
        is_list && address.upstream().config.publish
    }

    /// All that find something here: files and pages, and those of public indexes.
    pub fn fetchers(&self) -> impl Iterator<Item = &Arc<Fetcher>> {
        std::iter::once(&self.fetcher).chain(self.repositories.public.fetcher())
    }

    /// A page, from the cache or from CodeArtifact, and from the public index where that is allowed. Nothing of it is
    /// read yet.
    pub async fn find_page(&self, address: &Address) -> Result<FoundPage, Error> {
        let key = match address.kind() {
            Kind::Page => address.key().ok_or(Error::NotFound)?,
            Kind::File | Kind::Other => return Err(Error::NotFound),
        };
        let found = match self.fetcher.get(&key).await {
            Ok(found) => found,
            Err(Error::NotFound) if address.format() == Format::Pypi => {
                let public = self.repositories.public.page(address).await?;
                let (verdict, last_modified, page) = public;
                return Ok(FoundPage(Where::InMemory(ServedPage {
                    verdict,
                    page,
                    last_modified,
                })));
            }
            Err(error) => return Err(error),
        };
        Ok(FoundPage(Where::Cached {
            fetcher: Arc::clone(&self.fetcher),
            key,
            found,
        }))
    }

    /// A page as [`Self::find_page`] finds it, read.
    pub async fn page(&self, address: &Address) -> Result<ServedPage, Error> {
        self.find_page(address).await?.read().await
    }

    /// Passes a GET or HEAD on for what is not kept ([`Kind::Other`]). Of the answer's headers only those of
    /// its content are left. An answer to HEAD has no body.
    pub async fn pass(
        &self,
        address: &Address,
        request: http::Request<()>,
    ) -> Result<http::Response<SdkBody>, Error> {
        self.repositories.pass(address, request).await
    }

    /// Publishes: passes a request on with its body, once. Whether it may is for the caller to ask of the
    /// upstream's configuration. 2xx and 4xx of CodeArtifact are answers, but for what is about our token.
    pub async fn publish(
        &self,
        address: &Address,
        request: http::Request<SdkBody>,
    ) -> Result<http::Response<SdkBody>, Error> {
        self.repositories.publish(address, request).await
    }

    /// All repositories and their tokens, as they are known now: nobody is asked.
    #[must_use]
    pub fn reports(&self) -> Vec<UpstreamReport> {
        let (table, tokens) = (self.table(), &self.repositories.client.tokens);
        let report = |upstream: &Arc<Upstream>| {
            let refusal = self.repositories.client.refusals.of(upstream);
            UpstreamReport::new(upstream, tokens.report(upstream), refusal)
        };
        table.upstreams().iter().map(report).collect()
    }

    /// Until when a repository's token is good; one is asked for, where there is none.
    pub async fn ready(
        &self,
        upstream: &Arc<Upstream>,
        patience: Duration,
    ) -> Result<SystemTime, Error> {
        let tokens = &self.repositories.client.tokens;
        Ok(tokens.get(upstream, patience).await?.until())
    }

    /// Whether a repository may be read, as far as that is known: one that has refused everything is asked again, now
    /// and then.
    pub async fn may_be_read(
        &self,
        upstream: &Arc<Upstream>,
        patience: Duration,
    ) -> Result<(), Error> {
        let refusals = &self.repositories.client.refusals;
        let probes = refusals.to_probe(upstream).into_iter().map(|format| {
            let probe = Box::pin(self.try_read(upstream, format, patience));
            tokio::time::timeout(patience, probe)
        });
        // What came of them is noted where it was asked; no answer changes nothing.
        let _outcomes = futures_util::future::join_all(probes).await;
        refusals.of(upstream).map_or(Ok(()), Err)
    }

    /// Where a repository's packages of one format are. For `check`.
    pub async fn endpoint(
        &self,
        upstream: &Arc<Upstream>,
        format: Format,
        patience: Duration,
    ) -> Result<Url, Error> {
        let endpoints = &self.repositories.client.endpoints;
        endpoints.of(upstream, format, patience).await
    }

    /// Whether packages of one format may be read, by asking for one that nobody has.
    pub async fn try_read(
        &self,
        upstream: &Arc<Upstream>,
        format: Format,
        patience: Duration,
    ) -> Result<(), Error> {
        let (path, accept) = match format {
            Format::Pypi => ("simple/bazel-proxy-check-nobody-has-this/", PYPI_ACCEPT),
            Format::Npm => ("@bazel-proxy-check/nobody-has-this", "*/*"),
            Format::Maven => (
                "bazel-proxy-check/nobody-has-this/maven-metadata.xml",
                "*/*",
            ),
        };
        let path = percent_encoding::utf8_percent_encode(path, percent_encoding::NON_ALPHANUMERIC);
        let address = Address::parse(upstream, format, &path.to_string(), Some(accept));
        let address = address.map_err(|_| Error::NotFound)?;
        let question = Question::of(&address);
        match self.repositories.client.ask(&question, patience).await {
            Ok(_) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether CodeArtifact tells the origin controls that a public fallback goes by, and of which project that was
    /// tried; `None` without a fallback. For `check`.
    pub async fn try_describe(&self, upstream: &Arc<Upstream>) -> Result<Option<String>, Error> {
        self.repositories.public.try_describe(upstream).await
    }
}

/// What all objects are kept under. A service that was moved has others of the same names.
fn repository(config: &Config) -> String {
    let moved = config.codeartifact_endpoint.as_deref();
    format!(
        "{REPOSITORY}{}",
        moved.unwrap_or_default().trim_end_matches('/')
    )
}

/// Reads what was found whole, up to so many bytes.
async fn whole(
    fetcher: &Arc<Fetcher>,
    key: &ArtifactKey,
    found: &Found,
    most: u64,
) -> Result<Bytes, Error> {
    let length = found.attributes().length;
    if length > most {
        return Err(Error::unavailable(format!(
            "{key} has {length} bytes, which no such thing has"
        )));
    }
    if let Some(bytes) = found.in_memory(0, length) {
        return Ok(bytes);
    }
    let mut reader = found.reader(fetcher, key, 0, length);
    let Some(first) = reader.next().await? else {
        return Ok(Bytes::new());
    };
    if first.len() as u64 == length {
        return Ok(first);
    }
    let mut all = BytesMut::with_capacity(usize::try_from(length).unwrap_or_default());
    all.extend_from_slice(&first);
    while let Some(more) = reader.next().await? {
        all.extend_from_slice(&more);
    }
    Ok(all.freeze())
}
