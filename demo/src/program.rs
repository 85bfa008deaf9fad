//! The real programs as child processes: this very executable, told to be one of them.
//!
//! The programs are libraries, and each `main` is only "parse, run"; so one `cargo run` builds all there is to
//! build, and what the tour shows are the programs themselves, in processes and an environment of their
//! own. Only `.env` is left out, as there is none in the scratch folder.
//!
//! ```text
//! demo --as sso-watcher run        a program that the demo starts
//! <scratch>/bin/aws, browser       links to this executable, for programs that start others by name
//! demo launch …                    what sso-watcher starts logins with: itself, by its executable
//! ```

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Parser as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::browser;

/// First argument: the next one says who to be.
const AS: &str = "--as";
/// First argument: the same, and end when standard input does.
const ON_A_LEASH_AS: &str = "--on-a-leash-as";
/// What `sso-watcher` calls its own executable with.
const LAUNCH: &str = "launch";

/// A program that the demo starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Proxy,
    Watcher,
}

/// The names by which programs start each other.
pub(crate) const LINKS: [&str; 2] = [AWS, BROWSER];
/// Stands in for the AWS CLI.
pub(crate) const AWS: &str = "aws";
/// The browser of the tour's person.
pub(crate) const BROWSER: &str = "browser";

impl Role {
    /// As it calls itself.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Proxy => "bazel-proxy",
            Self::Watcher => "sso-watcher",
        }
    }

    fn of(name: &OsStr) -> Option<Self> {
        let all = [Self::Proxy, Self::Watcher];
        all.into_iter().find(|role| name == role.name())
    }

    fn run(self, arguments: impl Iterator<Item = OsString>) -> ExitCode {
        let command_line = std::iter::once(OsString::from(self.name())).chain(arguments);
        match self {
            Self::Proxy => match bazel_proxy::cli::Cli::try_parse_from(command_line) {
                Ok(cli) => bazel_proxy::commands::run(cli),
                Err(error) => error.exit(),
            },
            Self::Watcher => match sso_watcher::cli::Cli::try_parse_from(command_line) {
                Ok(cli) => sso_watcher::commands::run(cli.command, None),
                Err(error) => error.exit(),
            },
        }
    }
}

/// Runs as another program, if the name or the first argument says so. Call first in `main`.
pub(crate) fn run_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    let name = arguments.next()?;
    match Path::new(&name).file_name().and_then(OsStr::to_str) {
        Some(AWS) => {
            let vars = |name: &str| std::env::var(name).ok();
            return Some(simulated_aws::aws_cli::run(std::env::args_os(), &vars));
        }
        Some(BROWSER) => return Some(browser::run(arguments)),
        Some(_) | None => {}
    }
    let first = arguments.next()?;
    if first == LAUNCH {
        return Some(Role::Watcher.run(std::iter::once(first).chain(arguments)));
    }
    if first != AS && first != ON_A_LEASH_AS {
        return None;
    }
    let role = Role::of(&arguments.next()?)?;
    if first == ON_A_LEASH_AS {
        std::thread::spawn(move || end_with_standard_input(role));
    }
    Some(role.run(arguments))
}

/// The demo holds the other end: even if it is killed, its programs do not outlive it.
fn end_with_standard_input(role: Role) {
    let mut ignored = Vec::new();
    let _end_or_error = io::stdin().read_to_end(&mut ignored);
    // The watcher has a login to end.
    let is_told = role == Role::Watcher && kill(Pid::this(), Signal::SIGTERM).is_ok();
    if !is_told {
        std::process::exit(0);
    }
}

/// How to run a program: with these variables and no others, in this folder.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    role: Role,
    variables: BTreeMap<&'static str, String>,
    folder: PathBuf,
}

impl Program {
    /// A program in a folder without a `.env`.
    pub(crate) fn new<const N: usize>(
        role: Role,
        folder: &Path,
        variables: [(&'static str, String); N],
    ) -> Self {
        Self {
            role,
            variables: variables.into(),
            folder: folder.to_owned(),
        }
    }

    /// As it calls itself.
    pub(crate) fn name(&self) -> &'static str {
        self.role.name()
    }

    /// One of its variables.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    /// A command that runs to its end.
    pub(crate) fn command(&self, arguments: &[&str]) -> io::Result<Command> {
        let mut command = self.prepare(AS, arguments)?;
        command.stdin(Stdio::null());
        Ok(command)
    }

    /// A command that runs until it is ended, or its standard input is closed.
    pub(crate) fn server(&self, arguments: &[&str]) -> io::Result<Command> {
        let mut command = self.prepare(ON_A_LEASH_AS, arguments)?;
        // A group of its own: Ctrl-C is for the demo, which then ends its programs.
        command.stdin(Stdio::piped()).process_group(0);
        Ok(command)
    }

    fn prepare(&self, mode: &str, arguments: &[&str]) -> io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg0(self.name())
            .args([mode, self.name()])
            .args(arguments)
            .env_clear()
            .envs(&self.variables)
            .current_dir(&self.folder);
        Ok(command)
    }
}
