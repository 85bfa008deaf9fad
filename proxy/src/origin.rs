//! Where artifacts come from: S3, and before it the team's proxy, where there is one. Knows no cache.
//!
//! ```text
//! get, head, revalidate ─► upstream ─► answers ──────────────────────► its word
//!                              └─────► does not, cannot, knows none ─► S3
//! list, probe ──────────────────────────────────────────────────────► S3
//! ```
//!
//! Every call to S3 goes through one loop (`call`), which waits for credentials, retries what passes
//! for about ten seconds, heals a wrong region, a skewed clock and spent credentials, and turns what
//! remains into an [`Error`] that says what to do.

mod call;
mod extent;
mod limits;
mod list;
mod object;
mod operation;
mod ranges;
mod stream;
mod upstream;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    IdentityCache, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tracing::warn;

pub use list::{ListedFolder, ListedObject, Listing};
pub use upstream::{Upstream, UpstreamState};

use crate::artifact::{ArtifactKey, Freshness};
use crate::config::Config;
use crate::credentials::{Credentials, State};
use crate::error::{Error, Trouble};
use crate::metrics::Metrics;
use crate::object::ObjectAttributes;
use crate::remote::{Body, Remote, Revalidation};
use limits::{Limits, Permit};
use list::ListPermission;
use ranges::Gain;
use stream::ObjectStream;
use upstream::{Answer, Wanted};

/// How long a miss is tried before its client is told to come back.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// S3 gets so long to confirm that what the upstream does not find is missing.
const CONFIRMATION_PATIENCE: Duration = Duration::from_secs(3);
/// What fails for want of a login is tried again so often where the upstream may serve it meanwhile.
const UPSTREAM_AGAIN: Duration = Duration::from_secs(10);

/// The bucket, and the way to it. Shared by everything that fetches.
pub struct Origin {
    /// Asked first, where one is configured.
    upstream: Option<Upstream>,
    /// Replaced when S3 names another region.
    client: RwLock<Client>,
    base: aws_sdk_s3::Config,
    bucket: String,
    prefix: String,
    profile: String,
    credentials: Credentials,
    /// How long a broken download waits for a login.
    login_wait: Duration,
    limits: Limits,
    gain: Gain,
    list_permission: ListPermission,
    metrics: Arc<Metrics>,
    /// Whether the bucket is known to be there: until then, the bare 404 of a HEAD may mean either.
    accepted_generation: AtomicU64,
}

