//! The Host check: a web page that rebinds its own name to 127.0.0.1 must not read our artifacts.
//!
//! IP addresses cannot be rebound, `localhost` is ours, and everything else has to be named in
//! `PROXY_ALLOWED_HOSTS`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::Version;
use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;

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
        Self(names.into())
    }

    /// Whether the request is meant for us, who have `more` names at the moment.
    pub(super) fn check(&self, more: &[String], request: &Parts) -> Result<(), HostError> {
        let mut headers = request.headers.get_all(HOST).iter();
        let (header, second) = (headers.next(), headers.next());
        let is_needed = request.version == Version::HTTP_11;
        if second.is_some() || (is_needed && header.is_none()) {
            return Err(HostError::Malformed);
        }
        // An absolute-form target and the Host header have to be allowed both.
        let header = header.map(|host| host.to_str().unwrap_or("(not ASCII)"));
        let target = request.uri.authority().map(Authority::as_str);
        let mut called = header.into_iter().chain(target);
        let foreign = called.find(|name| !is_plainly_ours(name) && !self.allows(more, name));
        foreign.map_or(Ok(()), |name| Err(HostError::Foreign(name.to_owned())))
    }

    fn allows(&self, more: &[String], called: &str) -> bool {
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
            || self
                .0
                .iter()
                .chain(more)
                .any(|allowed| allowed.eq_ignore_ascii_case(name))
    }
}

/// What nearly every request says, found without an allocation.
fn is_plainly_ours(called: &str) -> bool {
    let port = called.strip_prefix("localhost:");
    port.is_some_and(|port| port.parse::<u16>().is_ok()) || called.parse::<SocketAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str) -> bool {
        let allowed = AllowedHosts::new(&["Bazel-Proxy".to_owned()]);
        let request = http::Request::builder().header(HOST, host);
        let (request, ()) = request.body(()).expect("a request").into_parts();
        allowed
            .check(&["Further.Name".to_owned()], &request)
            .is_ok()
    }

    #[test]
    fn own_names_and_addresses_are_allowed_and_nothing_else() {
        for host in [
            "localhost",
            "LOCALHOST:9000",
            "127.0.0.1:9000",
            "[::1]:9000",
            "bazel-proxy",
            "further.name:9000",
        ] {
            assert!(check(host), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:9000", "a b", ""] {
            assert!(!check(host), "{host}");
        }
    }
}
