//! What has to be cleared away when this process has ended, whichever way it ends.
//!
//! Parts that all tests of a run share live in statics, which Rust never drops, and a killed test
//! run drops nothing at all. So a shell waits at the end of a pipe that only this process holds open.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};

/// Held by whatever is to be cleared away.
pub(crate) struct Aftermath {
    _pipe: ChildStdin,
}

impl Aftermath {
    /// Runs `script` with `arguments` (`$1`, …) once this value and its process are gone.
    #[expect(
        clippy::zombie_processes,
        reason = "it ends after this process, which therefore cannot wait for it"
    )]
    pub(crate) fn run(script: &str, arguments: &[&OsStr]) -> Self {
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!("cat; {script}"))
            .arg("aftermath")
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C at the terminal must not reach it.
            .process_group(0);
        let mut child = shell.spawn().expect("a shell");
        let pipe = child.stdin.take().expect("piped");
        Self { _pipe: pipe }
    }
}

/// A new folder for this run. The path is short, as sockets below it have a limit.
pub(crate) fn shared_folder(name: &str) -> PathBuf {
    let folder = tempfile::Builder::new().prefix(name).tempdir_in("/tmp");
    folder.expect("a temporary folder").keep()
}
