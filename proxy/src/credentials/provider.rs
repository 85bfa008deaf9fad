//! The keeper's value as the AWS clients want it.

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use tokio::sync::watch;

use super::State;

/// Answers with the value of the moment, without waiting.
#[derive(Debug)]
pub(super) struct CurrentCredentials(pub(super) watch::Receiver<State>);

impl ProvideCredentials for CurrentCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(match &*self.0.borrow() {
            State::Valid(valid) => {
                let found = &valid.credentials;
                // Without the expiry: S3 decides whether they are good, and the SDK would refuse
                // to sign with what this machine's clock calls expired.
                Ok(Credentials::new(
                    found.access_key_id(),
                    found.secret_access_key(),
                    found.session_token().map(str::to_owned),
                    None,
                    "bazel-proxy",
                ))
            }
            other @ (State::Refreshing
            | State::LoginRequired(_)
            | State::Offline(_)
            | State::ClockSkew(_)
            | State::Denied(_)
            | State::ConfigError(_)) => Err(CredentialsError::not_loaded(other.name())),
        })
    }
}
