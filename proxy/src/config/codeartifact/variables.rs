//! The one repository that variables may name.

use std::time::Duration;

use program::reader::{LONGEST, Reader};

use super::rules::{self, Rule};
use super::{CodeArtifactUpstream, DEFAULT_TOKEN_DURATION, Format};

/// One of these names a repository; then all of them are wanted.
const NEEDED: [(&str, &Rule); 3] = [
    ("CODEARTIFACT_DOMAIN", &rules::DOMAIN),
    ("CODEARTIFACT_DOMAIN_OWNER", &rules::OWNER),
    ("CODEARTIFACT_REPOSITORY", &rules::REPOSITORY),
];

impl CodeArtifactUpstream {
    /// Whether variables name a repository.
    pub(in crate::config) fn is_in_variables(read: &Reader<'_>) -> bool {
        NEEDED.iter().any(|(variable, _)| read.is_set(variable))
    }

    /// The repository that variables name, if they do, and if all of them are right.
    pub(in crate::config) fn of_variables(read: &mut Reader<'_>) -> Option<Self> {
        if !Self::is_in_variables(read) {
            return None;
        }
        let [domain, domain_owner, repository] =
            NEEDED.map(|(variable, rule)| needed(read, variable, rule));
        let default_region = read.text("AWS_REGION");
        let default_region = default_region.unwrap_or_else(|| "us-west-2".to_owned());
        let region = or_default(read, "CODEARTIFACT_REGION", &rules::REGION, &default_region);
        let alias = or_default(read, "CODEARTIFACT_ALIAS", &rules::ALIAS, "default");
        let formats = formats(read);
        let publish = publish(read);
        let token_duration = token_duration(read);
        Some(Self {
            alias: alias?,
            domain: domain?,
            domain_owner: domain_owner?,
            region: region?,
            repository: repository?,
            formats: formats?,
            publish: publish?,
            public_fallback: None,
            token_duration: token_duration?,
        })
    }
}

fn needed(read: &mut Reader<'_>, variable: &'static str, rule: &Rule) -> Option<String> {
    let Some(text) = read.text(variable) else {
        let set = NEEDED.iter().find(|(variable, _)| read.is_set(variable));
        let set = set.map_or("", |(variable, _)| variable);
        read.fault(variable, format!("not set beside {set}"), rule.cure);
        return None;
    };
    checked(read, variable, rule, text)
}

fn or_default(
    read: &mut Reader<'_>,
    variable: &'static str,
    rule: &Rule,
    default: &str,
) -> Option<String> {
    let text = read.text(variable).unwrap_or_else(|| default.to_owned());
    checked(read, variable, rule, text)
}

fn checked(
    read: &mut Reader<'_>,
    variable: &'static str,
    rule: &Rule,
    text: String,
) -> Option<String> {
    if (rule.is_met)(&text) {
        return Some(text);
    }
    read.fault(
        variable,
        format!("`{text}` is not {}", rule.what),
        rule.cure,
    );
    None
}

fn formats(read: &mut Reader<'_>) -> Option<Vec<Format>> {
    const VARIABLE: &str = "CODEARTIFACT_FORMATS";
    let mut formats = Vec::new();
    for name in read.list(VARIABLE) {
        let name = checked(read, VARIABLE, &rules::FORMAT, name)?;
        formats.extend(Format::of_name(&name).filter(|format| !formats.contains(format)));
    }
    if formats.is_empty() {
        formats.extend(Format::ALL);
    }
    Some(formats)
}

fn publish(read: &mut Reader<'_>) -> Option<bool> {
    const VARIABLE: &str = "CODEARTIFACT_PUBLISH";
    let text = read.text(VARIABLE).unwrap_or_default();
    match text.to_ascii_lowercase().as_str() {
        "" | "false" | "0" | "no" | "off" => Some(false),
        "true" | "1" | "yes" | "on" => Some(true),
        _ => {
            let problem = format!("`{text}` is neither true nor false");
            read.fault(VARIABLE, problem, "write true to let clients publish");
            None
        }
    }
}

