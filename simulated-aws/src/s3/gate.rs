//! What S3 checks before the signature: the clock, the access key and its token, the region.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::credential::Credential;
use crate::identities::Refusal;
use crate::service::Target;
use crate::{Clock, Identities, Operation, S3};

use super::WrongRegion;
use super::error::EarlyError;

/// How far a signature may be from the server's clock.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html> (`RequestTimeTooSkewed`)
const MAX_SKEW_SECONDS: i64 = 15 * 60;

/// The checks on the way in.
pub(crate) struct Gate {
    pub(crate) identities: Identities,
    pub(crate) clock: Clock,
}

impl Gate {
    /// Lets a request pass or says why not. One without a signature passes: it is denied further on.
    pub(crate) fn check(
        &self,
        credential: Option<&Credential>,
        target: &Target,
        s3: &S3,
    ) -> Result<(), EarlyError> {
        let Some(credential) = credential else {
            return Ok(());
        };
        let now = self.clock.now();
        check_clock(credential, now)?;
        self.identities
            .admit(&credential.access_key_id, credential.token.as_deref(), now)
            .map_err(|refusal| refused(refusal, credential))?;
        check_region(credential, target, s3)
    }
}

fn check_clock(credential: &Credential, now: SystemTime) -> Result<(), EarlyError> {
    // s3s judges the lifetime of a presigned URL and reports a date it cannot read.
    let signed_at = credential
        .signed_at_seconds()
        .filter(|_| !credential.presigned);
    let Some(signed_at) = signed_at else {
        return Ok(());
    };
    let seconds = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let now_seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    if now_seconds.saturating_sub(signed_at).abs() <= MAX_SKEW_SECONDS {
        return Ok(());
    }
    let message = "The difference between the request time and the current time is too large.";
    Err(EarlyError::new(403, "RequestTimeTooSkewed", message)
        .detail(
            "RequestTime",
            credential.signed_at.clone().unwrap_or_default(),
        )
        .detail("ServerTime", httpdate::fmt_http_date(now))
        .detail(
            "MaxAllowedSkewMilliseconds",
            (MAX_SKEW_SECONDS * 1_000).to_string(),
        ))
}

fn refused(refusal: Refusal, credential: &Credential) -> EarlyError {
    let token = credential.token.clone().unwrap_or_default();
    match refusal {
        Refusal::UnknownAccessKey => {
            let message = "The AWS Access Key Id you provided does not exist in our records.";
            EarlyError::new(403, "InvalidAccessKeyId", message)
                .detail("AWSAccessKeyId", credential.access_key_id.clone())
        }
        Refusal::WrongToken => {
            let message = "The provided token is malformed or otherwise invalid.";
            EarlyError::new(400, "InvalidToken", message).detail("Token-0", token)
        }
        Refusal::ExpiredToken => {
            EarlyError::new(400, "ExpiredToken", "The provided token has expired.")
                .detail("Token-0", token)
        }
    }
}

/// The one port stands for the endpoints of all regions: a request comes to the one it is signed for.
fn check_region(credential: &Credential, target: &Target, s3: &S3) -> Result<(), EarlyError> {
    let Some(bucket) = target.bucket.as_deref() else {
        return Ok(());
    };
    // Any endpoint answers where a bucket is.
    let anywhere = target.operation == Operation::GetBucketLocation;
    let region = s3.bucket_region(bucket);
    if anywhere || region == credential.region || !s3.store().has_bucket(bucket) {
        return Ok(());
    }
    let mut error = match s3.wrong_region() {
        WrongRegion::PermanentRedirect => {
            let message = "The bucket you are attempting to access must be addressed using the \
                           specified endpoint. Please send all future requests to this endpoint.";
            EarlyError::new(301, "PermanentRedirect", message)
                .detail("Endpoint", format!("{bucket}.s3.{region}.amazonaws.com"))
                .detail("Bucket", bucket)
        }
        WrongRegion::AuthorizationHeaderMalformed => {
            let message = "The authorization header is malformed; the region is wrong.";
            EarlyError::new(400, "AuthorizationHeaderMalformed", message)
                .detail("Region", region.clone())
        }
    };
    error.bucket_region = Some(region);
    Err(error)
}
