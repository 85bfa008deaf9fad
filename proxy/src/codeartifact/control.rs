//! Calls to CodeArtifact's own API, which is asked with the keeper's credentials: tokens, endpoints, origin controls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_codeartifact::Client;
use aws_sdk_codeartifact::config::retry::RetryConfig;
use aws_sdk_codeartifact::config::timeout::TimeoutConfig;
use aws_sdk_codeartifact::config::{IdentityCache, Region, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use sso_session::failure::Failure;
use tokio::time::{Instant, timeout};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, debug, info_span};

use super::Upstream;
use crate::backoff::{self, Backoff};
use crate::config::Config;
use crate::credentials::{Credentials, Valid};
use crate::error::{Error, Trouble};
use crate::metrics::Metrics;
use crate::telemetry;

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// One call tries so many other credentials: the second time tells the keeper that the new ones are bad, too.
const CREDENTIALS_TRIED: u32 = 2;

/// The API of all regions in use.
pub(super) struct Control {
    base: aws_sdk_codeartifact::Config,
    clients: Mutex<HashMap<String, Client>>,
    /// Whether the API was moved: then nothing is known of where packages are but what it says.
    is_moved: bool,
    credentials: Credentials,
    metrics: Arc<Metrics>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    GetAuthorizationToken,
    GetRepositoryEndpoint,
    DescribePackage,
}

/// What the service's refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The credentials are spent or wrong: reload once, retry once.
    CredentialsRejected,
    /// The clock is wrong; the SDK has learned by how much.
    ClockSkew,
    /// A permission is missing.
    Denied,
    /// No such domain, repository or package.
    NotFound,
    /// What is asked for cannot be: a wrong account, region or name.
    Misconfigured,
    /// Anything else passes.
    Passing,
}

/// Why a call has not brought what it was made for.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The service's own word.
    Answer(Verdict, Failure),
    /// There was none.
    Error(Error),
}

impl Operation {
    /// The value of the label `operation`.
    fn label(self) -> &'static str {
        match self {
            Self::GetAuthorizationToken => "get_authorization_token",
            Self::GetRepositoryEndpoint => "get_repository_endpoint",
            Self::DescribePackage => "describe_package",
        }
    }

    /// What a trace tells of an attempt, by OpenTelemetry's names.
    fn span(self) -> Span {
        let method = match self {
            Self::GetAuthorizationToken => "codeartifact/GetAuthorizationToken",
            Self::GetRepositoryEndpoint => "codeartifact/GetRepositoryEndpoint",
            Self::DescribePackage => "codeartifact/DescribePackage",
        };
        info_span!(
            target: telemetry::SPANS,
            "codeartifact",
            otel.kind = "client",
            otel.name = method,
            rpc.system.name = "aws-api",
            rpc.method = method,
            bazel_proxy.outcome = Empty,
            otel.status_code = Empty,
        )
    }

    /// What it needs, for people.
    fn permissions(self) -> &'static str {
        match self {
            Self::GetAuthorizationToken => {
                "codeartifact:GetAuthorizationToken on the domain, and sts:GetServiceBearerToken"
            }
            Self::GetRepositoryEndpoint => "codeartifact:GetRepositoryEndpoint on the repository",
            Self::DescribePackage => {
                "codeartifact:DescribePackage on the packages of the repository"
            }
        }
    }
}

/// The one table of the service's error codes (CodeArtifact API reference, "Common errors" and each operation's).
pub(super) fn verdict(failure: &Failure) -> Verdict {
    let is_about_time = || {
        let message = failure.message.to_ascii_lowercase();
        message.contains("signature expired") || message.contains("not yet current")
    };
    match failure.code.as_deref() {
        Some("RequestTimeTooSkewed" | "RequestExpired") => Verdict::ClockSkew,
        Some("InvalidSignatureException" | "SignatureDoesNotMatch") if is_about_time() => {
            Verdict::ClockSkew
        }
        Some(
            "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidToken"
            | "TokenRefreshRequired"
            | "InvalidAccessKeyId"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch",
        ) => Verdict::CredentialsRejected,
        Some("AccessDenied" | "AccessDeniedException" | "NotAuthorized" | "OptInRequired") => {
            Verdict::Denied
        }
        Some("ResourceNotFoundException") => Verdict::NotFound,
        Some("ValidationException" | "ValidationError") => Verdict::Misconfigured,
        Some(_) | None => Verdict::Passing,
    }
}

