//! One profile's own SSO keys: session, account, role.

use super::error::shown;
use super::sections::Sections;
use super::settings::Settings;
use super::{ConfigError, SsoSession};

const ACCOUNT: &str = "sso_account_id";
const ROLE: &str = "sso_role_name";
const SESSION: &str = "sso_session";
const START_URL: &str = "sso_start_url";
const REGION: &str = "sso_region";

/// What a base profile names.
pub(super) struct Base {
    pub(super) session: SsoSession,
    pub(super) account_id: String,
    pub(super) role_name: String,
}

/// The profile's SSO part; nothing if it names neither account nor role.
pub(super) fn base(
    sections: &Sections<'_>,
    profile: &Settings<'_>,
) -> Result<Option<Base>, ConfigError> {
    if !profile.has(ACCOUNT) && !profile.has(ROLE) {
        return Ok(None);
    }
    let Some(name) = profile.text(profile, SESSION)? else {
        return legacy(profile).map(Some);
    };
    let Some(section) = sections.session(name) else {
        return Err(profile.error_at(
            profile,
            SESSION,
            format!(
                "{SESSION} = {0}, but there is no section [sso-session {0}]",
                shown(name)
            ),
            "Correct the name, or add the section with `aws configure sso-session`.",
        ));
    };
    refuse_contradictions(profile, section)?;
    let own = |key| {
        let place = if profile.has(key) { profile } else { section };
        let what = place.word(profile, key)?;
        let missing = || missing_in_profile(profile, key);
        what.map(str::to_owned).ok_or_else(missing)
    };
    Ok(Some(Base {
        session: session(profile, section, Some(name))?,
        account_id: own(ACCOUNT)?,
        role_name: own(ROLE)?,
    }))
}

/// Why a profile that has no credentials at all, but an SSO session, has none.
pub(super) fn half_written(profile: &Settings<'_>) -> Result<(), ConfigError> {
    if profile.has(SESSION) || profile.has(START_URL) {
        return Err(missing_in_profile(profile, ACCOUNT));
    }
    Ok(())
}

fn missing_in_profile(profile: &Settings<'_>, key: &str) -> ConfigError {
    let cure = "Add it to the profile, or write the profile anew with `aws configure sso`.";
    profile.error(profile, key, format!("{key} is missing"), cure)
}

fn legacy(profile: &Settings<'_>) -> Result<Base, ConfigError> {
    let cure = "Add it, or name an sso-session with sso_session.";
    let own = |key| {
        profile
            .word(profile, key)?
            .ok_or_else(|| missing_in_profile(profile, key))
    };
    let start_url = profile.required(profile, START_URL, cure)?.to_owned();
    profile.required(profile, REGION, cure)?;
    Ok(Base {
        session: SsoSession {
            name: None,
            start_url,
            region: sso_region(profile, profile)?,
            scopes: Vec::new(),
        },
        account_id: own(ACCOUNT)?.to_owned(),
        role_name: own(ROLE)?.to_owned(),
    })
}

/// URL and region have to stand in the session's own section: `aws sso login` looks nowhere else.
fn session(
    profile: &Settings<'_>,
    section: &Settings<'_>,
    name: Option<&str>,
) -> Result<SsoSession, ConfigError> {
    const SCOPES: &str = "sso_registration_scopes";
    let cure = format!("Add it to [sso-session {}].", shown(section.name()));
    let start_url = section.required(profile, START_URL, &cure)?.to_owned();
    section.required(profile, REGION, &cure)?;
    let scopes = section.text_or_empty(profile, SCOPES)?.unwrap_or_default();
    let scopes = scopes
        .split(',')
        .map(str::trim)
        .filter(|scope| !scope.is_empty());
    Ok(SsoSession {
        name: name.map(str::to_owned),
        start_url,
        region: sso_region(profile, section)?,
        scopes: scopes.map(str::to_owned).collect(),
    })
}

/// The region becomes part of a host's name, and is refused where it cannot.
fn sso_region(profile: &Settings<'_>, section: &Settings<'_>) -> Result<String, ConfigError> {
    let region = section.word(profile, REGION)?.unwrap_or_default();
    let is_label = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if !region.chars().all(is_label) {
        return Err(section.error_at(
            profile,
            REGION,
            format!("{REGION} is not a region"),
            "Write one like us-east-1.",
        ));
    }
    Ok(region.to_owned())
}

/// Keys may stand in both places only with the same value (botocore's `SSOProvider`).
fn refuse_contradictions(
    profile: &Settings<'_>,
    section: &Settings<'_>,
) -> Result<(), ConfigError> {
    for key in section.keys() {
        let (Some(own), Some(shared)) = (profile.get(key), section.get(key)) else {
            continue;
        };
        if own.value != shared.value {
            return Err(profile.error_at(
                profile,
                key,
                format!(
                    "{} differs from [sso-session {}], line {}",
                    shown(key),
                    shown(section.name()),
                    shared.line
                ),
                "Remove it from the profile, or make both equal.",
            ));
        }
    }
    Ok(())
}
