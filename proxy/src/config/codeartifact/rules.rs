//! What names and values of CodeArtifact look like: the same in variables and in the file.
//!
//! Domain, owner and repository: `GetAuthorizationToken` and `DescribeRepository` in the API reference of AWS
//! CodeArtifact. Names of Python's projects: <https://packaging.python.org/en/latest/specifications/name-normalization/>.

use std::ops::RangeInclusive;
use std::time::Duration;

use url::Url;

use super::Format;

/// What a value has to be.
pub(in crate::config) struct Rule {
    /// Whether this is one.
    pub(in crate::config) is_met: fn(&str) -> bool,
    /// As in "`x` is not …".
    pub(in crate::config) what: &'static str,
    /// What to write; begins small and ends without a dot, as variables' cures do.
    pub(in crate::config) cure: &'static str,
}

pub(in crate::config) const ALIAS: Rule = Rule {
    is_met: is_alias,
    what: "a name to serve a repository by",
    cure: "use at most 63 lower-case letters, digits, `-` and `_`, a letter or digit first: it \
           stands in URLs, as in /codeartifact/main/pypi/simple/",
};
pub(in crate::config) const DOMAIN: Rule = Rule {
    is_met: is_domain,
    what: "a domain of CodeArtifact",
    cure: "use 2 to 50 lower-case letters, digits and `-`, as `aws codeartifact list-domains` \
           shows it",
};
pub(in crate::config) const OWNER: Rule = Rule {
    is_met: is_owner,
    what: "an AWS account's id",
    cure: "give the 12 digits of the account that owns the domain, zeros at the beginning \
           included",
};
pub(in crate::config) const REGION: Rule = Rule {
    is_met: super::super::file::is_region,
    what: "a region",
    cure: "give the domain's, for example eu-central-1",
};
pub(in crate::config) const REPOSITORY: Rule = Rule {
    is_met: is_repository,
    what: "a repository of CodeArtifact",
    cure: "use 2 to 100 letters, digits, `.`, `-` and `_`, as `aws codeartifact \
           list-repositories` shows it",
};
pub(in crate::config) const FORMAT: Rule = Rule {
    is_met: |text| Format::of_name(text).is_some(),
    what: "a format that is served",
    cure: "use pypi, npm and maven, or some of them",
};
pub(in crate::config) const PROJECT: Rule = Rule {
    is_met: is_project,
    what: "a Python project's name",
    cure: "use letters, digits, `.`, `-` and `_`, as in `pip install <name>`",
};
pub(in crate::config) const PREFIX: Rule = Rule {
    is_met: is_prefix,
    what: "the beginning of a Python project's name",
    cure: "use letters, digits, `.`, `-` and `_`, for example acme-",
};
pub(in crate::config) const FILE_HOST: Rule = Rule {
    is_met: is_host,
    what: "a host",
    cure: "give names without scheme and path, for example files.example; a port may follow",
};
/// Nothing else is taken by `GetAuthorizationToken`, but for zero.
pub(in crate::config) const TOKEN_DURATIONS: RangeInclusive<Duration> =
    Duration::from_mins(15)..=Duration::from_hours(12);
pub(in crate::config) const TOKEN_DURATION_CURE: &str = "give 900 to 43200 seconds (also 15m to 12h), or 0 for \
     tokens that end with the role's session";

pub(in crate::config) fn is_token_duration(duration: Duration) -> bool {
    duration.is_zero() || TOKEN_DURATIONS.contains(&duration)
}

fn is_alias(text: &str) -> bool {
    let is_first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_legal = |byte: u8| is_first(byte) || byte == b'-' || byte == b'_';
    (1..=63).contains(&text.len())
        && text.bytes().all(is_legal)
        && text.bytes().next().is_some_and(is_first)
}

fn is_domain(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (2..=50).contains(&text.len())
        && text.bytes().all(is_legal)
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
}

