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
    let is_ignored = match ignored_by_variable(vars) {
        Some(is_ignored) => is_ignored,
        None => profile
            .text_or_empty(profile, "ignore_configured_endpoint_urls")?
            .is_some_and(is_true),
    };
    if is_ignored {
        return Ok(Endpoints::default());
    }
    let endpoint = |service: &str| match of_variables(vars, service) {
        Some(url) => Ok(Some(url)),
        None => configured(sections, profile, service),
    };
    Ok(Endpoints {
        sso: endpoint("sso")?,
        sso_oidc: endpoint("sso_oidc")?,
        sts: endpoint("sts")?,
    })
}

impl Endpoints {
    /// Those that the variables name, for calls on behalf of no profile.
    #[must_use]
    pub fn from_vars(vars: &impl Fn(&str) -> Option<String>) -> Self {
        if ignored_by_variable(vars) == Some(true) {
            return Self::default();
        }
        Self {
            sso: of_variables(vars, "sso"),
            sso_oidc: of_variables(vars, "sso_oidc"),
            sts: of_variables(vars, "sts"),
        }
    }
}

fn ignored_by_variable(vars: &impl Fn(&str) -> Option<String>) -> Option<bool> {
    filled(vars, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").map(|value| is_true(&value))
}

fn is_true(value: &str) -> bool {
    value.eq_ignore_ascii_case("true")
}

fn of_variables(vars: &impl Fn(&str) -> Option<String>, service: &str) -> Option<String> {
    let own = format!("AWS_ENDPOINT_URL_{}", service.to_ascii_uppercase());
    filled(vars, &own).or_else(|| filled(vars, "AWS_ENDPOINT_URL"))
}

fn filled(vars: &impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    vars(name).filter(|value| !value.is_empty())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FileContent;

    const CONFIG: &[u8] = b"[profile static]\nendpoint_url = http://of-the-profile\n";

    fn sts(vars: &[(&str, &str)], profile: Option<&str>) -> Option<String> {
        let vars = |name: &str| {
            let found = vars.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let Some(profile) = profile else {
            return Endpoints::from_vars(&vars).sts;
        };
        let path = std::path::Path::new("/config");
        let config = FileContent {
            path,
            bytes: Some(CONFIG),
        };
        let none = FileContent { path, bytes: None };
        let sections = Sections::parse(config, none).expect("sections");
        let settings = sections.profile(profile).expect("the profile");
        endpoints(&sections, &vars, settings)
            .expect("endpoints")
            .sts
    }

    #[test]
    fn variables_come_before_the_profile_and_do_without_it() {
        let all = [("AWS_ENDPOINT_URL", "http://all")];
        let both = [all[0], ("AWS_ENDPOINT_URL_STS", "http://sts")];
        let ignored = [all[0], ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")];
        for (vars, of_profile, alone) in [
            (&[][..], Some("http://of-the-profile"), None),
            (&all, Some("http://all"), Some("http://all")),
            (&both, Some("http://sts"), Some("http://sts")),
            (&ignored, None, None),
        ] {
            assert_eq!(sts(vars, Some("static")).as_deref(), of_profile);
            assert_eq!(sts(vars, None).as_deref(), alone);
        }
    }
}
