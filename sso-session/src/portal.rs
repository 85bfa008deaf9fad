//! The SSO portal: role credentials for an access token, and the end of its session.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sdk_sso::Client;
use aws_sdk_sso::config::retry::RetryConfig;
use aws_sdk_sso::config::timeout::TimeoutConfig;
use aws_sdk_sso::config::{BehaviorVersion, Region};
use tokio::time::timeout;

use crate::failure::Failure;
use crate::http_client::SharedHttpClient;
use crate::secret::Secret;
use crate::verdict::{self, Verdict};

/// Longer than this no answer is waited for.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A client of the SSO portal in the session's region.
#[derive(Clone, Debug)]
pub struct Portal(Client);

impl Portal {
    /// Builds the client; calls nothing. `endpoint` replaces AWS's own.
    #[must_use]
    pub fn new(region: &str, endpoint: Option<&str>, http: SharedHttpClient) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_attempt_timeout(Duration::from_secs(5))
            .operation_timeout(CALL_TIMEOUT)
            .build();
        let mut config = aws_sdk_sso::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .http_client(http)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        if let Some(endpoint) = endpoint {
            config = config.endpoint_url(endpoint);
        }
        Self(Client::from_conf(config.build()))
    }

    /// Credentials of a role, with their expiry.
    pub async fn role_credentials(
        &self,
        access_token: &Secret,
        account_id: &str,
        role_name: &str,
    ) -> Result<Credentials, (Verdict, Failure)> {
        let call = self
            .0
            .get_role_credentials()
            .access_token(access_token.expose())
            .account_id(account_id)
            .role_name(role_name)
            .send();
        let answer = match timeout(CALL_TIMEOUT, call).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                let failure = Failure::of(&error);
                return Err((verdict::of_portal(&failure), failure));
            }
            Err(_) => return Err((Verdict::Passing, Failure::timed_out(CALL_TIMEOUT))),
        };
        let found = answer.role_credentials.and_then(|found| {
            Some(Credentials::new(
                found.access_key_id?,
                found.secret_access_key?,
                Some(found.session_token?),
                expiry(found.expiration),
                "sso",
            ))
        });
        found.ok_or_else(|| {
            let garbage = Failure::garbage("the answer holds no usable credentials");
            (Verdict::Passing, garbage)
        })
    }

    /// Ends the session of an access token, for every program that uses it.
    ///
    /// # Errors
    /// [`Verdict::CredentialsRejected`] where it had ended already.
    pub async fn log_out(&self, access_token: &Secret) -> Result<(), (Verdict, Failure)> {
        let call = self.0.logout().access_token(access_token.expose()).send();
        match timeout(CALL_TIMEOUT, call).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                let failure = Failure::of(&error);
                Err((verdict::of_portal(&failure), failure))
            }
            Err(_) => Err((Verdict::Passing, Failure::timed_out(CALL_TIMEOUT))),
        }
    }
}

/// The portal counts milliseconds since 1970; 0 where it says nothing.
fn expiry(milliseconds: i64) -> Option<SystemTime> {
    let milliseconds = u64::try_from(milliseconds).ok().filter(|some| *some > 0)?;
    UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds))
}