fn is_owner(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_repository(text: &str) -> bool {
    (2..=100).contains(&text.len()) && is_prefix(text)
}

fn is_project(text: &str) -> bool {
    is_prefix(text) && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// A name or address, perhaps with a port.
fn is_host(text: &str) -> bool {
    let Ok(authority) = text.parse::<http::uri::Authority>() else {
        return false;
    };
    let port = text.strip_prefix(authority.host());
    let has_good_port = port == Some("") || authority.port_u16().is_some_and(|port| port > 0);
    !authority.host().is_empty() && !text.contains(['@', '*']) && has_good_port
}

fn is_prefix(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=256).contains(&text.len())
        && text.bytes().all(is_legal)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// As PEP 503 writes a project's name: small letters, and one `-` for each run of `-`, `_` and `.`.
pub(in crate::config) fn normalised(name: &str) -> String {
    crate::codeartifact::index::pypi::folded(name)
}

/// `index_url`: with a `/` at its end. What is wrong never shows the URL, which may hold a password.
pub(in crate::config) fn index_url(text: &str) -> Result<Url, (&'static str, &'static str)> {
    const CURE: &str = "give the URL of a simple index, for example https://pypi.example/simple/";
    let mut url = Url::parse(text).map_err(|_| ("is not a URL", CURE))?;
    if !url.username().is_empty() || url.password().is_some() {
        let cure = "write the URL without them: a public index asks for none, and none is sent";
        return Err(("holds a user or a password", cure));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(("holds a query or a fragment", CURE));
    }
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => {}
        ("http", Some(host)) if is_loopback(&host) => {}
        ("http", Some(_)) => {
            let cure = "use https; plain http is for an index on this machine's loopback";
            return Err(("is plain http to another machine", cure));
        }
        _ => return Err(("is not an https URL", CURE)),
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

fn is_loopback(host: &url::Host<&str>) -> bool {
    match host {
        url::Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn rule(rule: &Rule, good: &[&str], wrong: &[&str]) {
        for text in good {
            assert!((rule.is_met)(text), "{text} is {}", rule.what);
        }
        for text in wrong {
            assert!(!(rule.is_met)(text), "{text} is not {}", rule.what);
        }
    }

    #[test]
    fn names_are_those_of_the_api_reference() {
        let long = |letters: usize| "a".repeat(letters);
        rule(
            &ALIAS,
            &["a", "main", "9-_a", &long(63)],
            &["", "Main", "-a", "_a", "a.b", "a/b", "ä", &long(64)],
        );
        rule(
            &DOMAIN,
            &["ab", "my-domain-1", &long(50)],
            &["", "a", "1a", "a-", "-a", "aB", "a_b", &long(51)],
        );
        rule(
            &OWNER,
            &["123456789012", "000000000001"],
            &[
                "",
                "12345678901",
                "1234567890123",
                "12345678901x",
                "+12345678901",
            ],
        );
        rule(
            &REPOSITORY,
            &["ab", "1.a-_B", &long(100)],
            &["", "a", ".a", "-a", "a/b", "a b", &long(101)],
        );
        rule(
            &PROJECT,
            &["a", "A.b-c_d"],
            &["", "-a", "a-", "a b", "a[b]"],
        );
        rule(&PREFIX, &["acme-", "a"], &["", "-acme", "*"]);
        rule(
            &FILE_HOST,
            &[
                "files.example",
                "10.0.0.1",
                "[::1]",
                "[::1]:80",
                "files.example:8443",
            ],
            &[
                "",
                "https://files.example",
                "files.example/",
                "a:",
                "a:0",
                "a:b",
                "u@a",
                "*.a",
                "a b",
            ],
        );
        rule(&FORMAT, &["pypi", "npm", "maven"], &["", "PyPI", "nuget"]);
    }

    #[test]
    fn project_names_are_normalised_as_pep_503_says() {
        for written in ["friendly-bard", "Friendly.Bard", "FRIENDLY--_.bard"] {
            assert_eq!(normalised(written), "friendly-bard");
        }
        assert_eq!(normalised("Acme_"), "acme-");
    }

    #[test]
    fn tokens_live_as_long_as_codeartifact_lets_them() {
        for seconds in [0, 900, 43_200] {
            assert!(is_token_duration(Duration::from_secs(seconds)), "{seconds}");
        }
        for seconds in [1, 899, 43_201] {
            assert!(
                !is_token_duration(Duration::from_secs(seconds)),
                "{seconds}"
            );
        }
    }

    #[test]
    fn an_index_is_asked_over_https_and_without_secrets() {
        let good = |text: &str| index_url(text).map(String::from);
        for (text, url) in [
            (
                "https://pypi.example/simple",
                "https://pypi.example/simple/",
            ),
            ("https://pypi.example", "https://pypi.example/"),
            (
                "http://127.0.0.1:8080/simple/",
                "http://127.0.0.1:8080/simple/",
            ),
            ("http://[::1]/", "http://[::1]/"),
            ("http://localhost:1/", "http://localhost:1/"),
        ] {
            assert_eq!(good(text).as_deref(), Ok(url));
        }
        for wrong in [
            "",
            "pypi.example/simple",
            "ftp://pypi.example/",
            "file:///etc/passwd",
            "http://pypi.example/simple/",
            "http://127.0.0.1.example/",
            "https://user@pypi.example/",
            "https://user:secret@pypi.example/",
            "https://pypi.example/?token=secret",
            "https://pypi.example/#a",
        ] {
            let (problem, cure) = index_url(wrong).expect_err(wrong);
            assert!(!problem.contains("secret") && !cure.contains("secret"));
        }
    }
}
