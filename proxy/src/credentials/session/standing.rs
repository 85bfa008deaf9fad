//! What is said of a session: what can be done with it now, and what lies ahead.

use std::time::SystemTime;

use sso_session::refresh::RenewalError;
use sso_session::secret::Secret;
use sso_session::token::Token;

use crate::credentials::TokenReport;

/// A person has to log in, now or before the token's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::credentials) struct LoginNeed {
    /// AWS's error code, or a word of ours.
    pub(in crate::credentials) code: String,
    /// What happened, without a full stop at its end.
    pub(in crate::credentials) reason: String,
}

impl LoginNeed {
    pub(super) fn new(code: &str, reason: &str) -> Self {
        let (code, reason) = (code.to_owned(), reason.to_owned());
        Self { code, reason }
    }
}

/// An access token, and which one it is: they are counted as they come.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::credentials) struct AccessToken {
    pub(in crate::credentials) number: u64,
    pub(in crate::credentials) secret: Secret,
}

/// How a token stands with its renewal.
#[derive(Clone, Debug)]
pub(crate) struct Outlook {
    /// The newest token.
    pub(crate) token: Token,
    /// Whether it is in its file.
    pub(crate) is_saved: bool,
    /// Whether it can be renewed, by what it carries.
    pub(crate) can_refresh: bool,
    /// Whether nothing is left of it: it has ended by both clocks, or the portal did not take it.
    pub(crate) is_spent: bool,
    /// About when it is renewed.
    pub(crate) renewal_at: SystemTime,
    /// How the last attempt to renew this token failed.
    pub(crate) failure: Option<RenewalError>,
}

impl Outlook {
    /// What of it anybody may see.
    pub(super) fn into_report(self) -> TokenReport {
        let unsaved = (!self.is_saved).then(|| "it cannot be written to its file".to_owned());
        let is_tried_again = match &self.failure {
            None | Some(RenewalError::Passing(_)) => true,
            Some(
                RenewalError::LoginRequired { .. }
                | RenewalError::LoginOnce { .. }
                | RenewalError::ReadOnly(_)
                | RenewalError::Denied(_)
                | RenewalError::Misconfigured(_),
            ) => false,
        };
        TokenReport {
            expires_at: self.token.expires_at,
            has_ended: self.is_spent,
            renewal_at: (self.can_refresh && is_tried_again).then_some(self.renewal_at),
            problem: self.failure.map(|error| error.to_string()).or(unsaved),
        }
    }
}

/// What can be done with a session now.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::credentials) enum Standing {
    /// The portal may be asked with this token; whether it is good is for the portal to say.
    Usable(AccessToken),
    /// A renewal is running or about to: wait for it.
    Renewing,
    /// Only a login helps.
    LoginRequired(LoginNeed),
    /// No token can be had for now.
    Passing(String),
    /// An administrator has to act.
    Denied(String),
    /// The configuration is wrong.
    Misconfigured(String),
}

impl Standing {
    /// The number of the usable token, if there is one.
    pub(in crate::credentials) fn token_number(&self) -> Option<u64> {
        match self {
            Self::Usable(token) => Some(token.number),
            Self::Renewing
            | Self::LoginRequired(_)
            | Self::Passing(_)
            | Self::Denied(_)
            | Self::Misconfigured(_) => None,
        }
    }
}
