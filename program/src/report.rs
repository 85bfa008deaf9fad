//! The lines that a check prints, and whether any of them is a failure.

use std::io::{self, Write as _};
use std::process::ExitCode;

/// What was found so far; printed as it comes.
#[derive(Debug)]
pub struct Report {
    out: io::Stdout,
    failures: u32,
}

impl Default for Report {
    fn default() -> Self {
        Self::new()
    }
}

impl Report {
    /// Nothing found yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            out: io::stdout(),
            failures: 0,
        }
    }

    /// A step that is in order.
    pub fn passed(&mut self, step: &str, what: &str) {
        self.say(&format!("ok    {step:<14} {what}"));
    }

    /// A step that is in order, with advice.
    pub fn advised(&mut self, step: &str, what: &str, advice: &str) {
        self.passed(step, what);
        self.say(&format!("      {:<14} → {advice}", ""));
    }

    /// A step that is not.
    pub fn failed(&mut self, step: &str, problem: &str, cure: &str) {
        self.failures += 1;
        self.say(&format!("FAIL  {step:<14} {problem}"));
        self.say(&format!("      {:<14} → {cure}", ""));
    }

    /// Steps that could not be tried.
    pub fn skipped(&mut self, steps: &[&str], why: &str) {
        for step in steps {
            self.say(&format!("skip  {step:<14} {why}"));
        }
    }

    /// Whether no step failed, for the shell.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
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
