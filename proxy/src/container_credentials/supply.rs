//! Where one source's or role's credentials are handed out: never ended ones, and none that end soon if
//! others can be had.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Issued;
use crate::credentials::{Credentials, Valid, now};
use crate::error::Error;

/// SDKs refetch what has less than this left, botocore at every signing.
const LEAST_LEFT: Duration = Duration::from_mins(15);
/// A renewal is waited for so long: botocore gives up after 2 s, the JS SDK after 1 s.
const PATIENCE: Duration = Duration::from_millis(800);
/// Credentials whose end nobody knows are said to end after this, so that clients ask again soon.
const UNKNOWN_LIFE: Duration = Duration::from_mins(20);

/// The credentials of one source and role.
#[derive(Debug)]
pub struct Supply {
    role_arn: Option<String>,
    credentials: Credentials,
    /// The document of the credentials in use, made once.
    prepared: Mutex<Option<Arc<Issued>>>,
}

impl Supply {
    /// Over what a keeper publishes; `role_arn` is the role that it assumes, if any.
    #[must_use]
    pub fn new(role_arn: Option<String>, credentials: Credentials) -> Self {
        Self {
            role_arn,
            credentials,
            prepared: Mutex::default(),
        }
    }

    /// The role that is assumed, where one is.
    #[must_use]
    pub fn role_arn(&self) -> Option<&str> {
        self.role_arn.as_deref()
    }

    /// What the keeper publishes.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Credentials to hand out: from memory, or after less than a second.
    ///
    /// # Errors
    /// Why there are none; at once, where only a person can help.
    pub async fn issue(&self) -> Result<Arc<Issued>, Error> {
        let valid = self.credentials.usable(PATIENCE).await?;
        if left(&valid) >= LEAST_LEFT || !self.credentials.is_renewal_due(&valid) {
            return self.hand_out(&valid);
        }
        let newer = self.credentials.newer(&valid, PATIENCE).await;
        self.hand_out(newer.as_ref().unwrap_or(&valid))
    }

    fn hand_out(&self, valid: &Valid) -> Result<Arc<Issued>, Error> {
        if left(valid).is_zero() {
            return Err(self.credentials.why_not_renewed());
        }
        Ok(self.prepare(valid))
    }

    fn prepare(&self, valid: &Valid) -> Arc<Issued> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = |issued: &&Arc<Issued>| {
            issued.generation == valid.generation && valid.credentials.expiry().is_some()
        };
        if let Some(issued) = prepared.as_ref().filter(is_current) {
            return Arc::clone(issued);
        }
        let expires_at = valid
            .credentials
            .expiry()
            .unwrap_or_else(|| now() + UNKNOWN_LIFE);
        let role_arn = self.role_arn();
        let account = account_of(role_arn).or(valid.identity.account_id.as_deref());
        let issued = Arc::new(Issued::new(valid, expires_at, account, role_arn));
        *prepared = Some(Arc::clone(&issued));
        issued
    }
}

/// What is left by the wall clock, by which clients count, too.
fn left(valid: &Valid) -> Duration {
    let expiry = valid.credentials.expiry();
    expiry.map_or(Duration::MAX, |expiry| {
        expiry.duration_since(now()).unwrap_or_default()
    })
}

/// `arn:<partition>:iam::<account>:role/…`
fn account_of(role_arn: Option<&str>) -> Option<&str> {
    role_arn?
        .split(':')
        .nth(4)
        .filter(|account| !account.is_empty())
}
