//! The public index, by explicit rule: Python only, and only for names that are listed.
//!
//! ```text
//! name on the list, under no private prefix ─► CodeArtifact says that it has none ─► it does not block it
//!      │ no: 404                                   │ it has: that, or 404               │ blocked: 404
//!      │                                           │ cannot be asked: closed            │ cannot be asked: closed
//!      ▼                                           ▼                                    ▼
//!                                                       the public page; its files, by the hashes in it
//! ```
//!
//! Nothing of ours goes there: no token, no cookie, no name that is not on the list. What comes from there is kept
//! under names of its own, and never instead of what CodeArtifact has.

mod file;
mod pages;
mod rule;
mod wire;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_sdk_codeartifact::operation::describe_package::DescribePackageError;
use aws_sdk_codeartifact::types::{AllowUpstream, PackageOriginRestrictions, ResourceType};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use quick_cache::sync::Cache as Remembered;
use tokio::time::Instant;

use super::body::{FileBody, Source, received};
use super::client::Client;
use super::control::Operation;
use super::index::{Page, pypi};
use super::repositories::{Tables, sha256};
use super::{Address, LONGEST_PAGE_BYTES, Upstream, whole};
use crate::cache::Cache;
use crate::config::{Config, Format, PublicFallback};
use crate::error::{Error, Trouble};
use crate::fetch::{Fetcher, Verdict as FoundAs};
use crate::remote::{Body, Remote};
use crate::request;
pub(super) use file::PublicFileSource;
use pages::{Pages, key_of, page_url};
use rule::{allowed, may_come_from};

/// What pages of public indexes are kept under.
const REPOSITORY: &str = "codeartifact-public:";
/// So long CodeArtifact's word that it does not block a package is good: for one build's questions.
const UNBLOCKED_FOR: Duration = Duration::from_secs(10);
const MOST_UNBLOCKED: usize = 10_000;
/// How long CodeArtifact is asked for that word.
const PATIENCE: Duration = Duration::from_secs(10);
/// Behind a project's name, in the links of its page.
const FOLDER: &str = "public";

/// The public indexes of all repositories.
pub(super) struct PublicIndex {
    tables: Arc<Tables>,
    client: Arc<Client>,
    /// Keeps their pages as they came.
    fetcher: OnceLock<Arc<Fetcher>>,
    unblocked: Remembered<String, Instant>,
}

/// A file in the way that its page links to it: `simple/<project>/public/<sha256>/<file>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PublicName<'a> {
    pub(super) project: &'a str,
    sha256: &'a str,
    file: &'a str,
}

impl<'a> PublicName<'a> {
    /// Of a path below a repository of Python's packages.
    pub(super) fn of(path: &'a str) -> Option<Self> {
        let mut parts = path.strip_prefix("simple/")?.split('/');
        let (project, folder) = (parts.next()?, parts.next()?);
        let (sha256, file) = (parts.next()?, parts.next()?);
        let is_hash = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_one = folder == FOLDER && is_hash && !file.is_empty() && parts.next().is_none();
        is_one.then_some(Self {
            project,
            sha256,
            file,
        })
    }
}

impl PublicIndex {
    /// Asks nobody.
    pub(super) fn new(
        config: &Config,
        tables: &Arc<Tables>,
        client: &Arc<Client>,
        cache: &Cache,
    ) -> Arc<Self> {
        let this = Self {
            tables: Arc::clone(tables),
            client: Arc::clone(client),
            fetcher: OnceLock::new(),
            unblocked: Remembered::new(MOST_UNBLOCKED),
        };
        let pages: Arc<dyn Remote> = Arc::new(Pages {
            tables: Arc::clone(&this.tables),
            client: Arc::clone(&this.client),
        });
        let fetcher = Fetcher::new(REPOSITORY, config.metadata_ttl, cache.clone(), pages);
        let _set_once = this.fetcher.set(fetcher);
        Arc::new(this)
    }

    /// What keeps their pages.
    pub(super) fn fetcher(&self) -> Option<&Arc<Fetcher>> {
        self.fetcher.get()
    }

    /// A public page, after CodeArtifact has said that it has none.
    pub(super) async fn page(
        &self,
        address: &Address,
    ) -> Result<(FoundAs, Option<i64>, Page), Error> {
        let path = address.path().strip_prefix("simple/").unwrap_or_default();
        let project = path.trim_end_matches('/');
        self.admit(address.upstream(), project).await?;
        let accept = address.accept().unwrap_or_default();
        let (verdict, last_modified, public) =
            self.listed(address.upstream(), project, accept).await?;
        Ok((verdict, last_modified, public.page))
    }

