//! The Host check: a web page that rebinds its own name to 127.0.0.1 must not read our artifacts.
//!
//! IP addresses cannot be rebound, `localhost` is ours, and everything else has to be named in
//! `PROXY_ALLOWED_HOSTS`.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::HOST;
use http::uri::Authority;
use http::{Request, Version};

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HostError {
    /// No Host header where HTTP wants one, or several (RFC 9112, section 3.2).
    Malformed,
    /// Meant for somebody of this name.
    Foreign(String),
}

/// The names that clients may call us by.
#[derive(Clone, Debug)]
pub(super) struct AllowedHosts(Arc<[String]>);

impl AllowedHosts {
    pub(super) fn new(names: &[String]) -> Self {
        Self(names.iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Whether the request is meant for us.
    pub(super) fn check<B>(&self, request: &Request<B>) -> Result<(), HostError> {
        // An absolute-form target and the Host header have to be allowed both.
        let target = request
            .uri()
            .authority()
            .map(|authority| authority.as_str().to_owned());
        let headers: Vec<_> = request.headers().get_all(HOST).iter().collect();
        let needed = usize::from(request.version() == Version::HTTP_11);
        if headers.len() < needed || headers.len() > 1 {
            return Err(HostError::Malformed);
        }
        let header = headers.first().map(|host| {
            host.to_str()
                .map_or_else(|_| "(not ASCII)".to_owned(), str::to_owned)
        });
        let mut called = header.into_iter().chain(target);
        let foreign = called.find(|name| !self.allows(name));
        foreign.map_or(Ok(()), |name| Err(HostError::Foreign(name)))
    }

    fn allows(&self, called: &str) -> bool {
        let Ok(authority) = called.parse::<Authority>() else {
            return false;
        };
        let name = authority
            .host()
            .trim_matches(['[', ']'])
            .to_ascii_lowercase();
        let name = name.trim_end_matches('.');
        name == "localhost"
            || name.ends_with(".localhost")
            || name.parse::<IpAddr>().is_ok()
            || self.0.iter().any(|allowed| allowed == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str) -> bool {
        let allowed = AllowedHosts::new(&["Bazel-Proxy".to_owned()]);
        let request = Request::builder()
            .header(HOST, host)
            .body(())
            .expect("a request");
        allowed.check(&request).is_ok()
    }

    #[test]
    fn own_names_and_addresses_are_allowed_and_nothing_else() {
        for host in [
            "localhost",
            "LOCALHOST:9000",
            "127.0.0.1:9000",
            "[::1]:9000",
            "bazel-proxy",
        ] {
            assert!(check(host), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:9000", "a b", ""] {
            assert!(!check(host), "{host}");
        }
    }
}
