//! What may come from a public index at all, by the configuration alone.

use url::Url;

use super::super::client::is_loopback;
use super::super::index::pypi;
use crate::config::PublicFallback;
use crate::error::Error;

/// What the configuration says of a project, by its normalised name: nothing but a 404 to be had where it does not
/// name it.
pub(super) fn allowed<'a>(
    fallback: Option<&'a PublicFallback>,
    project: &str,
) -> Result<&'a PublicFallback, Error> {
    // In the one spelling alone: what CodeArtifact was asked for is what the public index is asked for.
    let is_right = pypi::normalised(project).as_deref() == Some(project);
    let is_allowed = |fallback: &&PublicFallback| {
        let mut prefixes = fallback.private_prefixes.iter();
        let is_listed = fallback.names.iter().any(|name| name == project);
        is_listed && !prefixes.any(|prefix| project.starts_with(prefix.as_str()))
    };
    fallback
        .filter(|_| is_right)
        .filter(is_allowed)
        .ok_or(Error::NotFound)
}

/// Whether a file, or a redirect to it, may come from there.
pub(super) fn may_come_from(fallback: &PublicFallback, url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let mut hosts = fallback.file_hosts.iter();
    let index = &fallback.index_url;
    // Named with a port, a host is meant with that one alone.
    let with_port = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
    let is_known = index.host_str() == Some(host)
        || hosts.any(|known| {
            [host, &with_port]
                .iter()
                .any(|it| known.eq_ignore_ascii_case(it))
        });
    let is_private = url.scheme() == "https"
        || (url.scheme() == "http" && is_loopback(url) && is_loopback(index));
    is_known && is_private && url.username().is_empty() && url.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fallback(index: &str, hosts: &[&str]) -> PublicFallback {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        PublicFallback {
            index_url: Url::parse(index).expect("a URL"),
            file_hosts: texts(hosts),
            names: texts(&["requests", "acme-tools", "zope-interface"]),
            private_prefixes: texts(&["acme-"]),
        }
    }

    #[test]
    fn only_names_on_the_list_go_out_and_private_ones_never() {
        let fallback = fallback("https://index.example/simple/", &[]);
        for (project, is_allowed) in [
            ("requests", true),
            ("zope-interface", true),
            // Not what CodeArtifact was asked for.
            ("Requests", false),
            ("zope.interface", false),
            ("re\u{212a}uests", false),
            ("requests2", false),
            ("acme-tools", false),
            ("ACME_Tools", false),
            ("", false),
        ] {
            assert_eq!(
                allowed(Some(&fallback), project).is_ok(),
                is_allowed,
                "{project}"
            );
        }
        assert!(matches!(allowed(None, "requests"), Err(Error::NotFound)));
    }

    #[test]
    fn files_come_from_known_hosts_over_tls() {
        let public = fallback(
            "https://index.example/simple/",
            &["files.example", "ported.example:444"],
        );
        let local = fallback("http://127.0.0.1:9000/simple/", &["localhost"]);
        for (fallback, url, is_allowed) in [
            (&public, "https://index.example/x", true),
            (&public, "https://files.example/x", true),
            (&public, "https://files.example:444/x", true),
            (&public, "https://ported.example:444/x", true),
            (&public, "https://ported.example/x", false),
            (&public, "http://files.example/x", false),
            (&public, "https://other.example/x", false),
            (&public, "https://files.example.evil.example/x", false),
            (&public, "https://u:p@files.example/x", false),
            (&public, "http://127.0.0.1/x", false),
            (&local, "http://127.0.0.1:9001/x", true),
            (&local, "http://localhost:9001/x", true),
            (&local, "http://10.0.0.1/x", false),
        ] {
            let url = Url::parse(url).expect("a URL");
            assert_eq!(may_come_from(fallback, &url), is_allowed, "{url}");
        }
    }
}