impl Origin {
    /// Builds the client; calls nothing.
    #[must_use]
    pub fn new(
        config: &Config,
        credentials: Credentials,
        http: SharedHttpClient,
        metrics: Arc<Metrics>,
    ) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .read_timeout(call::ATTEMPT_TIMEOUT)
            .build();
        let mut base = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .credentials_provider(credentials.provider())
            .identity_cache(IdentityCache::no_cache())
            .http_client(http)
            // Retries, stalls and checksums are ours: see `call`, `stream` and `checksum`.
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        if let Some(endpoint) = &config.s3_endpoint {
            base = base.endpoint_url(endpoint).force_path_style(true);
        }
        let base = base.build();
        Self {
            upstream: Upstream::new(config, Arc::clone(&metrics)),
            client: RwLock::new(Client::from_conf(base.clone())),
            base,
            bucket: config.bucket.clone(),
            prefix: config.prefix.clone(),
            profile: config.profile.name().to_owned(),
            credentials,
            login_wait: config.login_wait,
            limits: Limits::default(),
            gain: Gain::default(),
            list_permission: ListPermission::default(),
            metrics,
            accepted_generation: AtomicU64::new(0),
        }
    }

    /// The credentials that calls are signed with.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The upstream's URL and how it is, where there is one.
    #[must_use]
    pub fn upstream(&self) -> Option<(&str, UpstreamState)> {
        let upstream = self.upstream.as_ref()?;
        Some((upstream.url(), upstream.state()))
    }

    /// Whether the upstream answers, and can fetch: `None` without one.
    pub async fn probe_upstream(&self, patience: Duration) -> Option<Result<bool, Arc<Trouble>>> {
        Some(self.upstream.as_ref()?.probe(patience).await)
    }

    /// After how long it makes sense to try again what has failed for want of a login, although
    /// nobody has logged in.
    #[must_use]
    pub fn tried_again_after(&self) -> Option<Duration> {
        self.upstream.as_ref().map(|_| UPSTREAM_AGAIN)
    }

    /// Starts a download, whose body follows as a stream that mends itself.
    async fn download(self: &Arc<Self>, key: &ArtifactKey) -> Result<ObjectStream, Error> {
        // Boxed here and below: the SDK's futures are large, and what waits should not have their size.
        let at_s3 = |patience| Box::pin(ObjectStream::open(self, key, patience));
        let asked = self.ask_upstream(key, Wanted::Object, PATIENCE).await;
        match asked {
            Some((Answer::Object(head, body), permit)) => {
                ObjectStream::of_upstream(self, key, head, body, permit).await
            }
            Some((Answer::NotFound, permit)) => {
                drop(permit);
                self.confirm_missing(at_s3(CONFIRMATION_PATIENCE)).await
            }
            Some((Answer::Rest(_) | Answer::NotModified, _)) | None => at_s3(PATIENCE).await,
        }
    }

    /// Asks for an object's attributes, without its body. `HeadObject` errors say nothing, so one
    /// is asked again as a `GetObject` of a single byte.
    async fn attributes(&self, key: &ArtifactKey) -> Result<ObjectAttributes, Error> {
        let at_s3 = |patience| Box::pin(object::head(self, key, patience));
        let asked = self.ask_upstream(key, Wanted::Head, PATIENCE).await;
        match asked {
            Some((Answer::Object(head, _), _)) => Ok(head.attributes),
            Some((Answer::NotFound, permit)) => {
                drop(permit);
                self.confirm_missing(at_s3(CONFIRMATION_PATIENCE)).await
            }
            Some((Answer::Rest(_) | Answer::NotModified, _)) | None => at_s3(PATIENCE).await,
        }
    }

    /// Asks whether a copy is still good, giving up after `patience`: the copy can be served.
    ///
    /// The upstream's word counts unless it knows an older version than the copy, or none: a copy is
    /// given up on S3's word only.
    async fn ask_whether_good(
        self: &Arc<Self>,
        key: &ArtifactKey,
        copy: &ObjectAttributes,
        patience: Duration,
    ) -> Result<Revalidation, Error> {
        let Some(etag) = &copy.etag else {
            // Without a validator there is only the object itself.
            return Ok(Revalidation::Changed(Box::new(self.download(key).await?)));
        };
        let deadline = Instant::now() + patience;
        // The other half is S3's.
        let wanted = Wanted::ObjectUnless(etag);
        match self.ask_upstream(key, wanted, patience / 2).await {
            Some((Answer::NotModified, _)) => return Ok(Revalidation::NotModified),
            Some((Answer::Object(head, body), permit))
                if head.attributes.last_modified >= copy.last_modified =>
            {
                let stream = ObjectStream::of_upstream(self, key, head, body, permit).await?;
                return Ok(Revalidation::Changed(Box::new(stream)));
            }
            Some((Answer::Object(..) | Answer::Rest(_) | Answer::NotFound, _)) | None => {}
        }
        let left = deadline.saturating_duration_since(Instant::now());
        Box::pin(ObjectStream::open_if_changed(self, key, etag, left)).await
    }

    /// Asks the upstream, where there is one that is worth it. `None`: S3 has to say.
    async fn ask_upstream(
        &self,
        key: &ArtifactKey,
        wanted: Wanted<'_>,
        patience: Duration,
    ) -> Option<(Answer, Permit)> {
        let upstream = self.upstream.as_ref()?;
        if !upstream.may_be_asked() {
            return None;
        }
        let deadline = Instant::now() + patience;
        let permit = self.limits.call(patience).await.ok()?;
        let left = deadline.saturating_duration_since(Instant::now());
        Some((upstream.ask(key, wanted, left).await?, permit))
    }

    /// The upstream has not found it. A 404 sends builds elsewhere, so S3 is asked as well; where it
    /// cannot be, the upstream's word is S3's, ten seconds old at most.
    async fn confirm_missing<T>(
        &self,
        at_s3: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let may_ask = match self.credentials.state() {
            State::Valid(_) | State::Refreshing => true,
            State::LoginRequired(_)
            | State::Offline(_)
            | State::ClockSkew(_)
            | State::Denied(_)
            | State::ConfigError(_) => false,
        };
        if !may_ask {
            return Err(Error::NotFound);
        }
        match at_s3.await {
            Err(
                Error::LoginRequired(_)
                | Error::Misconfigured(_)
                | Error::ClockSkew(_)
                | Error::Unavailable(_),
            ) => Err(Error::NotFound),
            word => word,
        }
    }

    /// One page of a folder.
    pub async fn list(
        &self,
        folder: &crate::artifact::FolderKey,
        after: Option<&str>,
        most: i32,
    ) -> Result<Listing, Error> {
        list::page(self, folder, after, most).await
    }

    /// Whether the bucket answers with these credentials, and whether it may be listed. Used by
    /// readiness and `check`.
    pub async fn probe(&self, patience: Duration) -> Result<bool, Error> {
        list::probe(self, patience).await
    }

    /// A place among the calls, taken only with credentials at hand, and what is then left of
    /// `patience`.
    async fn admit(&self, patience: Duration) -> Result<(Permit, Duration), Error> {
        let deadline = Instant::now() + patience;
        let left = || deadline.saturating_duration_since(Instant::now());
        self.credentials.usable(left()).await?;
        let permit = self.limits.call(left()).await?;
        Ok((permit, left()))
    }

    fn s3_key(&self, key: &ArtifactKey) -> String {
        format!("{}{key}", self.prefix)
    }

    fn client(&self) -> Client {
        self.client
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Follows S3 to the bucket's own region, for this and all later calls.
    fn move_to_region(&self, region: &str) {
        warn!(
            bucket = self.bucket,
            region, "the bucket is in another region than AWS_REGION says"
        );
        let config = self
            .base
            .to_builder()
            .region(Region::new(region.to_owned()))
            .build();
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = Client::from_conf(config);
    }
}

impl Remote for Origin {
    fn get(self: Arc<Self>, key: ArtifactKey) -> BoxFuture<'static, Result<Box<dyn Body>, Error>> {
        Box::pin(async move {
            let stream = self.download(&key).await?;
            Ok(Box::new(stream) as Box<dyn Body>)
        })
    }

    fn head(
        self: Arc<Self>,
        key: ArtifactKey,
    ) -> BoxFuture<'static, Result<ObjectAttributes, Error>> {
        Box::pin(async move { self.attributes(&key).await })
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
        match &self.upstream {
            Some(upstream) if upstream.may_be_asked() => Ok(()),
            Some(_) | None => self.credentials.refuse_without_login(),
        }
    }

    fn freshness(&self, key: &str) -> Freshness {
        Freshness::of(key)
    }
}
