//! The first instants of a login, `sso-watcher launch`: it waits until its process group is written down, and only then becomes
//! `aws sso login`.
//!
//! A watcher that is killed between starting a login and noting it would leave one that nobody knows of.
//! So the child begins as this, and ends at the end of its input if its watcher is no more.

use std::ffi::OsString;
use std::io::BufRead as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};

/// The word to begin.
pub(crate) const GO: &str = "go\n";

/// As a shell says that a program cannot be run.
const EXIT_CANNOT_RUN: u8 = 126;

#[must_use]
pub(crate) fn run(command: Vec<OsString>) -> ExitCode {
    let mut word = String::new();
    let read = std::io::stdin().lock().read_line(&mut word);
    let mut words = command.into_iter();
    let Some(program) = words.next().filter(|_| read.is_ok() && word == GO) else {
        return ExitCode::FAILURE;
    };
    let mut command = Command::new(&program);
    let error = command.args(words).stdin(Stdio::null()).exec();
    eprintln!("{}: {error}", program.display());
    ExitCode::from(EXIT_CANNOT_RUN)
}
