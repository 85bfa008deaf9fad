//! Objects on disk. The calls here block.
//!
//! An object appears by a rename, so a reader has either the old file or the new one.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::attributes::ObjectAttributes;
use super::digests::{DigestMemory, Digests};
use super::keys::Keys;
use super::place::{Places, is_bucket_name};

/// The folder with the buckets.
pub(crate) struct Store {
    places: Places,
    digests: DigestMemory,
    staged: AtomicU64,
}

/// An object ready to be read.
pub(crate) struct Object {
    /// At its first byte.
    pub(crate) file: File,
    pub(crate) len: u64,
    pub(crate) modified: SystemTime,
    pub(crate) digests: Digests,
    pub(crate) attributes: ObjectAttributes,
}

/// A file on its way in. It is gone with this value unless it was put in place.
pub(crate) struct Staged {
    file: File,
    path: PathBuf,
}

impl Staged {
    /// Another handle to write through.
    pub(crate) fn reopen(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Put in place, it has no file of this name any more.
        let _ = fs::remove_file(&self.path);
    }
}

impl Object {
    /// The entity tag without its quotes.
    pub(crate) fn etag(&self) -> &str {
        let own = self
            .attributes
            .etag
            .as_deref()
            .map(|etag| etag.trim_matches('"'));
        own.unwrap_or(&self.digests.md5)
    }
}

/// The attributes' file.
#[derive(Serialize, Deserialize)]
struct Sidecar {
    key: String,
    /// The length and time of the file they belong to.
    len: u64,
    modified_nanos: u128,
    attributes: ObjectAttributes,
}