impl Control {
    /// Calls nothing.
    pub(super) fn new(
        config: &Config,
        credentials: Credentials,
        http: SharedHttpClient,
        metrics: Arc<Metrics>,
    ) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .read_timeout(ATTEMPT_TIMEOUT)
            .build();
        let mut base = aws_sdk_codeartifact::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .credentials_provider(credentials.provider())
            .identity_cache(IdentityCache::no_cache())
            .http_client(http)
            // Retries are ours: see `call`.
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(endpoint) = &config.codeartifact_endpoint {
            base = base.endpoint_url(endpoint);
        }
        Self {
            base: base.build(),
            clients: Mutex::default(),
            is_moved: config.codeartifact_endpoint.is_some(),
            credentials,
            metrics,
        }
    }

    pub(super) fn is_moved(&self) -> bool {
        self.is_moved
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(super) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    fn client(&self, region: &str) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.entry(region.to_owned()).or_insert_with(|| {
            let region = Region::new(region.to_owned());
            Client::from_conf(self.base.to_builder().region(region).build())
        });
        client.clone()
    }

    /// Makes one call for a repository, with retries for at most `patience` in all.
    pub(super) async fn call<T, E, F, Fut>(
        &self,
        upstream: &Upstream,
        operation: Operation,
        patience: Duration,
        make: F,
    ) -> Result<T, Refusal>
    where
        F: Fn(Client) -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let deadline = Instant::now() + patience;
        let left = || deadline.saturating_duration_since(Instant::now());
        let mut backoff = Backoff::default();
        let (mut replaced, mut is_clock_healed) = (0, false);
        loop {
            let valid = self
                .credentials
                .usable(left())
                .await
                .map_err(Refusal::Error)?;
            let allowed = ATTEMPT_TIMEOUT.min(left().max(backoff::FIRST));
            // Boxed: the SDK's futures are large, and what waits should not have their size.
            let attempt = Box::pin(make(self.client(&upstream.config.region)));
            let span = operation.span();
            let attempt = timeout(allowed, attempt).instrument(span.clone());
            let failure = match attempt.await {
                Ok(Ok(answer)) => {
                    span.record("bazel_proxy.outcome", "ok");
                    self.count(upstream, operation, "ok");
                    return Ok(answer);
                }
                Ok(Err(error)) => Failure::of(&error),
                Err(_) => Failure::timed_out(allowed),
            };
            let verdict = of_credentials(verdict(&failure), &valid);
            span.record("bazel_proxy.outcome", verdict.label(&failure));
            if verdict != Verdict::NotFound {
                span.record("otel.status_code", "ERROR");
            }
            self.count(upstream, operation, verdict.label(&failure));
            debug!(operation = operation.label(), %failure, ?verdict, "a call to CodeArtifact failed");
            match verdict {
                Verdict::CredentialsRejected if replaced < CREDENTIALS_TRIED => {
                    replaced += 1;
                    self.credentials
                        .replace(&valid, failure.to_string(), left())
                        .await
                        .map_err(Refusal::Error)?;
                }
                Verdict::ClockSkew if !is_clock_healed => is_clock_healed = true,
                Verdict::Passing => {
                    let pause = backoff.pause();
                    if left() <= pause {
                        return Err(Refusal::Answer(verdict, failure));
                    }
                    tokio::time::sleep(pause).await;
                }
                Verdict::CredentialsRejected
                | Verdict::ClockSkew
                | Verdict::Denied
                | Verdict::NotFound
                | Verdict::Misconfigured => return Err(Refusal::Answer(verdict, failure)),
            }
        }
    }

    /// What a refusal means for whoever waits for the call.
    pub(super) fn explain(
        &self,
        upstream: &Upstream,
        operation: Operation,
        refusal: Refusal,
    ) -> Error {
        let (verdict, failure) = match refusal {
            Refusal::Error(error) => return error,
            Refusal::Answer(verdict, failure) => (verdict, failure),
        };
        let (alias, name) = (&upstream.config.alias, upstream.name());
        match verdict {
            Verdict::Denied => Error::Misconfigured(Trouble::new(
                format!("AWS denies what `{alias}` ({name}) in CodeArtifact needs ({failure})"),
                format!("Ask for {}.", operation.permissions()),
            )),
            Verdict::NotFound | Verdict::Misconfigured => Error::Misconfigured(Trouble::new(
                format!(
                    "CodeArtifact knows no `{name}`, which is configured as `{alias}` ({failure})"
                ),
                "Check its domain, domain_owner, region and repository.",
            )),
            Verdict::ClockSkew => Error::clock_refused("CodeArtifact", &failure),
            // Whether that takes a login is for the keeper to say.
            Verdict::CredentialsRejected => {
                self.credentials.login_required_or(unavailable(&failure))
            }
            Verdict::Passing => unavailable(&failure),
        }
    }

    fn count(&self, upstream: &Upstream, operation: Operation, outcome: &str) {
        self.metrics
            .codeartifact
            .calls
            .with_label_values(&[&upstream.config.alias, operation.label(), outcome])
            .inc();
    }
}

