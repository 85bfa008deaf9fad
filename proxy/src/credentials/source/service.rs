//! What a service for containers is given of its source's credentials: its role on top of them, or them as
//! they are; of long-term keys only temporary ones, as what is handed out must end.

use std::time::Duration;

use aws_credential_types::Credentials;
use sso_session::config::Endpoints;
use sso_session::failure::Failure;
use sso_session::verdict::{self, Verdict};

use super::roles::{StsPlace, account, assume, clock_skew, passing, session_token};
use super::{Base, Failed, Principal, Source};
use crate::config::RoleConfig;
use crate::credentials::{State, now};
use crate::error::Trouble;

/// How long temporary credentials of long-term keys live. AWS would give 36 h, and 12 h unasked; but nobody can
/// take them back, and an hour is what roles have.
const SESSION_LIFE: Duration = Duration::from_hours(1);
/// Temporary credentials whose end nobody knows are good for so long each time that STS takes them. They are looked
/// at again when half of it is left.
const CHECKED_LIFE: Duration = Duration::from_mins(30);

/// Who asks STS, and where: for texts.
struct Asker<'a> {
    principal: &'a Principal,
    access_key_id: &'a str,
    region: &'a str,
}

impl Source {
    /// What is handed on; the same as given where this is no service's source.
    pub(super) async fn serve(
        &self,
        principal: &Principal,
        given: Credentials,
    ) -> Result<Credentials, Failed> {
        let Some(needs) = &self.service else {
            return Ok(given);
        };
        let is_long_term = given.session_token().is_none();
        if needs.role.is_none() && !is_long_term && given.expiry().is_some() {
            return Ok(given);
        }
        let place = self.sts_place(principal).await?;
        let known_account = given.account_id().cloned();
        let client = self.sts(&place, given.clone());
        let asker = Asker {
            principal,
            access_key_id: given.access_key_id(),
            region: &place.region,
        };
        Ok(match &needs.role {
            Some(role) => assume(&client, role)
                .await
                .map_err(|failure| self.refused_role(&asker, role, &failure))?,
            None if !is_long_term => {
                let checked = account(&client).await;
                let account = checked.map_err(|failure| self.refused_check(&asker, &failure))?;
                let mut checked = Credentials::builder()
                    .access_key_id(given.access_key_id())
                    .secret_access_key(given.secret_access_key())
                    .expiry(now() + CHECKED_LIFE)
                    .provider_name("checked");
                checked.set_session_token(given.session_token().map(str::to_owned));
                checked.set_account_id(account);
                checked.build()
            }
            None => session_token(&client, SESSION_LIFE, known_account)
                .await
                .map_err(|failure| self.refused_session(&asker, &failure))?,
        })
    }

    /// The region by which whatever belongs to the source is asked.
    pub(super) fn region(&self) -> String {
        let service = self.service.as_ref();
        let region = service.and_then(|needs| needs.region.clone());
        region.unwrap_or_else(|| self.region.clone())
    }

    /// The service's region, else the profile's, else the proxy's.
    async fn sts_place(&self, principal: &Principal) -> Result<StsPlace, Failed> {
        let of_profile = match principal {
            Principal::Sso(profile, _) => profile.region.clone(),
            Principal::Chain { region, .. } => region.clone(),
            Principal::Keys => None,
        };
        let of_service = self.service.as_ref();
        let of_service = of_service.and_then(|needs| needs.region.clone());
        let region = of_service.or(of_profile);
        Ok(StsPlace {
            region: region.unwrap_or_else(|| self.region.clone()),
            endpoint: self.endpoints(principal).await?.sts,
        })
    }

