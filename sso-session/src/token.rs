//! The SSO token as `~/.aws/sso/cache/<sha1>.json` holds it, shared with the AWS CLI and every SDK.
//!
//! Names and order of the fields are those of AWS CLI 2.38 and botocore 1.43. Fields that this
//! program does not know, or that have another type than it expects, are kept on every rewrite.

mod file;
mod republish;
mod sight;

use std::time::SystemTime;

use sha1::{Digest as _, Sha1};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::document::{Fields, ObjectWriter};
use crate::secret::Secret;

pub use file::{Reading, TokenFile, UnreadableToken, Written};
pub use republish::Republished;
pub use sight::{Change, Sight};

/// A login: what it opens, until when, and what may renew it. Times are whole seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The portal's URL, exactly as the profile has it. Everyone writes it; few read it.
    pub start_url: Option<String>,
    /// The region of the portal and of SSO-OIDC.
    pub region: Option<String>,
    /// Buys role credentials.
    pub access_token: Secret,
    /// When the access token ends.
    pub expires_at: SystemTime,
    /// The client that logged in.
    pub client_id: Option<String>,
    /// The client's secret.
    pub client_secret: Option<Secret>,
    /// When the client's registration ends, about 90 days after it began.
    pub registration_expires_at: Option<SystemTime>,
    /// Buys the next access token; absent where the session grants none.
    pub refresh_token: Option<Secret>,
    others: Fields,
}

/// The bytes are no token. Nothing of them is in the text: they may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Half-written, empty, or something else.
    #[error("it is not a whole JSON object")]
    NotAnObject,
    /// A field is missing without which there is no login.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// Such a field holds something else than a text or a date.
    #[error("its {0} cannot be understood")]
    Invalid(&'static str),
}

impl Token {
    /// A token of the two fields that every token has.
    #[must_use]
    pub fn new(access_token: Secret, expires_at: SystemTime) -> Self {
        Self {
            start_url: None,
            region: None,
            access_token,
            expires_at,
            client_id: None,
            client_secret: None,
            registration_expires_at: None,
            refresh_token: None,
            others: Fields::default(),
        }
    }

    /// Reads what any of the writers wrote.
    pub fn parse(bytes: &[u8]) -> Result<Self, TokenError> {
        let mut fields = Fields::parse(bytes).ok_or(TokenError::NotAnObject)?;
        let access_token = fields.take_secret("accessToken");
        let access_token = access_token
            .filter(|token| !token.expose().is_empty())
            .ok_or_else(|| without(&fields, "accessToken"))?;
        let expires_at = fields.take_date("expiresAt");
        let expires_at = expires_at.ok_or_else(|| without(&fields, "expiresAt"))?;
        Ok(Self {
            start_url: fields.take_text("startUrl"),
            region: fields.take_text("region"),
            access_token,
            expires_at,
            client_id: fields.take_text("clientId"),
            client_secret: fields.take_secret("clientSecret"),
            registration_expires_at: fields.take_date("registrationExpiresAt"),
            refresh_token: fields.take_secret("refreshToken"),
            others: fields,
        })
    }

    /// Writes it as the AWS CLI does; what else was read follows.
    #[must_use]
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let mut json = ObjectWriter::new();
        json.text("startUrl", self.start_url.as_deref());
        json.text("region", self.region.as_deref());
        json.secret("accessToken", Some(&self.access_token));
        json.date("expiresAt", Some(self.expires_at));
        json.text("clientId", self.client_id.as_deref());
        json.secret("clientSecret", self.client_secret.as_ref());
        json.date("registrationExpiresAt", self.registration_expires_at);
        json.secret("refreshToken", self.refresh_token.as_ref());
        json.finish(&self.others)
    }

    /// Whether both are one login: the access token decides, as `expiresAt` may not move.
    #[must_use]
    pub fn is_same_login(&self, other: &Self) -> bool {
        self.access_token == other.access_token
    }

    /// Tells logins apart where the token itself must not be: 16 hex digits of the access token's SHA-1.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let hash = Sha1::digest(self.access_token.expose());
        hex::encode(&hash[..8])
    }

    /// Whether it holds all that a refresh needs.
    ///
    /// A registration whose end is not known counts as good: the server has the last word.
    #[must_use]
    pub fn can_refresh(&self, now: SystemTime) -> bool {
        let is_there = |secret: &Option<Secret>| {
            let secret = secret.as_ref();
            secret.is_some_and(|secret| !secret.expose().is_empty())
        };
        is_there(&self.refresh_token)
            && is_there(&self.client_secret)
            && self.client_id.as_ref().is_some_and(|id| !id.is_empty())
            && self.registration_expires_at.is_none_or(|end| now < end)
    }

    /// Takes over the fields of `theirs` that this program does not know.
    fn adopt_unknown_fields(&mut self, theirs: &Self) {
        self.others.adopt(&theirs.others);
    }
}

