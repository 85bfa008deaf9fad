//! The settings that are more than a number: each is checked by what it will be used for.

use std::path::PathBuf;
use std::str::FromStr as _;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::value::Reader;

impl<F: Fn(&str) -> Option<String>> Reader<'_, F> {
    /// Names without scheme, port and path, separated by commas or white space.
    pub(super) fn host_names(&mut self, variable: &'static str) -> Vec<String> {
        let names = self.list(variable);
        let is_name =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '[' | ']');
        for name in &names {
            let has_port = name.contains(':') && name.parse::<std::net::IpAddr>().is_err();
            if has_port || !name.chars().all(is_name) {
                self.fault(
                    variable,
                    format!("`{name}` is not a name"),
                    "give names without scheme, port and path, for example bazel-proxy",
                );
            }
        }
        names
    }

    /// A URL, or `host:port`. Never shown, as it may hold a password.
    pub(super) fn forward_proxy(&mut self, variable: &'static str) {
        let Some(url) = self.text(variable) else {
            return;
        };
        let url = if url.contains("://") {
            url
        } else {
            format!("http://{url}")
        };
        let host = url.parse::<http::Uri>().ok();
        if host.and_then(|uri| uri.host().map(|host| !host.is_empty())) != Some(true) {
            self.fault(
                variable,
                "this is not a URL",
                "for example http://proxy.example:3128",
            );
        }
    }

    pub(super) fn bucket_name(&mut self) -> String {
        const VARIABLE: &str = "S3_BUCKET_NAME";
        let Some(name) = self.text(VARIABLE) else {
            self.fault(
                VARIABLE,
                "not set",
                "name the bucket that holds your artifacts, for example \
                 S3_BUCKET_NAME=my-team-artifacts",
            );
            return String::new();
        };
        // The general rules of "Bucket naming rules" (Amazon S3 User Guide), which S3-compatible
        // servers relax to allow capitals and underscores.
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if !(3..=63).contains(&name.len()) || !name.chars().all(legal) {
            self.fault(
                VARIABLE,
                format!("`{name}` is not a bucket's name"),
                "3 to 63 letters, digits, `-` and `.`; without s3:// and without a path (that is \
                 S3_PREFIX)",
            );
        }
        name
    }

    pub(super) fn prefix(&mut self) -> String {
        let text = self.text("S3_PREFIX").unwrap_or_default();
        let trimmed = text.trim_matches('/');
        if trimmed.split('/').any(|segment| segment == "..") {
            self.fault(
                "S3_PREFIX",
                format!("`{text}` holds `..`"),
                "give the folder's own name",
            );
        }
        if trimmed.len() > 512 {
            self.fault(
                "S3_PREFIX",
                "longer than 512 bytes",
                "S3 keys end at 1024 bytes",
            );
        }
        if trimmed.is_empty() {
            String::new()
        } else {
            format!("{trimmed}/")
        }
    }

    pub(super) fn region(&mut self) -> String {
        let region = self
            .text("AWS_REGION")
            .unwrap_or_else(|| "us-west-2".to_owned());
        if !region
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-')
        {
            let problem = format!("`{region}` is not a region");
            self.fault("AWS_REGION", problem, "for example us-west-2");
        }
        region
    }

    pub(super) fn s3_endpoint(&mut self) -> Option<String> {
        ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
            .into_iter()
            .find_map(|variable| {
                let url = self.text(variable)?;
                let uri = url.parse::<http::Uri>().ok();
                let scheme = uri.as_ref().and_then(http::Uri::scheme_str);
                if !matches!(scheme, Some("http" | "https")) {
                    let problem = format!("`{url}` is not an http or https URL");
                    self.fault(variable, problem, "for example http://127.0.0.1:9090");
                }
                Some(url)
            })
    }

    /// `CACHE_DIR`, else the platform's cache folder (the image sets `CACHE_DIR=/data`).
    pub(super) fn cache_folder(&mut self) -> PathBuf {
        let folder = |text: String, below: &str| PathBuf::from(text).join(below);
        let home = self.text("HOME");
        let platform = if cfg!(target_os = "macos") {
            home.map(|home| folder(home, "Library/Caches/bazel-proxy"))
        } else {
            self.text("XDG_CACHE_HOME")
                .map(|cache| folder(cache, "bazel-proxy"))
                .or_else(|| home.map(|home| folder(home, ".cache/bazel-proxy")))
        };
        let chosen = self.text("CACHE_DIR").map(PathBuf::from).or(platform);
        chosen.unwrap_or_else(|| {
            self.fault(
                "CACHE_DIR",
                "not set, and there is no HOME",
                "name a folder for the cache",
            );
            PathBuf::new()
        })
    }

    pub(super) fn log_filter(&mut self) -> String {
        let filter = self.text("LOG_LEVEL").unwrap_or_else(|| "info".to_owned());
        let is_level = |word: &str| LevelFilter::from_str(word).is_ok();
        // A bare word counts as the name of a module, and would silence everything else.
        let is_bare_word = filter.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if (is_bare_word && !is_level(&filter)) || EnvFilter::try_new(&filter).is_err() {
            self.fault(
                "LOG_LEVEL",
                format!("`{filter}` is not a level"),
                "use error, warn, info, debug or trace",
            );
        }
        filter
    }

    pub(super) fn ca_bundle(&mut self) -> Option<Vec<u8>> {
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
