//! Runs a program of the system and takes what it says.
//!
//! * It is started with an argument vector, never through a shell, and found on the `PATH` of the
//!   environment that it is given.
//! * It has a process group of its own. At the time limit, and when nobody waits for it any more, the
//!   whole group is killed: a question on the screen goes away with whoever asked it.
//! * Of what it says, the first 256 KiB of each stream are kept; the rest is read and dropped.
//! * What it leaves running when it ends by itself is left alone, and not waited for.

mod environment;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};

pub use environment::Environment;

/// More than any of these programs says: `launchctl print` of a whole session has about 100 KiB.
const KEPT_BYTES: usize = 256 * 1024;

/// How long the streams of an ended program are read on. They stay open for as long as anything that
/// it started holds them.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// A program to run.
#[derive(Clone, Debug)]
pub struct Call {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Option<Environment>,
    folder: Option<PathBuf>,
    stdin: String,
    limit: Duration,
}

/// A program that ended by itself, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub status: ExitStatus,
    /// The beginning of its standard output.
    pub stdout: String,
    /// The beginning of its standard error.
    pub stderr: String,
}

/// A program could not be run to its end.
#[derive(Debug, Error)]
pub enum RunError {
    /// There is none of that name.
    #[error("{program} was not found")]
    NotFound {
        /// Its name or path.
        program: String,
    },
    /// It may not be executed.
    #[error("{program} may not be executed")]
    NotExecutable {
        /// Its name or path.
        program: String,
    },
    /// It did not end in time and was killed, with all that it had started.
    #[error("{program} did not end within {limit:?}")]
    TimedOut {
        /// Its name or path.
        program: String,
        /// The time that it had.
        limit: Duration,
    },
    /// The system could not start it, or lost it.
    #[error("{program} could not be run: {source}")]
    Failed {
        /// Its name or path.
        program: String,
        /// The system's word.
        source: io::Error,
    },
}

impl Call {
    /// A program by its name or path, and how long it may take.
    #[must_use]
    pub fn new(program: impl Into<OsString>, limit: Duration) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: None,
            folder: None,
            stdin: String::new(),
            limit,
        }
    }

    /// Its arguments, after those that it has.
    #[must_use]
    pub fn arguments(mut self, arguments: &[impl AsRef<OsStr>]) -> Self {
        let arguments = arguments.iter().map(|one| one.as_ref().to_owned());
        self.arguments.extend(arguments);
        self
    }

    /// Its whole environment; this process's own, unless this is called.
    #[must_use]
    pub fn environment(mut self, environment: &Environment) -> Self {
        self.environment = Some(environment.clone());
        self
    }

    /// The folder that it starts in; this process's own, unless this is called.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// What it finds on its standard input.
    #[must_use]
    pub fn stdin(mut self, text: impl Into<String>) -> Self {
        self.stdin = text.into();
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// Not for a status that says failure: what that means is for the caller to say.
    pub async fn run(self) -> Result<Ran, RunError> {
        let name = self.program.display().to_string();
        let failed = |source: io::Error| RunError::of(&name, source);
        let mut started = self.start().map_err(failed)?;
        match tokio::time::timeout(self.limit, started.finish(&self.stdin)).await {
            Ok(outcome) => outcome.map_err(failed),
            Err(_elapsed) => Err(RunError::TimedOut {
                program: name,
                limit: self.limit,
            }),
        }
    }

    fn start(&self) -> io::Result<Started> {
        let environment = self.environment.clone();
        let environment = environment.unwrap_or_else(Environment::inherited);
        let stdin = if self.stdin.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        };
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(environment.iter())
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        let child = command.spawn()?;
        Ok(Started {
            group: child.id().and_then(|id| i32::try_from(id).ok()),
            child,
        })
    }
}

impl RunError {
    fn of(program: &str, source: io::Error) -> Self {
        let program = program.to_owned();
        if source.kind() == io::ErrorKind::NotFound {
            Self::NotFound { program }
        } else if source.kind() == io::ErrorKind::PermissionDenied {
            Self::NotExecutable { program }
        } else {
            Self::Failed { program, source }
        }
    }
}

/// A program that runs; dropped, its group is killed.
struct Started {
    child: Child,
    /// Its group, until it has ended: from then on the number may be another's.
    group: Option<i32>,
}