    async fn endpoints(&self, principal: &Principal) -> Result<Endpoints, Failed> {
        let name = match (principal, &self.base) {
            (Principal::Sso(profile, _), _) => return Ok(profile.endpoints.clone()),
            (Principal::Chain { .. }, Base::Profile { profile, .. }) => profile.name().to_owned(),
            (Principal::Chain { .. } | Principal::Keys, _) => {
                return Ok(Endpoints::from_vars(&|name| {
                    self.variables.get(name).cloned()
                }));
            }
        };
        let read = self
            .read(move |locations, vars| sso_session::config::endpoints(locations, &vars, &name));
        read.await?.map_err(|error| self.misconfigured(&error))
    }

    fn refused_role(&self, asker: &Asker<'_>, role: &RoleConfig, failure: &Failure) -> State {
        let (source, role_arn) = (self.described(), &role.role_arn);
        match verdict::of_sts(failure) {
            // A code is good for one call: that it is refused now says nothing about the role.
            Verdict::Denied if role.token_code.is_some() => State::LoginRequired(Trouble::new(
                format!("STS does not take the TokenCode for {role_arn} ({failure})"),
                "A code is good for one call: write the device's next one into TokenCode, or take a \
                 source that needs none, such as an SSO profile.",
            )),
            Verdict::Denied => State::Denied(Trouble::new(
                format!("{source} may not assume {role_arn} ({failure})"),
                "Allow sts:AssumeRole on that role to the principal that is named here, in its own \
                 policy and in the role's trust policy (which may ask for another ExternalId, \
                 SourceIdentity, for tags or MFA); or correct RoleArn of the service.",
            )),
            Verdict::Misconfigured if failure.message.contains("DurationSeconds") => {
                State::ConfigError(Trouble::new(
                    format!(
                        "STS gives no session of {} s for {role_arn} ({failure})",
                        role.duration.as_secs()
                    ),
                    "Lower DurationSeconds of the service's assumed_role to what the role's maximum \
                     session duration allows, or raise that; a role that is assumed with another \
                     role's credentials (SSO's are such) is given for 3600 s at most.",
                ))
            }
            Verdict::Misconfigured if is_about_region(failure) => no_region(asker, failure),
            Verdict::Misconfigured => State::ConfigError(Trouble::new(
                format!("STS cannot assume {role_arn} as the configuration says ({failure})"),
                "Correct the service's assumed_role: the message names what STS refuses.",
            )),
            Verdict::CredentialsRejected | Verdict::ClockSkew => self
                .refused_keys(asker, failure)
                .unwrap_or_else(|| passing(role_arn, failure)),
            Verdict::LoginRequired
            | Verdict::RegistrationRejected
            | Verdict::LoginOnce
            | Verdict::Passing => passing(role_arn, failure),
        }
    }

    fn refused_session(&self, asker: &Asker<'_>, failure: &Failure) -> State {
        let source = self.described();
        let key = asker.access_key_id;
        let role = "Give the service an assumed_role";
        match verdict::of_sts(failure) {
            Verdict::Denied => State::Denied(Trouble::new(
                format!(
                    "no temporary credentials may be had for the long-term key {key} of {source} \
                     ({failure})"
                ),
                format!("{role}, or let nothing deny sts:GetSessionToken to that user."),
            )),
            Verdict::Misconfigured if is_about_region(failure) => no_region(asker, failure),
            Verdict::Misconfigured => State::ConfigError(Trouble::new(
                format!(
                    "no temporary credentials can be made for the long-term key {key} of {source} \
                     ({failure})"
                ),
                format!("{role}, or take another source."),
            )),
            Verdict::CredentialsRejected | Verdict::ClockSkew => self
                .refused_keys(asker, failure)
                .unwrap_or_else(|| no_session_now(&source, failure)),
            Verdict::LoginRequired
            | Verdict::RegistrationRejected
            | Verdict::LoginOnce
            | Verdict::Passing => no_session_now(&source, failure),
        }
    }

