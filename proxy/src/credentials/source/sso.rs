//! Role credentials of an SSO session.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::attributes::AccountId;
use sso_session::config::SsoProfile;
use sso_session::verdict::Verdict;

use super::{Failed, Source};
use crate::credentials::State;
use crate::credentials::session::{Session, Standing};
use crate::error::Trouble;

/// A renewal under way is waited for so long.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(30);
/// A token that the portal does not take is replaced once.
const TOKENS_TRIED: u32 = 2;

impl Source {
    /// `used` becomes the number of the token that the portal was asked with last.
    pub(super) async fn load_sso(
        &self,
        profile: &SsoProfile,
        session: &Arc<Session>,
        used: &mut Option<u64>,
    ) -> Result<Credentials, Failed> {
        let mut last = String::new();
        for _ in 0..TOKENS_TRIED {
            let token = match session.settled(RENEWAL_PATIENCE).await {
                Standing::Usable(token) => token,
                other @ (Standing::Renewing
                | Standing::LoginRequired(_)
                | Standing::Passing(_)
                | Standing::Denied(_)
                | Standing::Misconfigured(_)) => return Err(self.without_token(profile, other)),
            };
            *used = Some(token.number);
            let asked = if self.is_for_service() {
                let turns = self.sessions().turns();
                session
                    .shared_role_credentials(&token, profile, turns)
                    .await
            } else {
                session.role_credentials(&token, profile).await
            };
            match asked {
                Ok(mut credentials) => {
                    session.accept(&token);
                    credentials.set_property(AccountId::from(profile.account_id.clone()));
                    let assumed = self.assume_roles(profile, session, credentials);
                    return self.in_turn(assumed).await;
                }
                Err((Verdict::CredentialsRejected, failure)) => {
                    last = failure.to_string();
                    session.reject(&token, &last);
                }
                Err((verdict, failure)) => {
                    return Err(refused(profile, verdict, &failure.to_string()).into());
                }
            }
        }
        match session.look().await {
            standing @ Standing::LoginRequired(_) => Err(self.without_token(profile, standing)),
            Standing::Usable(_)
            | Standing::Renewing
            | Standing::Passing(_)
            | Standing::Denied(_)
            | Standing::Misconfigured(_) => Err(offline(&format!(
                "the SSO portal takes no access token, however new ({last})"
            ))
            .into()),
        }
    }

    fn without_token(&self, profile: &SsoProfile, standing: Standing) -> Failed {
        match standing {
            Standing::LoginRequired(need) => Failed {
                state: State::LoginRequired(self.login_trouble(profile, &need)),
                need: Some(need),
                evicts: false,
            },
            Standing::Passing(reason) => offline(&format!(
                "the SSO access token cannot be renewed now ({reason})"
            ))
            .into(),
            Standing::Denied(reason) => State::Denied(Trouble::new(
                format!("AWS does not renew the SSO session, and no login helps ({reason})"),
                "Ask the administrator of IAM Identity Center, and show this text.",
            ))
            .into(),
            Standing::Misconfigured(reason) => State::ConfigError(Trouble::new(
                format!("AWS refuses to renew the SSO session ({reason})"),
                format!(
                    "Check sso_region, sso_start_url and sso_registration_scopes of profile `{}`, or \
                     ask the administrator of IAM Identity Center.",
                    profile.base_profile
                ),
            ))
            .into(),
            Standing::Renewing | Standing::Usable(_) => {
                offline("the SSO access token is still being renewed").into()
            }
        }
    }
}

fn refused(profile: &SsoProfile, verdict: Verdict, said: &str) -> State {
    let (account, role) = (&profile.account_id, &profile.role_name);
    match verdict {
        Verdict::Denied => State::Denied(Trouble::new(
            format!("the SSO login gives no access to role `{role}` in account {account} ({said})"),
            format!(
                "Ask for that permission set, or correct sso_account_id and sso_role_name of \
                 profile `{}`.",
                profile.base_profile
            ),
        )),
        Verdict::Misconfigured => State::ConfigError(Trouble::new(
            format!("AWS knows no role `{role}` in account {account} ({said})"),
            format!(
                "Correct sso_account_id, sso_role_name and sso_region of profile `{}`.",
                profile.base_profile
            ),
        )),
        Verdict::LoginRequired
        | Verdict::RegistrationRejected
        | Verdict::LoginOnce
        | Verdict::CredentialsRejected
        | Verdict::ClockSkew
        | Verdict::Passing => offline(&format!("the SSO portal could not be asked ({said})")),
    }
}

fn offline(reason: &str) -> State {
    State::Offline(Trouble::new(
        reason,
        "This is passing trouble and is tried again by itself: check the network if it stays.",
    ))
}
