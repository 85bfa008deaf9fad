//! From a profile down its `source_profile`s to where credentials come from, in botocore's order:
//! a role to assume, web identity, SSO, keys in the credentials file, `aws login`, a process, keys in
//! the config file (`create_credential_resolver` and `ProfileProviderBuilder` in its `credentials.py`).

use std::time::Duration;

use super::error::shown;
use super::sections::Sections;
use super::settings::{Origin, Settings};
use super::sso::{self, Base};
use super::{AssumeRole, ConfigError, CredentialSource, OtherSource, SsoProfile, endpoints, words};

const ROLE_ARN: &str = "role_arn";
const SOURCE_PROFILE: &str = "source_profile";
const CREDENTIAL_SOURCE: &str = "credential_source";
const TOKEN_FILE: &str = "web_identity_token_file";
const ACCESS_KEY: &str = "aws_access_key_id";
const SECRET_KEY: &str = "aws_secret_access_key";

/// What `credential_source` may name.
const CREDENTIAL_SOURCES: [&str; 3] = ["Environment", "EcsContainer", "Ec2InstanceMetadata"];

/// Where a chain ends.
enum End<'s, 'a> {
    Sso(&'s Settings<'a>, Base),
    Other(OtherSource),
}

/// Follows the requested profile to its source.
pub(super) fn source(
    sections: &Sections<'_>,
    vars: &impl Fn(&str) -> Option<String>,
    requested: &Settings<'_>,
    region: Option<&str>,
) -> Result<CredentialSource, ConfigError> {
    let (mut assume_roles, end) = follow(sections, requested)?;
    match end {
        End::Other(other) if assume_roles.is_empty() => Ok(CredentialSource::Other(other)),
        End::Other(other) => {
            let other = OtherSource::AssumeRole(Box::new(other));
            Ok(CredentialSource::Other(other))
        }
        End::Sso(base, named) => {
            assume_roles.reverse();
            let region = match region {
                Some(region) => Some(region.to_owned()),
                None => base.region()?,
            };
            Ok(CredentialSource::Sso(SsoProfile {
                base_profile: base.name().to_owned(),
                session: named.session,
                account_id: named.account_id,
                role_name: named.role_name,
                assume_roles,
                region,
                endpoints: endpoints::endpoints(sections, vars, requested)?,
            }))
        }
    }
}

/// The roles, the requested profile's first, and what the last one is assumed with.
fn follow<'s, 'a>(
    sections: &'s Sections<'a>,
    requested: &'s Settings<'a>,
) -> Result<(Vec<AssumeRole>, End<'s, 'a>), ConfigError> {
    let mut roles: Vec<AssumeRole> = Vec::new();
    let mut profile = requested;
    // Below the requested profile, keys come before a role.
    while assumes_role(profile) && (roles.is_empty() || !has_keys(profile)) {
        roles.push(role(profile)?);
        let Some(next) = source_profile(sections, profile)? else {
            let name = profile
                .text(profile, CREDENTIAL_SOURCE)?
                .unwrap_or_default();
            let end = OtherSource::CredentialSource(name.to_owned());
            return Ok((roles, End::Other(end)));
        };
        let is_itself = next.name() == profile.name();
        let was_here = roles.iter().any(|role| role.profile == next.name());
        if was_here && !(is_itself && has_keys(next)) {
            return Err(circle(profile, &roles, next.name()));
        }
        profile = next;
    }
    match own_source(sections, profile)? {
        Some(end) => Ok((roles, end)),
        None if roles.is_empty() => {
            sso::half_written(profile)?;
            Ok((roles, End::Other(OtherSource::Nothing)))
        }
        None => {
            sso::half_written(profile)?;
            let name = shown(profile.name());
            let user = roles.last().map_or(requested.name(), |role| &role.profile);
            Err(profile.error(
                profile,
                SOURCE_PROFILE,
                format!(
                    "profile {} takes its credentials from {name}, which has none",
                    shown(user)
                ),
                format!("Give {name} credentials, or name another source_profile."),
            ))
        }
    }
}

fn assumes_role(profile: &Settings<'_>) -> bool {
    profile.has(ROLE_ARN) && !profile.has(TOKEN_FILE)
}

fn has_keys(profile: &Settings<'_>) -> bool {
    profile.has(ACCESS_KEY) || profile.has(SECRET_KEY)
}

