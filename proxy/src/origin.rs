//! S3: the only place where artifacts are fetched from AWS. Knows no cache.
//!
//! Every call goes through one loop (`call`), which waits for credentials, retries what passes for
//! about ten seconds, heals a wrong region, a skewed clock and spent credentials, and turns what
//! remains into an [`Error`] that says what to do.

mod call;
mod limits;
mod list;
mod object;
mod operation;
mod stream;

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
use tokio::time::Instant;
use tracing::warn;

pub use list::{ListedFolder, ListedObject, Listing};
pub use object::ObjectHead;
pub use stream::{ObjectStream, VerifiedDownload};

use crate::artifact::ArtifactKey;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::object::ObjectAttributes;
use limits::{Limits, Permit};
use list::ListPermission;

/// How long a miss is tried before its client is told to come back.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The bucket. Shared by everything that fetches.
pub struct Origin {
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
    list_permission: ListPermission,
    metrics: Arc<Metrics>,
    /// Whether the bucket is known to be there: until then, the bare 404 of a HEAD may mean either.
    accepted_generation: AtomicU64,
}

/// The outcome of asking whether a cached copy is still good.
pub enum Revalidation {
    /// It is.
    NotModified,
    /// There is a newer one, on its way.
    Changed(Box<ObjectStream>),
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
            client: RwLock::new(Client::from_conf(base.clone())),
            base,
            bucket: config.bucket.clone(),
            prefix: config.prefix.clone(),
            profile: config.profile.name().to_owned(),
            credentials,
            login_wait: config.login_wait,
            limits: Limits::default(),
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

    /// Starts a download: one `GetObject`, whose body follows as a stream that mends itself.
    pub async fn get(self: &Arc<Self>, key: &ArtifactKey) -> Result<ObjectStream, Error> {
        ObjectStream::open(self, key, PATIENCE).await
    }

    /// Asks for an object's attributes, without its body. `HeadObject` errors say nothing, so one
    /// is asked again as a `GetObject` of a single byte.
    pub async fn head(&self, key: &ArtifactKey) -> Result<ObjectAttributes, Error> {
        object::head(self, key).await
    }

    /// Asks whether a copy is still good, giving up after `patience`: the copy can be served.
    pub async fn revalidate(
        self: &Arc<Self>,
        key: &ArtifactKey,
        etag: &str,
        patience: Duration,
    ) -> Result<Revalidation, Error> {
        ObjectStream::open_if_changed(self, key, etag, patience).await
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
