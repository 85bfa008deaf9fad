//! MD5 and checksums of files, computed once per version of a file.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::Checksum;

use super::ChecksumAlgorithm;

/// Read this much at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// The hashes of one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digests {
    /// In hexadecimal, as the entity tag has it.
    pub(crate) md5: String,
    /// Those that were asked for, in base64.
    pub(crate) checksum: Checksum,
}

/// Hashes bytes as they pass.
pub(crate) struct Hasher {
    md5: Md5,
    checksums: ChecksumHasher,
}

impl Hasher {
    pub(crate) fn new(algorithms: &[ChecksumAlgorithm]) -> Self {
        let mut checksums = ChecksumHasher::default();
        for algorithm in algorithms {
            match algorithm {
                ChecksumAlgorithm::Crc64Nvme => checksums.crc64nvme = Some(Crc64Nvme::new()),
                ChecksumAlgorithm::Crc32 => checksums.crc32 = Some(Crc32::new()),
                ChecksumAlgorithm::Crc32C => checksums.crc32c = Some(Crc32c::new()),
                ChecksumAlgorithm::Sha1 => checksums.sha1 = Some(Sha1::new()),
                ChecksumAlgorithm::Sha256 => checksums.sha256 = Some(Sha256::new()),
            }
        }
        Self {
            md5: Md5::new(),
            checksums,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.checksums.update(bytes);
    }

    pub(crate) fn finish(self) -> Digests {
        Digests {
            md5: hex::encode(self.md5.finalize()),
            checksum: self.checksums.finalize(),
        }
    }
}

impl Digests {
    /// Whether this is the MD5 of a `Content-MD5` header.
    pub(crate) fn matches_content_md5(&self, header: &str) -> bool {
        STANDARD
            .decode(header)
            .is_ok_and(|bytes| hex::encode(bytes) == self.md5)
    }
}

/// Tells versions of a file apart. The inode is there because two writes can fall into one tick of the
/// file system's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    len: u64,
    modified: (i64, i64),
    inode: u64,
}

impl Version {
    fn of(metadata: &Metadata) -> Self {
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        Self {
            len: metadata.len(),
            modified,
            inode: metadata.ino(),
        }
    }
}

/// The digests of a version, with the algorithms they were made by.
type Remembered = (Version, Vec<ChecksumAlgorithm>, Digests);

/// Remembers the digests of files.
#[derive(Default)]
pub(crate) struct DigestMemory {
    known: Mutex<HashMap<PathBuf, Remembered>>,
}

impl DigestMemory {
    /// The digests of an open file. The file is read from its start and left there.
    pub(crate) fn of(
        &self,
        path: &Path,
        file: &mut File,
        metadata: &Metadata,
        algorithms: &[ChecksumAlgorithm],
    ) -> io::Result<Digests> {
        let version = Version::of(metadata);
        if let Some((known, kept, digests)) = self.lock().get(path)
            && *known == version
            && kept == algorithms
        {
            return Ok(digests.clone());
        }
        let mut hasher = Hasher::new(algorithms);
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let read = file.read(&mut chunk)?;
            if read == 0 {
                break;
            }
            hasher.update(&chunk[..read]);
        }
        file.rewind()?;
        let digests = hasher.finish();
        let entry = (version, algorithms.to_vec(), digests.clone());
        self.lock().insert(path.to_owned(), entry);
        Ok(digests)
    }

    /// Forgets a file that is about to change.
    pub(crate) fn forget(&self, path: &Path) {
        self.lock().remove(path);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Remembered>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
