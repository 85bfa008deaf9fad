//! What a client would be told, as a line of `check`.

use program::report::Report;

use crate::error::Error;

/// A step that failed with what a client would be told.
pub(super) fn failed_with(report: &mut Report, step: &str, error: &Error) {
    failed_or(report, step, error, "See the policy in the README.");
}

/// The same, with a cure where the error has none of its own.
pub(super) fn failed_or(report: &mut Report, step: &str, error: &Error, cure: &str) {
    match error {
        Error::LoginRequired(trouble)
        | Error::Misconfigured(trouble)
        | Error::ClockSkew(trouble)
        | Error::Unavailable(trouble) => report.failed(step, &trouble.reason, &trouble.cure),
        Error::NotFound
        | Error::MissingOrDenied
        | Error::Denied(_)
        | Error::Rejected { .. }
        | Error::Throttled { .. }
        | Error::Changed
        | Error::Corrupt(_)
        | Error::Cache(_) => {
            report.failed(step, &error.to_string(), cure);
        }
    }
}
