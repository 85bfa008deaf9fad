//! A finished sign-in, as a client holds it and as the AWS CLI leaves it on disk.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use super::files::{RegistrationFile, date, python_json, write_in_place};
use super::grants::{AUTHORIZATION_CODE, REFRESH_TOKEN};

/// The tokens and the client registration of one sign-in.
#[derive(Clone)]
#[non_exhaustive]
pub struct Login {
    /// Opens the portal.
    pub access_token: String,
    /// Earns the next access token; `None` for a legacy login.
    pub refresh_token: Option<String>,
    /// The client the tokens belong to.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// When the access token ends.
    pub expires_at: SystemTime,
    /// When the registration ends.
    pub registration_expires_at: SystemTime,
    /// The start URL signed in at.
    pub start_url: String,
    /// The region of SSO.
    pub region: String,
    pub(crate) scopes: Vec<String>,
}

/// `~/.aws/sso/cache/<sha1>.json`, the fields in the AWS CLI's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenFile<'a> {
    start_url: &'a str,
    region: &'a str,
    access_token: &'a str,
    expires_at: String,
    client_id: &'a str,
    client_secret: &'a str,
    registration_expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

/// What the name of the registration's file is a hash of, sorted by field.
#[derive(Serialize)]
struct RegistrationKey<'a> {
    region: &'a str,
    scopes: Option<&'a [String]>,
    session_name: Option<&'a str>,
    #[serde(rename = "startUrl")]
    start_url: &'a str,
    tool: &'static str,
}

impl Login {
    /// The token file's text.
    #[must_use]
    pub fn to_json(&self, start_url: &str, region: &str) -> String {
        python_json(&TokenFile {
            start_url,
            region,
            access_token: &self.access_token,
            expires_at: date(self.expires_at),
            client_id: &self.client_id,
            client_secret: &self.client_secret,
            registration_expires_at: date(self.registration_expires_at),
            refresh_token: self.refresh_token.as_deref(),
        })
    }

    /// Writes the token file as the AWS CLI does: over the old one, truncated first, 0600. Makes the
    /// folder if it is missing and gives the file's path.
    ///
    /// `name` is the session's name, or for a legacy profile the start URL exactly as configured.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn write_in_place(&self, folder: &Path, name: &str) -> io::Result<PathBuf> {
        let legacy = name.starts_with("https://");
        let start_url = if legacy { name } else { &self.start_url };
        let text = self.to_json(start_url, &self.region);
        write_in_place(folder, name, &text)
    }

    /// Writes the client registration's file for a session's name (`None`: for a legacy profile), so that
    /// the AWS CLI registers no client of its own, and gives the file's path.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn write_registration(
        &self,
        folder: &Path,
        session_name: Option<&str>,
    ) -> io::Result<PathBuf> {
        let scopes = (!self.scopes.is_empty()).then_some(self.scopes.as_slice());
        let key = python_json(&RegistrationKey {
            region: &self.region,
            scopes,
            session_name,
            start_url: &self.start_url,
            tool: "botocore",
        });
        let text = python_json(&RegistrationFile {
            client_id: &self.client_id,
            client_secret: &self.client_secret,
            expires_at: date(self.registration_expires_at),
            scopes,
            grant_types: session_name.map(|_| [AUTHORIZATION_CODE, REFRESH_TOKEN]),
        });
        write_in_place(folder, &key, &text)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Login")
            .field("client_id", &self.client_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
