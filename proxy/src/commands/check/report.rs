//! The lines that `check` prints, and whether any of them is a failure.

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::error::Error;

/// What was found so far; printed as it comes.
#[derive(Debug)]
pub(super) struct Report {
    out: io::Stdout,
    failures: u32,
}

impl Report {
    /// Nothing found yet.
    pub(super) fn new() -> Self {
        Self {
            out: io::stdout(),
            failures: 0,
        }
    }

    /// A step that is in order.
    pub(super) fn passed(&mut self, step: &str, what: &str) {
        self.say(&format!("ok    {step:<14} {what}"));
    }

    /// A step that is in order, with advice.
    pub(super) fn advised(&mut self, step: &str, what: &str, advice: &str) {
        self.passed(step, what);
        self.say(&format!("      {:<14} → {advice}", ""));
    }

    /// A step that is not.
    pub(super) fn failed(&mut self, step: &str, problem: &str, cure: &str) {
        self.failures += 1;
        self.say(&format!("FAIL  {step:<14} {problem}"));
        self.say(&format!("      {:<14} → {cure}", ""));
    }

    /// A step that failed with what a client would be told.
    pub(super) fn failed_with(&mut self, step: &str, error: &Error) {
        match error {
            Error::LoginRequired(trouble)
            | Error::Misconfigured(trouble)
            | Error::ClockSkew(trouble)
            | Error::Unavailable(trouble) => self.failed(step, &trouble.reason, &trouble.cure),
            Error::NotFound
            | Error::MissingOrDenied
            | Error::Denied(_)
            | Error::Changed
            | Error::Corrupt(_)
            | Error::Cache(_) => {
                self.failed(step, &error.to_string(), "See the policy in the README.");
            }
        }
    }

    /// Steps that could not be tried.
    pub(super) fn skipped(&mut self, steps: &[&str], why: &str) {
        for step in steps {
            self.say(&format!("skip  {step:<14} {why}"));
        }
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        if self.failures == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    /// Whoever closes the other end (`check | head`) does not want the rest.
    fn say(&mut self, line: &str) {
        let _outcome = writeln!(self.out, "{line}");
    }
}
