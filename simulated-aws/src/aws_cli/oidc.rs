//! The three calls to SSO-OIDC that a login makes.
//! <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/Welcome.html>

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_ssooidc::config::http::HttpResponse;
use aws_sdk_ssooidc::config::retry::RetryConfig;
use aws_sdk_ssooidc::config::{BehaviorVersion, Region};
use aws_sdk_ssooidc::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssooidc::{Client as Sdk, Config};
use serde::Deserialize;
use sso_session::config::SsoSession;
use sso_session::http_client::http_client;

use super::complaint::Complaint;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// SSO-OIDC at an endpoint.
pub(super) struct Oidc {
    sdk: Sdk,
    endpoint: String,
}

/// A client that SSO-OIDC knows.
pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) expires_at: SystemTime,
}

/// A sign-in that waits for a person.
pub(super) struct Authorization {
    pub(super) device_code: String,
    pub(super) user_code: String,
    pub(super) page: String,
    /// The page with the code in it.
    pub(super) page_with_code: String,
    pub(super) interval: Duration,
}

/// What a sign-in has come to.
pub(super) enum Outcome {
    Tokens(Tokens),
    Pending,
    /// Asked too often.
    SlowDown,
}

/// What a person's consent brings.
pub(super) struct Tokens {
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
    pub(super) life: Duration,
}

impl Oidc {
    /// Calls nothing yet.
    pub(super) fn new(region: &str, endpoint: &str) -> Self {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .endpoint_url(endpoint)
            .http_client(http_client(None))
            .retry_config(RetryConfig::disabled());
        Self {
            sdk: Sdk::from_conf(config.build()),
            endpoint: endpoint.to_owned(),
        }
    }

    pub(super) async fn register(
        &self,
        session: &SsoSession,
        now: SystemTime,
    ) -> Result<Client, Complaint> {
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let call = self
            .sdk
            .register_client()
            .client_name(format!("botocore-client-{seconds}"))
            .client_type("public")
            .set_scopes((!session.scopes.is_empty()).then(|| session.scopes.clone()));
        let answer = call.send().await;
        let answer =
            answer.map_err(|error| self.complaint("RegisterClient", "client/register", &error))?;
        let expires_at = u64::try_from(answer.client_secret_expires_at).unwrap_or_default();
        Ok(Client {
            id: needed(answer.client_id, "clientId")?,
            secret: needed(answer.client_secret, "clientSecret")?,
            expires_at: UNIX_EPOCH + Duration::from_secs(expires_at),
        })
    }

    pub(super) async fn begin(
        &self,
        session: &SsoSession,
        client: &Client,
    ) -> Result<Authorization, Complaint> {
        let call = self
            .sdk
            .start_device_authorization()
            .client_id(&client.id)
            .client_secret(&client.secret)
            .start_url(&session.start_url);
        let answer = call.send().await.map_err(|error| {
            self.complaint("StartDeviceAuthorization", "device_authorization", &error)
        })?;
        let interval = u64::try_from(answer.interval).unwrap_or_default();
        Ok(Authorization {
            device_code: needed(answer.device_code, "deviceCode")?,
            user_code: needed(answer.user_code, "userCode")?,
            page: needed(answer.verification_uri, "verificationUri")?,
            page_with_code: needed(answer.verification_uri_complete, "verificationUriComplete")?,
            interval: Duration::from_secs(interval.max(1)),
        })
    }

    pub(super) async fn token(
        &self,
        client: &Client,
        authorization: &Authorization,
    ) -> Result<Outcome, Complaint> {
        let call = self
            .sdk
            .create_token()
            .grant_type(DEVICE_CODE)
            .client_id(&client.id)
            .client_secret(&client.secret)
            .device_code(&authorization.device_code);
        let error = match call.send().await {
            Ok(answer) => {
                let life = u64::try_from(answer.expires_in).unwrap_or_default();
                return Ok(Outcome::Tokens(Tokens {
                    access_token: needed(answer.access_token, "accessToken")?,
                    refresh_token: answer.refresh_token,
                    life: Duration::from_secs(life),
                }));
            }
            Err(error) => error,
        };
        match error.code() {
            Some("AuthorizationPendingException") => Ok(Outcome::Pending),
            Some("SlowDownException") => Ok(Outcome::SlowDown),
            Some("ExpiredTokenException") => Err(Complaint::Expired),
            Some(_) | None => Err(self.complaint("CreateToken", "token", &error)),
        }
    }

    fn complaint<E: ProvideErrorMetadata>(
        &self,
        operation: &'static str,
        path: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> Complaint {
        let Some(answer) = error.raw_response() else {
            let endpoint = self.endpoint.trim_end_matches('/');
            return Complaint::Unreachable(format!("{endpoint}/{path}"));
        };
        Complaint::Service {
            code: error.code().unwrap_or("Unknown").to_owned(),
            operation,
            details: details(answer.body().bytes().unwrap_or_default()),
        }
    }
}

/// What OAuth's errors say of themselves (RFC 6749, section 5.2), as the CLI shows it.
fn details(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Said {
        error: String,
        error_description: String,
    }
    let said: Result<Said, _> = serde_json::from_slice(body);
    said.map_or_else(
        |_| String::new(),
        |said| {
            let (error, description) = (said.error, said.error_description);
            format!(
                "\n\nAdditional error details:\nerror: {error}\nerror_description: {description}"
            )
        },
    )
}

fn needed(field: Option<String>, name: &str) -> Result<String, Complaint> {
    field.ok_or_else(|| Complaint::Missing(name.to_owned()))
}
