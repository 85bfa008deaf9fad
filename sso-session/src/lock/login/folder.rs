//! The folder `login.lock`: how it is made, handed over and given back, so that it can be told at every
//! moment whose it is, whoever is killed when.
//!
//! * It is made by `mkdir`, which every tool that knows this lock respects. At first it may not be read
//!   (0300): so it is **nobody's**, and 0700 as soon as `owner.json` says whose it is. No program leaves
//!   such a folder but one of ours that was killed in between, so nobody has to wait for it.
//! * `owner.json` changes hands, and beats, by rename **within** the folder: tools that only know mkdir are
//!   excluded all the time. Whoever wants to succeed an owner writes `.owner.<nonce of that owner>`, which
//!   only one can create, makes sure that the owner is still the same, and renames it. What stands in
//!   `owner.json` afterwards decides, so it does no harm if one who was late renames another one's file.
//! * It is given back by way of the same state that it was made in.

use std::ffi::OsString;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use super::owner::Owner;
use crate::disk::{self, DiskError};
use crate::lock::LockError;

const OWNER_FILE: &str = "owner.json";

/// More than any owner.
const MOST_BYTES: u64 = 16 * 1024;

/// What the folder's own user may do with it while it is nobody's: a mode that no umask makes.
const NOBODYS: u32 = 0o300;
const OWNED: u32 = 0o700;

/// Where the lock is.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

/// What can be seen of a lock that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// It says whose it is.
    Owned(Box<Owner>),
    /// One of ours was killed while it made the folder or gave it back.
    Nobodys,
    /// A foreign program's, which only knows mkdir; or what else nobody can make sense of.
    Nameless {
        inode: u64,
        /// Seconds and nanoseconds since 1970.
        modified: (i64, i64),
    },
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What there is to see; none if the lock is free.
    pub(super) fn look(&self) -> Result<Option<Sight>, LockError> {
        let metadata = match self.path.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("looking at the lock")(error).into()),
        };
        if !metadata.is_dir() {
            return Err(LockError::InTheWay(self.path.clone()));
        }
        Ok(Some(match self.owner()? {
            Some(owner) => Sight::Owned(Box::new(owner)),
            None if metadata.mode() & OWNED == NOBODYS => Sight::Nobodys,
            None => Sight::Nameless {
                inode: metadata.ino(),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
            },
        }))
    }

    /// Whose it is, if it says so.
    pub(super) fn owner(&self) -> Result<Option<Owner>, DiskError> {
        match disk::read_bounded(&self.path.join(OWNER_FILE), MOST_BYTES) {
            Ok(bytes) => Ok(Owner::parse(&bytes)),
            Err(error) if says_nothing(error.kind()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the folder, as nobody's; whether there was none.
    pub(super) fn make(&self) -> Result<bool, LockError> {
        match fs::DirBuilder::new().mode(NOBODYS).create(&self.path) {
            Ok(()) => {
                disk::owner::inherit_folder(&self.path);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(LockError::creating(self.failed("creating the lock")(error))),
        }
    }

    /// Puts an owner in the place of the one that was seen, or of nobody; whether it was not too late.
    pub(super) fn hand_over(
        &self,
        from: Option<&Owner>,
        to: &mut Owner,
    ) -> Result<bool, DiskError> {
        let name = from.map_or("nobody", |owner| &owner.nonce);
        let next = self.path.join(format!(".owner.{name}"));
        // Left by one that was killed; or by one that is about to find out that it is too late.
        self.unless_gone(fs::remove_file(&next), "clearing the lock")?;
        if !stage(&next, to)? {
            return Ok(false);
        }
        if self.owner()?.as_ref() != from {
            self.unless_gone(fs::remove_file(&next), "leaving the lock")?;
            return Ok(false);
        }
        let place = self.path.join(OWNER_FILE);
        self.unless_gone(fs::rename(&next, place), "taking the lock")?;
        if self.owner()?.as_ref() != Some(to) {
            return Ok(false);
        }
        self.set_mode(OWNED);
        Ok(true)
    }

    /// Removes a folder that was made and could not be taken.
    pub(super) fn unmake(&self) {
        let _as_far_as_possible = fs::remove_dir(&self.path);
    }

    /// Removes the folder with all the files in it. Only for who has it, or for who knows that nobody has.
    pub(super) fn remove(&self) -> Result<(), DiskError> {
        let failed = || self.failed("giving the lock back");
        // Only so its files can be listed, if it is nobody's.
        self.set_mode(OWNED);
        let entries = fs::read_dir(&self.path).map_err(failed())?.flatten();
        let names: Vec<OsString> = entries.map(|entry| entry.file_name()).collect();
        self.set_mode(NOBODYS);
        let owner = OsString::from(OWNER_FILE);
        // As long as it has an owner, nobody who comes now takes it for nobody's.
        for name in names.iter().filter(|name| **name != owner).chain([&owner]) {
            let removed = fs::remove_file(self.path.join(name));
            self.unless_gone(removed, "giving the lock back")?;
        }
        fs::remove_dir(&self.path).map_err(failed())
    }

    /// Without it, only who is killed at the wrong moment leaves a folder that has to be waited for.
    fn set_mode(&self, mode: u32) {
        if let Err(error) = fs::set_permissions(&self.path, Permissions::from_mode(mode)) {
            tracing::debug!(lock = %self.path.display(), %error, "the lock's mode stays as it is");
        }
    }

    /// What somebody else has removed or renamed is no failure: `owner.json` has the last word.
    fn unless_gone(
        &self,
        outcome: io::Result<()>,
        operation: &'static str,
    ) -> Result<(), DiskError> {
        match outcome {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.failed(operation)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn failed(&self, operation: &'static str) -> impl FnOnce(io::Error) -> DiskError + use<> {
        DiskError::at(operation, &self.path)
    }
}

/// Writes the next owner; whether nobody else is about to do the same.
fn stage(path: &Path, owner: &mut Owner) -> Result<bool, DiskError> {
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = match created {
        Ok(file) => file,
        Err(error) if is_too_late(error.kind()) => return Ok(false),
        Err(error) => return Err(DiskError::at("creating", path)(error)),
    };
    disk::owner::inherit(&file, path);
    let mut write = || {
        if owner.since.is_none() {
            let now = file.metadata()?.modified()?;
            owner.since = Some(crate::date::whole_seconds(now));
        }
        file.write_all(&owner.to_json())?;
        // A power cut must not leave an owner without a name.
        file.sync_all()
    };
    if let Err(error) = write() {
        let _incomplete = fs::remove_file(path);
        return Err(DiskError::at("writing", path)(error));
    }
    Ok(true)
}

/// Another user's file says nothing to us, and neither does one that is too long for an owner.
fn says_nothing(kind: io::ErrorKind) -> bool {
    [
        io::ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied,
        io::ErrorKind::FileTooLarge,
        io::ErrorKind::InvalidInput,
    ]
    .contains(&kind)
}

/// Whether somebody else was quicker, or has removed the folder.
fn is_too_late(kind: io::ErrorKind) -> bool {
    kind == io::ErrorKind::AlreadyExists || kind == io::ErrorKind::NotFound
}
