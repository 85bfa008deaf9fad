//! Watches the files that credentials come from, by their content.
//!
//! Events of the file system are lost on bind mounts, and times and inodes may lie there; the files
//! are a few KiB, so they are read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::Digest as _;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::disk::{Disk, content_digest};

/// More than any credentials file; a longer one counts as none.
const MOST_BYTES: u64 = 4 * 1024 * 1024;
/// More than anyone has tokens.
const MOST_FILES: usize = 1000;

/// All keepers look about once a second, each at moments of its own: the one behind another sees what that saw.
const STILL_NEW: Duration = Duration::from_millis(500);

/// Some files, and a folder whose files are watched by name, length and times. Keepers that watch the same ones
/// share it, so that each is read once for all of them.
#[derive(Debug)]
pub(super) struct WatchedFiles {
    paths: Vec<PathBuf>,
    folder: PathBuf,
    disk: Disk,
    seen: Mutex<Option<(Instant, Content)>>,
}

/// What they held at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// Digests; none of a file that cannot be read.
    pub(super) files: Vec<Option<[u8; 32]>>,
    /// The digest of the folder's list.
    pub(super) folder: Option<[u8; 32]>,
}

impl WatchedFiles {
    /// Reads nothing yet.
    pub(super) fn new(paths: Vec<PathBuf>, folder: PathBuf) -> Self {
        Self {
            paths,
            folder,
            disk: Disk::default(),
            seen: Mutex::default(),
        }
    }

    /// What they hold now, or held a moment ago. `None` if the disk does not answer.
    pub(super) async fn look(&self) -> Option<Content> {
        let mut seen = self.seen.lock().await;
        if let Some((at, content)) = &*seen
            && at.elapsed() < STILL_NEW
        {
            return Some(content.clone());
        }
        let (paths, folder) = (self.paths.clone(), self.folder.clone());
        let read = move || Content {
            files: paths
                .iter()
                .map(|path| content_digest(path, MOST_BYTES))
                .collect(),
            folder: digest_of_folder(&folder),
        };
        let content = self.disk.run(read).await.ok()?;
        *seen = Some((Instant::now(), content.clone()));
        Some(content)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    async fn look_later(files: &WatchedFiles) -> Content {
        tokio::time::advance(STILL_NEW).await;
        files.look().await.expect("a disk that answers")
    }

    #[tokio::test(start_paused = true)]
    async fn content_counts_and_nothing_else() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(b"one").expect("written");
        let absent = file.path().with_extension("absent");
        let nowhere = PathBuf::from("/nonexistent");
        let files = WatchedFiles::new(vec![file.path().to_owned(), absent], nowhere);
        let first = look_later(&files).await;
        assert_eq!(look_later(&files).await, first);
        file.write_all(b" two").expect("written");
        let second = look_later(&files).await;
        assert_ne!(second, first);
        assert_eq!(look_later(&files).await, second);
        drop(file);
        assert_ne!(
            look_later(&files).await,
            second,
            "a removed file is a change"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn many_that_look_cause_one_reading() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let nowhere = PathBuf::from("/nonexistent");
        let files = WatchedFiles::new(vec![file.path().to_owned()], nowhere);
        let first = look_later(&files).await;
        file.write_all(b"new").expect("written");
        assert_eq!(files.look().await.as_ref(), Some(&first), "a moment ago");
        assert_ne!(look_later(&files).await, first);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("config");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        let nowhere = PathBuf::from("/nonexistent");
        let files = WatchedFiles::new(vec![pipe], nowhere);
        assert_eq!(look_later(&files).await.files, [None]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_folder_changes_with_any_of_its_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = WatchedFiles::new(Vec::new(), folder.path().to_owned());
        let empty = look_later(&files).await;
        std::fs::File::create(folder.path().join("a.json")).expect("a file");
        let full = look_later(&files).await;
        assert_ne!(full, empty);
        assert_eq!(look_later(&files).await, full);
        std::fs::remove_file(folder.path().join("a.json")).expect("removed");
        assert_ne!(look_later(&files).await, full);
    }
}
