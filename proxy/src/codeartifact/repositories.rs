//! CodeArtifact as a far side: what a key of the cache names is asked of the repository whose it is.

mod changes;
mod late;
mod parsed;
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
use tokio::time::timeout;
use tracing::warn;
use url::Url;

use super::address::{Address, Kind};
use super::body::{FileBody, WholeBody, measured, page_of, text};
use super::client::{Answer, Client, PATIENCE, Passed, Question};
use super::control::Control;
use super::index::{Page, npm, pypi};
use super::public::{PublicIndex, PublicName};
use super::table::Table;
use crate::artifact::{ArtifactKey, Freshness};
use crate::cache::Cache;
use crate::config::{CodeArtifactUpstream, Config, Format};
use crate::credentials::{Credentials, now};
use crate::error::Error;
use crate::fetch::Fetcher;
use crate::metrics::Metrics;
use crate::object::ObjectAttributes;
use crate::remote::{Body, Remote, Revalidation};
use crate::request;
use changes::Changes;
pub(super) use changes::Doubt;
use late::Late;
use parsed::Parsed;
pub(super) use promises::{PYPI_ACCEPT, sha256};
use wheel::METADATA_SUFFIX;

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
    changes: Arc<Changes>,
    late: Late,
    parsed: Parsed,
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
        let parsed = Parsed::new(&client.pages);
        Self {
            public: PublicIndex::new(config, &tables, &client, cache),
            tables,
            client,
            changes: Arc::default(),
            late: Late::default(),
            parsed,
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
                let asked_at = now();
                let answer = self.client.ask(&Question::of(address), PATIENCE).await?;
                let (attributes, page) = self.page(address, answer).await?;
                self.note_asked(address, asked_at);
                Ok(WholeBody::boxed(attributes, page))
            }
            Kind::File if is_metadata(address) => self.metadata(address).await,
            Kind::File => match PublicIndex::file_of(address) {
                Some(file) => {
                    self.must_be_missing(address, file.project, None).await?;
                    self.public.open(address, &file).await
                }
                None => self.file(address).await,
            },
            Kind::Other => Err(Error::NotFound),
        }
    }

    /// A file, with what the index promises of it.
    async fn file(&self, address: &Address) -> Result<Box<dyn Body>, Error> {
        // First the promise: it takes places of the same kind, and a file that waits for it with a place of its own
        // can wait for ever.
        let promised = self.promised(address).await?;
        let asked_at = now();
        let answer = Box::pin(self.client.ask(&Question::of(address), PATIENCE)).await?;
        self.note_asked(address, asked_at);
        self.body(address, answer, promised).await
    }

    /// Of what may change: its copy is as old as the question, whenever it is stored.
    fn note_asked(&self, address: &Address, at: SystemTime) {
        let Some(key) = address.key() else { return };
        if Remote::freshness(self, key.as_str()) == Freshness::Mutable {
            self.changes.note_asked(key.as_str(), at);
        }
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
        if !answer.response.headers().contains_key(CONTENT_LENGTH) {
            if answer.response.status() != StatusCode::OK {
                return Err(Error::unavailable(
                    "a part of a file has come, and not the file",
                ));
            }
            // What CodeArtifact makes up as it answers, such as a maven-metadata.xml.
            let measured = measured(answer.response, &self.client.pages).await?;
            let (attributes, bytes, _room) = measured;
            let received = super::body::received(self.client.metrics(), address.upstream());
            received.inc_by(bytes.len() as u64);
            return Ok(WholeBody::promised(attributes, bytes, promised));
        }
        let (client, login_wait) = (&self.client, self.login_wait);
        let doubt = address.key().map(|key| Doubt::of(&self.changes, key));
        FileBody::of_codeartifact(client, address, answer, (promised, doubt), login_wait)
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
    async fn must_be_missing(
        &self,
        address: &Address,
        project: &str,
        patience_with_copy: Option<Duration>,
    ) -> Result<(), Error> {
        let page = address.at(&format!("simple/{project}/"), Some(PYPI_ACCEPT));
        let page = page.ok_or(Error::NotFound)?;
        let mut question = Question::of(&page);
        question.has_copy = patience_with_copy.is_some();
        let patience = patience_with_copy.unwrap_or(PATIENCE);
        match self.client.ask(&question, patience).await {
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
        let (body, _room) = page_of(response, &self.client.pages).await?;
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
        if let Some(file) = PublicIndex::file_of(&address) {
            // Its bytes are those of its hash for ever; whether they may be served is another question.
            self.must_be_missing(&address, file.project, Some(patience))
                .await?;
            self.public.admit(address.upstream(), file.project).await?;
            return Ok(Revalidation::NotModified);
        }
        let mut question = Question::of(&address);
        question.has_copy = true;
        question.unless = copy
            .etag
            .as_deref()
            .filter(|etag| !etag.starts_with(OWN_TAG));
        let asked_at = now();
        let answer = self.client.ask(&question, patience).await?;
        self.note_asked(&address, asked_at);
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

    /// Asks about a page's copy. One that takes longer than there is patience for is finished for the next client:
    /// else a page that is always slow would stay as it is for ever.
    async fn ask_about_page(
        self: Arc<Self>,
        key: ArtifactKey,
        copy: ObjectAttributes,
        patience: Duration,
    ) -> Result<Revalidation, Error> {
        let late = || Error::unavailable("CodeArtifact takes its time");
        let turn = self.late.begin(&key).ok_or_else(late)?;
        let (this, of) = (Arc::clone(&self), key.clone());
        let mut asked = request::spawn(async move {
            let allowed = PATIENCE.max(patience);
            this.ask_whether_good(&of, &copy, allowed).await
        });
        let unexpected = |_| Err(Error::unavailable("asking about a page ended unexpectedly"));
        if let Ok(outcome) = timeout(patience, &mut asked).await {
            return outcome.unwrap_or_else(unexpected);
        }
        let fetcher = self.fetcher()?;
        request::spawn(async move {
            let outcome = asked.await.unwrap_or_else(unexpected);
            fetcher.conclude(&key, outcome).await;
            drop(turn);
        });
        Err(late())
    }

    /// Whether whoever reads a file means to write it anew: `mvn deploy` adds a version to the list that it reads, and
    /// an old one would lose what others have published.
    fn is_read_to_be_written(&self, key: &str) -> bool {
        let path = key.splitn(4, '/').nth(3).unwrap_or_default();
        is_list_of_versions(path)
            && Address::of_key(&self.table(), key).is_some_and(|address| {
                address.format() == Format::Maven && address.upstream().config.publish
            })
    }
}

/// A package's `maven-metadata.xml` or a checksum of it. That of a snapshot, which has a folder of its own, is none.
pub(super) fn is_list_of_versions(path: &str) -> bool {
    let Some((folder, file)) = path.rsplit_once('/') else {
        return false;
    };
    let is_one = file.strip_prefix("maven-metadata.xml");
    let is_one = is_one.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    is_one && !folder.ends_with("-SNAPSHOT")
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

    fn revalidate(
        self: Arc<Self>,
        key: ArtifactKey,
        copy: ObjectAttributes,
        patience: Duration,
    ) -> BoxFuture<'static, Result<Revalidation, Error>> {
        if Address::is_page(key.as_str()) {
            return Box::pin(self.ask_about_page(key, copy, patience));
        }
        Box::pin(async move {
            let asked = timeout(patience, self.ask_whether_good(&key, &copy, patience)).await;
            asked.unwrap_or_else(|_| Err(Error::unavailable("CodeArtifact takes its time")))
        })
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
            // CodeArtifact may have the project by now, or block it.
            (Some(Format::Pypi), Some(path)) if PublicName::of(path).is_some() => {
                Freshness::Mutable
            }
            (Some(_), Some(_)) => Freshness::Immutable,
            (None, _) | (_, None) => Freshness::Mutable,
        }
    }

    fn changed_at(&self, key: &str) -> Option<SystemTime> {
        // What is read to be written anew is as good as changed: neither a copy nor a download under way will do.
        let is_read_to_be_written = self.is_read_to_be_written(key);
        is_read_to_be_written
            .then(now)
            .or_else(|| self.changes.of(key))
    }

    fn is_old(&self, key: &str, validated_at: SystemTime) -> bool {
        self.changes.is_old(key, validated_at) || self.is_read_to_be_written(key)
    }

    fn remembers_missing(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_versions_are_told_from_those_of_one_snapshot() {
        for (path, is_one) in [
            ("g/a/maven-metadata.xml", true),
            ("g/a/maven-metadata.xml.sha1", true),
            ("g/a/1.0-SNAPSHOT/maven-metadata.xml", false),
            ("g/a/maven-metadata.xmlx", false),
            ("g/a/1/a-1.jar", false),
            ("maven-metadata.xml", false),
        ] {
            assert_eq!(is_list_of_versions(path), is_one, "{path}");
        }
    }

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