impl Store {
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        let places = Places::new(folder);
        fs::create_dir_all(places.staging())?;
        Ok(Self {
            places,
            digests: DigestMemory::default(),
            staged: AtomicU64::new(0),
        })
    }

    pub(crate) fn create_bucket(&self, bucket: &str) -> io::Result<()> {
        if !is_bucket_name(bucket) {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "not a bucket's name",
            ));
        }
        fs::create_dir_all(self.places.bucket(bucket))
    }

    pub(crate) fn has_bucket(&self, bucket: &str) -> bool {
        is_bucket_name(bucket) && self.places.bucket(bucket).is_dir()
    }

    /// The buckets with the times of their folders, in order.
    pub(crate) fn buckets(&self) -> io::Result<Vec<(String, SystemTime)>> {
        let mut buckets = Vec::new();
        for entry in fs::read_dir(self.places.root())? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if self.has_bucket(&name) {
                buckets.push((name, entry.metadata()?.modified()?));
            }
        }
        buckets.sort();
        Ok(buckets)
    }

    /// The file of an object, if there is one.
    pub(crate) fn locate(&self, bucket: &str, key: &str) -> Option<PathBuf> {
        let plain = self.places.plain(bucket, key).filter(|path| path.is_file());
        plain.or_else(|| Some(self.places.odd(bucket, key)).filter(|path| path.is_file()))
    }

    /// The keys of a bucket in the order of their UTF-8 bytes.
    pub(crate) fn keys(&self, bucket: &str, prefix: &str) -> io::Result<Keys> {
        Keys::new(
            &self.places.bucket(bucket),
            &self.places.odd_folder(bucket),
            prefix,
        )
    }

    /// Opens an object.
    pub(crate) fn open_object(&self, bucket: &str, key: &str) -> io::Result<Option<Object>> {
        let Some(path) = self.locate(bucket, key) else {
            return Ok(None);
        };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        let (len, modified) = (metadata.len(), metadata.modified()?);
        let attributes = self.attributes(bucket, key, len, modified);
        let kept = attributes.kept_checksums();
        let digests = self.digests.of(&path, &mut file, &metadata, kept)?;
        Ok(Some(Object {
            file,
            len,
            modified,
            digests,
            attributes,
        }))
    }

    /// A new file to write an object to before it is [put in place](Self::publish).
    pub(crate) fn stage(&self) -> io::Result<Staged> {
        let number = self.staged.fetch_add(1, Ordering::Relaxed);
        let path = self
            .places
            .staging()
            .join(format!("{}-{number}", std::process::id()));
        Ok(Staged {
            file: File::create(&path)?,
            path,
        })
    }

    pub(crate) fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: &[u8],
        attributes: &ObjectAttributes,
    ) -> io::Result<()> {
        let mut staged = self.stage()?;
        staged.file.write_all(bytes)?;
        self.publish(bucket, key, &staged, attributes)
    }

    /// Makes a staged file the object.
    pub(crate) fn publish(
        &self,
        bucket: &str,
        key: &str,
        staged: &Staged,
        attributes: &ObjectAttributes,
    ) -> io::Result<()> {
        if let Some(modified) = attributes.last_modified {
            staged.file.set_modified(modified)?;
        }
        self.write_attributes(bucket, key, &staged.file, attributes)?;
        if let Some(plain) = self.places.plain(bucket, key)
            && self.move_to(&staged.path, &plain)?
        {
            // The key may have been odd while a folder of that name was in the way.
            return self.delete_odd(bucket, key);
        }
        let odd = self.places.odd(bucket, key);
        fs::create_dir_all(self.places.odd_folder(bucket))?;
        self.write_whole(&self.places.odd_key(bucket, key), key.as_bytes())?;
        self.digests.forget(&odd);
        fs::rename(&staged.path, odd)
    }

    /// Moves a file into the tree; `false` if the tree has a file where a folder is needed, or a folder
    /// where the file belongs.
    fn move_to(&self, staged: &Path, path: &Path) -> io::Result<bool> {
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        self.digests.forget(path);
        match made.and_then(|()| fs::rename(staged, path)) {
            Ok(()) => Ok(true),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::AlreadyExists
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn delete(&self, bucket: &str, key: &str) -> io::Result<()> {
        if let Some(plain) = self.places.plain(bucket, key).filter(|path| path.is_file()) {
            self.digests.forget(&plain);
            remove(&plain)?;
        }
        remove(&self.places.attributes(bucket, key))?;
        self.delete_odd(bucket, key)
    }

    fn delete_odd(&self, bucket: &str, key: &str) -> io::Result<()> {
        let odd = self.places.odd(bucket, key);
        self.digests.forget(&odd);
        remove(&odd)?;
        remove(&self.places.odd_key(bucket, key))
    }

    fn attributes(
        &self,
        bucket: &str,
        key: &str,
        len: u64,
        modified: SystemTime,
    ) -> ObjectAttributes {
        let text = fs::read(self.places.attributes(bucket, key)).ok();
        let sidecar: Option<Sidecar> = text.and_then(|text| serde_json::from_slice(&text).ok());
        let own = sidecar.filter(|sidecar| {
            sidecar.len == len && sidecar.modified_nanos == nanos(modified) && sidecar.key == key
        });
        own.map(|sidecar| sidecar.attributes).unwrap_or_default()
    }

    fn write_attributes(
        &self,
        bucket: &str,
        key: &str,
        file: &File,
        attributes: &ObjectAttributes,
    ) -> io::Result<()> {
        let path = self.places.attributes(bucket, key);
        if attributes.are_default() {
            return remove(&path);
        }
        let metadata = file.metadata()?;
        let sidecar = Sidecar {
            key: key.to_owned(),
            len: metadata.len(),
            modified_nanos: nanos(metadata.modified()?),
            attributes: attributes.clone(),
        };
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        self.write_whole(&path, &serde_json::to_vec_pretty(&sidecar)?)
    }

    fn write_whole(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut staged = self.stage()?;
        staged.file.write_all(bytes)?;
        fs::rename(&staged.path, path)
    }
}

fn nanos(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos())
}

/// Removes a file that may be gone already.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
