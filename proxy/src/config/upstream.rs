//! `UPSTREAM_PROXY_URL`: where another bazel-proxy is, and nothing more.

use http::Uri;
use program::reader::Reader;

const VARIABLE: &str = "UPSTREAM_PROXY_URL";

/// The URL without a slash at its end.
pub(super) fn proxy_url(read: &mut Reader<'_>) -> Option<String> {
    let text = read.text(VARIABLE)?;
    match parse(&text) {
        Ok(url) => Some(url),
        Err((problem, cure)) => {
            read.fault(VARIABLE, problem, cure);
            None
        }
    }
}

fn parse(text: &str) -> Result<String, (&'static str, &'static str)> {
    const EXAMPLE: &str = "for example http://artifacts.example:9000";
    // The value is never shown: whatever else it holds may be a secret.
    if text.contains('@') {
        return Err((
            "it holds a user or a password, and a bazel-proxy asks for none",
            "write the URL without them",
        ));
    }
    let no_url = || ("it is not an http or https URL", EXAMPLE);
    let uri: Uri = text.parse().map_err(|_| no_url())?;
    let scheme = uri.scheme_str();
    let scheme = scheme.filter(|scheme| matches!(*scheme, "http" | "https"));
    let (Some(scheme), Some(authority)) = (scheme, uri.authority()) else {
        return Err(no_url());
    };
    let has_port = authority.as_str().len() > authority.host().len();
    if authority.host().is_empty() || has_port && authority.port_u16().is_none_or(|port| port == 0)
    {
        return Err(no_url());
    }
    if uri.path_and_query().is_some_and(|rest| rest != "/") || text.contains('#') {
        return Err((
            "it has more than scheme, host and port",
            "a bazel-proxy serves the whole of its bucket at /; leave the rest out",
        ));
    }
    Ok(format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_a_host_and_a_port_are_all_it_has() {
        for (text, url) in [
            ("http://team:9000", "http://team:9000"),
            ("https://team.example/", "https://team.example"),
            ("HTTP://10.0.0.1:80/", "http://10.0.0.1:80"),
            ("http://[::1]:9000/", "http://[::1]:9000"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(url), "{text}");
        }
        for wrong in [
            "team:9000",
            "team",
            "ftp://team",
            "http://",
            "http:///maven",
            "http://:9000",
            "http://team:",
            "http://team:0",
            "http://team:99999",
            "http://team/maven",
            "http://team/?a",
            "http://team?a",
            "http://team/#a",
            "http://a team",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
