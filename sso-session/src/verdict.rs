//! The verdict table: what an answer of SSO-OIDC, the SSO portal or STS means for a login.
//!
//! It goes by the error code and never by the status alone: a captive portal answers 401 and 403, too,
//! and an outage must never open a browser. Anything unknown passes.

use crate::failure::Failure;

/// What a failed call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The session has ended; only a person can help.
    LoginRequired,
    /// As [`Self::LoginRequired`], and the client registration is spent: it is to be moved aside.
    RegistrationRejected,
    /// A login may help, once; if the same comes back after it, it is configuration.
    LoginOnce,
    /// These credentials are spent: reload once, refresh, and only then a login.
    CredentialsRejected,
    /// An administrator has to act (no access to the role, a KMS key): no login helps.
    Denied,
    /// The configuration is wrong: no login helps.
    Misconfigured,
    /// This machine's clock is wrong.
    ClockSkew,
    /// Anything else passes: network, throttling, captive portals, AWS's own errors.
    Passing,
}

/// The answer to the refresh grant (SSO-OIDC `CreateToken`). `reason` is what
/// `AccessDeniedException` and `InvalidRequestException` carry beside their code.
#[must_use]
pub fn of_refresh(failure: &Failure, reason: Option<&str>) -> Verdict {
    let is_about_kms = reason.is_some_and(|reason| reason.starts_with("KMS_"));
    match failure.code.as_deref() {
        Some("AccessDeniedException" | "InvalidRequestException") if is_about_kms => {
            Verdict::Denied
        }
        Some("InvalidGrantException" | "ExpiredTokenException" | "AccessDeniedException") => {
            Verdict::LoginRequired
        }
        Some("InvalidClientException") => Verdict::RegistrationRejected,
        Some(
            "UnauthorizedClientException"
            | "InvalidScopeException"
            | "UnsupportedGrantTypeException",
        ) => Verdict::LoginOnce,
        Some("InvalidRequestException") => Verdict::Misconfigured,
        Some(_) | None => Verdict::Passing,
    }
}

/// The answer of the SSO portal (`GetRoleCredentials`).
#[must_use]
pub fn of_portal(failure: &Failure) -> Verdict {
    match failure.code.as_deref() {
        Some("UnauthorizedException") => Verdict::CredentialsRejected,
        Some("ForbiddenException" | "AccessDeniedException") => Verdict::Denied,
        Some("ResourceNotFoundException" | "InvalidRequestException") => Verdict::Misconfigured,
        Some(_) | None => Verdict::Passing,
    }
}

/// The answer of STS to an assumed role.
#[must_use]
pub fn of_sts(failure: &Failure) -> Verdict {
    match failure.code.as_deref() {
        Some(
            "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidToken"
            | "InvalidAccessKeyId"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException",
        ) => Verdict::CredentialsRejected,
        Some("AccessDenied" | "AccessDeniedException") => Verdict::Denied,
        Some(
            "ValidationError"
            | "MalformedPolicyDocument"
            | "PackedPolicyTooLarge"
            | "InvalidParameterValue"
            | "InvalidParameterCombination"
            | "RegionDisabledException",
        ) => Verdict::Misconfigured,
        Some("RequestTimeTooSkewed" | "RequestExpired" | "SignatureDoesNotMatch") => {
            Verdict::ClockSkew
        }
        Some(_) | None => Verdict::Passing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: &str, status: u16) -> Failure {
        Failure {
            code: (!code.is_empty()).then(|| code.to_owned()),
            status: Some(status),
            ..Failure::default()
        }
    }

    #[test]
    fn every_answer_to_a_refresh_has_its_verdict() {
        for (code, status, reason, verdict) in [
            ("InvalidGrantException", 400, None, Verdict::LoginRequired),
            ("ExpiredTokenException", 400, None, Verdict::LoginRequired),
            (
                "InvalidClientException",
                401,
                None,
                Verdict::RegistrationRejected,
            ),
            ("UnauthorizedClientException", 400, None, Verdict::LoginOnce),
            ("InvalidScopeException", 400, None, Verdict::LoginOnce),
            (
                "UnsupportedGrantTypeException",
                400,
                None,
                Verdict::LoginOnce,
            ),
            ("AccessDeniedException", 400, None, Verdict::LoginRequired),
            (
                "AccessDeniedException",
                400,
                Some("KMS_AccessDeniedException"),
                Verdict::Denied,
            ),
            ("InvalidRequestException", 400, None, Verdict::Misconfigured),
            (
                "InvalidRequestException",
                400,
                Some("KMS_DisabledException"),
                Verdict::Denied,
            ),
            ("SlowDownException", 400, None, Verdict::Passing),
            ("InternalServerException", 500, None, Verdict::Passing),
            ("TooManyRequestsException", 429, None, Verdict::Passing),
            ("NeverHeardOf", 400, None, Verdict::Passing),
        ] {
            assert_eq!(
                of_refresh(&failed(code, status), reason),
                verdict,
                "{code} {reason:?}"
            );
        }
    }

    #[test]
    fn every_answer_of_the_portal_has_its_verdict() {
        for (code, status, verdict) in [
            ("UnauthorizedException", 401, Verdict::CredentialsRejected),
            ("ForbiddenException", 403, Verdict::Denied),
            ("ResourceNotFoundException", 404, Verdict::Misconfigured),
            ("InvalidRequestException", 400, Verdict::Misconfigured),
            ("TooManyRequestsException", 429, Verdict::Passing),
            ("NeverHeardOf", 500, Verdict::Passing),
        ] {
            assert_eq!(of_portal(&failed(code, status)), verdict, "{code}");
        }
    }

    #[test]
    fn every_answer_of_sts_has_its_verdict() {
        for (code, status, verdict) in [
            ("ExpiredToken", 400, Verdict::CredentialsRejected),
            ("InvalidToken", 400, Verdict::CredentialsRejected),
            ("InvalidAccessKeyId", 403, Verdict::CredentialsRejected),
            ("RequestTimeTooSkewed", 403, Verdict::ClockSkew),
            ("AccessDenied", 403, Verdict::Denied),
            ("ValidationError", 400, Verdict::Misconfigured),
            ("PackedPolicyTooLarge", 400, Verdict::Misconfigured),
            ("InvalidParameterValue", 400, Verdict::Misconfigured),
            ("Throttling", 400, Verdict::Passing),
        ] {
            assert_eq!(of_sts(&failed(code, status)), verdict, "{code}");
        }
    }

    #[test]
    fn a_status_alone_proves_nothing() {
        for status in [200, 302, 400, 401, 403, 404, 511] {
            assert_eq!(of_refresh(&failed("", status), None), Verdict::Passing);
            assert_eq!(of_portal(&failed("", status)), Verdict::Passing);
            assert_eq!(of_sts(&failed("", status)), Verdict::Passing);
        }
        assert_eq!(of_refresh(&Failure::default(), None), Verdict::Passing);
    }
}
