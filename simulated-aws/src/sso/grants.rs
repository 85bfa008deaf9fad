//! What `CreateToken` gives for what: a device code, an authorization code with PKCE, a refresh token.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::error::{invalid_request, oidc};
use super::state::{Decision, Rotation, State, Tokens};
use crate::service::ErrorAnswer;

pub(super) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(super) const AUTHORIZATION_CODE: &str = "authorization_code";
pub(super) const REFRESH_TOKEN: &str = "refresh_token";

/// The body of `CreateToken`.
/// <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenRequest {
    client_id: Option<String>,
    client_secret: Option<String>,
    grant_type: Option<String>,
    device_code: Option<String>,
    code: Option<String>,
    code_verifier: Option<String>,
    redirect_uri: Option<String>,
    refresh_token: Option<String>,
    scope: Option<Vec<String>>,
}

impl State {
    /// Trades a grant for tokens.
    pub(super) fn redeem(
        &mut self,
        request: &TokenRequest,
        now: SystemTime,
    ) -> Result<Tokens, ErrorAnswer> {
        let client_id = given(request.client_id.as_ref(), "clientId")?;
        let client_secret = given(request.client_secret.as_ref(), "clientSecret")?;
        let grant_type = given(request.grant_type.as_ref(), "grantType")?;
        let client = self.client(client_id, client_secret, now)?;
        if ![DEVICE_CODE, AUTHORIZATION_CODE, REFRESH_TOKEN].contains(&grant_type) {
            let message = "The grant type is not supported";
            return Err(oidc("UnsupportedGrantTypeException", message));
        }
        if !client.grant_types.is_empty() && !client.grant_types.iter().any(|it| it == grant_type) {
            let message = "The client is not registered for this grant type";
            return Err(oidc("UnauthorizedClientException", message));
        }
        let mut scopes = request.scope.iter().flatten();
        if !scopes.all(|scope| client.scopes.contains(scope)) {
            let message = "The client is not registered for this scope";
            return Err(oidc("InvalidScopeException", message));
        }
        match grant_type {
            DEVICE_CODE => {
                let code = given(request.device_code.as_ref(), "deviceCode")?;
                self.redeem_device_code(client_id, code, now)
            }
            AUTHORIZATION_CODE => self.redeem_authorization_code(client_id, request, now),
            _ => {
                let token = given(request.refresh_token.as_ref(), "refreshToken")?;
                self.refresh(client_id, token, now)
            }
        }
    }

    fn redeem_device_code(
        &mut self,
        client_id: &str,
        code: &str,
        now: SystemTime,
    ) -> Result<Tokens, ErrorAnswer> {
        let device = self.devices.get_mut(code);
        let device = device
            .filter(|device| device.client_id == client_id)
            .ok_or_else(|| invalid_grant("Invalid device code provided"))?;
        if device.decision != Decision::Spent && device.expires <= now {
            return Err(oidc("ExpiredTokenException", "Device code expired"));
        }
        match device.decision {
            Decision::Pending => Err(oidc("AuthorizationPendingException", "")),
            Decision::Denied => Err(oidc("AccessDeniedException", "The request was denied")),
            Decision::Spent => Err(invalid_grant("Invalid device code provided")),
            Decision::Allowed => {
                device.decision = Decision::Spent;
                Ok(self.open_session(client_id, now))
            }
        }
    }

    fn redeem_authorization_code(
        &mut self,
        client_id: &str,
        request: &TokenRequest,
        now: SystemTime,
    ) -> Result<Tokens, ErrorAnswer> {
        let code = given(request.code.as_ref(), "code")?;
        let verifier = given(request.code_verifier.as_ref(), "codeVerifier")?;
        let redirect_uri = given(request.redirect_uri.as_ref(), "redirectUri")?;
        // Right or wrong, a code is tried once.
        let code = self.codes.remove(code);
        let code = code
            .filter(|code| code.client_id == client_id && now < code.expires)
            .ok_or_else(|| invalid_grant("Invalid authorization code provided"))?;
        if code.redirect_uri != redirect_uri {
            return Err(invalid_grant("The redirect URI is another one"));
        }
        if code.challenge != challenge(verifier) {
            return Err(invalid_grant("The code verifier is wrong"));
        }
        Ok(self.open_session(client_id, now))
    }

    fn refresh(
        &mut self,
        client_id: &str,
        refresh_token: &str,
        now: SystemTime,
    ) -> Result<Tokens, ErrorAnswer> {
        let invalid = || invalid_grant("Invalid refresh token provided");
        let token = self.refresh_tokens.get(refresh_token).ok_or_else(invalid)?;
        let (session, spent) = (token.session, token.spent);
        if spent || self.client_of(session) != client_id || !self.is_alive(session, now) {
            return Err(invalid());
        }
        if self.rotation == Rotation::Strict
            && let Some(token) = self.refresh_tokens.get_mut(refresh_token)
        {
            token.spent = true;
        }
        self.refreshes += 1;
        Ok(self.give_tokens(session, now))
    }
}

/// The S256 challenge of a verifier.
/// <https://www.rfc-editor.org/rfc/rfc7636#section-4.2>
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

fn invalid_grant(message: &str) -> ErrorAnswer {
    oidc("InvalidGrantException", message)
}

pub(super) fn given<'a>(value: Option<&'a String>, name: &str) -> Result<&'a str, ErrorAnswer> {
    value
        .map(String::as_str)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| invalid_request(&format!("{name} is missing")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let expected = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(challenge(verifier), expected);
    }
}
