//! The real `bazel-proxy` as a child process: this very executable, told to be it.
//!
//! The proxy is a library, and its `main` is only "parse, run"; so one `cargo run` builds all there
//! is to build, and what the tour shows is the program itself in a process and an environment of
//! its own. Only `.env` is left out, as there is none in the scratch folder.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Parser as _;

/// First argument: what follows is bazel-proxy's command line.
const BE_THE_PROXY: &str = "--be-bazel-proxy";
/// First argument: the same, and end when standard input does.
const BE_THE_LEASHED_PROXY: &str = "--be-bazel-proxy-on-a-leash";

/// Runs as bazel-proxy, if the first argument says so. Call first in `main`.
pub(crate) fn run_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next()?;
    if first == BE_THE_LEASHED_PROXY {
        end_with_standard_input();
    } else if first != BE_THE_PROXY {
        return None;
    }
    let command_line = std::iter::once(OsString::from("bazel-proxy")).chain(arguments);
    Some(match bazel_proxy::cli::Cli::try_parse_from(command_line) {
        Ok(cli) => bazel_proxy::commands::run(cli),
        Err(error) => error.exit(),
    })
}

/// The demo holds the other end: even if it is killed, its proxy does not outlive it.
fn end_with_standard_input() {
    std::thread::spawn(|| {
        let mut ignored = Vec::new();
        let _end_or_error = std::io::stdin().read_to_end(&mut ignored);
        std::process::exit(0);
    });
}

/// How to run bazel-proxy: with these variables and no others, in this folder.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    variables: BTreeMap<&'static str, String>,
    folder: PathBuf,
}

impl Program {
    /// A program in a folder without a `.env`.
    pub(crate) fn new<const N: usize>(
        folder: &Path,
        variables: [(&'static str, String); N],
    ) -> Self {
        Self {
            variables: variables.into(),
            folder: folder.to_owned(),
        }
    }

    /// A command that runs to its end.
    pub(crate) fn command(&self, arguments: &[&str]) -> std::io::Result<Command> {
        let mut command = self.prepare(BE_THE_PROXY, arguments)?;
        command.stdin(Stdio::null());
        Ok(command)
    }

    /// A command that serves until it is killed, or its standard input is closed.
    pub(crate) fn server(&self) -> std::io::Result<Command> {
        let mut command = self.prepare(BE_THE_LEASHED_PROXY, &["serve"])?;
        // A group of its own: Ctrl-C is for the demo, which then ends the proxy.
        command.stdin(Stdio::piped()).process_group(0);
        Ok(command)
    }

    fn prepare(&self, mode: &str, arguments: &[&str]) -> std::io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg0("bazel-proxy")
            .arg(mode)
            .args(arguments)
            .env_clear()
            .envs(&self.variables)
            .current_dir(&self.folder);
        Ok(command)
    }
}
