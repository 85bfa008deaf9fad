//! Where an answer may send us, and with what.

use http::HeaderMap;
use http::header::LOCATION;
use url::{Host, Url};

/// Whether a URL is of this very machine.
pub(in crate::codeartifact) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

/// Where a redirect leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hop {
    /// To another place of the same repository: the token goes along.
    Home(Url),
    /// To where assets are: nothing of ours goes along.
    Assets(Url),
}

/// Reads the redirect of an answer from `from`. `root` is the repository's own URL. The error names the host alone:
/// what follows may be a presigned URL.
pub(super) fn hop(root: &Url, from: &Url, headers: &HeaderMap) -> Result<Hop, String> {
    let location = headers
        .get(LOCATION)
        .and_then(|location| location.to_str().ok());
    let location = location.ok_or("CodeArtifact redirects to nowhere")?;
    let to = from
        .join(location)
        .map_err(|_| "CodeArtifact redirects to what is no URL")?;
    if !to.username().is_empty() || to.password().is_some() {
        return Err(refused(&to));
    }
    if to.origin() == root.origin() && to.path().starts_with(root.path()) {
        return Ok(Hop::Home(to));
    }
    let may_be = if root.scheme() == "https" {
        to.scheme() == "https" && is_of_aws(&to)
    } else {
        // The endpoint itself is on this machine, which nobody but its owner has arranged.
        is_loopback(&to)
    };
    if may_be {
        Ok(Hop::Assets(to))
    } else {
        Err(refused(&to))
    }
}

fn is_of_aws(url: &Url) -> bool {
    let name = url.domain().unwrap_or_default();
    [".amazonaws.com", ".amazonaws.com.cn"]
        .iter()
        .any(|aws| name.ends_with(aws))
}

fn refused(to: &Url) -> String {
    let host = to.host_str().unwrap_or("no host");
    format!(
        "CodeArtifact redirects to {}://{host}, where no asset of it may come from",
        to.scheme()
    )
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const ROOT: &str =
        "https://acme-012345678901.d.codeartifact.eu-central-1.amazonaws.com/pypi/all/";
    const LOCAL: &str = "http://127.0.0.1:9000/codeartifact-data/acme/pypi/all/";

    fn to(root: &str, location: &str) -> Result<Hop, String> {
        let root = Url::parse(root).expect("a URL");
        let from = root.join("simple/x/1/x-1.whl").expect("a URL");
        let headers =
            HeaderMap::from_iter([(LOCATION, HeaderValue::from_str(location).expect("a value"))]);
        hop(&root, &from, &headers)
    }

    #[test]
    fn assets_come_from_aws_over_tls() {
        for location in [
            "https://assets-193858265520-eu-central-1.s3.eu-central-1.amazonaws.com/a?X-Amz-Signature=s",
            "https://s3.cn-north-1.amazonaws.com.cn/a",
            "/elsewhere/on/this/host",
        ] {
            assert!(
                matches!(to(ROOT, location), Ok(Hop::Assets(_))),
                "{location}"
            );
        }
        for location in [
            "http://bucket.s3.amazonaws.com/a",
            "https://amazonaws.com.evil.example/a?X-Amz-Signature=s",
            "https://notamazonaws.com/a",
            "https://x:y@bucket.s3.amazonaws.com/a",
            "https://127.0.0.1/a",
            "http://127.0.0.1/a",
            "file:///etc/passwd",
            "https://[::1]/a",
        ] {
            let refused = to(ROOT, location).expect_err(location);
            assert!(!refused.contains("Signature"), "{refused}");
        }
    }

    #[test]
    fn a_local_endpoint_sends_to_this_machine_alone() {
        for location in [
            "http://127.0.0.1:9000/codeartifact-assets/a",
            "/assets/a",
            "http://localhost:1/a",
        ] {
            assert!(
                matches!(to(LOCAL, location), Ok(Hop::Assets(_))),
                "{location}"
            );
        }
        for location in ["https://bucket.s3.amazonaws.com/a", "http://10.0.0.1/a"] {
            assert!(to(LOCAL, location).is_err(), "{location}");
        }
    }

    #[test]
    fn the_token_stays_within_its_repository() {
        assert!(matches!(to(ROOT, "../../y/"), Ok(Hop::Home(_))));
        assert!(matches!(to(ROOT, "/pypi/all/simple/x/"), Ok(Hop::Home(_))));
        assert!(matches!(
            to(ROOT, "/pypi/another/simple/x/"),
            Ok(Hop::Assets(_))
        ));
        assert!(matches!(
            to(ROOT, "/pypi/all/../other/x/"),
            Ok(Hop::Assets(_))
        ));
        assert!(
            hop(
                &Url::parse(ROOT).expect("a URL"),
                &Url::parse(ROOT).expect("a URL"),
                &HeaderMap::new()
            )
            .is_err()
        );
    }
}