impl Verdict {
    /// The value of the label `outcome`.
    fn label(self, failure: &Failure) -> &'static str {
        match self {
            Self::CredentialsRejected => "credentials-rejected",
            Self::ClockSkew => "clock-skew",
            Self::Denied => "denied",
            Self::NotFound => "not-found",
            Self::Misconfigured => "rejected",
            Self::Passing if failure.status.is_none() => "none",
            Self::Passing if failure.status == Some(429) => "throttled",
            Self::Passing => "failed",
        }
    }
}

/// A denial by credentials that have ended may be no more than that.
fn of_credentials(verdict: Verdict, valid: &Valid) -> Verdict {
    if verdict == Verdict::Denied && valid.has_expired() {
        return Verdict::CredentialsRejected;
    }
    verdict
}

fn unavailable(failure: &Failure) -> Error {
    Error::unavailable(format!("CodeArtifact could not be asked ({failure})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: Option<&str>, message: &str) -> Failure {
        Failure {
            code: code.map(str::to_owned),
            status: Some(400),
            message: message.to_owned(),
            says_why: true,
        }
    }

    #[test]
    fn every_refusal_has_its_verdict() {
        for (code, message, expected) in [
            (
                Some("ExpiredTokenException"),
                "",
                Verdict::CredentialsRejected,
            ),
            (
                Some("UnrecognizedClientException"),
                "",
                Verdict::CredentialsRejected,
            ),
            (
                Some("InvalidSignatureException"),
                "The request signature we calculated does not match",
                Verdict::CredentialsRejected,
            ),
            (
                Some("InvalidSignatureException"),
                "Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z",
                Verdict::ClockSkew,
            ),
            (
                Some("InvalidSignatureException"),
                "Signature not yet current: 20260101T020000Z is still later than 20260101T010000Z",
                Verdict::ClockSkew,
            ),
            (Some("AccessDeniedException"), "", Verdict::Denied),
            (Some("ResourceNotFoundException"), "", Verdict::NotFound),
            (Some("ValidationException"), "", Verdict::Misconfigured),
            (Some("ThrottlingException"), "", Verdict::Passing),
            (Some("InternalServerException"), "", Verdict::Passing),
            (Some("NeverHeardOf"), "", Verdict::Passing),
            (None, "a captive portal's page", Verdict::Passing),
        ] {
            assert_eq!(
                verdict(&failure(code, message)),
                expected,
                "{code:?} {message}"
            );
        }
    }
}
