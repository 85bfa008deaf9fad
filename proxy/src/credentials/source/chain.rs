//! Everything but SSO: `aws-config`, built afresh for each attempt, so that no old error and no old
//! file stays in it.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::region::Region;

use super::{Failed, Source};
use crate::config::Profile;
use crate::credentials::State;
use crate::error::Trouble;

/// A slow `credential_process` gets so long.
const CHAIN_TIMEOUT: Duration = Duration::from_secs(20);

impl Source {
    /// One attempt, at most 20 s; a failure comes back as the state that it means.
    pub(super) async fn load_chain(
        &self,
        profile: &Profile,
        has_source: bool,
    ) -> Result<Credentials, Failed> {
        let attempt = tokio::time::timeout(CHAIN_TIMEOUT, self.provide(profile)).await;
        match attempt {
            Ok(Ok(credentials)) => Ok(credentials),
            // An instance's metadata may not answer for a while, and then there "are none", too.
            Ok(Err(error @ CredentialsError::CredentialsNotLoaded(_))) if has_source => {
                Err(Failed::keeping(self.explain(&error)))
            }
            Ok(Err(error)) => Err(self.explain(&error).into()),
            Err(_) => Err(super::took_too_long().into()),
        }
    }

    async fn provide(&self, profile: &Profile) -> Result<Credentials, CredentialsError> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_attempt_timeout(Duration::from_secs(5))
            .operation_timeout(Duration::from_secs(12))
            .build();
        let config = ProviderConfig::without_region()
            .with_region(Some(Region::new(self.region())))
            .with_behavior_version(Some(BehaviorVersion::latest()))
            .with_http_client(self.http_client.clone())
            .with_sleep_impl(TokioSleep::new())
            .with_retry_config(RetryConfig::standard().with_max_attempts(2))
            .with_timeout_config(timeouts);
        match profile {
            Profile::Named(name) => {
                let mut provider = ProfileFileCredentialsProvider::builder().profile_name(name);
                if let Some(files) = self.own_files().await {
                    provider = provider.profile_files(files);
                }
                provider
                    .configure(&config)
                    .build()
                    .provide_credentials()
                    .await
            }
            Profile::DefaultChain => {
                let chain = DefaultCredentialsChain::builder()
                    .profile_name("default")
                    // Else it looks for one, and waits for an instance's metadata on a laptop.
                    .region(Region::new(self.region()));
                let chain = chain.configure(config).build().await;
                chain.provide_credentials().await
            }
        }
    }

    /// The files to read where a service names a configuration file of its own. The credentials file comes
    /// after it, so that its keys win, as they do by default.
    async fn own_files(&self) -> Option<EnvConfigFiles> {
        let config = self.own_config_file()?;
        let credentials = self.locations().credentials_file.as_path();
        let mut files = None;
        for (kind, file) in [
            (EnvConfigFileKind::Config, config),
            (EnvConfigFileKind::Credentials, credentials),
        ] {
            // One that is named must be there, for aws-config; here either may be missing.
            if matches!(tokio::fs::try_exists(file).await, Ok(true)) {
                let builder = files.unwrap_or_else(EnvConfigFiles::builder);
                files = Some(builder.with_file(kind, file));
            }
        }
        Some(files?.build())
    }

    fn explain(&self, error: &CredentialsError) -> State {
        let reason = chain_of(error);
        let source = self.described();
        match sts_code(error).as_deref() {
            Some("AccessDenied" | "AccessDeniedException") => {
                let another = self.another_profile();
                return State::Denied(Trouble::new(
                    format!("the role of {source} may not be assumed: {reason}"),
                    format!("Ask for sts:AssumeRole on that role, or {another}."),
                ));
            }
            Some("ExpiredToken" | "ExpiredTokenException" | "InvalidClientTokenId") => {
                return State::LoginRequired(self.login_needed(&reason));
            }
            Some("RequestTimeTooSkewed" | "RequestExpired" | "SignatureDoesNotMatch") => {
                return State::ClockSkew(Trouble::new(
                    format!("AWS refuses this machine's signatures: {reason}"),
                    "Set the clock (a container has its virtual machine's), or check the keys.",
                ));
            }
            Some(_) | None => {}
        }
        match error {
            CredentialsError::CredentialsNotLoaded(_) => State::ConfigError(Trouble::new(
                format!("no credentials were found for {source}"),
                self.how_to_configure(),
            )),
            CredentialsError::InvalidConfiguration(_) => State::ConfigError(Trouble::new(
                format!("the configuration of {source} cannot be used: {reason}"),
                self.how_to_configure(),
            )),
            // The enum is open: what it may gain passes, like all that is unknown.
            CredentialsError::ProviderTimedOut(_)
            | CredentialsError::ProviderError(_)
            | CredentialsError::Unhandled(_)
            | _ => State::Offline(Trouble::with_command(
                format!("fetching the credentials of {source} failed: {reason}"),
                self.check_command(),
                |command| format!("If it stays, run `{command}`."),
            )),
        }
    }
}

/// The code of an STS error somewhere below.
fn sts_code(error: &CredentialsError) -> Option<String> {
    sources(error).find_map(|cause| {
        let role = cause
            .downcast_ref::<AssumeRoleError>()
            .and_then(ProvideErrorMetadata::code);
        let web = cause.downcast_ref::<AssumeRoleWithWebIdentityError>();
        role.or_else(|| web.and_then(ProvideErrorMetadata::code))
            .map(str::to_owned)
    })
}

fn sources<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// All causes in one line. Providers keep secrets out of their messages.
fn chain_of(error: &CredentialsError) -> String {
    let texts: Vec<_> = sources(error).map(ToString::to_string).collect();
    texts.join(": ")
}
