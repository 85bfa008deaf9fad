//! SSO-OIDC's `CreateToken`: the refresh grant itself, and whether anybody would answer it.

mod probe;

use std::time::Duration;

use aws_sdk_ssooidc::Client;
use aws_sdk_ssooidc::config::retry::RetryConfig;
use aws_sdk_ssooidc::config::timeout::TimeoutConfig;
use aws_sdk_ssooidc::config::{BehaviorVersion, Region};
use aws_sdk_ssooidc::operation::create_token::CreateTokenError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use tokio::time::timeout;

use crate::failure::Failure;
use crate::http_client::SharedHttpClient;
use crate::secret::Secret;
use crate::token::Token;
use crate::verdict::{self, Verdict};

pub use probe::Probe;

/// Longer than this no answer is waited for.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// More of a description is of no use to anyone.
const MOST_WORDS: usize = 300;

/// A client of SSO-OIDC in the session's region.
#[derive(Clone, Debug)]
pub struct Oidc(Client);

/// What a refresh grant brought.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) access_token: Secret,
    /// Life of the access token from now on.
    pub(crate) expires_in: Duration,
    /// Absent where the server does not rotate.
    pub(crate) refresh_token: Option<Secret>,
}

impl Oidc {
    /// Builds the client; calls nothing. `endpoint` replaces AWS's own.
    #[must_use]
    pub fn new(region: &str, endpoint: Option<&str>, http: SharedHttpClient) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_timeout(CALL_TIMEOUT)
            .build();
        let mut config = aws_sdk_ssooidc::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .http_client(http)
            // A refresh token may be good for one call only: whoever repeats it decides when.
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        if let Some(endpoint) = endpoint {
            config = config.endpoint_url(endpoint);
        }
        Self(Client::from_conf(config.build()))
    }

    /// Spends the refresh token of `token`.
    pub(crate) async fn refresh(&self, token: &Token) -> Result<Grant, (Verdict, Failure)> {
        let secret = |secret: Option<&Secret>| secret.map(|secret| secret.expose().to_owned());
        let call = self
            .0
            .create_token()
            .grant_type("refresh_token")
            .set_client_id(token.client_id.clone())
            .set_client_secret(secret(token.client_secret.as_ref()))
            .set_refresh_token(secret(token.refresh_token.as_ref()))
            .send();
        let answer = match timeout(CALL_TIMEOUT, call).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                let failure = failure(&error);
                let reason = error.as_service_error().and_then(reason);
                return Err((verdict::of_refresh(&failure, reason.as_deref()), failure));
            }
            Err(_) => return Err((Verdict::Passing, Failure::timed_out(CALL_TIMEOUT))),
        };
        let life = u64::try_from(answer.expires_in).unwrap_or(0);
        match answer.access_token {
            Some(access_token) if life > 0 && !access_token.is_empty() => Ok(Grant {
                access_token: Secret::new(access_token),
                expires_in: Duration::from_secs(life),
                refresh_token: answer.refresh_token.map(Secret::new),
            }),
            Some(_) | None => {
                let garbage = Failure::garbage("the answer holds no usable token");
                Err((Verdict::Passing, garbage))
            }
        }
    }
}

/// What went wrong, in the words of the service.
fn failure(error: &SdkError<CreateTokenError, HttpResponse>) -> Failure {
    let mut failure = Failure::of(error);
    if let Some(said) = description(error) {
        failure.message = said;
    }
    failure
}

/// OAuth 2.0 puts its words into `error_description` (RFC 6749, section 5.2), which the SDK does not
/// take for the message.
fn description(error: &SdkError<CreateTokenError, HttpResponse>) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Said {
        error_description: String,
    }
    let body = error.raw_response()?.body().bytes()?;
    let said: Said = serde_json::from_slice(body).ok()?;
    let words = said.error_description.trim().trim_end_matches('.');
    (!words.is_empty()).then(|| words.chars().take(MOST_WORDS).collect())
}

/// Why access is denied or a request is invalid, beyond its code.
fn reason(error: &CreateTokenError) -> Option<String> {
    if let CreateTokenError::AccessDeniedException(denied) = error {
        return denied.reason().map(|reason| reason.as_str().to_owned());
    }
    if let CreateTokenError::InvalidRequestException(invalid) = error {
        return invalid.reason().map(|reason| reason.as_str().to_owned());
    }
    None
}