    /// The credentials themselves are handed on, so those that are refused are not any more.
    fn refused_check(&self, asker: &Asker<'_>, failure: &Failure) -> Failed {
        let source = self.described();
        match verdict::of_sts(failure) {
            Verdict::CredentialsRejected => Failed::evicting(
                self.refused_keys(asker, failure)
                    .unwrap_or_else(|| unchecked(&source, failure)),
            ),
            Verdict::ClockSkew => self
                .refused_keys(asker, failure)
                .unwrap_or_else(|| unchecked(&source, failure))
                .into(),
            Verdict::Misconfigured if is_about_region(failure) => no_region(asker, failure).into(),
            Verdict::Denied
            | Verdict::Misconfigured
            | Verdict::LoginRequired
            | Verdict::RegistrationRejected
            | Verdict::LoginOnce
            | Verdict::Passing => unchecked(&source, failure).into(),
        }
    }

    /// STS does not take what the source gave. `None` where that passes: SSO's portal gave it a moment ago.
    fn refused_keys(&self, asker: &Asker<'_>, failure: &Failure) -> Option<State> {
        let is_sso = matches!(asker.principal, Principal::Sso(..));
        if let Principal::Sso(profile, session) = asker.principal {
            session.forget_role_credentials(profile);
        }
        let (source, key) = (self.described(), asker.access_key_id);
        match failure.code.as_deref() {
            Some("SignatureDoesNotMatch") if !is_sso && !is_about_time(failure) => {
                Some(State::ConfigError(Trouble::new(
                    format!(
                        "the secret access key for {key} of {source} is not the right one ({failure})"
                    ),
                    self.how_to_mend_keys(),
                )))
            }
            Some("RequestTimeTooSkewed" | "RequestExpired" | "SignatureDoesNotMatch") => {
                Some(clock_skew(failure))
            }
            Some(_) | None if is_sso => None,
            Some("ExpiredToken" | "ExpiredTokenException") => Some(State::LoginRequired(
                self.login_needed(&failure.to_string()),
            )),
            Some(_) | None => Some(State::ConfigError(Trouble::new(
                format!(
                    "STS in {} does not know the access key {key} of {source} ({failure})",
                    asker.region
                ),
                format!(
                    "Look whether the key was deleted or made inactive, whether it is a temporary one \
                     without its session token, and whether the service's region is of its \
                     partition. {}",
                    self.how_to_mend_keys()
                ),
            ))),
        }
    }

    fn how_to_mend_keys(&self) -> String {
        match &self.base {
            Base::Keys { .. } => {
                "Put the right keys into iam_keys of the configuration file.".to_owned()
            }
            Base::Profile { .. } => format!(
                "Put the right keys where {} has them from, or {}.",
                self.described(),
                self.another_profile()
            ),
        }
    }
}

/// STS has one code for a wrong secret and for a wrong clock; its message tells them apart ("Signature
/// expired: … is now earlier than …", "Signature not yet current: …").
fn is_about_time(failure: &Failure) -> bool {
    let said = &failure.message;
    said.starts_with("Signature expired") || said.starts_with("Signature not yet current")
}

fn is_about_region(failure: &Failure) -> bool {
    failure.code.as_deref() == Some("RegionDisabledException")
}

fn no_region(asker: &Asker<'_>, failure: &Failure) -> State {
    State::ConfigError(Trouble::new(
        format!("STS is not active in {} ({failure})", asker.region),
        "Name another region for the service (region in source_credentials or aws_defaults), or have the \
         administrator activate this one.",
    ))
}

fn no_session_now(source: &str, failure: &Failure) -> State {
    State::Offline(Trouble::new(
        format!("temporary credentials for {source} could not be had now ({failure})"),
        "This is passing trouble and is tried again by itself.",
    ))
}

fn unchecked(source: &str, failure: &Failure) -> State {
    State::Offline(Trouble::new(
        format!(
            "whether the temporary credentials of {source} are still good could not be asked ({failure})"
        ),
        "This is passing trouble and is tried again by itself.",
    ))
}
