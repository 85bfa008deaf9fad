//! Child processes with a limit: none outlives its test, and a failed one shows what it said.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// All of its standard error.
    pub stderr: String,
}

impl Ended {
    /// Its standard output as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Its exit code; −1 if a signal ended it.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }
}

/// A client: nothing of the caller's environment, a home of its own, no proxy for loopback.
#[must_use]
pub fn client(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .env("HOME", home)
        .env("LANG", "C.UTF-8")
        .env("NO_PROXY", "127.0.0.1,localhost,::1")
        .current_dir(home);
    command
}

/// Runs a command that has to succeed within `limit`.
///
/// # Panics
/// If it does not; with what it said.
pub async fn succeed(command: Command, limit: Duration) -> Ended {
    let name = format!("{command:?}");
    let ended = run(command, limit).await;
    assert!(
        ended.status.success(),
        "{name} ended with {}:\n{}\n{}",
        ended.status,
        ended.text(),
        ended.stderr,
    );
    ended
}

/// Runs a command to its end; after `limit` its process group is killed and the test fails.
///
/// # Panics
/// If it cannot be started, or does not end; with what it said.
pub async fn run(mut command: Command, limit: Duration) -> Ended {
    let name = format!("{command:?}");
    // Files and not pipes: a server that a client leaves behind may hold a pipe open for ever.
    let mut stdout = tempfile::tempfile().expect("a file for stdout");
    let mut stderr = tempfile::tempfile().expect("a file for stderr");
    command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone().expect("a handle"))
        .stderr(stderr.try_clone().expect("a handle"))
        .process_group(0);
    let mut child = tokio::process::Command::from(command)
        .spawn()
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut group = Group::of(&child);
    let outcome = tokio::time::timeout(limit, child.wait()).await;
    let Ok(status) = outcome else {
        drop(group);
        panic!(
            "not done after {limit:?}: {name}\n{}\n{}",
            String::from_utf8_lossy(&written(&mut stdout)),
            String::from_utf8_lossy(&written(&mut stderr)),
        );
    };
    group.has_ended();
    Ended {
        status: status.expect("its status"),
        stdout: written(&mut stdout),
        stderr: String::from_utf8_lossy(&written(&mut stderr)).into_owned(),
    }
}

fn written(file: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().expect("rewound");
    file.read_to_end(&mut bytes).expect("its output");
    bytes
}

/// Kills the process group of a child that is given up, also when the test panics.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &tokio::process::Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.map(Pid::from_raw))
    }

    /// The leader was reaped: its number may soon be somebody else's.
    fn has_ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Fails only where it has just ended.
            let _outcome = killpg(group, Signal::SIGKILL);
        }
    }
}
