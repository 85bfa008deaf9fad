//! The lock while it is ours.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::{OWNER_FILE, is_owned_by};
use crate::disk::{DiskError, owner};
use crate::lock::owner::Owner;

/// The next heartbeat while it is written. Only the owner writes in its folder, so the name is fixed.
const NEXT_OWNER_FILE: &str = ".owner.tmp";

/// A lock that is ours until dropped, unless somebody takes us for dead.
#[derive(Debug)]
pub(in crate::lock) struct Held {
    path: PathBuf,
    /// The folder itself, wherever it may be renamed to.
    folder: File,
    owner: Owner,
}

impl Held {
    /// Makes a folder without owner ours; none if somebody else was quicker.
    pub(super) fn claim(path: &Path) -> Result<Option<Self>, DiskError> {
        let failed = || DiskError::at("taking the lock", path);
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits())
            .open(path);
        let folder = match opened {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed()(error)),
        };
        let file = match create_below(&folder, OWNER_FILE, OFlag::O_EXCL) {
            Ok(file) => file,
            Err(error) if super::is_too_late(&error) => return Ok(None),
            Err(error) => return Err(failed()(error)),
        };
        // From here on, dropping it gives the lock back.
        let held = Self {
            path: path.to_owned(),
            folder,
            owner: Owner::new(),
        };
        held.write(file).map_err(failed())?;
        // Whoever is slow may have been taken for dead by now.
        Ok(held.is_still_ours()?.then_some(held))
    }

    pub(in crate::lock) fn nonce(&self) -> &str {
        &self.owner.nonce
    }

    fn is_still_ours(&self) -> Result<bool, DiskError> {
        is_owned_by(&self.path, &self.owner.nonce)
    }

    /// Shows a sign of life; whether the lock is still ours.
    pub(in crate::lock) fn beat(&mut self) -> Result<bool, DiskError> {
        // Some file systems of containers find an opened folder by its path.
        if !self.is_still_ours()? {
            return Ok(false);
        }
        self.owner.heartbeat += 1;
        let beat = || {
            let file = create_below(&self.folder, NEXT_OWNER_FILE, OFlag::O_TRUNC)?;
            self.write(file)?;
            // By rename, as a change in place may stay invisible on the other side.
            renameat(&self.folder, NEXT_OWNER_FILE, &self.folder, OWNER_FILE)?;
            Ok(())
        };
        beat().map_err(DiskError::at("renewing the lock", &self.path))?;
        Ok(true)
    }

    /// When the folder last changed, by the clock of its file system.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        self.folder
            .metadata()
            .and_then(|folder| folder.modified())
            .ok()
    }

    fn write(&self, mut file: File) -> io::Result<()> {
        owner::inherit(&file, &self.path.join(OWNER_FILE));
        file.write_all(&self.owner.to_json())
    }

    fn give_back(&self) -> io::Result<()> {
        let (ours, found) = (self.folder.metadata()?, self.path.symlink_metadata()?);
        if (ours.dev(), ours.ino()) != (found.dev(), found.ino()) {
            // Left as it is: the dead owner's lock keeps its name taken by not being empty.
            return Ok(());
        }
        let _none_under_way = unlinkat(&self.folder, NEXT_OWNER_FILE, UnlinkatFlags::NoRemoveDir);
        unlinkat(&self.folder, OWNER_FILE, UnlinkatFlags::NoRemoveDir)?;
        // Fails if somebody claimed it since.
        fs::remove_dir(&self.path)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = self.give_back() {
            tracing::debug!(lock = %self.path.display(), %error, "the lock was somebody else's already");
        }
    }
}

fn create_below(folder: &File, name: &str, how: OFlag) -> io::Result<File> {
    let flags = OFlag::O_CREAT | OFlag::O_WRONLY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | how;
    let file = openat(folder, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    Ok(File::from(file))
}
