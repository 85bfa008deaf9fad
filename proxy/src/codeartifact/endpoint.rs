//! Where a repository's packages are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_codeartifact::types::PackageFormat;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tracing::{debug, info};
use url::Url;

use super::Upstream;
use super::client::is_loopback;
use super::control::{Control, Operation, Refusal, Verdict};
use crate::config::Format;
use crate::error::{Error, Trouble};

/// The service gets so long to say it: where it is not moved, its answer is known.
const PATIENCE: Duration = Duration::from_secs(3);

type Known = Arc<OnceCell<Url>>;

/// The endpoints of all repositories in use, each asked for once.
pub(super) struct Endpoints {
    control: Arc<Control>,
    known: Mutex<HashMap<(String, Format), Known>>,
}

impl Endpoints {
    pub(super) fn new(control: Arc<Control>) -> Self {
        Self {
            control,
            known: Mutex::default(),
        }
    }

    /// The URL that paths of the repository are below: ends in `/`.
    ///
    /// Where the service may not be asked, it is where AWS documents it to be. While it cannot be asked, too: that
    /// is no reason to do without what a good token can still get.
    pub(super) async fn of(
        &self,
        upstream: &Upstream,
        format: Format,
        patience: Duration,
    ) -> Result<Url, Error> {
        let known = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let key = (upstream.name().to_owned(), format);
            Arc::clone(known.entry(key).or_default())
        };
        let patience = patience.min(PATIENCE);
        let asked = known.get_or_try_init(|| self.ask(upstream, format, patience));
        let refusal = match timeout(patience + PATIENCE, asked).await {
            Ok(Ok(url)) => return Ok(url.clone()),
            Ok(Err(refusal)) => refusal,
            Err(_) => Refusal::Error(Error::unavailable("CodeArtifact does not say where it is")),
        };
        let is_unasked = match &refusal {
            Refusal::Answer(verdict, _) => *verdict == Verdict::Passing,
            Refusal::Error(_) => true,
        };
        if is_unasked && !self.control.is_moved() {
            debug!(
                upstream = upstream.config.alias,
                ?refusal,
                "taking the documented endpoint"
            );
            return documented(upstream, format);
        }
        let operation = Operation::GetRepositoryEndpoint;
        Err(self.control.explain(upstream, operation, refusal))
    }

    async fn ask(
        &self,
        upstream: &Upstream,
        format: Format,
        patience: Duration,
    ) -> Result<Url, Refusal> {
        let config = &upstream.config;
        let asked = self.control.call(
            upstream,
            Operation::GetRepositoryEndpoint,
            patience,
            |client| {
                client
                    .get_repository_endpoint()
                    .domain(&config.domain)
                    .domain_owner(&config.domain_owner)
                    .repository(&config.repository)
                    .format(of_api(format))
                    .send()
            },
        );
        match asked.await {
            Ok(answer) => {
                let told = answer.repository_endpoint().unwrap_or_default();
                checked(told).map_err(Refusal::Error)
            }
            Err(Refusal::Answer(Verdict::Denied, failure)) if !self.control.is_moved() => {
                info!(
                    upstream = config.alias,
                    %failure,
                    "codeartifact:GetRepositoryEndpoint is not allowed: taking the documented endpoint"
                );
                documented(upstream, format).map_err(Refusal::Error)
            }
            Err(refusal) => Err(refusal),
        }
    }
}

pub(super) fn of_api(format: Format) -> PackageFormat {
    match format {
        Format::Pypi => PackageFormat::Pypi,
        Format::Npm => PackageFormat::Npm,
        Format::Maven => PackageFormat::Maven,
    }
}

/// CodeArtifact user guide, "Repository endpoints".
fn documented(upstream: &Upstream, format: Format) -> Result<Url, Error> {
    let config = &upstream.config;
    let (domain, owner, region) = (&config.domain, &config.domain_owner, &config.region);
    checked(&format!(
        "https://{domain}-{owner}.d.codeartifact.{region}.amazonaws.com/{format}/{}/",
        config.repository
    ))
}

/// A token goes there: over TLS, or to this very machine.
fn checked(told: &str) -> Result<Url, Error> {
    let wrong = || {
        Error::Misconfigured(Trouble::new(
            format!(
                "CodeArtifact's endpoint {} is none that a token may be sent to",
                shown(told)
            ),
            "Check AWS_ENDPOINT_URL_CODEARTIFACT and the repository's domain and region.",
        ))
    };
    let mut url = Url::parse(told).map_err(|_| wrong())?;
    let is_private = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !is_private || !is_plain || url.host().is_none() {
        return Err(wrong());
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// What people may see of a URL that is not as it should be: a name and a password may stand in it.
fn shown(told: &str) -> String {
    match Url::parse(told) {
        Ok(url) => format!(
            "`{}://{}`",
            url.scheme(),
            url.host_str().unwrap_or("no host")
        ),
        Err(_) => "(no URL)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_nowhere_in_the_clear() {
        for (told, is_taken) in [
            (
                "https://acme-012345678901.d.codeartifact.eu-central-1.amazonaws.com/pypi/all/",
                true,
            ),
            ("https://acme.example/pypi/all", true),
            ("http://127.0.0.1:9000/data/pypi/all/", true),
            ("http://[::1]:9000/pypi/all/", true),
            ("http://acme.example/pypi/all/", false),
            ("https://aws:x@acme.example/pypi/all/", false),
            ("https://acme.example/pypi/all/?x=1", false),
            ("", false),
        ] {
            assert_eq!(checked(told).is_ok(), is_taken, "{told}");
            assert!(checked(told).map_or(true, |url| url.path().ends_with('/')));
        }
    }

    #[test]
    fn nothing_secret_of_an_endpoint_is_shown() {
        for told in [
            "https://aws:secret@acme.example/pypi/all/",
            "https://acme.example/pypi/all/?x=secret",
            "http://acme.example/secret/",
            "aws:secret@",
            "//aws:secret@acme.example/",
        ] {
            let error = checked(told).expect_err(told);
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }
}
