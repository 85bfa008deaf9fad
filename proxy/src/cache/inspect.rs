//! What `bazel-proxy cache` does with the files, beside a serving process or without one.

use std::fs;
use std::path::PathBuf;

use super::key::EntryId;
use super::read::Wait;
use super::{CacheFolder, CacheKey, Entry, Metadata, ReadError};
use std::sync::Arc;

/// One object file, looked at.
#[derive(Debug)]
pub struct Inspection {
    /// Where it is.
    pub path: PathBuf,
    /// What it says of itself, or why it cannot be read.
    pub metadata: Result<Arc<Metadata>, ReadError>,
    /// Its length on disk.
    pub file_bytes: u64,
    /// Seconds since the epoch when it was last served.
    pub served_at: i64,
}

/// Looks at every object file; with `thorough`, reads and verifies every byte too.
pub fn inspect(folder: &CacheFolder, thorough: bool) -> impl Iterator<Item = Inspection> + use<> {
    folder
        .object_files()
        .filter_map(Result::ok)
        .filter_map(move |(parent, name, path)| {
            use std::os::unix::fs::MetadataExt as _;
            let id = EntryId::from_names(&parent, &name)?;
            // Taken before the file is read, which may move its access time.
            let status = fs::metadata(&path).ok()?;
            let metadata = Entry::open_any(&path, 0, Wait::ForDisk, |_| false).and_then(|entry| {
                let metadata = Arc::clone(entry.metadata());
                if CacheKey::new(&metadata.repository.as_str().into(), &metadata.key).id() != id {
                    return Err(ReadError::Foreign);
                }
                if thorough {
                    verify(&entry)?;
                }
                Ok(metadata)
            });
            Some(Inspection {
                path,
                metadata,
                file_bytes: status.len(),
                served_at: status.atime().max(status.mtime()),
            })
        })
}

fn verify(entry: &Entry) -> Result<(), ReadError> {
    const CHUNK_BYTES: u64 = 1024 * 1024;
    let mut offset = 0;
    while offset < entry.length() {
        offset += entry.read_at(offset, offset + CHUNK_BYTES)?.len() as u64;
    }
    Ok(())
}

/// Removes the objects whose key begins with `prefix`, and broken files where it is empty.
/// Returns how many files and bytes.
pub fn purge(folder: &CacheFolder, prefix: &str) -> std::io::Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    for found in inspect(folder, false) {
        let chosen = match &found.metadata {
            Ok(metadata) => metadata.key.starts_with(prefix),
            Err(_) => prefix.is_empty(),
        };
        if chosen {
            match super::folder::remove_whatever_it_is(&found.path) {
                Ok(()) => (files, bytes) = (files + 1, bytes + found.file_bytes),
                // Evicted meanwhile by the proxy.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok((files, bytes))
}
