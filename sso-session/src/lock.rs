//! Locks between programs that share nothing but files.
//!
//! ```text
//! <state>/refresh.lock/            there while somebody refreshes a token
//!                     /owner.json  who, and a heartbeat
//!        /refresh.lock.<nonce>.stale/  the lock of an owner that died, for a day
//!        /refresh.guard            flocked while a stale lock is cleared
//! ```
//!
//! [`RefreshLock`] holds across a container's boundary, where clocks differ, process ids mean
//! nothing and `flock` excludes nobody. [`HostGuard`] holds within one kernel, which drops it with
//! the process.

mod guard;
mod marker;
mod owner;
mod refresh;

#[cfg(test)]
mod contention;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::disk::DiskError;

pub use guard::HostGuard;
pub use refresh::{RefreshGuard, RefreshLock};

/// A lock was not taken.
#[derive(Debug, Error)]
pub enum LockError {
    /// There is no state folder to lock in.
    #[error("the state folder {} does not exist", .0.display())]
    FolderMissing(PathBuf),
    /// The mount or the permissions of the state folder do not allow it.
    #[error("the state folder cannot be written: {0}")]
    ReadOnly(DiskError),
    /// Somebody else held it all the time.
    #[error("{} was held for {waited:?} by {holder}", path.display())]
    Held {
        /// The lock.
        path: PathBuf,
        /// Who says to hold it.
        holder: String,
        /// For how long it was waited for.
        waited: Duration,
    },
    /// Anything else that the disk says.
    #[error(transparent)]
    Disk(DiskError),
}

impl From<DiskError> for LockError {
    fn from(error: DiskError) -> Self {
        if error.is_read_only() {
            Self::ReadOnly(error)
        } else {
            Self::Disk(error)
        }
    }
}

impl LockError {
    /// What became of creating the lock below a state folder.
    fn creating(error: DiskError) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            let folder = error.path.parent().unwrap_or(&error.path);
            Self::FolderMissing(folder.to_owned())
        } else {
            error.into()
        }
    }
}
