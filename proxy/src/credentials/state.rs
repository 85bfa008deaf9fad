//! What the keeper publishes.

use std::sync::Arc;

use crate::error::{Error, Trouble};

/// The keeper's state, by which a miss is answered.
#[derive(Clone, Debug)]
pub enum State {
    /// Being fetched: a miss waits.
    Refreshing,
    /// Good as far as anyone knows.
    Valid(Arc<Valid>),
    /// Ended; only a person can help.
    LoginRequired(Arc<Trouble>),
    /// Passing trouble on the way to new ones.
    Offline(Arc<Trouble>),
    /// This machine's clock is wrong.
    ClockSkew(Arc<Trouble>),
    /// The role cannot be had with this login.
    Denied(Arc<Trouble>),
    /// The configuration names no usable source.
    ConfigError(Arc<Trouble>),
}

/// Credentials in use.
#[derive(Debug)]
pub struct Valid {
    /// The values; their `Debug` is redacted by the SDK.
    pub credentials: aws_credential_types::Credentials,
    /// Counts up with every change of the values.
    pub generation: u64,
    /// When they were fetched.
    pub loaded_at: std::time::SystemTime,
}

impl Valid {
    /// Whether their own expiry has passed, by this machine's clock. Only a hint: AWS decides.
    #[must_use]
    pub fn has_expired(&self) -> bool {
        self.credentials
            .expiry()
            .is_some_and(|expiry| expiry <= super::keeper::now())
    }
}

impl State {
    pub(super) fn into_result(self) -> Result<Arc<Valid>, Error> {
        match self {
            Self::Valid(valid) => Ok(valid),
            Self::Refreshing => Err(Error::unavailable("the credentials are being fetched")),
            Self::LoginRequired(trouble) => Err(Error::LoginRequired(trouble)),
            Self::Offline(trouble) => Err(Error::Unavailable(trouble)),
            Self::ClockSkew(trouble) => Err(Error::ClockSkew(trouble)),
            Self::Denied(trouble) | Self::ConfigError(trouble) => {
                Err(Error::Misconfigured(trouble))
            }
        }
    }

    /// The state's name in logs, `/readyz` and `check`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Refreshing => "refreshing",
            Self::Valid(_) => "valid",
            Self::LoginRequired(_) => "login-required",
            Self::Offline(_) => "offline",
            Self::ClockSkew(_) => "clock-skew",
            Self::Denied(_) => "denied",
            Self::ConfigError(_) => "config-error",
        }
    }

    /// What is wrong, where something is.
    #[must_use]
    pub fn trouble(&self) -> Option<&Arc<Trouble>> {
        match self {
            Self::Refreshing | Self::Valid(_) => None,
            Self::LoginRequired(trouble)
            | Self::Offline(trouble)
            | Self::ClockSkew(trouble)
            | Self::Denied(trouble)
            | Self::ConfigError(trouble) => Some(trouble),
        }
    }
}