    /// What a path of our own names, if it is one of a public file.
    pub(super) fn file_of(address: &Address) -> Option<PublicName<'_>> {
        if address.format() != Format::Pypi {
            return None;
        }
        PublicName::of(address.path())
    }

    /// Whether what the configuration says now lets a file be served. What is not public needs no word.
    pub(super) fn may_be_served(address: &Address) -> Result<(), Error> {
        let fallback = address.upstream().config.public_fallback.as_ref();
        match Self::file_of(address) {
            Some(name) => allowed(fallback, name.project).map(|_| ()),
            None => Ok(()),
        }
    }

    /// A public file, which is the one of its hash or none.
    pub(super) async fn open(
        &self,
        address: &Address,
        name: &PublicName<'_>,
    ) -> Result<Box<dyn Body>, Error> {
        let upstream = address.upstream();
        let fallback = self.admit(upstream, name.project).await?;
        let accept = super::PYPI_ACCEPT;
        let (_, _, public) = self.listed(upstream, name.project, accept).await?;
        let sha256_of = name.sha256.to_ascii_lowercase();
        let mut files = public.files.into_iter();
        let file = files.find(|file| file.sha256 == sha256_of && file.name == name.file);
        let file = file.ok_or(Error::NotFound)?;
        if !may_come_from(&fallback, &file.url) {
            return Err(Error::Misconfigured(Trouble::new(
                format!(
                    "the public index has {} on {}, where no files may come from",
                    name.file,
                    file.url.host_str().unwrap_or("no host")
                ),
                format!(
                    "If they may, add that host to public_fallback.file_hosts of `{}`.",
                    upstream.config.alias
                ),
            )));
        }
        let promised = sha256(&file.sha256).ok_or(Error::NotFound)?;
        let source = PublicFileSource {
            client: Arc::clone(&self.client),
            upstream: Arc::clone(upstream),
            url: file.url,
            path: address.path().to_owned(),
        };
        let response = source.ask(&fallback, |request| request).await?;
        let received = received(self.client.metrics(), upstream);
        FileBody::open(
            Source::Public(source),
            response,
            vec![promised],
            received,
            None,
        )
    }

    /// Whether a project may be looked for outside. The error says why not.
    pub(super) async fn admit(
        &self,
        upstream: &Arc<Upstream>,
        project: &str,
    ) -> Result<Arc<PublicFallback>, Error> {
        let fallback = allowed(upstream.config.public_fallback.as_ref(), project)?;
        let fallback = Arc::new(fallback.clone());
        let remembered = format!("{}/{project}", upstream.name());
        let is_fresh = |at: Instant| at.elapsed() < UNBLOCKED_FOR;
        if self.unblocked.get(&remembered).is_some_and(is_fresh) {
            return Ok(fallback);
        }
        self.must_not_block(upstream, project).await?;
        self.unblocked.insert(remembered, Instant::now());
        Ok(fallback)
    }

    /// Whether CodeArtifact tells what the fallback needs to know, tried with the first name on the list, which is
    /// given back; `None` without a fallback. Asks nobody outside.
    pub(super) async fn try_describe(
        &self,
        upstream: &Arc<Upstream>,
    ) -> Result<Option<String>, Error> {
        let fallback = upstream.config.public_fallback.as_ref();
        let Some(name) = fallback.and_then(|fallback| fallback.names.first()) else {
            return Ok(None);
        };
        match self.must_not_block(upstream, name).await {
            // That it is blocked has been told, too.
            Ok(()) | Err(Error::NotFound) => Ok(Some(name.clone())),
            Err(error) => Err(error),
        }
    }

    /// CodeArtifact's origin controls: a package whose upstream is blocked comes from nowhere else.
    async fn must_not_block(&self, upstream: &Arc<Upstream>, name: &str) -> Result<(), Error> {
        let config = &upstream.config;
        let operation = Operation::DescribePackage;
        let control = &self.client.control;
        let described = control
            .call(upstream, operation, PATIENCE, |client| async move {
                let described = client
                    .describe_package()
                    .domain(&config.domain)
                    .domain_owner(&config.domain_owner)
                    .repository(&config.repository)
                    .format(super::endpoint::of_api(Format::Pypi))
                    .package(name)
                    .send()
                    .await;
                match described {
                    Ok(described) => Ok(Some(described)),
                    Err(error) if is_unknown_package(&error) => Ok(None),
                    Err(error) => Err(error),
                }
            })
            .await;
        let described = match described {
            Ok(Some(described)) => described,
            Ok(None) => return Ok(()),
            // A repository that is not there says nothing of its packages.
            Err(refusal) => return Err(control.explain(upstream, operation, refusal)),
        };
        let controls = described
            .package()
            .and_then(|package| package.origin_configuration());
        let restrictions = controls.and_then(|controls| controls.restrictions());
        // A package that is known, and whose controls are not told, is not known to be open.
        match restrictions.map(PackageOriginRestrictions::upstream) {
            Some(AllowUpstream::Allow) => Ok(()),
            Some(_) | None => Err(Error::NotFound),
        }
    }

    /// The page of a project that may be looked for, and its files.
    async fn listed(
        &self,
        upstream: &Upstream,
        project: &str,
        accept: &str,
    ) -> Result<(FoundAs, Option<i64>, pypi::Public), Error> {
        let fallback = upstream
            .config
            .public_fallback
            .as_ref()
            .ok_or(Error::NotFound)?;
        let key = key_of(upstream, fallback, project, accept)?;
        let fetcher = self
            .fetcher
            .get()
            .ok_or_else(|| Error::unavailable("the proxy begins"))?;
        let found = fetcher.get(&key).await?;
        let body = whole(fetcher, &key, &found, LONGEST_PAGE_BYTES).await?;
        let content_type = found.attributes().content_type.clone().unwrap_or_default();
        let (page, asked) = (Page { content_type, body }, page_url(fallback, project)?);
        let read = request::spawn_blocking(move || pypi::public(&page, &asked)).await;
        let read = read.map_err(|_| Error::unavailable("reading a page ended unexpectedly"))?;
        let wrong = |error| {
            Error::unavailable(format!(
                "the public page of {project} cannot be used: {error}"
            ))
        };
        let public = read.map_err(wrong)?;
        Ok((found.verdict, found.attributes().last_modified, public))
    }
}

/// Whether it is the package that is not there, rather than its repository or domain.
fn is_unknown_package(error: &SdkError<DescribePackageError, HttpResponse>) -> bool {
    match error.as_service_error() {
        Some(DescribePackageError::ResourceNotFoundException(what)) => {
            what.resource_type() == Some(&ResourceType::Package)
        }
        Some(_) | None => false,
    }
}
