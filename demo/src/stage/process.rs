//! A program of the stage: a child process that ends with it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::error::Error;
use crate::program::Program;

/// A debug build on a busy machine takes a second or two.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked until it works, or until it has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Lines of the log that are worth showing after an end that nobody expected.
const LAST_LINES: usize = 8;
/// What it gets to end when it is told to; the watcher ends its login meanwhile.
const LAST_ORDERS: Duration = Duration::from_secs(3);

/// A running program; ended when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    program: Program,
    log: PathBuf,
}

impl Process {
    /// Starts it. What it says goes to `output`; `log` is the file that it logs to, which may be the same.
    pub(super) fn start(
        program: Program,
        arguments: &[&str],
        output: &Path,
        log: PathBuf,
    ) -> Result<Self, Error> {
        let file = File::create(output).map_err(Error::at(output))?;
        let mut command = program.server(arguments)?;
        command
            .stdout(file.try_clone().map_err(Error::at(output))?)
            .stderr(file);
        Ok(Self {
            child: command.spawn()?,
            program,
            log,
        })
    }

    /// Waits until there is a sign that it works.
    pub(super) async fn until<T>(
        &mut self,
        sign: impl Fn(&Self) -> Option<T>,
        what: &str,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            if let Some(seen) = sign(self) {
                return Ok(seen);
            }
            self.still_runs()?;
            if Instant::now() > deadline {
                return Err(self.error(&format!("does not begin to {what}")));
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The file that it logs to.
    pub(super) fn log_file(&self) -> &Path {
        &self.log
    }

    /// What is in it.
    pub(super) fn log(&self) -> String {
        // A log that cannot be read says nothing.
        std::fs::read(&self.log).map_or_else(
            |_| String::new(),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    /// An error if it has ended.
    pub(super) fn still_runs(&mut self) -> Result<(), Error> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.error(&format!("ended ({status})"))),
        }
    }

    /// Runs another command of the program beside it, in the same environment, to its end.
    pub(super) async fn run(&self, arguments: &[&str]) -> Result<Output, Error> {
        let mut command = self.program.command(arguments)?;
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(tokio::process::Command::from(command)
            .kill_on_drop(true)
            .output()
            .await?)
    }

    fn error(&self, what: &str) -> Error {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        Error::Program {
            name: self.program.name(),
            what: what.to_owned(),
            log: lines[lines.len().saturating_sub(LAST_LINES)..].join("\n"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Its leash: it ends by itself.
        drop(self.child.stdin.take());
        let deadline = Instant::now() + LAST_ORDERS;
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(POLL_INTERVAL);
        }
        // Already ended, or ended now.
        let _outcome = self.child.kill();
        let _outcome = self.child.wait();
    }
}
