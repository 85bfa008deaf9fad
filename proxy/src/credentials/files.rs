//! Watches the files that credentials come from, by their content.
//!
//! Events of the file system are lost on bind mounts, and times and inodes may lie there; the files
//! are a few KiB, so they are read.

use std::path::{Path, PathBuf};

use sha2::Digest as _;
use sso_session::disk;

/// More than any credentials file; a longer one counts as none.
const MOST_BYTES: u64 = 4 * 1024 * 1024;
/// More than anyone has tokens.
const MOST_FILES: usize = 1000;

/// What one process watches, and what it held when last looked at.
#[derive(Debug, Default)]
pub(super) struct WatchedFiles {
    paths: Vec<PathBuf>,
    seen: Vec<Option<[u8; 32]>>,
    folder: PathBuf,
    folder_seen: Option<[u8; 32]>,
}

impl WatchedFiles {
    /// Some files, and a folder whose files are watched by name, length and times.
    pub(super) fn new(paths: Vec<PathBuf>, folder: PathBuf) -> Self {
        let seen = paths.iter().map(|path| digest(path)).collect();
        let folder_seen = digest_of_folder(&folder);
        Self {
            paths,
            seen,
            folder,
            folder_seen,
        }
    }

    /// Whether any file's content changed, appeared or disappeared since the last call. Blocks on
    /// the disk.
    pub(super) fn changed(&mut self) -> bool {
        let now: Vec<_> = self.paths.iter().map(|path| digest(path)).collect();
        let changed = now != self.seen;
        self.seen = now;
        changed
    }

    /// Whether anything in the folder changed since the last call. Blocks on the disk.
    pub(super) fn folder_changed(&mut self) -> bool {
        let now = digest_of_folder(&self.folder);
        let changed = now != self.folder_seen;
        self.folder_seen = now;
        changed
    }
}

fn digest_of_folder(folder: &Path) -> Option<[u8; 32]> {
    use std::os::unix::fs::MetadataExt as _;
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .take(MOST_FILES)
        .filter_map(|entry| {
            let status = entry.metadata().ok()?;
            let (seconds, nanoseconds) = (status.mtime(), status.mtime_nsec());
            Some((
                entry.file_name(),
                status.ino(),
                status.len(),
                seconds,
                nanoseconds,
            ))
        })
        .collect();
    files.sort();
    Some(sha2::Sha256::digest(format!("{files:?}")).into())
}

/// `None` for what cannot be read, a pipe included: opening that would wait for its writer.
fn digest(path: &Path) -> Option<[u8; 32]> {
    let content = disk::read_bounded(path, MOST_BYTES).ok()?;
    Some(sha2::Sha256::digest(&*content).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn content_counts_and_nothing_else() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(b"one").expect("written");
        let absent = file.path().with_extension("absent");
        let nowhere = PathBuf::from("/nonexistent");
        let mut files = WatchedFiles::new(vec![file.path().to_owned(), absent], nowhere);
        assert!(!files.changed());
        file.write_all(b" two").expect("written");
        assert!(files.changed());
        assert!(!files.changed());
        drop(file);
        assert!(files.changed(), "a removed file is a change");
    }

    #[test]
    fn a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("config");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        let nowhere = PathBuf::from("/nonexistent");
        let mut files = WatchedFiles::new(vec![pipe], nowhere);
        assert!(!files.changed());
    }

    #[test]
    fn a_folder_changes_with_any_of_its_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut files = WatchedFiles::new(Vec::new(), folder.path().to_owned());
        assert!(!files.folder_changed());
        std::fs::File::create(folder.path().join("a.json")).expect("a file");
        assert!(files.folder_changed());
        assert!(!files.folder_changed());
        std::fs::remove_file(folder.path().join("a.json")).expect("removed");
        assert!(files.folder_changed());
    }
}
