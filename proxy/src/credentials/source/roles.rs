//! STS: roles that a profile assumes on top of its SSO role (`role_arn` with `source_profile`), and those
//! of services.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::attributes::AccountId;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::types::{
    Credentials as StsCredentials, PolicyDescriptorType, ProvidedContext, Tag,
};
use aws_sdk_sts::{Client, Config};
use aws_types::region::Region;
use sso_session::config::{AssumeRole, SsoProfile};
use sso_session::failure::Failure;
use sso_session::verdict::{self, Verdict};

use super::{Failed, Source};
use crate::config::RoleConfig;
use crate::credentials::State;
use crate::credentials::session::Session;
use crate::credentials::state::account_of;
use crate::error::Trouble;

const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// STS answered, and gave nothing that can be used.
const NO_CREDENTIALS: &str = "the answer holds no credentials";

/// Which STS is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StsPlace {
    pub(super) region: String,
    /// Another one than AWS's own.
    pub(super) endpoint: Option<String>,
}

impl Source {
    /// The credentials at the end of the profile's chain; those given where there is no chain.
    pub(super) async fn assume_roles(
        &self,
        profile: &SsoProfile,
        session: &Session,
        credentials: Credentials,
    ) -> Result<Credentials, Failed> {
        let place = StsPlace {
            region: profile.region.clone().unwrap_or_else(|| self.region()),
            endpoint: profile.endpoints.sts.clone(),
        };
        let mut credentials = credentials;
        for step in &profile.assume_roles {
            let client = self.sts(&place, credentials);
            let assumed = assume(&client, &role_of(step)).await;
            credentials = assumed.map_err(|failure| {
                if verdict::of_sts(&failure) == Verdict::CredentialsRejected {
                    session.forget_role_credentials(profile);
                }
                self.refused_step(step, &failure)
            })?;
        }
        Ok(credentials)
    }

    /// A client that signs with these credentials.
    pub(super) fn sts(&self, place: &StsPlace, credentials: Credentials) -> Client {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_timeout(CALL_TIMEOUT)
            .build();
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(place.region.clone()))
            .http_client(self.http_client.clone())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            // One repetition: the SDK corrects a skewed clock by it.
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .timeout_config(timeouts);
        if let Some(endpoint) = &place.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Client::from_conf(config.build())
    }

    fn refused_step(&self, step: &AssumeRole, failure: &Failure) -> State {
        let AssumeRole {
            profile, role_arn, ..
        } = step;
        let another = self.another_profile();
        match verdict::of_sts(failure) {
            Verdict::Denied => State::Denied(Trouble::new(
                format!("profile `{profile}` may not assume {role_arn} ({failure})"),
                format!("Ask for sts:AssumeRole on that role, or {another}."),
            )),
            Verdict::Misconfigured => State::ConfigError(Trouble::new(
                format!("STS cannot assume {role_arn} as profile `{profile}` says ({failure})"),
                format!("Correct role_arn and duration_seconds of profile `{profile}`."),
            )),
            Verdict::ClockSkew => clock_skew(failure),
            Verdict::LoginRequired
            | Verdict::RegistrationRejected
            | Verdict::LoginOnce
            | Verdict::CredentialsRejected
            | Verdict::Passing => passing(role_arn, failure),
        }
    }
}

/// AWS refuses signatures for their time.
pub(super) fn clock_skew(failure: &Failure) -> State {
    State::ClockSkew(Trouble::new(
        format!("AWS refuses this machine's signatures ({failure})"),
        "Set the clock (a container has its virtual machine's).",
    ))
}

/// It passes, or nobody knows better.
pub(super) fn passing(role_arn: &str, failure: &Failure) -> State {
    State::Offline(Trouble::new(
        format!("{role_arn} could not be assumed now ({failure})"),
        "This is passing trouble and is tried again by itself.",
    ))
}

/// What a profile says of a role, in the terms of STS.
fn role_of(step: &AssumeRole) -> RoleConfig {
    let session_name = step.session_name.as_deref().unwrap_or("bazel-proxy");
    let usual = RoleConfig::new(&step.role_arn, session_name);
    RoleConfig {
        duration: step.duration.unwrap_or(usual.duration),
        external_id: step.external_id.clone(),
        ..usual
    }
}

/// Asks for the role, with all that may be said about it.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
pub(super) async fn assume(client: &Client, role: &RoleConfig) -> Result<Credentials, Failure> {
    let policy = |arn: &String| PolicyDescriptorType::builder().arn(arn).build();
    let policies: Vec<_> = role.policy_arns.iter().map(policy).collect();
    let tags = role.tags.iter().map(|(key, value)| {
        let tag = Tag::builder().key(key).value(value).build();
        tag.map_err(|error| Failure::garbage(&error.to_string()))
    });
    let tags = tags.collect::<Result<Vec<_>, _>>()?;
    let context = |(provider, assertion): &(String, String)| {
        let context = ProvidedContext::builder().provider_arn(provider);
        context.context_assertion(assertion).build()
    };
    let contexts: Vec<_> = role.provided_contexts.iter().map(context).collect();
    let call = client
        .assume_role()
        .role_arn(&role.role_arn)
        .role_session_name(&role.session_name)
        .duration_seconds(seconds(role.duration))
        .set_external_id(role.external_id.clone())
        .set_policy_arns(some(policies))
        .set_policy(role.policy.clone())
        .set_tags(some(tags))
        .set_transitive_tag_keys(some(role.transitive_tag_keys.clone()))
        .set_serial_number(role.serial_number.clone())
        .set_token_code(role.token_code.clone())
        .set_source_identity(role.source_identity.clone())
        .set_provided_contexts(some(contexts))
        .send();
    let answer = call.await.map_err(|error| Failure::of(&error))?;
    // The role's own ARN: a path in the configured one changes nothing about the account.
    let account = account_of(&role.role_arn).map(AccountId::from);
    let given = answer.credentials.map(|given| usable(given, account));
    given.ok_or_else(|| Failure::garbage(NO_CREDENTIALS))
}

/// Temporary credentials of the same rights, for long-term keys.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>
pub(super) async fn session_token(
    client: &Client,
    duration: Duration,
    account: Option<AccountId>,
) -> Result<Credentials, Failure> {
    let call = client.get_session_token();
    let call = call.duration_seconds(seconds(duration)).send();
    let answer = call.await.map_err(|error| Failure::of(&error))?;
    let given = answer.credentials.map(|given| usable(given, account));
    given.ok_or_else(|| Failure::garbage(NO_CREDENTIALS))
}

/// STS refuses what is too much, and says so.
fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

/// An empty list is none: STS refuses it.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// The account that these credentials are for. They need no permission for it.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
pub(super) async fn account(client: &Client) -> Result<Option<AccountId>, Failure> {
    let answer = client.get_caller_identity().send().await;
    let answer = answer.map_err(|error| Failure::of(&error))?;
    Ok(answer.account.map(AccountId::from))
}

fn usable(given: StsCredentials, account: Option<AccountId>) -> Credentials {
    let mut credentials = Credentials::builder()
        .access_key_id(given.access_key_id)
        .secret_access_key(given.secret_access_key)
        .session_token(given.session_token)
        .provider_name("sts");
    credentials.set_expiry(given.expiration.try_into().ok());
    credentials.set_account_id(account);
    credentials.build()
}
