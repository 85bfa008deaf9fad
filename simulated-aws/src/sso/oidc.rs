//! SSO-OIDC: clients register, begin a sign-in with a device code, and trade grants for tokens.
//! <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/Welcome.html>

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::HOST;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::error::{invalid_request, oidc, oidc_answer};
use super::grants::{AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN, TokenRequest, given};
use super::state::{Decision, Device, Registration};
use super::{Sso, epoch_seconds, later};
use crate::credential::Credential;
use crate::service::{ErrorAnswer, PlainBody, RequestId, Service, SmallBody, Target, reply};
use crate::{Operation, random};

/// How long a person has for a sign-in with a device code, as AWS has it.
const DEVICE_CODE_LIFE: Duration = Duration::from_mins(10);

/// The pause between two polls that clients are told to make, in seconds, as AWS has it.
const POLL_SECONDS: u64 = 1;

/// SSO-OIDC behind the exchange.
pub(super) struct Oidc(pub(super) Sso);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientRequest {
    client_name: Option<String>,
    client_type: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    redirect_uris: Vec<String>,
    #[serde(default)]
    grant_types: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceRequest {
    client_id: Option<String>,
    client_secret: Option<String>,
    start_url: Option<String>,
}

impl Service for Oidc {
    fn target(&self, head: &Parts) -> Option<Target> {
        let operation = match head.uri.path() {
            "/client/register" => Operation::RegisterClient,
            "/device_authorization" => Operation::StartDeviceAuthorization,
            "/token" => Operation::CreateToken,
            _ => return None,
        };
        // A signed request is for a bucket of that name.
        let ours = head.method == Method::POST && Credential::of(head).is_none();
        ours.then(|| Target {
            grant_type: grant_type(SmallBody::of(head)),
            ..Target::of(operation)
        })
    }

    fn answer(
        &self,
        request: Request<PlainBody>,
        target: Target,
    ) -> BoxFuture<'_, Response<PlainBody>> {
        let head = request.into_parts().0;
        let body = SmallBody::of(&head);
        let answer = if target.operation == Operation::RegisterClient {
            read(body).and_then(|asked| self.register(asked))
        } else if target.operation == Operation::StartDeviceAuthorization {
            read(body).and_then(|asked| self.begin(&asked, &head))
        } else {
            read(body).and_then(|asked| self.token(&asked))
        };
        let response = match answer {
            Ok(value) => reply(StatusCode::OK, "application/json", value.to_string()),
            Err(error) => oidc_answer(&error),
        };
        async { response }.boxed()
    }

    fn error(&self, error: &ErrorAnswer, _: &RequestId) -> Response<PlainBody> {
        oidc_answer(error)
    }
}

impl Oidc {
    fn register(&self, asked: ClientRequest) -> Result<Value, ErrorAnswer> {
        given(asked.client_name.as_ref(), "clientName")?;
        if given(asked.client_type.as_ref(), "clientType")? != "public" {
            let message = "The client type must be public";
            return Err(oidc("InvalidClientMetadataException", message));
        }
        let known = [DEVICE_CODE, AUTHORIZATION_CODE, REFRESH_TOKEN];
        if !asked
            .grant_types
            .iter()
            .all(|it| known.contains(&it.as_str()))
        {
            let message = "The grant type is not supported";
            return Err(oidc("UnsupportedGrantTypeException", message));
        }
        // All of AWS's scopes look so: sso:account:access, codewhisperer:completions.
        if !asked.scopes.iter().all(|scope| scope.contains(':')) {
            return Err(oidc("InvalidScopeException", "The scope is unknown"));
        }
        if !asked
            .redirect_uris
            .iter()
            .all(|uri| loopback_path(uri).is_some())
        {
            let message = "The redirect URI is not on this machine";
            return Err(oidc("InvalidRedirectUriException", message));
        }
        let now = self.0.now();
        let mut state = self.0.lock();
        let (secret, expires) = (
            random::text("eyJraWQiOiJ", 200),
            later(now, state.lives.registration),
        );
        let client_id = state.register(Registration {
            secret: secret.clone(),
            expires,
            scopes: asked.scopes,
            grant_types: asked.grant_types,
            redirect_uris: asked.redirect_uris,
        });
        Ok(json!({
            "clientId": client_id,
            "clientSecret": secret,
            "clientIdIssuedAt": epoch_seconds(now),
            "clientSecretExpiresAt": epoch_seconds(expires),
        }))
    }

    fn begin(&self, asked: &DeviceRequest, head: &Parts) -> Result<Value, ErrorAnswer> {
        let client_id = given(asked.client_id.as_ref(), "clientId")?;
        let client_secret = given(asked.client_secret.as_ref(), "clientSecret")?;
        let start_url = given(asked.start_url.as_ref(), "startUrl")?;
        let now = self.0.now();
        let mut state = self.0.lock();
        state.client(client_id, client_secret, now)?;
        if start_url.trim_end_matches(['/', '#']) != self.0.start_url() {
            return Err(invalid_request("The start URL is unknown"));
        }
        let user_code = format!("{}-{}", random::capitals("", 4), random::capitals("", 4));
        let device_code = random::text("", 86);
        let device = Device {
            user_code: user_code.clone(),
            client_id: client_id.to_owned(),
            expires: later(now, DEVICE_CODE_LIFE),
            decision: Decision::Pending,
        };
        state.devices.insert(device_code.clone(), device);
        // The page is where the client found this.
        let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
        let page = format!("http://{}/device", host.unwrap_or("127.0.0.1"));
        Ok(json!({
            "deviceCode": device_code,
            "userCode": user_code,
            "verificationUri": page,
            "verificationUriComplete": format!("{page}?user_code={user_code}"),
            "expiresIn": DEVICE_CODE_LIFE.as_secs(),
            "interval": POLL_SECONDS,
        }))
    }

    fn token(&self, asked: &TokenRequest) -> Result<Value, ErrorAnswer> {
        let now = self.0.now();
        let tokens = self.0.lock().redeem(asked, now)?;
        let mut answer = json!({
            "accessToken": tokens.access_token,
            "tokenType": "Bearer",
            "expiresIn": tokens.life.as_secs(),
        });
        if let Some(refresh_token) = tokens.refresh_token {
            answer["refreshToken"] = json!(refresh_token);
        }
        Ok(answer)
    }
}

/// The grant a body asks to redeem, if it can be read and is about that.
fn grant_type(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(body.get("grantType")?.as_str()?.to_owned())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ErrorAnswer> {
    serde_json::from_slice(body).map_err(|_| invalid_request("The body is not what it should be"))
}

/// The path of a URL on this machine, whatever its port; `None` for any other.
pub(super) fn loopback_path(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let loopback = ["127.0.0.1", "[::1]", "localhost"].contains(&uri.host()?);
    (loopback && uri.scheme_str() == Some("http")).then(|| uri.path().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_redirected_to() {
        let path = loopback_path("http://127.0.0.1:49152/oauth/callback");
        assert_eq!(path.as_deref(), Some("/oauth/callback"));
        assert_eq!(loopback_path("http://[::1]:1").as_deref(), Some("/"));
        for elsewhere in [
            "https://127.0.0.1/",
            "http://127.0.0.1.example.com/",
            "http://example.com/",
            "127.0.0.1",
            "",
        ] {
            assert_eq!(loopback_path(elsewhere), None, "{elsewhere}");
        }
    }
}
