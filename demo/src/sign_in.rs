//! A sign-in with a device code, as `aws sso login --use-device-code` makes it: a page is shown, a
//! person allows it there, and the program fetches the tokens.
//! <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/Welcome.html>

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use serde_json::{Value, json};
use simulated_aws::SimulatedAws;
use sso_session::secret::Secret;
use sso_session::token::Token;

use crate::client::Client;
use crate::error::Error;

const SCOPE: &str = "sso:account:access";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A sign-in under way.
pub(crate) struct SignIn {
    aws: Client,
    start_url: String,
    region: String,
    client_id: String,
    client_secret: Secret,
    registration_expires_at: SystemTime,
    device_code: Secret,
    user_code: String,
}

impl SignIn {
    /// Registers a client and asks for a code.
    pub(crate) async fn begin(aws: &SimulatedAws) -> Result<Self, Error> {
        let client = Client::new(aws.address());
        let (start_url, region) = (aws.sso().start_url(), aws.sso().region());
        let asked = json!({"clientName": "demo", "clientType": "public", "scopes": [SCOPE]});
        let registered = post(client, "/client/register", &asked).await?;
        let client_id = text(&registered, "clientId")?;
        let client_secret = text(&registered, "clientSecret")?;
        let asked = json!({
            "clientId": client_id,
            "clientSecret": client_secret,
            "startUrl": start_url,
        });
        let begun = post(client, "/device_authorization", &asked).await?;
        let expires_at = Duration::from_secs(number(&registered, "clientSecretExpiresAt")?);
        Ok(Self {
            aws: client,
            start_url: start_url.to_owned(),
            region: region.to_owned(),
            client_id,
            client_secret: Secret::new(client_secret),
            registration_expires_at: UNIX_EPOCH + expires_at,
            device_code: Secret::new(text(&begun, "deviceCode")?),
            user_code: text(&begun, "userCode")?,
        })
    }

    /// What the program shows beside the page, and the page too: the person compares them.
    pub(crate) fn user_code(&self) -> &str {
        &self.user_code
    }

    /// The path of the page at the simulated AWS.
    pub(crate) fn page(&self) -> String {
        format!("/device?user_code={}", self.user_code)
    }

    /// Plays the person: opens the page, and clicks on "Allow access". Returns the page as it was
    /// before the click.
    pub(crate) async fn allow(&self) -> Result<String, Error> {
        let shown = self.aws.get(&self.page()).await?;
        let answer = self.aws.post_form(&self.page(), "decision=allow").await?;
        if answer.status != StatusCode::OK {
            let problem = format!("the page answers {}", answer.status);
            return Err(Error::SignIn(problem));
        }
        Ok(String::from_utf8_lossy(&shown.body).into_owned())
    }

    /// The token, once the person has allowed it; an error if there will never be one.
    pub(crate) async fn poll(&self, now: SystemTime) -> Result<Option<Token>, Error> {
        let asked = json!({
            "clientId": self.client_id,
            "clientSecret": self.client_secret.expose(),
            "grantType": GRANT,
            "deviceCode": self.device_code.expose(),
        });
        let answer = self.aws.post_json("/token", &asked).await?;
        let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match answer["error"].as_str() {
            Some("authorization_pending") => return Ok(None),
            Some(error) => return Err(Error::SignIn(error.to_owned())),
            None => {}
        }
        let life = Duration::from_secs(number(&answer, "expiresIn")?);
        let access_token = Secret::new(text(&answer, "accessToken")?);
        let mut token = Token::new(access_token, now + life);
        token.start_url = Some(self.start_url.clone());
        token.region = Some(self.region.clone());
        token.client_id = Some(self.client_id.clone());
        token.client_secret = Some(self.client_secret.clone());
        token.registration_expires_at = Some(self.registration_expires_at);
        token.refresh_token = Some(Secret::new(text(&answer, "refreshToken")?));
        Ok(Some(token))
    }
}

async fn post(client: Client, path: &str, document: &Value) -> Result<Value, Error> {
    let answer = client.post_json(path, document).await?;
    if answer.status != StatusCode::OK {
        return Err(Error::SignIn(format!("{path} answers {}", answer.status)));
    }
    // What is no JSON has none of the fields either.
    Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
}

fn text(document: &Value, name: &str) -> Result<String, Error> {
    let found = document[name].as_str();
    found.map(str::to_owned).ok_or_else(|| without(name))
}

fn number(document: &Value, name: &str) -> Result<u64, Error> {
    document[name].as_u64().ok_or_else(|| without(name))
}

fn without(name: &str) -> Error {
    Error::SignIn(format!("the answer has no {name}"))
}
