//! A flocked file: whoever holds it is alive, on this kernel.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use fs2::FileExt;

use crate::disk::{DiskError, owner};

/// A file may be removed while its lock is being taken; nobody does that many times in a row.
const ATTEMPTS: u32 = 5;

/// An exclusive lock on a file, until dropped. The kernel drops it with the process, however that
/// ends; the file stays, as removing it would let two hold locks on two files of one name.
///
/// Child processes do not inherit it. It excludes nobody on another kernel.
#[derive(Debug)]
pub struct HostGuard {
    file: File,
}

impl HostGuard {
    /// Takes the lock, or says at once that another process has it. Creates the file, not its
    /// folder. Blocks on the disk only.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>, DiskError> {
        let failed = || DiskError::at("locking", path);
        for _ in 0..ATTEMPTS {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .mode(0o600)
                .open(path)
                .map_err(failed())?;
            owner::inherit(&file, path);
            match FileExt::try_lock_exclusive(&file) {
                Ok(()) => {}
                Err(error) if is_contended(&error) => return Ok(None),
                Err(error) => return Err(failed()(error)),
            }
            if is_still_at(&file, path).map_err(failed())? {
                return Ok(Some(Self { file }));
            }
        }
        Ok(None)
    }
}

impl Drop for HostGuard {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread is starting has the file, too, until it
        // executes its program.
        if let Err(error) = FileExt::unlock(&self.file) {
            tracing::debug!(%error, "the lock is given back by closing its file");
        }
    }
}

fn is_contended(error: &io::Error) -> bool {
    error.raw_os_error() == fs2::lock_contended_error().raw_os_error()
}

/// Whether the locked file is the one that the next process will open.
fn is_still_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match path.metadata() {
        Ok(found) => Ok((ours.dev(), ours.ino()) == (found.dev(), found.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_its_file_does_not_keep_it_locked() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("login.guard");
        let guard = HostGuard::try_acquire(&path).expect("tried").expect("free");
        let copy = guard.file.try_clone().expect("copied");
        drop(guard);
        assert!(HostGuard::try_acquire(&path).expect("tried").is_some());
        drop(copy);
    }

    #[test]
    fn one_holds_it_until_it_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("login.guard");
        let first = HostGuard::try_acquire(&path).expect("tried");
        assert!(first.is_some());
        assert!(HostGuard::try_acquire(&path).expect("tried").is_none());
        drop(first);
        assert!(HostGuard::try_acquire(&path).expect("tried").is_some());
        assert_eq!(path.metadata().expect("there").mode() & 0o777, 0o600);
        let absent = folder.path().join("absent/login.guard");
        let error = HostGuard::try_acquire(&absent).expect_err("no folder");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
