//! The loop around every call.

use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::{RequestId, RequestIdExt};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::time::{Instant, timeout};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, debug, info_span};

use super::operation::{Operation, is_answer, outcome};
use super::{Origin, PATIENCE, list};
use crate::aws::{Failure, Verdict};
use crate::backoff::{self, Backoff};
use crate::error::{Error, Trouble};
use crate::request::{self, S3Ids};
use crate::telemetry;

/// How long one attempt may take until the head of the answer is there.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// One call tries so many other credentials. The second time tells the keeper that the new ones are
/// bad, too, and it has the words for that.
const CREDENTIALS_TRIED: u32 = 2;

/// What healed once is not healed again in the same call.
#[derive(Default)]
struct Healed {
    credentials: u32,
    clock: bool,
    region: bool,
}

/// What the loop cannot deal with: the key's own verdict, for the caller to read.
pub(super) enum Refusal {
    /// An answer about this object.
    Answer(Verdict, Failure),
    /// Anything else, decided.
    Error(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Origin {
    /// Makes one call, with retries for at most `patience` in all.
    pub(super) async fn call<T, E, F, Fut>(
        &self,
        operation: Operation,
        patience: Duration,
        make: F,
    ) -> Result<T, Refusal>
    where
        F: Fn(Client) -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        T: RequestId + RequestIdExt,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let deadline = Instant::now() + patience;
        let left = || deadline.saturating_duration_since(Instant::now());
        let mut backoff = Backoff::default();
        let mut healed = Healed::default();
        loop {
            let valid = self.credentials.usable(left()).await?;
            let allowed = ATTEMPT_TIMEOUT.min(left().max(backoff::FIRST));
            let begun = Instant::now();
            let span = self.span(operation);
            let attempt = timeout(allowed, make(self.client()));
            let attempt = attempt.instrument(span.clone()).await;
            let took = begun.elapsed();
            let failure = match attempt {
                Ok(Ok(answer)) => {
                    self.note_attempt(operation, &span, "ok", took, ids(&answer));
                    self.accepted_generation
                        .store(valid.generation, Ordering::Relaxed);
                    return Ok(answer);
                }
                Ok(Err(error)) => {
                    let failure = Failure::of(&error);
                    self.note_attempt(operation, &span, outcome(&failure), took, ids(&error));
                    failure
                }
                Err(_) => {
                    let failure = Failure::timed_out(allowed);
                    self.note_attempt(operation, &span, outcome(&failure), took, S3Ids::default());
                    failure
                }
            };
            let mut verdict = failure.verdict();
            if verdict == Verdict::AccessDenied && valid.has_expired() {
                // Some S3 servers (Ceph) have no other word for an ended session.
                verdict = Verdict::CredentialsRejected;
            }
            debug!(%failure, ?verdict, "a call to S3 failed");
            if self.is_about_the_key(&failure, valid.generation) {
                return Err(unavailable(&failure).into());
            }
            match verdict {
                Verdict::CredentialsRejected if healed.credentials < CREDENTIALS_TRIED => {
                    healed.credentials += 1;
                    self.credentials
                        .replace(&valid, failure.to_string(), left())
                        .await?;
                }
                Verdict::ClockSkew if !healed.clock => healed.clock = true,
                Verdict::WrongRegion(Some(region)) if !healed.region => {
                    healed.region = true;
                    self.move_to_region(&region);
                }
                Verdict::Passing => {
                    let pause = backoff.pause();
                    if left() <= pause {
                        return Err(unavailable(&failure).into());
                    }
                    tokio::time::sleep(pause).await;
                }
                verdict @ (Verdict::CredentialsRejected
                | Verdict::ClockSkew
                | Verdict::WrongRegion(_)
                | Verdict::NoSuchKey
                | Verdict::NoSuchBucket
                | Verdict::AccessDenied
                | Verdict::Archived
                | Verdict::NotModified
                | Verdict::PreconditionFailed
                | Verdict::RangeNotSatisfiable
                | Verdict::Unexplained) => return Err(Refusal::Answer(verdict, failure)),
            }
        }
    }

    /// What a trace tells of an attempt, by OpenTelemetry's names.
    fn span(&self, operation: Operation) -> Span {
        info_span!(
            target: telemetry::SPANS,
            "s3",
            otel.kind = "client",
            otel.name = operation.rpc_name(),
            rpc.system.name = "aws-api",
            rpc.method = operation.rpc_name(),
            aws.s3.bucket = self.bucket,
            bazel_proxy.outcome = Empty,
            aws.request_id = Empty,
            aws.extended_request_id = Empty,
            otel.status_code = Empty,
        )
    }

    /// Counts an attempt, and keeps its ids for the line of the request that it was made for.
    fn note_attempt(
        &self,
        operation: Operation,
        span: &Span,
        outcome: &str,
        took: Duration,
        ids: S3Ids,
    ) {
        span.record("bazel_proxy.outcome", outcome);
        span.record("aws.request_id", ids.request_id.as_deref());
        span.record("aws.extended_request_id", ids.extended_id.as_deref());
        if !is_answer(outcome) {
            span.record("otel.status_code", "ERROR");
        }
        let operation = operation.label();
        let calls = &self.metrics.s3_calls;
        calls.with_label_values(&[operation, outcome]).inc();
        let seconds = &self.metrics.s3_call_seconds;
        seconds
            .with_label_values(&[operation])
            .observe(took.as_secs_f64());
        debug!(
            operation,
            outcome,
            s3_request_id = ids.request_id,
            s3_extended_id = ids.extended_id,
            "S3 was called"
        );
        request::note_s3_call(ids);
    }

    /// A signature that does not match, by credentials that S3 has accepted, is of a key that
    /// something on the way rewrites: no reason to give the credentials up.
    fn is_about_the_key(&self, failure: &Failure, generation: u64) -> bool {
        failure.call.code.as_deref() == Some("SignatureDoesNotMatch")
            && self.accepted_generation.load(Ordering::Relaxed) == generation
    }

    /// What a refusal means for whoever asked for `what`, a key or the bucket.
    pub(super) async fn explain(&self, what: &str, refusal: Refusal) -> Error {
        let (verdict, failure) = match refusal {
            Refusal::Error(error) => return error,
            Refusal::Answer(verdict, failure) => (verdict, failure),
        };
        match verdict {
            Verdict::NoSuchKey => Error::NotFound,
            Verdict::AccessDenied => self.explain_denial(what, &failure).await,
            Verdict::Archived => Error::Denied(format!(
                "{what} is archived and has to be restored first: {failure}"
            )),
            Verdict::NoSuchBucket => Error::Misconfigured(Trouble::new(
                format!("there is no bucket `{}`", self.bucket),
                "Set S3_BUCKET_NAME (and AWS_ENDPOINT_URL_S3, if you use one) to where your \
                 artifacts are.",
            )),
            // Whether that takes a login is for the keeper to say.
            Verdict::CredentialsRejected => {
                self.credentials.login_required_or(unavailable(&failure))
            }
            Verdict::ClockSkew => Error::clock_refused("S3", &failure),
            Verdict::WrongRegion(_) => Error::Misconfigured(Trouble::new(
                format!("bucket `{}` is in another region ({failure})", self.bucket),
                "Set AWS_REGION to the bucket's region.",
            )),
            Verdict::PreconditionFailed => Error::Changed,
            Verdict::NotModified
            | Verdict::RangeNotSatisfiable
            | Verdict::Unexplained
            | Verdict::Passing => unavailable(&failure),
        }
    }

    /// `AccessDenied` on a key is a denial where the bucket may be listed; where it may not, a
    /// missing key looks the same.
    async fn explain_denial(&self, what: &str, failure: &Failure) -> Error {
        let may_list = if failure.call.says_why {
            self.list_permission.get(self).await
        } else {
            match list::try_probe(self, PATIENCE).await {
                Ok(may_list) => may_list,
                Err(_) => return unavailable(failure),
            }
        };
        let (profile, bucket) = (&self.profile, &self.bucket);
        if may_list {
            Error::Denied(format!(
                "{failure} (profile `{profile}`, bucket `{bucket}`, key `{what}`)"
            ))
        } else if failure.call.says_why {
            Error::MissingOrDenied
        } else {
            self.denied_without_a_word(failure)
        }
    }

    /// Ceph has no other word for a key or a session that it does not know. Where such credentials
    /// may not even list the bucket, nothing says that an artifact is missing.
    pub(super) fn denied_without_a_word(&self, failure: &Failure) -> Error {
        Error::LoginRequired(Trouble::new(
            format!(
                "S3 denies bucket `{}` to profile `{}` and does not say why ({failure})",
                self.bucket, self.profile
            ),
            "If the credentials have ended, log in again; if they are good, they need \
             s3:ListBucket: without it this S3 does not say which artifacts are missing.",
        ))
    }
}

fn ids(said: &(impl RequestId + RequestIdExt)) -> S3Ids {
    S3Ids {
        request_id: said.request_id().map(str::to_owned),
        extended_id: said.extended_request_id().map(str::to_owned),
    }
}

fn unavailable(failure: &Failure) -> Error {
    Error::unavailable(format!("S3 could not be asked ({failure})"))
}
