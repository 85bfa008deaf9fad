//! What a client is given: one document for everyone, as the SDKs want it.

use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use serde::Serialize;
use sso_session::date;

use crate::credentials::Valid;
use crate::error::{Error, Trouble};

/// Credentials as they are handed out.
#[derive(Clone)]
pub struct Issued {
    /// The answer's body, JSON.
    pub document: Bytes,
    /// `Expiration` in it.
    pub expires_at: SystemTime,
    /// Whose credentials of this keeper: it counts up with every change.
    pub generation: u64,
}

/// What every SDK reads, and `AccountId`, which some do. All are strings; without any of the first four,
/// botocore fails.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<&'a str>,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("expires_at", &self.expires_at)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl Issued {
    /// The document for these credentials, which end at `expires_at`; `role_arn` is the role that a service
    /// has them of.
    ///
    /// # Errors
    /// For credentials without a session token: those are long-term keys, which stay here.
    pub fn new(
        valid: &Valid,
        expires_at: SystemTime,
        role_arn: Option<&str>,
    ) -> Result<Self, Error> {
        let credentials = &valid.credentials;
        let token = credentials.session_token().unwrap_or_default();
        if token.is_empty() {
            return Err(Error::Misconfigured(Trouble::new(
                "the source gives long-term keys, which are not handed out",
                "Name an `assumed_role` for this service, or a source of temporary credentials.",
            )));
        }
        let document = Document {
            access_key_id: credentials.access_key_id(),
            secret_access_key: credentials.secret_access_key(),
            token,
            // `YYYY-MM-DDTHH:MM:SSZ`: the JS and Rust SDKs take no other form.
            expiration: date::format(expires_at),
            account_id: valid.account_id(),
            role_arn,
        };
        let document = serde_json::to_vec(&document)
            .map_err(|error| Error::unavailable(format!("no document can be made: {error}")))?;
        Ok(Self {
            document: document.into(),
            expires_at: date::whole_seconds(expires_at),
            generation: valid.generation,
        })
    }
}
