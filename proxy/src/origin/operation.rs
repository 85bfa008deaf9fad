//! What S3 is asked, and what its answers are called where they are counted.

use crate::aws::Failure;

/// One of S3's operations that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    GetObject,
    HeadObject,
    ListObjectsV2,
}

/// Codes that S3 gives for what is asked here. Others, of other makes of S3 or of things in between, are
/// counted together, so that nobody outside decides how many series there are.
const CODES: [&str; 24] = [
    "AccessDenied",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InternalError",
    "InvalidAccessKeyId",
    "InvalidObjectState",
    "InvalidRange",
    "InvalidToken",
    "NoSuchBucket",
    "NoSuchKey",
    "NotFound",
    "NotModified",
    "OperationAborted",
    "PermanentRedirect",
    "PreconditionFailed",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "ServiceUnavailable",
    "SignatureDoesNotMatch",
    "SlowDown",
    "TemporaryRedirect",
    "TokenRefreshRequired",
    "TooManyRequests",
    "XAmzContentSHA256Mismatch",
];

impl Operation {
    /// The value of the label `operation`.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::GetObject => "get_object",
            Self::HeadObject => "head_object",
            Self::ListObjectsV2 => "list_objects_v2",
        }
    }

    /// What OpenTelemetry calls it.
    pub(super) fn rpc_name(self) -> &'static str {
        match self {
            Self::GetObject => "S3/GetObject",
            Self::HeadObject => "S3/HeadObject",
            Self::ListObjectsV2 => "S3/ListObjectsV2",
        }
    }
}

/// Whether S3 has answered the question, though it may not have the object.
pub(super) fn is_answer(outcome: &str) -> bool {
    matches!(outcome, "ok" | "NotModified" | "NoSuchKey" | "NotFound")
}

/// The value of the label `outcome` for a failed attempt: S3's code; else what the status says, as HEAD
/// has no body for a code; `none` without an answer; else `other`.
pub(super) fn outcome(failure: &Failure) -> &'static str {
    let code = failure.call.code.as_deref();
    let known = code.and_then(|code| CODES.iter().find(|known| **known == code));
    if let Some(known) = known {
        return known;
    }
    match (code, failure.call.status) {
        (None, None) => "none",
        (None, Some(304)) => "NotModified",
        (None, Some(412)) => "PreconditionFailed",
        (None, Some(status)) if status >= 500 => "status-5xx",
        (None, Some(_)) => "status-4xx",
        (Some(_), _) => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: Option<&str>, status: Option<u16>) -> Failure {
        let mut failure = Failure::default();
        failure.call.code = code.map(str::to_owned);
        failure.call.status = status;
        failure
    }

    #[test]
    fn nobody_outside_decides_how_many_outcomes_there_are() {
        for (code, status, counted_as) in [
            (Some("NoSuchKey"), Some(404), "NoSuchKey"),
            (Some("MadeUp-1"), Some(400), "other"),
            (Some("MadeUp-2"), None, "other"),
            (None, Some(304), "NotModified"),
            (None, Some(403), "status-4xx"),
            (None, Some(502), "status-5xx"),
            (None, None, "none"),
        ] {
            assert_eq!(outcome(&failure(code, status)), counted_as);
        }
    }
}
