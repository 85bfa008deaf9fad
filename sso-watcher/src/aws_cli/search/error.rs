//! Why no AWS CLI will do, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::super::{OLDEST, Version};
use crate::run::Ran;
use crate::said;

/// How much of what a foreign program says is repeated.
const SAID_CHARS: usize = 200;

/// No AWS CLI can log in. The text has a line for each program that was there, and the cure.
#[derive(Debug)]
pub struct AwsCliError {
    /// Whether `SSO_LOGIN_COMMAND` named the program.
    pub(super) is_named: bool,
    /// All places, those without a file included.
    pub(super) looked_at: Vec<PathBuf>,
    /// What is wrong with those that were there.
    pub(super) faults: Vec<(PathBuf, CandidateFault)>,
}

/// What is wrong with one program.
#[derive(Debug)]
pub enum CandidateFault {
    /// It may not be executed.
    NotExecutable,
    /// What its first line names is not there.
    NoInterpreter,
    /// Version 1.
    First(Version),
    /// An early version 2.
    TooOld(Version),
    /// It did not say its version in that time.
    Silent(Duration),
    /// It is another program, or a script that found none.
    NotTheCli {
        /// The beginning of what it said instead.
        said: String,
    },
    /// The system could not run it.
    Broken(io::Error),
}

impl AwsCliError {
    /// What is wrong with each program that was there, in the order in which they were asked.
    #[must_use]
    pub fn faults(&self) -> &[(PathBuf, CandidateFault)] {
        &self.faults
    }
}

impl CandidateFault {
    pub(super) fn of_words(ran: &Ran) -> Self {
        let words = if ran.stdout.trim().is_empty() {
            &ran.stderr
        } else {
            &ran.stdout
        };
        Self::NotTheCli {
            said: said::fit(words, SAID_CHARS),
        }
    }
}

impl std::error::Error for AwsCliError {}

impl fmt::Display for AwsCliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_named {
            f.write_str("SSO_LOGIN_COMMAND names no AWS CLI that can log in")?;
        } else {
            f.write_str("no AWS CLI that can log in was found")?;
        }
        for (path, fault) in &self.faults {
            write!(f, "\n    {}: {fault}", path.display())?;
        }
        if self.faults.is_empty() {
            f.write_str("\n    There is none at ")?;
            for (index, path) in self.looked_at.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                write!(f, "{comma}{}", path.display())?;
            }
        }
        write!(f, "\n    Install the AWS CLI, version {OLDEST} or newer")?;
        f.write_str(
            " (https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html)",
        )?;
        if self.is_named {
            f.write_str(", or correct SSO_LOGIN_COMMAND in .env; then run: sso-watcher restart")
        } else {
            f.write_str(", or name one in .env (SSO_LOGIN_COMMAND); then run: sso-watcher restart")
        }
    }
}

impl fmt::Display for CandidateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotExecutable => f.write_str("it may not be executed"),
            Self::NoInterpreter => f.write_str("the program in its first line is not there"),
            Self::First(version) => {
                write!(f, "version {version}, which has no `aws sso login`")
            }
            Self::TooOld(version) => {
                write!(f, "version {version}, which is older than {OLDEST}")
            }
            Self::Silent(limit) => {
                let seconds = limit.as_secs();
                write!(f, "it did not say its version within {seconds} s")
            }
            Self::NotTheCli { said } if said.is_empty() => {
                f.write_str("it says no version when asked with --version")
            }
            Self::NotTheCli { said } => write!(f, "asked for its version, it says: {said}"),
            Self::Broken(error) => write!(f, "it cannot be run: {error}"),
        }
    }
}
