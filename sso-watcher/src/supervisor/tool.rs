//! `launchctl` and `systemctl` as programs: a bounded call, and what it said in one line.

use std::time::Duration;

use super::STOP_SECONDS;
use super::error::SupervisorError;
use crate::run::{Call, Environment, RunError};

/// Longer than either takes to stop an agent that has to be killed in the end.
const LIMIT: Duration = Duration::from_secs(STOP_SECONDS + 10);
/// More than any line that either says.
const LONGEST_WORDS: usize = 300;
/// How the lines begin that launchctl and systemctl add to what happened.
const ADVICE: [&str; 2] = ["Try re-running the command as root", "See \"systemctl"];

/// A program that controls a supervisor.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    name: &'static str,
    /// What to do where it is missing.
    cure: &'static str,
    environment: Environment,
}

/// A command that ran to its end.
#[derive(Clone, Debug)]
pub(super) struct Said {
    command: String,
    outcome: String,
    /// Its exit code, unless a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    /// Its last words.
    pub(super) words: String,
}

impl Tool {
    pub(super) fn new(name: &'static str, cure: &'static str, environment: Environment) -> Self {
        Self {
            name,
            cure,
            environment,
        }
    }

    /// Runs it; an error says that it did not come to an end by itself.
    pub(super) async fn run(&self, arguments: &[&str]) -> Result<Said, SupervisorError> {
        let command = format!("{} {}", self.name, arguments.join(" "));
        let call = Call::new(self.name, LIMIT).arguments(arguments);
        let ran = match call.environment(&self.environment).run().await {
            Ok(ran) => ran,
            Err(source) => return Err(self.did_not_run(command, source)),
        };
        let words = last_words(&ran.stderr).or_else(|| last_words(&ran.stdout));
        Ok(Said {
            command,
            outcome: outcome(ran.status),
            code: ran.status.code(),
            stdout: ran.stdout,
            words: words.unwrap_or_else(|| "it said nothing".to_owned()),
        })
    }

    fn did_not_run(&self, command: String, source: RunError) -> SupervisorError {
        let cure = match source {
            RunError::NotFound { .. } | RunError::NotExecutable { .. } => self.cure,
            RunError::TimedOut { .. } | RunError::Failed { .. } => {
                "Try again; if it stays so, log out and in."
            }
        };
        SupervisorError::Program {
            command,
            cure,
            source,
        }
    }
}

impl Said {
    pub(super) fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// It failed for a reason that has a cure.
    pub(super) fn refused(self, cure: &'static str) -> SupervisorError {
        SupervisorError::Refused {
            command: self.command,
            outcome: self.outcome,
            said: self.words,
            cure,
        }
    }

    /// It failed, as nobody is logged in at the screen.
    pub(super) fn no_desktop(self, uid: u32) -> SupervisorError {
        SupervisorError::NoDesktop {
            uid,
            command: self.command,
            outcome: self.outcome,
            said: self.words,
        }
    }

    /// It failed, as systemd does not answer this user.
    pub(super) fn no_bus(self) -> SupervisorError {
        SupervisorError::NoBus {
            command: self.command,
            outcome: self.outcome,
            said: self.words,
        }
    }
}

fn outcome(status: std::process::ExitStatus) -> String {
    status.code().map_or_else(
        || "was killed".to_owned(),
        |code| format!("exited with {code}"),
    )
}

/// The last line that says something, cut, without its full stop.
fn last_words(text: &str) -> Option<String> {
    let mut lines = text.lines().rev().map(str::trim);
    let is_advice = |line: &str| ADVICE.iter().any(|advice| line.starts_with(advice));
    let line = lines.find(|line| !line.is_empty() && !is_advice(line))?;
    let line = line.strip_suffix('.').unwrap_or(line);
    let letters = line.chars().filter(|letter| !letter.is_control());
    Some(letters.take(LONGEST_WORDS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_says_something_counts() {
        let words = |text| last_words(text).unwrap_or_default();
        let launchctl = "Bootstrap failed: 5: Input/output error\n\
                         Try re-running the command as root for richer errors.\n";
        assert_eq!(words(launchctl), "Bootstrap failed: 5: Input/output error");
        assert_eq!(words("Bad request.\nNo such thing.\n\n"), "No such thing");
        assert_eq!(words("\u{1b}[31mred"), "[31mred");
        assert_eq!(words(&"x".repeat(9999)).len(), LONGEST_WORDS);
        assert_eq!(last_words(" \n"), None);
    }
}
