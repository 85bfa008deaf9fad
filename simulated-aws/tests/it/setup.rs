//! A simulated AWS with one bucket, and clients for it.

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Region};
use simulated_aws::SimulatedAws;
use tempfile::TempDir;

pub(crate) const BUCKET: &str = "artifacts";
pub(crate) const KEY_ID: &str = "AKIATEST";
pub(crate) const SECRET: &str = "secret";

/// A running server and the folder under it.
pub(crate) struct Setup {
    pub(crate) aws: SimulatedAws,
    pub(crate) folder: TempDir,
}

impl Setup {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let aws = SimulatedAws::builder(folder.path()).start().await.unwrap();
        aws.identities().add_static(KEY_ID, SECRET);
        aws.s3().create_bucket(BUCKET).unwrap();
        Self { aws, folder }
    }

    pub(crate) fn put(&self, key: &str, bytes: impl AsRef<[u8]>) {
        self.aws.s3().put(BUCKET, key, bytes).unwrap();
    }

    /// The SDK without its retries, so that tests see each answer.
    pub(crate) fn config(&self) -> Builder {
        Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(Credentials::from_keys(KEY_ID, SECRET, None))
            .endpoint_url(self.aws.endpoint_url())
            .force_path_style(true)
            .region(Region::new("us-west-2"))
            .retry_config(RetryConfig::disabled())
    }

    pub(crate) fn client(&self) -> Client {
        Client::from_conf(self.config().build())
    }

    pub(crate) fn client_as(&self, key: &str, secret: &str, token: Option<&str>) -> Client {
        let credentials = Credentials::from_keys(key, secret, token.map(str::to_owned));
        Client::from_conf(self.config().credentials_provider(credentials).build())
    }
}

/// The status and code of a failed call.
macro_rules! failure {
    ($result:expr) => {{
        let error = $result.expect_err("the call fails");
        let status = error.raw_response().map(|raw| raw.status().as_u16());
        let code = aws_sdk_s3::error::ProvideErrorMetadata::code(&error).map(str::to_owned);
        (status.unwrap_or(0), code.unwrap_or_default())
    }};
}
pub(crate) use failure;

pub(crate) fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
