//! One reader for all variables: parses a value, or notes a fault and goes on with the default.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::{Fault, Faults};

/// Timers cannot count everything that a `Duration` can hold.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// Reads variables and gathers faults.
pub(super) struct Reader<'a, F> {
    vars: &'a F,
    faults: Vec<Fault>,
}

impl<'a, F: Fn(&str) -> Option<String>> Reader<'a, F> {
    pub(super) fn new(vars: &'a F) -> Self {
        Self {
            vars,
            faults: Vec::new(),
        }
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, Faults> {
        if self.faults.is_empty() {
            Ok(value)
        } else {
            Err(Faults(self.faults))
        }
    }

    pub(super) fn fault(
        &mut self,
        variable: &'static str,
        problem: impl Into<String>,
        cure: impl Into<String>,
    ) {
        self.faults.push(Fault {
            variable,
            problem: problem.into(),
            cure: cure.into(),
        });
    }

    /// The trimmed value; empty counts as unset.
    pub(super) fn text(&self, variable: &str) -> Option<String> {
        let value = (self.vars)(variable)?;
        let trimmed = value.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }

    pub(super) fn is_set(&self, variable: &str) -> bool {
        self.text(variable).is_some()
    }

    /// Items separated by commas or white space.
    pub(super) fn list(&self, variable: &str) -> Vec<String> {
        let text = self.text(variable).unwrap_or_default();
        let items = text.split([',', ' ', '\t']).filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    }

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

    pub(super) fn number<N: FromStr>(
        &mut self,
        variable: &'static str,
        default: N,
        expected: &str,
    ) -> N {
        let Some(text) = self.text(variable) else {
            return default;
        };
        text.parse().unwrap_or_else(|_| {
            self.fault(
                variable,
                format!("`{text}` is not {expected}"),
                format!("give {expected}"),
            );
            default
        })
    }

    /// Seconds, or a number with `ms`, `s`, `m` or `h`.
    pub(super) fn duration(
        &mut self,
        variable: &'static str,
        default: Duration,
        least: Duration,
    ) -> Duration {
        let Some(text) = self.text(variable) else {
            return default;
        };
        match parse_duration(&text) {
            Some(duration) if (least..=LONGEST).contains(&duration) => duration,
            Some(duration) => {
                let (what, cure) = if duration < least {
                    ("short", format!("at least {least:?}"))
                } else {
                    ("long", "at most a year".to_owned())
                };
                self.fault(variable, format!("`{text}` is too {what}"), cure);
                default
            }
            None => {
                let problem = format!("`{text}` is not a duration");
                self.fault(
                    variable,
                    problem,
                    "give seconds (60), or a number with ms, s, m or h",
                );
                default
            }
        }
    }

    /// Bytes, or a number with `K`, `M`, `G` or `T` (powers of 1024; `KiB`, `KB` alike).
    pub(super) fn size(&mut self, variable: &'static str, default: u64) -> u64 {
        let Some(text) = self.text(variable) else {
            return default;
        };
        parse_size(&text).unwrap_or_else(|| {
            let problem = format!("`{text}` is not a size");
            self.fault(
                variable,
                problem,
                "give bytes, or a number with KiB, MiB, GiB or TiB",
            );
            default
        })
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

fn split_number(text: &str) -> Option<(f64, String)> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim().to_ascii_lowercase()))
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_number(text)?;
    let seconds = match unit.as_str() {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a configured size needs no more than 52 bits of precision, and is checked to be in range"
)]
fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split_number(text)?;
    let factor: u64 = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        "t" => 1 << 40,
        _ => return None,
    };
    let bytes = number * factor as f64;
    (bytes < u64::MAX as f64).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_unless_they_say_otherwise() {
        assert_eq!(parse_duration("60"), Some(Duration::from_mins(1)));
        assert_eq!(parse_duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(parse_duration("250 ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("2m"), Some(Duration::from_mins(2)));
        assert_eq!(parse_duration("1h"), Some(Duration::from_hours(1)));
        for wrong in ["", "-1", "soon", "1d", "1e999"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_bytes_unless_they_say_otherwise() {
        assert_eq!(parse_size("4096"), Some(4096));
        assert_eq!(parse_size("20GiB"), Some(20 << 30));
        assert_eq!(parse_size("1.5 G"), Some(3 << 29));
        assert_eq!(parse_size("512mb"), Some(512 << 20));
        for wrong in ["", "GiB", "-1", "20 apples", "99999999999T"] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }
}
