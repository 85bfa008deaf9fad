//! How the renewal of an access token ended, for whoever counts.

use sso_session::refresh::{RenewalError, Renewed};

/// One kind of end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RenewalOutcome {
    Granted,
    /// Granted, but it could not be written.
    Unsaved,
    /// Another program had renewed it.
    Found,
    LoginRequired,
    ReadOnly,
    Denied,
    Misconfigured,
    Passing,
}

impl RenewalOutcome {
    pub(crate) const ALL: [Self; 8] = [
        Self::Granted,
        Self::Unsaved,
        Self::Found,
        Self::LoginRequired,
        Self::ReadOnly,
        Self::Denied,
        Self::Misconfigured,
        Self::Passing,
    ];

    pub(super) fn of(outcome: &Result<Renewed, RenewalError>) -> Self {
        match outcome {
            Ok(Renewed::Granted(_)) => Self::Granted,
            Ok(Renewed::Unsaved(..)) => Self::Unsaved,
            Ok(Renewed::Found(_)) => Self::Found,
            Err(RenewalError::LoginRequired { .. } | RenewalError::LoginOnce { .. }) => {
                Self::LoginRequired
            }
            Err(RenewalError::ReadOnly(_)) => Self::ReadOnly,
            Err(RenewalError::Denied(_)) => Self::Denied,
            Err(RenewalError::Misconfigured(_)) => Self::Misconfigured,
            Err(RenewalError::Passing(_)) => Self::Passing,
        }
    }

    /// The value of the label `outcome`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Unsaved => "unsaved",
            Self::Found => "found",
            Self::LoginRequired => "login-required",
            Self::ReadOnly => "read-only",
            Self::Denied => "denied",
            Self::Misconfigured => "misconfigured",
            Self::Passing => "passing",
        }
    }
}