fn token_duration(read: &mut Reader<'_>) -> Option<Duration> {
    const VARIABLE: &str = "CODEARTIFACT_TOKEN_DURATION";
    let duration = read.duration(VARIABLE, DEFAULT_TOKEN_DURATION, Duration::ZERO..=LONGEST);
    if rules::is_token_duration(duration) {
        return Some(duration);
    }
    let text = read.text(VARIABLE).unwrap_or_default();
    let problem = format!("`{text}` is no time that a token of CodeArtifact can live");
    read.fault(VARIABLE, problem, rules::TOKEN_DURATION_CURE);
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PROGRAM;

    fn of(vars: &[(&str, &str)]) -> Result<Option<CodeArtifactUpstream>, String> {
        let vars = |name: &str| {
            let found = vars.iter().find(|(found, _)| *found == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let mut read = Reader::new(PROGRAM, &vars);
        let upstream = CodeArtifactUpstream::of_variables(&mut read);
        read.finish(upstream).map_err(|faults| faults.to_string())
    }

    const NAMED: [(&str, &str); 3] = [
        ("CODEARTIFACT_DOMAIN", "acme"),
        ("CODEARTIFACT_DOMAIN_OWNER", "012345678901"),
        ("CODEARTIFACT_REPOSITORY", "main"),
    ];

    #[test]
    fn a_domain_its_owner_and_a_repository_are_all_that_is_needed() {
        let upstream = of(&NAMED).expect("no fault").expect("an upstream");
        assert_eq!(upstream.alias, "default");
        assert_eq!(upstream.domain_owner, "012345678901", "zeros are kept");
        assert_eq!(upstream.region, "us-west-2");
        assert_eq!(upstream.formats, Format::ALL);
        assert!(!upstream.publish && upstream.public_fallback.is_none());
        assert_eq!(upstream.token_duration, Duration::from_hours(12));
    }

    #[test]
    fn the_rest_may_be_said() {
        let more = [
            ("AWS_REGION", "eu-west-1"),
            ("CODEARTIFACT_ALIAS", "team"),
            ("CODEARTIFACT_FORMATS", "pypi, npm,pypi"),
            ("CODEARTIFACT_PUBLISH", "TRUE"),
            ("CODEARTIFACT_TOKEN_DURATION", "1h"),
        ];
        let all = [&NAMED[..], &more[..]].concat();
        let upstream = of(&all).expect("no fault").expect("an upstream");
        assert_eq!(upstream.alias, "team");
        assert_eq!(upstream.region, "eu-west-1");
        assert_eq!(upstream.formats, [Format::Pypi, Format::Npm]);
        assert!(upstream.publish);
        assert_eq!(upstream.token_duration, Duration::from_hours(1));
        let own = [&all[..], &[("CODEARTIFACT_REGION", "eu-central-1")]].concat();
        let upstream = of(&own).expect("no fault").expect("an upstream");
        assert_eq!(upstream.region, "eu-central-1");
    }

    #[test]
    fn nothing_is_named_by_what_has_a_default() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[("CODEARTIFACT_FORMATS", "pypi")]), Ok(None));
        assert_eq!(of(&[("CODEARTIFACT_DOMAIN", " ")]), Ok(None));
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let told = of(&[
            ("CODEARTIFACT_DOMAIN", "Acme"),
            ("CODEARTIFACT_DOMAIN_OWNER", "12345678901"),
            ("CODEARTIFACT_ALIAS", "my/team"),
            ("CODEARTIFACT_REGION", "frankfurt"),
            ("CODEARTIFACT_FORMATS", "pypi,nuget"),
            ("CODEARTIFACT_PUBLISH", "maybe"),
            ("CODEARTIFACT_TOKEN_DURATION", "60"),
        ])
        .expect_err("eight faults");
        for part in [
            "8 faults",
            "CODEARTIFACT_DOMAIN: `Acme` is not a domain",
            "CODEARTIFACT_DOMAIN_OWNER: `12345678901` is not an AWS account's id",
            "CODEARTIFACT_REPOSITORY: not set beside CODEARTIFACT_DOMAIN",
            "CODEARTIFACT_ALIAS: `my/team` is not",
            "CODEARTIFACT_REGION: `frankfurt` is not a region",
            "CODEARTIFACT_FORMATS: `nuget` is not",
            "CODEARTIFACT_PUBLISH: `maybe` is neither",
            "CODEARTIFACT_TOKEN_DURATION: `60` is no time",
        ] {
            assert!(told.contains(part), "{part} is missing in:\n{told}");
        }
    }
}