fn role(profile: &Settings<'_>) -> Result<AssumeRole, ConfigError> {
    const MFA: &str = "mfa_serial";
    if profile.has(MFA) {
        return Err(profile.error_at(
            profile,
            MFA,
            "this role wants an MFA code, and nobody can be asked for one here",
            "Use a profile whose role can be assumed without MFA.",
        ));
    }
    let owned = |key| {
        profile
            .text(profile, key)
            .map(|text| text.map(str::to_owned))
    };
    let seconds = profile.text_or_empty(profile, "duration_seconds")?;
    let seconds = seconds.and_then(|text| text.trim().parse().ok());
    let session_name = profile.text_or_empty(profile, "role_session_name")?;
    let cure = "Name the role's ARN.";
    Ok(AssumeRole {
        profile: profile.name().to_owned(),
        role_arn: profile.required(profile, ROLE_ARN, cure)?.to_owned(),
        session_name: session_name
            .filter(|name| !name.is_empty())
            .map(str::to_owned),
        external_id: owned("external_id")?,
        duration: seconds.map(Duration::from_secs),
    })
}

/// The profile that a role is assumed with; nothing if `credential_source` stands in its place.
fn source_profile<'s, 'a>(
    sections: &'s Sections<'a>,
    profile: &Settings<'_>,
) -> Result<Option<&'s Settings<'a>>, ConfigError> {
    let source = profile.text(profile, CREDENTIAL_SOURCE)?;
    let name = match (profile.text(profile, SOURCE_PROFILE)?, source) {
        (Some(name), None) => name,
        (None, Some(source)) if CREDENTIAL_SOURCES.contains(&source) => return Ok(None),
        (None, Some(_)) => {
            return Err(profile.error_at(
                profile,
                CREDENTIAL_SOURCE,
                format!("{CREDENTIAL_SOURCE} is none that there is"),
                format!("Write one of {}.", CREDENTIAL_SOURCES.join(", ")),
            ));
        }
        (Some(_), Some(_)) => {
            return Err(profile.error_at(
                profile,
                CREDENTIAL_SOURCE,
                format!("there is {SOURCE_PROFILE} as well as {CREDENTIAL_SOURCE}"),
                "Remove one of them.",
            ));
        }
        (None, None) => {
            return Err(profile.error_at(
                profile,
                ROLE_ARN,
                format!("{ROLE_ARN} says which role to assume, but nothing says with what"),
                format!("Add {SOURCE_PROFILE} with the name of a profile that has credentials."),
            ));
        }
    };
    sections.profile(name).map(Some).ok_or_else(|| {
        let quoted = words::shell_quoted(&shown(name));
        profile.error_at(
            profile,
            SOURCE_PROFILE,
            format!(
                "{SOURCE_PROFILE} = {}, but there is no such profile",
                shown(name)
            ),
            format!("Correct the name, or write it with `aws configure sso --profile {quoted}`."),
        )
    })
}

fn circle(profile: &Settings<'_>, roles: &[AssumeRole], next: &str) -> ConfigError {
    let names = roles.iter().map(|role| role.profile.as_str()).chain([next]);
    let names: Vec<String> = names.map(shown).collect();
    profile.error_at(
        profile,
        SOURCE_PROFILE,
        format!("{SOURCE_PROFILE} leads in a circle: {}", names.join(" → ")),
        "Let the last of them name a profile that has credentials.",
    )
}

/// What a profile has by itself, without assuming a role.
fn own_source<'s, 'a>(
    sections: &Sections<'_>,
    profile: &'s Settings<'a>,
) -> Result<Option<End<'s, 'a>>, ConfigError> {
    let has_token_file = profile.text_or_empty(profile, TOKEN_FILE)?;
    if has_token_file.is_some_and(|path| !path.is_empty()) {
        let cure = "Name the role's ARN beside web_identity_token_file.";
        profile.required(profile, ROLE_ARN, cure)?;
        return Ok(Some(End::Other(OtherSource::WebIdentity)));
    }
    if let Some(base) = sso::base(sections, profile)? {
        return Ok(Some(End::Sso(profile, base)));
    }
    let other = if profile.has_in(Origin::Credentials, ACCESS_KEY) {
        complete_keys(profile, profile.has_in(Origin::Credentials, SECRET_KEY))?;
        OtherSource::StaticKeys
    } else if profile.has("login_session") {
        OtherSource::LoginSession
    } else if profile.has("credential_process") {
        OtherSource::CredentialProcess
    } else if profile.has_in(Origin::Config, ACCESS_KEY) {
        complete_keys(profile, profile.has_in(Origin::Config, SECRET_KEY))?;
        OtherSource::StaticKeys
    } else {
        return Ok(None);
    };
    Ok(Some(End::Other(other)))
}

fn complete_keys(profile: &Settings<'_>, has_secret: bool) -> Result<(), ConfigError> {
    if has_secret {
        return Ok(());
    }
    let what = format!("there is {ACCESS_KEY}, but no {SECRET_KEY} beside it");
    let error = profile.error_at(profile, ACCESS_KEY, what, "Add it, or remove the line.");
    Err(error.about(SECRET_KEY))
}
