//! A program under test as a child process, with its log.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait::eventually;

/// Where an instrumented program (`.ci/coverage`) writes what of it was run.
const COVERAGE: &str = "LLVM_PROFILE_FILE";

/// Killed when dropped; if the test fails, the end of its log is shown.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

/// What a program's environment has to have for `.ci/coverage`.
pub(crate) fn coverage() -> impl Iterator<Item = (&'static str, std::ffi::OsString)> {
    let file = std::env::var_os(COVERAGE);
    file.map(|file| (COVERAGE, file)).into_iter()
}

impl Process {
    pub(crate) fn new(child: Child, log: &Path) -> Self {
        let log = log.to_owned();
        Self { child, log }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        read(&self.log)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("signalled");
    }

    pub(crate) fn kill_9(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the program ends", async || {
            status = self.child.try_wait().expect("its status");
            status.is_some()
        })
        .await;
        status.expect("found above")
    }

    /// A killed process does not tell what of it was run.
    fn end_in_order(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(4);
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::SIGTERM);
        }
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::env::var_os(COVERAGE).is_some() {
            self.end_in_order();
        }
        if std::thread::panicking() {
            eprintln!(
                "the end of {}:\n{}",
                self.log.display(),
                last_lines(&self.log())
            );
        }
        // Already ended, or ended now.
        let _outcome = self.child.kill();
        let _outcome = self.child.wait();
    }
}

fn last_lines(log: &str) -> String {
    const SHOWN: usize = 60;
    // The tests ask for readiness all the time.
    let lines = log.lines().filter(|line| !line.contains("/readyz"));
    let lines: Vec<_> = lines.collect();
    lines[lines.len().saturating_sub(SHOWN)..].join("\n")
}

/// A file's text; empty if there is none.
pub(crate) fn read(path: &Path) -> String {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(path) {
        file.read_to_end(&mut bytes).expect("a readable file");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
