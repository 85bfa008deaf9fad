//! Roles that a profile assumes on top of its SSO role (`role_arn` with `source_profile`).

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::types::Credentials as StsCredentials;
use aws_sdk_sts::{Client, Config};
use aws_types::region::Region;
use sso_session::config::{AssumeRole, SsoProfile};
use sso_session::failure::Failure;
use sso_session::verdict::{self, Verdict};

use super::{Failed, Source};
use crate::credentials::State;
use crate::error::Trouble;

const CALL_TIMEOUT: Duration = Duration::from_secs(10);

impl Source {
    /// The credentials at the end of the chain; those given where there is no chain.
    pub(super) async fn assume_roles(
        &self,
        profile: &SsoProfile,
        credentials: Credentials,
    ) -> Result<Credentials, Failed> {
        let mut credentials = credentials;
        for role in &profile.assume_roles {
            let client = self.sts(profile, credentials);
            credentials = assume(&client, role).await?;
        }
        Ok(credentials)
    }

    fn sts(&self, profile: &SsoProfile, credentials: Credentials) -> Client {
        let region = profile.region.as_ref().unwrap_or(&self.region);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_timeout(CALL_TIMEOUT)
            .build();
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.clone()))
            .http_client(self.http_client.clone())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            // One repetition: the SDK corrects a skewed clock by it.
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .timeout_config(timeouts);
        if let Some(endpoint) = &profile.endpoints.sts {
            config = config.endpoint_url(endpoint);
        }
        Client::from_conf(config.build())
    }
}

async fn assume(client: &Client, role: &AssumeRole) -> Result<Credentials, Failed> {
    let name = role.session_name.as_deref().unwrap_or("bazel-proxy");
    let seconds = role.duration.map(|duration| duration.as_secs());
    let call = client
        .assume_role()
        .role_arn(&role.role_arn)
        .role_session_name(name)
        .set_external_id(role.external_id.clone())
        .set_duration_seconds(seconds.and_then(|seconds| seconds.try_into().ok()))
        .send();
    match call.await {
        Ok(answer) => answer.credentials.map(usable).ok_or_else(|| {
            refused(role, Verdict::Passing, "the answer holds no credentials").into()
        }),
        Err(error) => {
            let failure = Failure::of(&error);
            Err(refused(role, verdict::of_sts(&failure), &failure.to_string()).into())
        }
    }
}

fn usable(given: StsCredentials) -> Credentials {
    let expiry = given.expiration.try_into().ok();
    let (key, secret) = (given.access_key_id, given.secret_access_key);
    Credentials::new(key, secret, Some(given.session_token), expiry, "sts")
}

fn refused(role: &AssumeRole, verdict: Verdict, said: &str) -> State {
    let AssumeRole {
        profile, role_arn, ..
    } = role;
    match verdict {
        Verdict::Denied => State::Denied(Trouble::new(
            format!("profile `{profile}` may not assume {role_arn} ({said})"),
            "Ask for sts:AssumeRole on that role, or name another profile in AWS_PROFILE.",
        )),
        Verdict::Misconfigured => State::ConfigError(Trouble::new(
            format!("STS cannot assume {role_arn} as profile `{profile}` says ({said})"),
            format!("Correct role_arn and duration_seconds of profile `{profile}`."),
        )),
        Verdict::ClockSkew => State::ClockSkew(Trouble::new(
            format!("AWS refuses this machine's signatures ({said})"),
            "Set the clock (a container has its virtual machine's).",
        )),
        Verdict::LoginRequired
        | Verdict::RegistrationRejected
        | Verdict::LoginOnce
        | Verdict::CredentialsRejected
        | Verdict::Passing => State::Offline(Trouble::new(
            format!("{role_arn} could not be assumed now ({said})"),
            "This is passing trouble and is tried again by itself.",
        )),
    }
}
