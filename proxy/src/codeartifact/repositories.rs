//! CodeArtifact as a far side: what a key of the cache names is asked of the repository whose it is.

mod changes;
mod promises;
mod wheel;

use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, StatusCode};
use sha2::{Digest as _, Sha256};
use tracing::warn;
use url::Url;

use super::address::{Address, Kind};
use super::body::{FileBody, WholeBody, page_of, text};
use super::client::{Answer, Client, PATIENCE, Passed, Question};
use super::control::Control;
use super::index::{Page, npm, pypi};
use super::public::PublicIndex;
use super::table::Table;
use crate::artifact::{ArtifactKey, Freshness};
use crate::cache::Cache;
use crate::config::{CodeArtifactUpstream, Config, Format};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::fetch::Fetcher;
use crate::metrics::Metrics;
use crate::object::ObjectAttributes;
use crate::remote::{Body, Remote, Revalidation};
use crate::request;
use changes::Changes;
pub(super) use promises::{PYPI_ACCEPT, sha256};
pub(super) use wheel::METADATA_SUFFIX;

/// The entity tag that a page gets here where CodeArtifact gives none begins like this.
const OWN_TAG: &str = "\"own-";

/// What is told of an answer that is passed on.
const CONTENT_HEADERS: [HeaderName; 5] = [
    CONTENT_TYPE,
    CONTENT_LENGTH,
    CONTENT_ENCODING,
    ETAG,
    LAST_MODIFIED,
];

/// The table of the moment, for all who look into it.
#[derive(Default)]
pub(super) struct Tables(RwLock<Arc<Table>>);

/// All repositories, and the way to them.
pub(super) struct Repositories {
    tables: Arc<Tables>,
    pub(super) client: Arc<Client>,
    pub(super) public: Arc<PublicIndex>,
    changes: Changes,
    /// Whoever keeps what is had from here; pages that files are compared with come through it, too.
    fetcher: OnceLock<Weak<Fetcher>>,
    login_wait: Duration,
}

impl Tables {
    pub(super) fn get(&self) -> Arc<Table> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, upstreams: Vec<CodeArtifactUpstream>) {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *table = Arc::new(table.followed_by(upstreams));
    }
}

impl Repositories {
    pub(super) fn new(
        config: &Config,
        credentials: Credentials,
        http: &SharedHttpClient,
        cache: &Cache,
        metrics: Arc<Metrics>,
    ) -> Self {
        let tables = Arc::new(Tables::default());
        tables.set(config.codeartifact.clone());
        let control = Control::new(config, credentials, http.clone(), metrics);
        let client = Arc::new(Client::new(config, control));
        Self {
            public: PublicIndex::new(config, &tables, &client, cache),
            tables,
            client,
            changes: Changes::default(),
            fetcher: OnceLock::new(),
            login_wait: config.login_wait,
        }
    }

    /// Once, before anything is asked.
    pub(super) fn kept_by(&self, fetcher: &Arc<Fetcher>) {
        let _set_once = self.fetcher.set(Arc::downgrade(fetcher));
    }

    pub(super) fn table(&self) -> Arc<Table> {
        self.tables.get()
    }

    pub(super) fn replace(&self, upstreams: Vec<CodeArtifactUpstream>) {
        self.tables.set(upstreams);
        self.client.tokens.serve(&self.table());
    }

    /// Somebody has, or may have, published.
    pub(super) fn note_published(&self, address: &Address) {
        self.changes
            .note_published(address.upstream().name(), address.format());
    }

    fn fetcher(&self) -> Result<Arc<Fetcher>, Error> {
        let fetcher = self.fetcher.get().and_then(Weak::upgrade);
        fetcher.ok_or_else(|| Error::unavailable("the proxy is shutting down"))
    }

    /// What a key names. One that is not configured any more is not there.
    fn address(&self, key: &ArtifactKey) -> Result<Address, Error> {
        let address = Address::of_key(&self.table(), key.as_str()).ok_or(Error::NotFound)?;
        let is_served = address
            .upstream()
            .config
            .formats
            .contains(&address.format());
        if is_served {
            Ok(address)
        } else {
            Err(Error::NotFound)
        }
    }

