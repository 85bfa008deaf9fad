//! The lock's folder: how it is taken, watched, cleared and given back.
//!
//! Each step is one that the file system decides for exactly one process, on whichever kernel:
//!
//! * to take: `mkdir`, then `owner.json` created exclusively **below the opened folder**;
//! * to clear a dead owner's: rename to a name made of the dead owner's nonce. That name stays
//!   taken, so a process that is late with the same conclusion cannot rename the next owner's lock;
//! * to clear a folder without owner: create `owner.json` in it, which only one can;
//! * to beat and to give back: below the opened folder, so that an owner that was taken for dead
//!   and wakes up again writes into its own old folder, wherever that is now.

mod held;

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::owner::Owner;
use super::{HostGuard, LockError};
use crate::disk::{self, DiskError, owner};
use crate::nonce::is_nonce;

pub(super) use held::Held;

const OWNER_FILE: &str = "owner.json";

/// More than any owner.
const MOST_BYTES: u64 = 4 * 1024;

/// Nobody comes to a conclusion as late as this.
const TOMBSTONE_LIFE: Duration = Duration::from_hours(24);

/// Where the lock is.
#[derive(Clone, Debug)]
pub(super) struct Marker {
    pub(super) state_folder: PathBuf,
    /// The name of the flocked file; tests give each process its own, as between two kernels.
    pub(super) guard_name: String,
}

/// What can be seen of somebody's lock. It is alive as long as this changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Its owner, with a heartbeat that counts up. Nothing else of it is compared: on some mounts
    /// times and inodes change by themselves.
    Named(Owner),
    /// A foreign program's, or that of one that was killed before it had written its name.
    Nameless {
        has_file: bool,
        folder: u64,
        modified: (i64, i64),
    },
}

impl Marker {
    pub(super) fn path(&self) -> PathBuf {
        self.state_folder.join("refresh.lock")
    }

    /// Takes the lock if it is free.
    pub(super) fn try_take(&self) -> Result<Option<Held>, LockError> {
        let path = self.path();
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => {
                owner::inherit_folder(&path);
                Ok(Held::claim(&path)?)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => {
                let error = DiskError::at("creating the lock", &path)(error);
                Err(LockError::creating(error))
            }
        }
    }

    /// What there is to see; none if the lock is free.
    pub(super) fn look(&self) -> Result<Option<Sight>, DiskError> {
        let path = self.path();
        let metadata = match path.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DiskError::at("looking at the lock", &path)(error)),
        };
        let bytes = read_owner(&path)?;
        let owner = bytes.as_deref().and_then(Owner::parse);
        let nameless = || Sight::Nameless {
            has_file: bytes.is_some(),
            folder: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        };
        Ok(Some(owner.map_or_else(nameless, Sight::Named)))
    }

    /// Clears the lock of an owner that is dead, and takes it if nobody else was quicker.
    pub(super) fn take_over(&self, dead: &Sight) -> Result<Option<Held>, LockError> {
        // On one kernel this spares the losers their attempt. Where it does not work, each step
        // below is still decided by the file system.
        let guard = HostGuard::try_acquire(&self.state_folder.join(&self.guard_name));
        if matches!(guard, Ok(None)) || self.look()?.as_ref() != Some(dead) {
            return Ok(None);
        }
        let path = self.path();
        tracing::warn!(
            lock = %path.display(),
            holder = %dead.holder(),
            "the lock shows no sign of life: it is taken over"
        );
        // A name that only one renaming of this very lock can take.
        let name = match dead {
            Sight::Named(owner) => owner.nonce.clone(),
            Sight::Nameless {
                has_file,
                modified: (seconds, nanoseconds),
                ..
            } => {
                if !has_file {
                    return Ok(Held::claim(&path)?);
                }
                format!("{seconds:016x}{nanoseconds:016x}")
            }
        };
        let tombstone = self.state_folder.join(format!("refresh.lock.{name}.stale"));
        match fs::rename(&path, tombstone) {
            Ok(()) => {
                let held = self.try_take()?;
                self.remove_old_tombstones(held.as_ref());
                Ok(held)
            }
            Err(error) if is_too_late(&error) => Ok(None),
            Err(error) => Err(DiskError::at("clearing the lock", &path)(error).into()),
        }
    }

    fn remove_old_tombstones(&self, held: Option<&Held>) {
        let Some(now) = held.and_then(Held::modified) else {
            return;
        };
        let entries = fs::read_dir(&self.state_folder).into_iter().flatten();
        for entry in entries.flatten() {
            let name = entry.file_name();
            let modified = entry.metadata().and_then(|folder| folder.modified());
            if is_tombstone(&name.to_string_lossy()) && modified.is_ok_and(|time| is_old(time, now))
            {
                let outcome = fs::remove_dir_all(entry.path());
                tracing::debug!(lock = %entry.path().display(), ?outcome, "removing an old lock");
            }
        }
    }
}

impl Sight {
    /// Who it is, for a person.
    pub(super) fn holder(&self) -> String {
        match self {
            Self::Named(owner) => format!("process {} on {}", owner.pid, owner.host),
            Self::Nameless { .. } => "a program that gives no name".to_owned(),
        }
    }
}

/// The bytes of the owner's file; none if there is none.
fn read_owner(path: &Path) -> Result<Option<Vec<u8>>, DiskError> {
    match disk::read_bounded(&path.join(OWNER_FILE), MOST_BYTES) {
        Ok(bytes) => Ok(Some(bytes.to_vec())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // Another user's says nothing to us; it lives as long as the folder changes.
        Err(error) if is_no_name(error.kind()) => Ok(Some(Vec::new())),
        Err(error) => Err(error),
    }
}

fn is_no_name(kind: io::ErrorKind) -> bool {
    kind == io::ErrorKind::FileTooLarge || kind == io::ErrorKind::PermissionDenied
}

/// Whether the lock at `path` is that of this nonce.
pub(super) fn is_owned_by(path: &Path, nonce: &str) -> Result<bool, DiskError> {
    let owner = read_owner(path)?.and_then(|bytes| Owner::parse(&bytes));
    Ok(owner.is_some_and(|owner| owner.nonce == nonce))
}

/// Whether somebody else has cleared the same lock already.
fn is_too_late(error: &io::Error) -> bool {
    [
        io::ErrorKind::NotFound,
        io::ErrorKind::AlreadyExists,
        io::ErrorKind::DirectoryNotEmpty,
    ]
    .contains(&error.kind())
}

fn is_tombstone(name: &str) -> bool {
    let name = name.strip_prefix("refresh.lock.");
    let nonce = name.and_then(|name| name.strip_suffix(".stale"));
    nonce.is_some_and(is_nonce)
}

fn is_old(time: SystemTime, now: SystemTime) -> bool {
    let age = now.duration_since(time);
    age.is_ok_and(|age| age > TOMBSTONE_LIFE)
}
