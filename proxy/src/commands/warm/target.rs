//! Which repository is asked: the proxy that this configuration describes, or any other by its URL.

use std::net::SocketAddr;

use http::Uri;
use sso_session::http_client::ForwardProxy;

use crate::config::Config;
use crate::lists::OurHosts;

/// A repository's base URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The server's, without any path.
    pub(super) top: String,
    /// The repository's path there: empty, or without a slash at its end.
    folder: String,
    host: String,
}

impl Target {
    /// The proxy on this machine.
    pub(super) fn local(address: SocketAddr) -> Self {
        Self {
            top: format!("http://{address}"),
            folder: String::new(),
            host: address.ip().to_string(),
        }
    }

    /// Any repository; or what is wrong with its URL.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let problem = |what: &str| {
            format!("--url: {what}; give the repository's URL, for example http://127.0.0.1:9000/")
        };
        // Not repeated: a URL may hold a password.
        let uri: Uri = url.parse().map_err(|_| problem("this is no URL"))?;
        let scheme = uri.scheme_str().unwrap_or_default();
        if !matches!(scheme, "http" | "https") {
            return Err(problem("this is no http or https URL"));
        }
        let Some(authority) = uri.authority() else {
            return Err(problem("this URL has no host"));
        };
        if authority.as_str().contains('@') {
            return Err(problem("a user name or password in a URL is not sent"));
        }
        if uri.query().is_some() {
            return Err(problem("this URL has a query"));
        }
        Ok(Self {
            folder: uri.path().trim_end_matches('/').to_owned(),
            top: format!("{scheme}://{authority}"),
            host: authority.host().trim_matches(['[', ']']).to_owned(),
        })
    }

    /// The repository's URL, without a slash at its end.
    pub(super) fn base(&self) -> String {
        format!("{}{}", self.top, self.folder)
    }

    /// What is on the way there.
    pub(super) fn forward_proxy(&self) -> ForwardProxy {
        ForwardProxy::toward(&self.host)
    }

    /// The names by which lock files call it.
    pub(super) fn hosts(&self, config: &Config) -> OurHosts {
        let allowed = config.allowed_hosts.iter().cloned();
        OurHosts::new(allowed.chain([self.host.clone()])).at(&self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_repositorys_or_refused_without_being_repeated() {
        let target = Target::parse("https://team.example:8443/maven/").expect("a target");
        assert_eq!(target.base(), "https://team.example:8443/maven");
        let marked = Target::parse("http://127.0.0.1/#x").expect("a target");
        assert_eq!(marked.base(), "http://127.0.0.1");
        assert_eq!(target.top, "https://team.example:8443");
        assert_eq!(target.forward_proxy(), ForwardProxy::FromEnvironment);
        let local = Target::parse("http://[::1]:9000/").expect("a target");
        assert_eq!(local.forward_proxy(), ForwardProxy::None);
        for wrong in ["", "ftp://x/", "/a", "http://me:secret@x/", "http://x/?a=b"] {
            let problem = Target::parse(wrong).expect_err("a fault");
            assert!(problem.starts_with("--url: ") && !problem.contains("secret"));
        }
    }
}