impl Started {
    async fn finish(&mut self, stdin: &str) -> io::Result<Ran> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let input = self.child.stdin.take();
        let (output, errors) = (self.child.stdout.take(), self.child.stderr.take());
        let status = {
            let talk = async {
                tokio::join!(
                    tell(input, stdin),
                    keep(output, &mut stdout),
                    keep(errors, &mut stderr),
                );
            };
            tokio::pin!(talk);
            tokio::select! {
                status = self.child.wait() => {
                    self.group = None;
                    let _open_on = tokio::time::timeout(LAST_WORDS, talk).await;
                    status?
                }
                () = &mut talk => {
                    let status = self.child.wait().await;
                    self.group = None;
                    status?
                }
            }
        };
        Ok(Ran {
            status,
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // An error means that nobody is left. The runtime reaps the child.
            let _outcome = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
    }
}

/// A program that does not want to hear it has its reasons.
async fn tell(input: Option<ChildStdin>, text: &str) {
    if let Some(mut input) = input {
        let _outcome = input.write_all(text.as_bytes()).await;
    }
}

async fn keep(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    let mut buffer = [0; 4096];
    // What cannot be read has ended, too.
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        let room = KEPT_BYTES.saturating_sub(kept.len());
        kept.extend(buffer.iter().take(count.min(room)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_ins::{StandIns, gone};

    const LONG: Duration = Duration::from_secs(30);

    fn call(stand_ins: &StandIns, script: &str) -> Call {
        stand_ins.add("tool", script);
        Call::new("tool", LONG).environment(&stand_ins.environment())
    }

    #[tokio::test]
    async fn arguments_reach_the_program_as_they_are() {
        let stand_ins = StandIns::new();
        let script = r#"for word in "$@"; do echo "<$word>"; done; cat >&2; exit 3"#;
        let call = call(&stand_ins, script).arguments(&["a b", "$HOME", "\"; rm -rf"]);
        let ran = call.stdin("read\n").run().await.expect("ran");
        assert_eq!(ran.stdout, "<a b>\n<$HOME>\n<\"; rm -rf>\n");
        assert_eq!(
            (ran.stderr.as_str(), ran.status.code()),
            ("read\n", Some(3))
        );
    }

    #[tokio::test]
    async fn only_the_given_environment_is_there() {
        let stand_ins = StandIns::new();
        let call = call(&stand_ins, "exec env");
        let environment = stand_ins.environment().with("ONLY", "this");
        let ran = call.environment(&environment).run().await.expect("ran");
        assert!(ran.stdout.contains("ONLY=this"), "{}", ran.stdout);
        assert!(!ran.stdout.contains("CARGO"), "{}", ran.stdout);
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_killed_with_its_children() {
        let stand_ins = StandIns::new();
        let mut call = call(&stand_ins, "sleep 60 & echo $! >child; wait");
        call.limit = Duration::from_millis(500);
        let error = call.run().await.expect_err("too slow");
        assert_eq!(error.to_string(), "tool did not end within 500ms");
        gone(&stand_ins.read("child")).await;
    }

    #[tokio::test]
    async fn a_program_that_nobody_waits_for_is_killed() {
        let stand_ins = StandIns::new();
        let call = call(&stand_ins, "echo $$ >child; exec sleep 60");
        let waiting = tokio::spawn(call.run());
        let process = stand_ins.eventually("child").await;
        waiting.abort();
        gone(&process).await;
    }

    #[tokio::test]
    async fn what_a_program_leaves_running_is_not_waited_for() {
        let stand_ins = StandIns::new();
        let call = call(&stand_ins, "sleep 60 & echo $! >child; echo done");
        let ran = call.run().await.expect("ran");
        assert_eq!(ran.stdout, "done\n");
        let left = stand_ins.read("child").trim().parse().expect("a number");
        nix::sys::signal::kill(Pid::from_raw(left), Signal::SIGKILL).expect("still there");
    }

    #[tokio::test]
    async fn a_flood_is_cut_and_does_not_block_the_program() {
        let stand_ins = StandIns::new();
        let call = call(&stand_ins, "head -c 3000000 /dev/zero; echo end >&2");
        let ran = call.run().await.expect("ran");
        assert_eq!(
            (ran.stdout.len(), ran.stderr.as_str()),
            (KEPT_BYTES, "end\n")
        );
    }

    #[tokio::test]
    async fn what_cannot_be_started_is_told_apart() {
        let stand_ins = StandIns::new();
        let run = async |name: &str| {
            let call = Call::new(name, LONG).environment(&stand_ins.environment());
            call.run().await.expect_err("no program").to_string()
        };
        assert_eq!(run("never-heard-of").await, "never-heard-of was not found");
        stand_ins.write("data", "no program");
        let data = stand_ins.path("data").display().to_string();
        assert_eq!(run(&data).await, format!("{data} may not be executed"));
    }
}
