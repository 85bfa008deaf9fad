//! What follows from the ledger: a token to use, a login to ask for, or neither.

use sso_session::refresh::RenewalError;

use super::{Cause, Ledger};
use crate::credentials::session::known::{Known, Moment};
use crate::credentials::session::{AccessToken, LoginNeed, Outlook, Standing};

impl Ledger {
    /// What can be done with the session now.
    pub(in crate::credentials::session) fn standing(&self, now: Moment) -> Standing {
        let Some(known) = &self.known else {
            return self.standing_without_token(now);
        };
        if !known.is_spent(now) {
            return known.usable();
        }
        if let Some(need) = &known.refused {
            return Standing::LoginRequired(need.clone());
        }
        if !known.token.can_refresh(now.wall) {
            return match &known.rejected {
                Some(reason) => {
                    Standing::LoginRequired(LoginNeed::new("UnauthorizedException", reason))
                }
                // A clock says so, and clocks err: the portal decides.
                None => known.usable(),
            };
        }
        match self.trouble().filter(|_| !self.renewal.is_running) {
            None => Standing::Renewing,
            Some(RenewalError::ReadOnly(reason)) => Standing::LoginRequired(read_only(reason)),
            Some(RenewalError::Denied(reason)) => Standing::Denied(reason.clone()),
            Some(RenewalError::Misconfigured(reason) | RenewalError::LoginOnce { reason, .. }) => {
                Standing::Misconfigured(reason.clone())
            }
            Some(RenewalError::Passing(reason) | RenewalError::LoginRequired { reason, .. }) => {
                Standing::Passing(reason.clone())
            }
        }
    }

    /// How the newest token stands with its renewal, for people.
    pub(in crate::credentials::session) fn outlook(&self, now: Moment) -> Option<Outlook> {
        let known = self.known.as_ref()?;
        Some(Outlook {
            token: known.token.clone(),
            is_saved: self.unsaved.is_none(),
            can_refresh: known.token.can_refresh(now.wall),
            is_spent: known.is_spent(now),
            renewal_at: known.renewal_at(self.threshold),
            failure: self.renewal.error.clone(),
        })
    }

    /// What keeps the newest token out of its file, else what kept it from being renewed.
    fn trouble(&self) -> Option<&RenewalError> {
        self.unsaved.as_ref().or(self.renewal.error.as_ref())
    }

    fn standing_without_token(&self, now: Moment) -> Standing {
        let Some(missing) = &self.missing else {
            return Standing::Renewing;
        };
        match &missing.cause {
            Cause::Absent => Standing::LoginRequired(LoginNeed::new(
                "NoToken",
                "nobody has logged in yet, or somebody has logged out",
            )),
            Cause::Garbled(problem) if self.is_missing_for_good(now) => {
                Standing::LoginRequired(LoginNeed::new("UnreadableToken", problem))
            }
            Cause::Withheld(problem) if self.is_missing_for_good(now) => {
                Standing::Misconfigured(problem.clone())
            }
            Cause::Garbled(problem) | Cause::Withheld(problem) => {
                Standing::Passing(problem.clone())
            }
        }
    }

    /// The login that will be needed although the token is still good: it cannot be renewed.
    pub(in crate::credentials::session) fn login_ahead(&self, now: Moment) -> Option<LoginNeed> {
        let known = self.known.as_ref()?;
        if known.refused.is_some() {
            return known.refused.clone();
        }
        if !known.nears_its_end(self.threshold, now) {
            return None;
        }
        if let Some(RenewalError::ReadOnly(reason)) = self.trouble() {
            return Some(read_only(reason));
        }
        let can_refresh = known.token.can_refresh(now.wall);
        (!can_refresh).then(|| {
            let why = if known.token.refresh_token.is_some() {
                "the client registration has ended"
            } else {
                "it came without a refresh token (sso_registration_scopes = sso:account:access \
                 in the sso-session section brings one)"
            };
            LoginNeed::new(
                "NotRenewable",
                &format!("the access token ends and cannot be renewed: {why}"),
            )
        })
    }
}

fn read_only(reason: &str) -> LoginNeed {
    let reason = format!("the token cannot be renewed from here ({reason})");
    LoginNeed::new("ReadOnlyFolder", &reason)
}

impl Known {
    fn usable(&self) -> Standing {
        Standing::Usable(AccessToken {
            number: self.number,
            secret: self.token.access_token.clone(),
        })
    }
}
