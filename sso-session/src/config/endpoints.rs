//! Endpoint URLs: variables before files, a service's own before the one for all
//! ("Service-specific endpoints", AWS SDKs and Tools Reference Guide).

use super::error::shown;
use super::ini::Value;
use super::sections::Sections;
use super::settings::Settings;
use super::{ConfigError, Endpoints};

const SERVICES: &str = "services";
const ENDPOINT_URL: &str = "endpoint_url";

/// The endpoints for calls on behalf of the requested profile.
pub(super) fn endpoints(
    sections: &Sections<'_>,
    vars: &impl Fn(&str) -> Option<String>,
    profile: &Settings<'_>,
) -> Result<Endpoints, ConfigError> {
    let variable = |name: &str| vars(name).filter(|value| !value.is_empty());
    let ignored = match variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
        Some(value) => Some(value),
        None => profile
            .text_or_empty(profile, "ignore_configured_endpoint_urls")?
            .map(str::to_owned),
    };
    if ignored.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(Endpoints::default());
    }
    let endpoint = |service: &str| {
        let own = variable(&format!(
            "AWS_ENDPOINT_URL_{}",
            service.to_ascii_uppercase()
        ));
        match own.or_else(|| variable("AWS_ENDPOINT_URL")) {
            Some(url) => Ok(Some(url)),
            None => configured(sections, profile, service),
        }
    };
    Ok(Endpoints {
        sso: endpoint("sso")?,
        sso_oidc: endpoint("sso_oidc")?,
        sts: endpoint("sts")?,
    })
}

fn configured(
    sections: &Sections<'_>,
    profile: &Settings<'_>,
    service: &str,
) -> Result<Option<String>, ConfigError> {
    let filled = |url: &str| (!url.is_empty()).then(|| url.to_owned());
    if let Some(name) = profile.text(profile, SERVICES)? {
        let section = sections
            .services(name)
            .filter(|section| !section.keys().is_empty());
        let section = section.ok_or_else(|| {
            profile.error_at(
                profile,
                SERVICES,
                format!(
                    "{SERVICES} = {0}, but [services {0}] is not there or empty",
                    shown(name)
                ),
                "Correct the name, or fill the section.",
            )
        })?;
        if let Some(url) = in_services(section, profile, service)?.and_then(filled) {
            return Ok(Some(url));
        }
    }
    Ok(profile
        .text_or_empty(profile, ENDPOINT_URL)?
        .and_then(filled))
}

fn in_services<'s>(
    section: &'s Settings<'_>,
    profile: &Settings<'_>,
    service: &str,
) -> Result<Option<&'s str>, ConfigError> {
    match section.get(service).map(|found| found.value) {
        None => Ok(None),
        Some(Value::Block(block)) => Ok(block.get(ENDPOINT_URL).map(String::as_str)),
        Some(Value::Text(_) | Value::Secret) => Err(section.error_at(
            profile,
            service,
            format!("{service} has a value instead of an indented block"),
            "Write `endpoint_url = …` below it, indented.",
        )),
    }
}
