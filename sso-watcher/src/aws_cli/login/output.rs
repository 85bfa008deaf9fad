//! The file that the CLI writes to, and that is read while it does.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sso_session::disk::{self, DiskError};

/// A thousand times what the CLI says.
const MAX_BYTES: u64 = 1024 * 1024;

/// What is read of the end of it: the last words are in there, however long it is.
const TAIL_BYTES: u64 = 16 * 1024;

/// What a login says.
#[derive(Clone, Debug)]
pub(super) struct Output {
    path: PathBuf,
}

/// What it has said so far.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// This much.
    Words(String),
    /// More than any CLI does.
    TooMuch,
}

impl Output {
    /// The file of a login that is there already.
    pub(super) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// A new, empty file in the place of an earlier login's, and the two streams into it. An earlier
    /// login that still writes does so to a file that has no name any more.
    pub(super) fn create(path: &Path) -> Result<(Self, [Stdio; 2]), DiskError> {
        disk::replace(path, b"")?;
        // Both streams append, so that neither writes over the other.
        let open = || OpenOptions::new().append(true).open(path);
        let streams = open().and_then(|file| Ok([file.try_clone()?.into(), file.into()]));
        let streams = streams.map_err(|source| DiskError {
            operation: "opening",
            path: path.to_owned(),
            source,
        })?;
        Ok((Self::of(path), streams))
    }

    /// What it has said so far. A file that cannot be read has said nothing.
    pub(super) async fn heard(&self) -> Heard {
        let path = self.path.clone();
        let read = blocking(move || disk::read_bounded(&path, MAX_BYTES)).await;
        match read {
            Some(Ok(bytes)) => Heard::Words(String::from_utf8_lossy(&bytes).into_owned()),
            Some(Err(error)) if error.kind() == io::ErrorKind::FileTooLarge => Heard::TooMuch,
            Some(Err(_)) | None => Heard::Words(String::new()),
        }
    }

    /// The end of what it said.
    pub(super) async fn tail(&self) -> String {
        let path = self.path.clone();
        let bytes = blocking(move || tail(&path).unwrap_or_default()).await;
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    }
}

fn tail(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let start = file.metadata()?.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `None` only while the runtime ends.
async fn blocking<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(read).await.ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::stand_ins::StandIns;

    #[tokio::test]
    async fn both_streams_go_into_a_private_file() {
        let stand_ins = StandIns::new();
        let path = stand_ins.path("login.output");
        stand_ins.write("login.output", "an earlier login's words");
        let (output, [stdout, stderr]) = Output::create(&path).expect("created");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; echo three"]);
        let status = command.stdout(stdout).stderr(stderr).status();
        assert!(status.expect("ended").success());
        let words = Heard::Words("one\ntwo\nthree\n".to_owned());
        assert_eq!(output.heard().await, words);
        assert_eq!(output.tail().await, "one\ntwo\nthree\n");
        let mode = path.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[tokio::test]
    async fn more_than_any_cli_says_is_too_much_and_has_an_end() {
        let stand_ins = StandIns::new();
        let text = "0123456789abcdef".repeat(70_000) + "the end";
        stand_ins.write("login.output", &text);
        let output = Output::of(&stand_ins.path("login.output"));
        assert_eq!(output.heard().await, Heard::TooMuch);
        let tail = output.tail().await;
        assert_eq!(tail.len() as u64, TAIL_BYTES);
        assert!(tail.ends_with("the end"));
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_has_said_nothing() {
        let output = Output::of(Path::new("/absent"));
        assert_eq!(output.heard().await, Heard::Words(String::new()));
        assert_eq!(output.tail().await, "");
        let error = Output::create(Path::new("/proc/self/login.output"));
        assert!(error.is_err());
    }
}
