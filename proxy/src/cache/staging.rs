//! The one door into the cache: a file below `staging/` that becomes an object, or disappears.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use bytes::Bytes;

use super::entry::Identity;
use super::format::{self, BlockTable, Metadata};
use super::read::{self, Wait};
use super::reservation::Reservation;
use super::{CacheError, CacheKey, Inner, RimClock as _, folder};
use crate::checksum::{Checksums, Verified};
use crate::object::ObjectAttributes;

/// A download under way. Dropped without [`Staged::commit`], it leaves nothing behind.
pub struct Staged {
    cache: Arc<Inner>,
    key: CacheKey,
    metadata: Metadata,
    file: Arc<File>,
    path: PathBuf,
    header_bytes: u64,
    body_bytes: u64,
    blocks: BlockTable,
    reservation: Reservation,
    committed: bool,
}

/// Reads what a [`Staged`] has written, also after it was committed or dropped.
#[derive(Clone, Debug)]
pub struct StagedReader {
    file: Arc<File>,
    header_bytes: u64,
}

impl Staged {
    /// Reserves room, evicting what was not served for longest, and opens the file.
    pub(super) fn create(
        cache: Arc<Inner>,
        key: CacheKey,
        attributes: ObjectAttributes,
    ) -> Result<Self, CacheError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let now = std::time::SystemTime::now_at_the_rim();
        let stored_at = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let metadata = Metadata {
            repository: key.repository().to_owned(),
            key: key.key().to_owned(),
            attributes,
            checksums: Checksums::placeholder(),
            stored_at: i64::try_from(stored_at).unwrap_or(i64::MAX),
        };
        let header = format::encode_header(&metadata)
            .map_err(|error| CacheError::io("staging", io::Error::other(error)))?;
        let header_bytes = header.len() as u64;
        let needed = format::file_bytes(header_bytes, metadata.attributes.length);
        let reservation = cache.usage.reserve(needed)?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = cache.folder.staging().join(format!("{number}.part"));
        let failed = |error| CacheError::io(format!("writing {}", path.display()), error);
        let mut file = create_private(&path)
            .or_else(|error| {
                if error.kind() != io::ErrorKind::NotFound {
                    return Err(error);
                }
                // Somebody emptied the cache folder under us.
                folder::create_folder(&cache.folder.staging())?;
                create_private(&path)
            })
            .map_err(failed)?;
        file.write_all(&header).map_err(|error| {
            remove_quietly(&path);
            failed(error)
        })?;
        Ok(Self {
            cache,
            key,
            metadata,
            file: Arc::new(file),
            path,
            header_bytes,
            body_bytes: 0,
            blocks: BlockTable::default(),
            reservation,
            committed: false,
        })
    }

    /// A way to read what is written so far.
    #[must_use]
    pub fn reader(&self) -> StagedReader {
        StagedReader {
            file: Arc::clone(&self.file),
            header_bytes: self.header_bytes,
        }
    }

    /// Writes the next bytes of the body. Blocks on the disk.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file
            .write_all_at(bytes, self.header_bytes + self.body_bytes)?;
        self.blocks.update(bytes);
        self.body_bytes += bytes.len() as u64;
        self.reservation.written(bytes.len() as u64);
        Ok(())
    }

    /// Writes a whole small body and makes it an object, which may be in memory, too: whoever has asked for
    /// it is seldom the only one. Blocks on the disk.
    pub(super) fn commit_whole(mut self, body: &Bytes, verified: &Verified) -> io::Result<()> {
        self.append(body)?;
        self.seal(verified)?;
        let identity = self.publish()?;
        let memory = &self.cache.memory;
        if memory.is_worth_keeping(self.key.id(), body.len() as u64) {
            // A copy, as these bytes may be a part of a larger buffer.
            let body = Bytes::copy_from_slice(body);
            let metadata = Arc::new(self.metadata.clone());
            memory.object(
                true,
                &self.key,
                &metadata,
                identity.modified(),
                body,
                identity,
            );
        }
        Ok(())
    }

    /// Makes the file an object: the only way. Blocks on the disk.
    ///
    /// Its content is on the disk before it has its name; the name will be so a moment later.
    pub fn commit(mut self, verified: &Verified) -> io::Result<()> {
        self.seal(verified)?;
        self.publish().map(|_| ())
    }

    /// Brings all of the file to the disk.
    fn seal(&mut self, verified: &Verified) -> io::Result<()> {
        let length = self.metadata.attributes.length;
        if verified.length() != length || self.body_bytes != length {
            return Err(io::Error::other("the staged body is not the verified one"));
        }
        self.metadata.checksums = verified.checksums().clone();
        let header = format::encode_header(&self.metadata).map_err(io::Error::other)?;
        if header.len() as u64 != self.header_bytes {
            return Err(io::Error::other("the header changed its length"));
        }
        let table = std::mem::take(&mut self.blocks).finish();
        self.file.write_all_at(&table, self.header_bytes + length)?;
        self.file.write_all_at(&header, 0)?;
        self.file.sync_all()
    }

    fn publish(&mut self) -> io::Result<Identity> {
        let path = self.cache.folder.object_path(self.key.id());
        let parent = path.parent().unwrap_or(Path::new("."));
        if !parent.is_dir() {
            folder::create_folder(parent)?;
            self.cache.unsynced.note(&self.cache.folder.objects());
        }
        fs::rename(&self.path, &path).or_else(|error| {
            if error.kind() != io::ErrorKind::IsADirectory {
                return Err(error);
            }
            folder::remove_whatever_it_is(&path)?;
            fs::rename(&self.path, &path)
        })?;
        self.committed = true;
        self.cache.memory.remove(&self.key);
        self.cache.unsynced.note(parent);
        let status = self.file.metadata()?;
        self.cache.usage.stored(&self.key, status.blocks() * 512);
        Ok(Identity::of(&status))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.committed {
            remove_quietly(&self.path);
        }
    }
}

impl StagedReader {
    /// Reads `length` bytes of the body from `offset`, or one piece of them. Blocks on the disk.
    ///
    /// Fails where they are not written yet.
    pub fn read_at(&self, offset: u64, length: u64) -> io::Result<Bytes> {
        read::piece(
            &self.file,
            self.header_bytes + offset,
            length,
            Wait::ForDisk,
        )
    }

    /// The same, as far as nothing has to be waited for.
    #[must_use]
    pub fn at_hand(&self, offset: u64, length: u64) -> Option<Bytes> {
        read::piece_at_hand(&self.file, self.header_bytes + offset, length)
    }
}

fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn remove_quietly(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "a staging file was gone already");
    }
}
