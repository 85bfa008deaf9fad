//! The settings that are more than a number: each is checked by what it will be used for.

use std::str::FromStr as _;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::Reader;

impl Reader<'_> {
    /// A URL, or `host:port`, which the HTTP client reads by itself, and would go on without. Never
    /// shown, as it may hold a password.
    pub fn forward_proxy(&mut self, variable: &'static str) {
        if let Some(url) = self.text(variable)
            && !names_a_host(&url)
        {
            self.fault(
                variable,
                "this is not a URL",
                "for example http://proxy.example:3128",
            );
        }
    }

    /// `LOG_LEVEL`: a level or a filter in `tracing`'s syntax; `info` unless it is set.
    pub fn log_filter(&mut self) -> String {
        self.log_filter_of(&["LOG_LEVEL"], "info")
    }

    /// The same of the first of several variables that is set. Python's words for levels are known, too.
    pub fn log_filter_of(&mut self, variables: &[&'static str], default: &str) -> String {
        let set = variables
            .iter()
            .find_map(|variable| Some((*variable, self.text(variable)?)));
        let Some((variable, written)) = set else {
            return default.to_owned();
        };
        let filter = match written.to_ascii_lowercase().as_str() {
            "warning" => "warn".to_owned(),
            "critical" => "error".to_owned(),
            _ => written.clone(),
        };
        let is_level = |word: &str| LevelFilter::from_str(word).is_ok();
        // A bare word counts as the name of a module, and would silence everything else.
        let is_bare_word = filter.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if (is_bare_word && !is_level(&filter)) || EnvFilter::try_new(&filter).is_err() {
            self.fault(
                variable,
                format!("`{written}` is not a level"),
                "use error, warn, info, debug or trace",
            );
        }
        filter
    }

    /// The certificates in the file that `AWS_CA_BUNDLE` names, PEM.
    pub fn ca_bundle(&mut self) -> Option<Vec<u8>> {
        const VARIABLE: &str = "AWS_CA_BUNDLE";
        let path = self.text(VARIABLE)?;
        let read = std::fs::read(&path).map_err(|error| format!("cannot be read: {error}"));
        let problem = match read.and_then(|pem| only_good_certificates(&pem).map(|()| pem)) {
            Ok(pem) => return Some(pem),
            Err(problem) => format!("{path} {problem}"),
        };
        self.fault(
            VARIABLE,
            problem,
            "name a file with PEM certificates, or leave it empty",
        );
        None
    }
}

/// A certificate that cannot be read would otherwise fail in the middle of a call.
fn only_good_certificates(pem: &[u8]) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(pem)) {
        let damaged = |error: &dyn std::fmt::Display| {
            format!("holds a damaged certificate (number {number}: {error})")
        };
        let certificate = certificate.map_err(|error| damaged(&error))?;
        roots.add(certificate).map_err(|error| damaged(&error))?;
    }
    if roots.is_empty() {
        return Err("holds no PEM certificate".to_owned());
    }
    Ok(())
}

/// Whether this is `[scheme://][user[:password]@]host[:port][/…]`, by the characters of RFC 3986.
fn names_a_host(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = authority.find(['/', '?', '#']).unwrap_or(authority.len());
    let (user, place) = match authority[..end].rsplit_once('@') {
        Some((user, place)) => (user, place),
        None => ("", &authority[..end]),
    };
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        Some(_) | None => (place, ""),
    };
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    let has_colon = host.contains(':');
    let host = host.trim_matches(['[', ']']);
    let of_user = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:%".contains(c);
    user.chars().all(of_user)
        && (port.is_empty() || port.parse::<u16>().is_ok())
        && is_bracketed == has_colon
        && ServerName::try_from(host).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forward_proxy_is_a_url_or_a_host_with_a_port() {
        for right in [
            "http://proxy.example:3128",
            "https://proxy.example/",
            "proxy.example:3128",
            "proxy",
            "my_proxy:80",
            "http://me:p%40ss!@proxy.example:3128/?",
            "http://[::1]:3128",
            "10.0.0.1:8080",
        ] {
            assert!(names_a_host(right), "{right}");
        }
        for wrong in [
            "::",
            "http://",
            "http://:3128",
            "http://proxy:port",
            "http://proxy:99999",
            "http://::1/",
            "http://me:p@ss@proxy",
            "http://me:p ss@proxy",
            "http://a proxy/",
            "http://me@",
        ] {
            assert!(!names_a_host(wrong), "{wrong}");
        }
    }
}
