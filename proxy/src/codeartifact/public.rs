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

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_sdk_codeartifact::operation::describe_package::DescribePackageError;
use aws_sdk_codeartifact::types::{AllowUpstream, PackageOriginRestrictions, ResourceType};
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use futures_util::future::BoxFuture;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION, RANGE,
    USER_AGENT,
};
use http::request::Builder;
use http::{Request, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use quick_cache::sync::Cache as Remembered;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout};
use url::Url;

use super::body::{FileBody, Source, WholeBody, page_of, received, text, text_of};
use super::client::{Client, is_loopback};
use super::control::Operation;
use super::index::{Page, pypi};
use super::repositories::{Tables, sha256};
use super::{Address, LONGEST_PAGE_BYTES, Upstream, whole};
use crate::artifact::{ArtifactKey, Freshness};
use crate::cache::Cache;
use crate::config::{Config, Format, PublicFallback};
use crate::error::{Error, Trouble};
use crate::fetch::{Fetcher, Verdict as FoundAs};
use crate::object::ObjectAttributes;
use crate::peer;
use crate::remote::{Body, Remote, Revalidation};
use crate::request;

/// What pages of public indexes are kept under.
const REPOSITORY: &str = "codeartifact-public:";
/// How long one answer may take to begin.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// So long CodeArtifact's word that it does not block a package is good: for one build's questions.
const UNBLOCKED_FOR: Duration = Duration::from_secs(10);
const MOST_UNBLOCKED: usize = 10_000;
/// How long CodeArtifact is asked for that word.
const PATIENCE: Duration = Duration::from_secs(10);
const MOST_HOPS: usize = 3;
/// What stands before the client's `Accept` in a key.
const FORM: &str = "/@accept=";
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

/// The far side of that fetcher.
struct Pages {
    tables: Arc<Tables>,
    client: Arc<Client>,
}

/// A file in the way that its page links to it: `simple/<project>/public/<sha256>/<file>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PublicName<'a> {
    pub(super) project: &'a str,
    sha256: &'a str,
    file: &'a str,
}

/// Where a public file comes from, and may go on.
pub(super) struct PublicFileSource {
    client: Arc<Client>,
    upstream: Arc<Upstream>,
    url: Url,
    path: String,
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

/// What the configuration says of a project, by its normalised name: nothing but a 404 to be had where it does not
/// name it.
fn allowed<'a>(
    fallback: Option<&'a PublicFallback>,
    project: &str,
) -> Result<&'a PublicFallback, Error> {
    // In the one spelling alone: what CodeArtifact was asked for is what the public index is asked for.
    let is_right = pypi::normalised(project).as_deref() == Some(project);
    let is_allowed = |fallback: &&PublicFallback| {
        let mut prefixes = fallback.private_prefixes.iter();
        let is_listed = fallback.names.iter().any(|name| name == project);
        is_listed && !prefixes.any(|prefix| project.starts_with(prefix.as_str()))
    };
    fallback
        .filter(|_| is_right)
        .filter(is_allowed)
        .ok_or(Error::NotFound)
}

/// Whether a file, or a redirect to it, may come from there.
fn may_come_from(fallback: &PublicFallback, url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let mut hosts = fallback.file_hosts.iter();
    let index = &fallback.index_url;
    // Named with a port, a host is meant with that one alone.
    let with_port = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
    let is_known = index.host_str() == Some(host)
        || hosts.any(|known| {
            [host, &with_port]
                .iter()
                .any(|it| known.eq_ignore_ascii_case(it))
        });
    let is_private = url.scheme() == "https"
        || (url.scheme() == "http" && is_loopback(url) && is_loopback(index));
    is_known && is_private && url.username().is_empty() && url.password().is_none()
}

fn page_url(fallback: &PublicFallback, name: &str) -> Result<Url, Error> {
    let url = fallback.index_url.join(&format!("{name}/"));
    url.map_err(|_| Error::unavailable("this is no name of a project"))
}

