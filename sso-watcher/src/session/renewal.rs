//! The silent way: a token that works or can be renewed needs nobody.

use std::time::{Duration, SystemTime};

use sso_session::config::SsoProfile;
use sso_session::failure::Failure;
use sso_session::refresh::{RenewalError, Renewed};
use sso_session::token::{Reading, Token, UnreadableToken, Written};
use sso_session::verdict::Verdict;
use tracing::{info, warn};

use super::Session;
use crate::clock;
use crate::decision::Renewal;

/// A token with less left than this, or than half of its life, is as good as ended: whoever asks for a
/// login ahead of the end asks for it then.
const MARGIN: Duration = Duration::from_mins(20);
/// A granted token that cannot be written is tried again so often.
const WRITES: u32 = 5;
const PAUSE_BETWEEN_WRITES: Duration = Duration::from_secs(1);

/// What the portal says to a token.
pub(super) enum Tried {
    Works,
    /// The token is none for it.
    Rejected(String),
    Passing(String),
    Hopeless(String),
}

impl Session {
    /// Sees whether the profile has role credentials without a login, renewing the token if that helps.
    /// Takes up to about a minute.
    pub async fn renew(&self) -> Renewal {
        let token = match self.token_file().read_settled().await {
            Reading::Found(token) => token,
            Reading::Absent | Reading::Unreadable(UnreadableToken::Content { .. }) => {
                return Renewal::LoginNeeded;
            }
            Reading::Unreadable(error @ UnreadableToken::Disk(_)) => {
                return Renewal::Hopeless(error.to_string());
            }
        };
        let now = clock::wall();
        if now < token.expires_at {
            match self.try_token(&token).await {
                Tried::Works if self.is_fresh(&token, now) => return Renewal::Works,
                Tried::Works | Tried::Rejected(_) => {}
                Tried::Passing(why) => return Renewal::Passing(why),
                Tried::Hopeless(why) => return Renewal::Hopeless(why),
            }
        }
        if !token.can_refresh(now) {
            return Renewal::LoginNeeded;
        }
        match self.renewer.renew(&token, clock::wall).await {
            Ok(Renewed::Found(new) | Renewed::Granted(new)) => self.judge(&new).await,
            Ok(Renewed::Unsaved(new, error)) => self.save(&token, &new, &error).await,
            Err(error) => refused(error),
        }
    }

    async fn judge(&self, token: &Token) -> Renewal {
        match self.try_token(token).await {
            Tried::Works => {
                info!(until = %sso_session::date::format(token.expires_at), "the token was renewed");
                Renewal::Works
            }
            Tried::Rejected(_) => Renewal::LoginNeeded,
            Tried::Passing(why) => Renewal::Passing(why),
            Tried::Hopeless(why) => Renewal::Hopeless(why),
        }
    }

    /// The refresh token is spent: without its successor in the file, the session is lost.
    async fn save(&self, spent: &Token, new: &Token, error: &RenewalError) -> Renewal {
        for _ in 0..WRITES {
            tokio::time::sleep(PAUSE_BETWEEN_WRITES).await;
            let (file, spent, ours) = (self.token_file().clone(), spent.clone(), new.clone());
            let write = move || file.replace_if_ours_is_newer(&spent, &ours);
            match tokio::task::spawn_blocking(write).await {
                Ok(Ok(Written::Ours)) => return self.judge(new).await,
                Ok(Ok(Written::TheirsKept(theirs))) => return self.judge(&theirs).await,
                Ok(Err(_)) | Err(_) => {}
            }
        }
        warn!(%error, "a renewed token could not be written");
        Renewal::LoginNeeded
    }

    /// Whether it will do for a while.
    fn is_fresh(&self, token: &Token, now: SystemTime) -> bool {
        let left = token.expires_at.duration_since(now).unwrap_or_default();
        let written = self.token_file().path().metadata();
        let written = written.and_then(|file| file.modified()).unwrap_or(now);
        let life = token.expires_at.duration_since(written).unwrap_or_default();
        left > MARGIN.min(life / 2)
    }

    /// Asks for the profile's role credentials.
    pub(super) async fn try_token(&self, token: &Token) -> Tried {
        let (account, role) = (&self.profile.account_id, &self.profile.role_name);
        let asked = self
            .portal
            .role_credentials(&token.access_token, account, role);
        match asked.await {
            Ok(_credentials) => Tried::Works,
            Err((verdict, failure)) => refused_by_portal(&self.profile, verdict, &failure),
        }
    }
}

fn refused_by_portal(profile: &SsoProfile, verdict: Verdict, failure: &Failure) -> Tried {
    match verdict {
        Verdict::CredentialsRejected
        | Verdict::LoginRequired
        | Verdict::LoginOnce
        | Verdict::RegistrationRejected => Tried::Rejected(failure.to_string()),
        Verdict::Denied => Tried::Hopeless(format!(
            "the SSO login gives no access to role `{}` in account {} ({failure}). Ask for that \
             permission set, or correct sso_account_id and sso_role_name of profile `{}`.",
            profile.role_name, profile.account_id, profile.base_profile,
        )),
        Verdict::Misconfigured => Tried::Hopeless(format!(
            "the SSO portal knows no role `{}` in account {} ({failure}). Correct sso_account_id and \
             sso_role_name of profile `{}`.",
            profile.role_name, profile.account_id, profile.base_profile,
        )),
        Verdict::ClockSkew | Verdict::Passing => Tried::Passing(format!(
            "the SSO portal does not answer as it should: {failure}"
        )),
    }
}

fn refused(error: RenewalError) -> Renewal {
    match error {
        RenewalError::LoginRequired { .. } | RenewalError::LoginOnce { .. } => Renewal::LoginNeeded,
        RenewalError::ReadOnly(why) => Renewal::Hopeless(format!(
            "{why}. No login could be written either: make the folder writable for this user."
        )),
        RenewalError::Denied(why) => Renewal::Hopeless(format!(
            "{why}. No login helps: show this to the administrator of IAM Identity Center."
        )),
        RenewalError::Misconfigured(why) => Renewal::Hopeless(format!(
            "{why}. Correct the sso-session in ~/.aws/config, or show this to its administrator."
        )),
        RenewalError::Passing(why) => Renewal::Passing(why),
    }
}