    async fn open(&self, address: &Address) -> Result<Box<dyn Body>, Error> {
        match address.kind() {
            Kind::Page => {
                let answer = self.client.ask(&Question::of(address), PATIENCE).await?;
                let (attributes, page) = self.page(address, answer).await?;
                Ok(WholeBody::boxed(attributes, page))
            }
            Kind::File if is_metadata(address) => self.metadata(address).await,
            Kind::File => match PublicIndex::file_of(address) {
                Some(file) => {
                    self.must_be_missing(address, file.project).await?;
                    self.public.open(address, &file).await
                }
                None => self.file(address).await,
            },
            Kind::Other => Err(Error::NotFound),
        }
    }

    /// A file, with what the index promises of it.
    async fn file(&self, address: &Address) -> Result<Box<dyn Body>, Error> {
        let question = Question::of(address);
        let asked = Box::pin(self.client.ask(&question, PATIENCE));
        let (answer, promised) = tokio::join!(asked, self.promised(address));
        self.body(address, answer?, promised?).await
    }

    async fn body(
        &self,
        address: &Address,
        mut answer: Answer,
        promised: Vec<crate::checksum::ExpectedChecksum>,
    ) -> Result<Box<dyn Body>, Error> {
        if !answer.is_of_assets {
            // Its place among the calls is for others while the body comes.
            answer.place = self.client.for_body(answer.place).await?;
        }
        let (client, login_wait) = (&self.client, self.login_wait);
        FileBody::of_codeartifact(client, address, answer, promised, login_wait)
    }

    /// Passes on what is not kept.
    pub(super) async fn pass(
        &self,
        address: &Address,
        request: http::Request<()>,
    ) -> Result<http::Response<SdkBody>, Error> {
        let accept = text(request.headers(), &ACCEPT)
            .unwrap_or_default()
            .to_owned();
        let mut question = Question::of(address);
        question.accept = &accept;
        question.query = request.uri().query();
        // A GET also for HEAD, which a URL that is signed for GET would refuse.
        let answer = self.client.ask(&question, PATIENCE).await?;
        let (head, body) = answer.response.into_parts();
        let body = if *request.method() == http::Method::HEAD {
            SdkBody::empty()
        } else {
            let place = self.client.for_passed(answer.place).await?;
            SdkBody::from_body_1_x(Passed::new(body, place))
        };
        let mut passed = http::Response::new(body);
        *passed.status_mut() = head.status;
        for name in CONTENT_HEADERS {
            if let Some(value) = head.headers.get(&name) {
                passed.headers_mut().insert(name, value.clone());
            }
        }
        Ok(passed)
    }

    /// Fails unless CodeArtifact says that it has no such project: what it has is never taken from elsewhere.
    pub(super) async fn must_be_missing(
        &self,
        address: &Address,
        project: &str,
    ) -> Result<(), Error> {
        let page = address.at(&format!("simple/{project}/"), Some(PYPI_ACCEPT));
        let page = page.ok_or(Error::NotFound)?;
        match self.client.ask(&Question::of(&page), PATIENCE).await {
            Err(Error::NotFound) => Ok(()),
            Ok(_) => Err(Error::NotFound),
            Err(error) => Err(error),
        }
    }

    /// Reads a page, and makes its links fit wherever it is served.
    async fn page(
        &self,
        address: &Address,
        answer: Answer,
    ) -> Result<(ObjectAttributes, Bytes), Error> {
        let Answer {
            response,
            root,
            url,
            place,
            ..
        } = answer;
        if response.status() != StatusCode::OK {
            return Err(Error::unavailable(
                "a part of a page has come, and not the page",
            ));
        }
        let headers = response.headers().clone();
        let body = page_of(response).await?;
        drop(place);
        let received = super::body::received(self.client.metrics(), address.upstream());
        received.inc_by(body.len() as u64);
        let content_type = text(&headers, &CONTENT_TYPE).unwrap_or_default().to_owned();
        let page = Page { content_type, body };
        let neutral = neutral(address.clone(), page, url, root).await?;
        let attributes = ObjectAttributes {
            length: neutral.body.len() as u64,
            etag: Some(tag_of(&headers, &neutral.body)),
            last_modified: last_modified(&headers),
            content_type: Some(neutral.content_type),
            content_encoding: None,
        };
        Ok((attributes, neutral.body))
    }