/// `<name of the repository>/<hash of the index's URL>/<project>/@accept=…`: another index has other pages.
fn key_of(
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

/// Asks, and follows redirects to where `may_be` allows them. The error holds no URL.
async fn ask(
    client: &Client,
    upstream: &Upstream,
    (operation, url): (&str, &Url),
    may_be: impl Fn(&Url) -> bool,
    with: impl Fn(Builder) -> Builder,
) -> Result<Response<SdkBody>, Error> {
    let mut url = url.clone();
    for _ in 0..=MOST_HOPS {
        let request = Request::get("/")
            .header(USER_AGENT, peer::USER_AGENT)
            .header(ACCEPT_ENCODING, "identity");
        let sent = timeout(ATTEMPT_TIMEOUT, client.wire.ask(&url, with(request))).await;
        let sent = sent.unwrap_or_else(|_| Err(format!("no answer within {ATTEMPT_TIMEOUT:?}")));
        let response = sent.map_err(|why| {
            client.count(upstream, operation, "none");
            Error::unavailable(format!("the public index could not be asked ({why})"))
        })?;
        if !response.status().is_redirection() || response.status() == StatusCode::NOT_MODIFIED {
            let outcome = match response.status().as_u16() {
                200 | 206 => "ok",
                304 => "not-modified",
                404 => "not-found",
                _ => "failed",
            };
            client.count(upstream, operation, outcome);
            return Ok(response);
        }
        let to = text(response.headers(), &LOCATION).and_then(|to| url.join(to).ok());
        url = match to {
            Some(to) if may_be(&to) => to,
            Some(to) => {
                let host = to.host_str().unwrap_or("no host").to_owned();
                let why =
                    format!("the public index redirects to {host}, where nothing may come from");
                return Err(Error::unavailable(why));
            }
            None => return Err(Error::unavailable("the public index redirects to nowhere")),
        };
    }
    Err(Error::unavailable(
        "the public index redirects again and again",
    ))
}

impl PublicFileSource {
    /// For the log.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The rest of the file, if it is still the one of this entity tag.
    pub(super) async fn rest(&self, from: u64, etag: &str) -> Result<Response<SdkBody>, Error> {
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

    async fn ask(
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

    fn head(
        self: Arc<Self>,
        key: ArtifactKey,
    ) -> BoxFuture<'static, Result<ObjectAttributes, Error>> {
        Box::pin(async move { Ok(self.get(key).await?.head().attributes.clone()) })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fallback(index: &str, hosts: &[&str]) -> PublicFallback {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        PublicFallback {
            index_url: Url::parse(index).expect("a URL"),
            file_hosts: texts(hosts),
            names: texts(&["requests", "acme-tools", "zope-interface"]),
            private_prefixes: texts(&["acme-"]),
        }
    }

    #[test]
    fn only_names_on_the_list_go_out_and_private_ones_never() {
        let fallback = fallback("https://index.example/simple/", &[]);
        for (project, is_allowed) in [
            ("requests", true),
            ("zope-interface", true),
            // Not what CodeArtifact was asked for.
            ("Requests", false),
            ("zope.interface", false),
            ("re\u{212a}uests", false),
            ("requests2", false),
            ("acme-tools", false),
            ("ACME_Tools", false),
            ("", false),
        ] {
            assert_eq!(
                allowed(Some(&fallback), project).is_ok(),
                is_allowed,
                "{project}"
            );
        }
        assert!(matches!(allowed(None, "requests"), Err(Error::NotFound)));
    }

    #[test]
    fn files_come_from_known_hosts_over_tls() {
        let public = fallback(
            "https://index.example/simple/",
            &["files.example", "ported.example:444"],
        );
        let local = fallback("http://127.0.0.1:9000/simple/", &["localhost"]);
        for (fallback, url, is_allowed) in [
            (&public, "https://index.example/x", true),
            (&public, "https://files.example/x", true),
            (&public, "https://files.example:444/x", true),
            (&public, "https://ported.example:444/x", true),
            (&public, "https://ported.example/x", false),
            (&public, "http://files.example/x", false),
            (&public, "https://other.example/x", false),
            (&public, "https://files.example.evil.example/x", false),
            (&public, "https://u:p@files.example/x", false),
            (&public, "http://127.0.0.1/x", false),
            (&local, "http://127.0.0.1:9001/x", true),
            (&local, "http://localhost:9001/x", true),
            (&local, "http://10.0.0.1/x", false),
        ] {
            let url = Url::parse(url).expect("a URL");
            assert_eq!(may_come_from(fallback, &url), is_allowed, "{url}");
        }
    }
}