fn without(fields: &Fields, name: &'static str) -> TokenError {
    if fields.contains(name) {
        TokenError::Invalid(name)
    } else {
        TokenError::Missing(name)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const WHOLE: &str = r#"{"accessToken": "a", "expiresAt": "2026-01-02T03:04:05Z", "clientId": "c",
        "clientSecret": "s", "registrationExpiresAt": "2026-03-02T03:04:05Z", "refreshToken": "r"}"#;

    fn at(text: &str) -> SystemTime {
        crate::date::parse(text).expect("a date")
    }

    #[test]
    fn a_token_without_login_says_what_is_missing() {
        for (json, error) in [
            ("", TokenError::NotAnObject),
            ("{\"accessToken\": \"a\"", TokenError::NotAnObject),
            ("{}", TokenError::Missing("accessToken")),
            (
                "{\"accessToken\": \"\"}",
                TokenError::Missing("accessToken"),
            ),
            ("{\"accessToken\": 5}", TokenError::Invalid("accessToken")),
            ("{\"accessToken\": \"a\"}", TokenError::Missing("expiresAt")),
            (
                "{\"accessToken\": \"a\", \"expiresAt\": \"soon\"}",
                TokenError::Invalid("expiresAt"),
            ),
        ] {
            assert_eq!(Token::parse(json.as_bytes()), Err(error), "{json}");
        }
    }

    #[test]
    fn optional_fields_of_the_wrong_type_are_ignored_and_kept() {
        let json = r#"{"accessToken": "a", "expiresAt": "2026-01-02T03:04:05Z", "refreshToken": {"x": 1}, "region": null}"#;
        let mut token = Token::parse(json.as_bytes()).expect("a token");
        assert_eq!((&token.refresh_token, &token.region), (&None, &None));
        assert_eq!(token.to_json().as_slice(), json.as_bytes());
        token.region = Some("eu-west-1".to_owned());
        let again = Token::parse(&token.to_json()).expect("a token");
        assert_eq!(
            again.region.as_deref(),
            Some("eu-west-1"),
            "what is known wins"
        );
    }

    #[test]
    fn a_refresh_needs_the_token_the_client_and_its_registration() {
        let whole = Token::parse(WHOLE.as_bytes()).expect("a token");
        let now = at("2026-01-02T03:00:00Z");
        assert!(whole.can_refresh(now));
        assert!(!whole.can_refresh(at("2026-03-02T03:04:05Z")));
        for name in ["clientId", "clientSecret", "refreshToken"] {
            let json = WHOLE.replace(name, "other");
            let token = Token::parse(json.as_bytes()).expect("a token");
            assert!(!token.can_refresh(now), "{name}");
        }
        let json = WHOLE.replace("registrationExpiresAt", "other");
        let token = Token::parse(json.as_bytes()).expect("a token");
        assert!(token.can_refresh(now));
    }

    #[test]
    fn the_access_token_decides_what_one_login_is() {
        let one = Token::parse(WHOLE.as_bytes()).expect("a token");
        let mut other = one.clone();
        other.expires_at += Duration::from_secs(1);
        assert!(one.is_same_login(&other));
        other.access_token = Secret::new("b");
        assert!(!one.is_same_login(&other));
    }

    #[test]
    fn a_fingerprint_is_that_of_the_login_and_not_the_token() {
        let one = Token::parse(WHOLE.as_bytes()).expect("a token");
        let mut other = one.clone();
        other.expires_at += Duration::from_secs(1);
        // From Python: hashlib.sha1(b"a").hexdigest()[:16].
        assert_eq!(one.fingerprint(), "86f7e437faa5a7fc");
        assert_eq!(other.fingerprint(), one.fingerprint());
        other.access_token = Secret::new("b");
        assert_ne!(other.fingerprint(), one.fingerprint());
    }

    #[test]
    fn no_secret_is_shown() {
        let json = WHOLE
            .replace("\"a\"", "\"hidden1\"")
            .replace("\"s\"", "\"hidden2\"");
        let json = json.replace("\"r\"", "\"hidden3\", \"idToken\": \"hidden4\"");
        let token = Token::parse(json.as_bytes()).expect("a token");
        let shown = format!("{token:?}");
        assert!(
            !shown.contains("hidden") && shown.contains("idToken"),
            "{shown}"
        );
    }
}
