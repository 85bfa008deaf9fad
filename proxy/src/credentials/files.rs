//! Watches the files that credentials come from, by their content.
//!
//! Events of the file system are lost on bind mounts, and times and inodes may lie there; the files
//! are a few KiB, so they are read.

use std::path::PathBuf;

use sha2::Digest as _;

/// More than any credentials file; what lies beyond is not compared.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// The files of one process, and what they held when last looked at.
#[derive(Debug)]
pub(super) struct WatchedFiles {
    paths: Vec<PathBuf>,
    seen: Vec<Option<[u8; 32]>>,
}

impl WatchedFiles {
    pub(super) fn new(paths: Vec<PathBuf>) -> Self {
        let seen = paths.iter().map(digest).collect();
        Self { paths, seen }
    }

    /// Whether any file's content changed, appeared or disappeared since the last call. Blocks on
    /// the disk.
    pub(super) fn changed(&mut self) -> bool {
        let now: Vec<_> = self.paths.iter().map(digest).collect();
        let changed = now != self.seen;
        self.seen = now;
        changed
    }
}

fn digest(path: &PathBuf) -> Option<[u8; 32]> {
    use std::io::Read as _;
    let mut content = Vec::new();
    std::fs::File::open(path)
        .ok()?
        .take(MOST_BYTES)
        .read_to_end(&mut content)
        .ok()?;
    Some(sha2::Sha256::digest(&content).into())
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
        let mut files = WatchedFiles::new(vec![file.path().to_owned(), absent]);
        assert!(!files.changed());
        file.write_all(b" two").expect("written");
        assert!(files.changed());
        assert!(!files.changed());
        drop(file);
        assert!(files.changed(), "a removed file is a change");
    }
}
