//! What an AWS error means for us. S3's verdicts go by code, never by status alone.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use sso_session::failure::Failure as CallFailure;

/// A failed call to S3, reduced to what decides.
#[derive(Clone, Debug, Default)]
pub struct Failure {
    /// What any service says.
    pub call: CallFailure,
    /// `x-amz-bucket-region`, where S3 named it.
    pub bucket_region: Option<String>,
}

/// What to do about a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No such key.
    NoSuchKey,
    /// No such bucket: configuration.
    NoSuchBucket,
    /// Denied; on a key this may also mean that it is missing.
    AccessDenied,
    /// The object is archived and must be restored first.
    Archived,
    /// The credentials are spent or wrong: reload once, retry once.
    CredentialsRejected,
    /// The clock is wrong; the SDK has learned by how much.
    ClockSkew,
    /// Asked in the wrong region; the right one, if it was named.
    WrongRegion(Option<String>),
    /// The validator still matches.
    NotModified,
    /// A precondition failed: the object is another one now.
    PreconditionFailed,
    /// The range is outside of the object.
    RangeNotSatisfiable,
    /// A bare 400 or 403, as HEAD gives it: ask again with GET to learn the code.
    Unexplained,
    /// Anything else passes.
    Passing,
}

impl Failure {
    /// Reduces an SDK error.
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let headers = error.raw_response().map(HttpResponse::headers);
        let bucket_region = headers.and_then(|headers| headers.get("x-amz-bucket-region"));
        Self {
            call: CallFailure::of(error),
            bucket_region: bucket_region.map(str::to_owned),
        }
    }

    /// A call that did not answer in time.
    #[must_use]
    pub fn timed_out(after: std::time::Duration) -> Self {
        Self {
            call: CallFailure::timed_out(after),
            ..Self::default()
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.call.code.as_deref() {
            Some("NoSuchKey") => Verdict::NoSuchKey,
            Some("NoSuchBucket") => Verdict::NoSuchBucket,
            Some("AccessDenied" | "AllAccessDisabled" | "AccountProblem") => Verdict::AccessDenied,
            Some("InvalidObjectState") => Verdict::Archived,
            Some(
                "ExpiredToken"
                | "ExpiredTokenException"
                | "InvalidToken"
                | "TokenRefreshRequired"
                | "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "InvalidClientTokenId"
                | "UnrecognizedClientException",
            ) => Verdict::CredentialsRejected,
            Some("RequestTimeTooSkewed" | "RequestExpired") => Verdict::ClockSkew,
            Some("PermanentRedirect" | "AuthorizationHeaderMalformed" | "TemporaryRedirect") => {
                Verdict::WrongRegion(self.region())
            }
            Some("InvalidRange") => Verdict::RangeNotSatisfiable,
            Some("PreconditionFailed") => Verdict::PreconditionFailed,
            Some("NotModified") => Verdict::NotModified,
            // HEAD has no body: the SDK makes up `NotFound` from the status.
            Some("NotFound") if self.call.status == Some(404) => Verdict::NoSuchKey,
            Some(_) | None => self.verdict_by_status(),
        }
    }

    /// A 404 without S3's code is somebody else's: a wrong endpoint, a proxy between. It passes.
    fn verdict_by_status(&self) -> Verdict {
        match self.call.status {
            Some(301 | 307) => Verdict::WrongRegion(self.region()),
            Some(304) => Verdict::NotModified,
            Some(412) => Verdict::PreconditionFailed,
            Some(416) => Verdict::RangeNotSatisfiable,
            Some(400 | 401 | 403) if self.call.code.is_none() => Verdict::Unexplained,
            Some(_) | None => Verdict::Passing,
        }
    }

    /// The right region: from the header, or from the message of `AuthorizationHeaderMalformed`
    /// ("the region 'us-east-1' is wrong; expecting 'eu-west-1'").
    fn region(&self) -> Option<String> {
        let from_message = || {
            let (_, rest) = self.call.message.split_once("expecting '")?;
            rest.split_once('\'').map(|(region, _)| region.to_owned())
        };
        self.bucket_region.clone().or_else(from_message)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.call.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: Option<&str>, status: Option<u16>) -> Failure {
        Failure {
            call: CallFailure {
                code: code.map(str::to_owned),
                status,
                ..CallFailure::default()
            },
            ..Failure::default()
        }
    }

    #[test]
    fn the_code_decides_and_not_the_status() {
        let rejected = Verdict::CredentialsRejected;
        assert_eq!(failure(Some("ExpiredToken"), Some(400)).verdict(), rejected);
        assert_eq!(
            failure(Some("InvalidAccessKeyId"), Some(403)).verdict(),
            rejected
        );
        assert_eq!(
            failure(Some("AccessDenied"), Some(403)).verdict(),
            Verdict::AccessDenied
        );
        assert_eq!(
            failure(Some("NoSuchBucket"), Some(404)).verdict(),
            Verdict::NoSuchBucket
        );
        assert_eq!(
            failure(Some("RequestTimeTooSkewed"), Some(403)).verdict(),
            Verdict::ClockSkew
        );
    }

    #[test]
    fn an_answer_without_a_code_goes_by_status() {
        assert_eq!(failure(None, Some(403)).verdict(), Verdict::Unexplained);
        assert_eq!(failure(None, Some(400)).verdict(), Verdict::Unexplained);
        assert_eq!(
            failure(Some("NotFound"), Some(404)).verdict(),
            Verdict::NoSuchKey
        );
    }

    #[test]
    fn a_404_that_is_not_s3s_is_no_missing_key() {
        assert_eq!(failure(None, Some(404)).verdict(), Verdict::Passing);
        assert_eq!(failure(Some(""), Some(404)).verdict(), Verdict::Passing);
        assert_eq!(
            failure(Some("NoSuchKey"), Some(404)).verdict(),
            Verdict::NoSuchKey
        );
    }

    #[test]
    fn anything_unknown_passes() {
        assert_eq!(
            failure(Some("SlowDown"), Some(503)).verdict(),
            Verdict::Passing
        );
        assert_eq!(
            failure(Some("NeverHeardOf"), Some(400)).verdict(),
            Verdict::Passing
        );
        assert_eq!(failure(None, None).verdict(), Verdict::Passing);
    }

    #[test]
    fn the_right_region_is_read_from_header_or_message() {
        let mut wrong = failure(Some("AuthorizationHeaderMalformed"), Some(400));
        wrong.call.message = "the region 'us-west-2' is wrong; expecting 'eu-west-1'".to_owned();
        assert_eq!(
            wrong.verdict(),
            Verdict::WrongRegion(Some("eu-west-1".to_owned()))
        );
        wrong.bucket_region = Some("eu-north-1".to_owned());
        assert_eq!(
            wrong.verdict(),
            Verdict::WrongRegion(Some("eu-north-1".to_owned()))
        );
    }
}
