//! Who may not even knock: web pages, by whatever trick they reach us, and requests that a proxy passes on.

use http::header::{FORWARDED, HOST};
use http::request::Parts;
use http::{HeaderName, Method};

use super::super::browsers::is_of_a_browser;
use super::super::hosts::{AllowedHosts, HostError};
use super::refusal::Refusal;

/// Whether a request may go on to the routes. The listener has `more` names at the moment.
pub(super) fn check(hosts: &AllowedHosts, more: &[String], request: &Parts) -> Result<(), Refusal> {
    // An HTTP/1.0 client that names no host is no SDK.
    if !request.headers.contains_key(HOST) {
        return Err(Refusal::Host(HostError::Malformed));
    }
    hosts.check(more, request).map_err(Refusal::Host)?;
    if let Some(name) = request.headers.keys().find(|name| is_foreign(name)) {
        return Err(Refusal::Header(name.clone()));
    }
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(Refusal::Method);
    }
    Ok(())
}

/// Headers that no SDK sends. Browsers send the second group with every request to localhost, scripts cannot
/// leave it out; the first shows that somebody relays requests of others, whose token it may have been made
/// to add.
fn is_foreign(name: &HeaderName) -> bool {
    let is_relayed = *name == FORWARDED || name.as_str().starts_with("x-forwarded-");
    is_relayed || is_of_a_browser(name)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn check(
        build: impl FnOnce(http::request::Builder) -> http::request::Builder,
    ) -> Result<(), Refusal> {
        let allowed = AllowedHosts::new(&["proxy".to_owned()]);
        let (request, ()) = build(Request::builder())
            .body(())
            .expect("a request")
            .into_parts();
        super::check(&allowed, &[], &request)
    }

    #[test]
    fn a_request_names_exactly_one_host_which_is_ours() {
        for host in [
            "127.0.0.1:1338",
            "localhost",
            "169.254.170.2",
            "[::1]:1338",
            "proxy:1338",
        ] {
            assert_eq!(
                check(|request| request.header(HOST, host)),
                Ok(()),
                "{host}"
            );
        }
        let rebound = check(|request| request.header(HOST, "evil.example:1338"));
        let foreign = HostError::Foreign("evil.example:1338".to_owned());
        assert_eq!(rebound, Err(Refusal::Host(foreign)));
        let malformed = Err(Refusal::Host(HostError::Malformed));
        assert_eq!(check(|request| request), malformed);
        assert_eq!(
            check(|request| request.version(http::Version::HTTP_10)),
            malformed
        );
        let two = |request: http::request::Builder| {
            request.header(HOST, "localhost").header(HOST, "localhost")
        };
        assert_eq!(check(two), malformed);
    }

    #[test]
    fn requests_of_browsers_and_of_relays_are_refused() {
        for name in [
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "forwarded",
            "origin",
            "referer",
            "sec-fetch-site",
            "sec-fetch-mode",
        ] {
            let refused = check(|request| request.header(HOST, "localhost").header(name, ""));
            let expected = Refusal::Header(name.parse().expect("a name"));
            assert_eq!(refused, Err(expected), "{name}");
        }
        let plain = check(|request| {
            let request = request
                .header(HOST, "localhost")
                .header("user-agent", "Boto3/1.44");
            request.header("accept-encoding", "identity")
        });
        assert_eq!(plain, Ok(()));
    }

    #[test]
    fn nothing_is_written() {
        for method in [
            Method::POST,
            Method::PUT,
            Method::OPTIONS,
            Method::CONNECT,
            Method::TRACE,
        ] {
            let refused = check(|request| request.method(&method).header(HOST, "localhost"));
            assert_eq!(refused, Err(Refusal::Method), "{method}");
        }
        for method in [Method::GET, Method::HEAD] {
            let passed = check(|request| request.method(&method).header(HOST, "localhost"));
            assert_eq!(passed, Ok(()), "{method}");
        }
    }
}
