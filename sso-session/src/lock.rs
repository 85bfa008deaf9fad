//! Locks between programs that share nothing but files.
//!
//! ```text
//! <state>/refresh.lock/            there while somebody refreshes a token
//!                     /owner.json  who, and a heartbeat
//!        /refresh.lock.<nonce>.stale/  the lock of an owner that died, for a day
//!        /refresh.guard            flocked while a stale lock is cleared
//!        /login.lock/              there while somebody logs in
//!                   /owner.json    who, and the login's process group
//!        /login.guard              flocked all that time
//! ```
//!
//! [`RefreshLock`] holds across a container's boundary, where clocks differ, process ids mean
//! nothing and `flock` excludes nobody. [`HostGuard`] holds within one kernel, which drops it with
//! the process. [`LoginLock`] is the host's: it rests on the guard, and shows the folder to others.

mod guard;
mod login;
mod marker;
mod observation;
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
pub use login::{
    Acquired, Cleared, Holder, LoginGuard, LoginLock, NAMELESS_IS_DEAD_AFTER, RunningLogin,
};
pub use refresh::{RefreshGuard, RefreshLock};

/// A lock was not taken, or not kept.
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
    /// It was ours, and is not any more.
    #[error("the lock {} was removed or taken over by another program", .0.display())]
    Lost(PathBuf),
    /// Something else lies where the lock's folder has to be.
    #[error("{path} is no folder, so nobody can take the lock: remove it with `rm {path}`", path = .0.display())]
    InTheWay(PathBuf),
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
