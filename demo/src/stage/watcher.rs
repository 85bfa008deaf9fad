//! The watcher as a child process.

use std::path::{Path, PathBuf};
use std::process::Output;

use sso_watcher::logging::log_file;
use sso_watcher::platform::Platform;

use super::process::Process;
use crate::error::Error;
use crate::program::Program;

/// A running watcher; told to end when dropped, and its login with it.
#[derive(Debug)]
pub(crate) struct Watcher {
    process: Process,
}

impl Watcher {
    /// Starts it and waits until it works: then it has written its journal.
    pub(super) async fn start(
        program: Program,
        output: PathBuf,
        journal: &Path,
    ) -> Result<Self, Error> {
        let vars = |name: &str| program.variable(name);
        let log = log_file(Platform::from_vars(&vars), &vars);
        let mut process = Process::start(program, &["run"], &output, log)?;
        let sign = |_: &Process| journal.exists().then_some(());
        process.until(sign, "work").await?;
        Ok(Self { process })
    }

    /// Its process id.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// The file that it logs to.
    pub(crate) fn log(&self) -> &Path {
        self.process.log_file()
    }

    /// An error if it has ended.
    pub(crate) fn still_runs(&mut self) -> Result<(), Error> {
        self.process.still_runs()
    }

    /// Runs another command of the program beside it, in the same environment, to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<Output, Error> {
        self.process.run(arguments).await
    }
}
