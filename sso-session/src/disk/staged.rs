//! A file beside its place, that takes it or disappears.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{DiskError, folder_of, leftovers, owner};

/// A file being written. Dropped without [`Staged::publish`], it leaves nothing behind.
pub(super) struct Staged {
    file: File,
    path: PathBuf,
    published: bool,
}

impl Staged {
    /// Creates a private file of a unique name beside `place`.
    pub(super) fn create(place: &Path) -> Result<Self, DiskError> {
        let name = place.file_name().unwrap_or_default();
        let path = folder_of(place).join(leftovers::temp_name(name));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(DiskError::at("creating", &path))?;
        owner::inherit(&file, place);
        Ok(Self {
            file,
            path,
            published: false,
        })
    }

    /// Writes all bytes and waits until the disk has them.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        let written = self.file.write_all(bytes);
        written
            .and_then(|()| self.file.sync_all())
            .map_err(DiskError::at("writing", &self.path))
    }

    /// Which file it is; its times are by the clock of its file system.
    pub(super) fn metadata(&self) -> Result<Metadata, DiskError> {
        let metadata = self.file.metadata();
        metadata.map_err(DiskError::at("looking at", &self.path))
    }

    /// Puts the file in its place.
    pub(super) fn publish(mut self, place: &Path) -> Result<(), DiskError> {
        fs::rename(&self.path, place).map_err(DiskError::at("renaming to", place))?;
        self.published = true;
        sync_folder(folder_of(place));
        Ok(())
    }

    /// Removes the file.
    pub(super) fn discard(mut self) -> Result<(), DiskError> {
        self.published = true;
        fs::remove_file(&self.path).map_err(DiskError::at("removing", &self.path))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.published
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::debug!(path = %self.path.display(), %error, "a temporary file was gone already");
        }
    }
}

/// A rename is durable only when its folder is. It has happened in any case, so a failure is no
/// error; some network file systems cannot sync folders at all.
pub(super) fn sync_folder(folder: &Path) {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    if let Err(error) = synced
        && error.kind() != io::ErrorKind::InvalidInput
        && error.kind() != io::ErrorKind::Unsupported
    {
        tracing::warn!(folder = %folder.display(), %error, "a change may be lost if the power fails now");
    }
}