    async fn ask_whether_good(
        &self,
        key: &ArtifactKey,
        copy: &ObjectAttributes,
        patience: Duration,
    ) -> Result<Revalidation, Error> {
        let address = self.address(key)?;
        let mut question = Question::of(&address);
        question.has_copy = true;
        question.unless = copy
            .etag
            .as_deref()
            .filter(|etag| !etag.starts_with(OWN_TAG));
        let answer = self.client.ask(&question, patience).await?;
        if answer.response.status() == StatusCode::NOT_MODIFIED {
            return Ok(Revalidation::NotModified);
        }
        if address.kind() != Kind::Page {
            return Ok(Revalidation::Changed(
                self.body(&address, answer, Vec::new()).await?,
            ));
        }
        let (attributes, body) = self.page(&address, answer).await?;
        let is_same = attributes.etag == copy.etag && attributes.content_type == copy.content_type;
        let is_own = copy
            .etag
            .as_deref()
            .is_some_and(|etag| etag.starts_with(OWN_TAG));
        if is_own && is_same {
            return Ok(Revalidation::NotModified);
        }
        Ok(Revalidation::Changed(WholeBody::boxed(attributes, body)))
    }
}

/// Whether a path is of a wheel's metadata (PEP 658), rather than of a file.
fn is_metadata(address: &Address) -> bool {
    address.format() == Format::Pypi && address.path().ends_with(METADATA_SUFFIX)
}

/// In a thread where work may take its time: pages can be long.
async fn neutral(address: Address, page: Page, asked: Url, root: Url) -> Result<Page, Error> {
    let made = request::spawn_blocking(move || {
        let made = match address.format() {
            Format::Npm => npm::neutral(&page, &root),
            Format::Pypi | Format::Maven => pypi::neutral(&page, &asked, &root),
        };
        match made {
            Ok(neutral) => {
                if neutral.dropped > 0 {
                    warn!(
                        upstream = address.upstream().config.alias,
                        path = address.path(),
                        links = neutral.dropped,
                        "links of a page lead elsewhere without a hash, and are left out"
                    );
                }
                Ok(neutral.page)
            }
            Err(error) => Err(Error::unavailable(format!(
                "CodeArtifact's page of {} cannot be used: {error}",
                address.path()
            ))),
        }
    });
    made.await
        .unwrap_or_else(|_| Err(Error::unavailable("reading a page ended unexpectedly")))
}

/// CodeArtifact's entity tag, by which it is asked again; else one of the page as it is kept.
fn tag_of(headers: &HeaderMap, neutral: &[u8]) -> String {
    let given = text(headers, &ETAG).filter(|etag| !etag.is_empty());
    given.map_or_else(
        || format!("{OWN_TAG}{}\"", hex::encode(Sha256::digest(neutral))),
        str::to_owned,
    )
}

fn last_modified(headers: &HeaderMap) -> Option<i64> {
    let at = httpdate::parse_http_date(text(headers, &LAST_MODIFIED)?).ok()?;
    let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

impl Remote for Repositories {
    fn get(self: Arc<Self>, key: ArtifactKey) -> BoxFuture<'static, Result<Box<dyn Body>, Error>> {
        Box::pin(async move { self.open(&self.address(&key)?).await })
    }

    fn head(
        self: Arc<Self>,
        key: ArtifactKey,
    ) -> BoxFuture<'static, Result<ObjectAttributes, Error>> {
        // A URL that is signed for GET refuses HEAD.
        Box::pin(async move { Ok(self.get(key).await?.head().attributes.clone()) })
    }

    fn revalidate(
        self: Arc<Self>,
        key: ArtifactKey,
        copy: ObjectAttributes,
        patience: Duration,
    ) -> BoxFuture<'static, Result<Revalidation, Error>> {
        Box::pin(async move { self.ask_whether_good(&key, &copy, patience).await })
    }

    fn refuse_without_login(&self) -> Result<(), Error> {
        // A token outlives the login.
        if self.client.tokens.any_good(self.table().upstreams()) {
            return Ok(());
        }
        self.client.credentials().refuse_without_login()
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

    fn changed_at(&self, key: &str) -> Option<SystemTime> {
        self.changes.of(key)
    }

    fn remembers_missing(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_a_tag_gets_one_of_its_bytes() {
        let mut headers = HeaderMap::new();
        let own = tag_of(&headers, b"page");
        assert!(own.starts_with(OWN_TAG) && own.ends_with('"'), "{own}");
        assert_ne!(own, tag_of(&headers, b"another"));
        headers.insert(ETAG, "W/\"given\"".parse().expect("a value"));
        assert_eq!(tag_of(&headers, b"page"), "W/\"given\"");
    }
}
