//! Reading an object file: nothing leaves here that was not verified since it was last written.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use nix::errno::Errno;
use thiserror::Error;

use super::format::{self, BLOCK_BYTES, FormatError, Metadata};
use super::memory::Memory;
use super::read::{self, PIECE_BYTES, Wait};
use super::{CacheKey, MEMORY_OBJECT_BYTES};

/// Enough for nearly every header.
const HEADER_GUESS: u64 = 2 * 1024;
/// Files up to this size are read whole, in one call.
const WHOLE_FILE: u64 = MEMORY_OBJECT_BYTES + HEADER_GUESS;

/// Why an object cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// There is no such file: an ordinary miss.
    #[error("no such entry")]
    Absent,
    /// The disk failed.
    #[error("reading: {0}")]
    Io(#[from] io::Error),
    /// The header is broken.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The file is of another object, by a collision or a foreign hand.
    #[error("it holds another object")]
    Foreign,
    /// The file's length is not what its header says.
    #[error("it is {found} bytes long instead of {expected}")]
    Length {
        /// By its header.
        expected: u64,
        /// On disk.
        found: u64,
    },
    /// Bytes of the body have changed.
    #[error("block {0} of the body does not match its checksum")]
    Block(u64),
}

impl ReadError {
    /// Whether the system failed for a reason that says nothing about the file: too many files
    /// open, no memory, no permission. A file that may be good is not thrown away for that.
    #[must_use]
    pub fn is_of_the_system(&self) -> bool {
        match self {
            // Not so a file that ends early, or a disk that does not give back what it was given.
            Self::Io(error) => {
                let disk = [Errno::EIO, Errno::ELOOP, Errno::ENXIO].map(|errno| errno as i32);
                let failed = error.raw_os_error();
                error.kind() != io::ErrorKind::UnexpectedEof
                    && !failed.is_some_and(|failed| disk.contains(&failed))
            }
            Self::Absent
            | Self::Format(_)
            | Self::Foreign
            | Self::Length { .. }
            | Self::Block(_) => false,
        }
    }
}

/// Tells whether a file is still the very same one with the very same content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    inode: u64,
    bytes: u64,
    modified_nanoseconds: i128,
    /// The time of the last change of anything, which no program can set back.
    changed_nanoseconds: i128,
}

impl Identity {
    pub(super) fn of(metadata: &std::fs::Metadata) -> Self {
        let time = |seconds: i64, nanoseconds: i64| {
            i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
        };
        Self {
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified_nanoseconds: time(metadata.mtime(), metadata.mtime_nsec()),
            changed_nanoseconds: time(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    pub(super) fn of_path(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::of(&metadata))
    }

    /// As [`Self::of_path`], without waiting for the disk; an error says nothing about the file.
    pub(super) fn at_hand(path: &Path) -> io::Result<Self> {
        read::status_at_hand(path).map(|metadata| Self::of(&metadata))
    }

    /// Whether both are one file, as long as either is open.
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        self.inode == other.inode
    }

    /// The file's modification time: when its object was last validated.
    pub(super) fn modified(&self) -> SystemTime {
        let nanoseconds = u64::try_from(self.modified_nanoseconds).unwrap_or(0);
        SystemTime::UNIX_EPOCH + Duration::from_nanos(nanoseconds)
    }

    /// A fingerprint for the table of verified files; never 0, which means unverified.
    pub(super) fn fingerprint(&self) -> u64 {
        let low = |nanoseconds: i128| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&nanoseconds.to_le_bytes()[..8]);
            u64::from_le_bytes(bytes)
        };
        let parts = [
            self.inode,
            self.bytes,
            low(self.modified_nanoseconds),
            low(self.changed_nanoseconds),
        ];
        let mixed = parts.into_iter().fold(0_u64, |mixed, part| {
            (mixed.rotate_left(23) ^ part).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        });
        mixed | 1
    }
}

/// An open object file.
#[derive(Debug)]
pub struct Entry {
    file: File,
    metadata: Arc<Metadata>,
    header_bytes: u64,
    identity: Identity,
    disk_bytes: u64,
    /// The whole body, verified, where the file is small.
    body: Option<Bytes>,
    /// Whether that is in memory of its own.
    keeps: bool,
    /// Set for a file that was verified whole since it was last changed.
    trusted: bool,
    table: OnceLock<Vec<u8>>,
    /// Blocks verified one after the other from the start.
    verified_blocks: AtomicU64,
}

impl Entry {
    /// Opens the object file of `key`, one of those that `memory` may keep. `verified` is the fingerprint
    /// under which the file was found whole before, 0 for none.
    ///
    /// Where the disk must not be waited for, what the system does not have in memory is an error
    /// [`ReadError::is_of_the_system`].
    pub(super) fn open(
        path: &Path,
        key: &CacheKey,
        verified: u64,
        memory: &Memory,
        wait: Wait,
    ) -> Result<Self, ReadError> {
        let keep = |file_bytes| memory.is_worth_keeping(key.id(), file_bytes);
        let entry = Self::open_any(path, verified, wait, keep)?;
        let metadata = &entry.metadata;
        if metadata.repository != key.repository() || metadata.key != key.key() {
            return Err(ReadError::Foreign);
        }
        Ok(entry)
    }

    /// Opens an object file without knowing whose it is. `keep` says whether a small file, of so many bytes,
    /// is to be in memory of its own.
    pub(super) fn open_any(
        path: &Path,
        verified: u64,
        wait: Wait,
        keep: impl FnOnce(u64) -> bool,
    ) -> Result<Self, ReadError> {
        let file = read::open(path, wait).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                ReadError::Absent
            } else {
                ReadError::Io(error)
            }
        })?;
        let status = file.metadata()?;
        if !status.is_file() {
            return Err(ReadError::Foreign);
        }
        let identity = Identity::of(&status);
        let whole = status.len() <= WHOLE_FILE;
        let keeps = whole && keep(status.len());
        let mut start = match (whole, keeps) {
            (true, false) => read::piece(&file, 0, status.len(), wait)?,
            (true, true) => read::exactly(&file, 0, status.len(), wait)?,
            (false, _) => read::exactly(&file, 0, HEADER_GUESS, wait)?,
        };
        let header_bytes = format::header_length(&start)?;
        if header_bytes > start.len() {
            start = read::exactly(&file, 0, header_bytes as u64, wait)?;
        }
        let metadata = format::decode_header(&start)?;
        let header_bytes = header_bytes as u64;
        let expected = format::file_bytes(header_bytes, metadata.attributes.length);
        if expected != status.len() {
            return Err(ReadError::Length {
                expected,
                found: status.len(),
            });
        }
        let mut entry = Self {
            file,
            metadata: Arc::new(metadata),
            header_bytes,
            identity,
            disk_bytes: status.blocks() * 512,
            body: None,
            keeps,
            trusted: verified == identity.fingerprint(),
            table: OnceLock::new(),
            verified_blocks: AtomicU64::new(0),
        };
        if whole && entry.length() <= MEMORY_OBJECT_BYTES {
            entry.take_whole(&start)?;
        }
        Ok(entry)
    }

    fn take_whole(&mut self, file: &Bytes) -> Result<(), ReadError> {
        let offset = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX).min(file.len());
        let (start, end) = (
            offset(self.header_bytes),
            offset(self.header_bytes + self.length()),
        );
        let body = file.slice(start..end);
        if !self.trusted {
            check_blocks(&body, 0, &file[end..])?;
            self.trusted = true;
        }
        self.body = Some(body);
        Ok(())
    }

    /// What the file says of itself.
    #[must_use]
    pub fn metadata(&self) -> &Arc<Metadata> {
        &self.metadata
    }

    /// The body's length in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.metadata.attributes.length
    }

    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// What the file occupies in blocks of the disk.
    pub(super) fn disk_bytes(&self) -> u64 {
        self.disk_bytes
    }

    /// Whether every byte was verified since the file was last changed.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        let blocks = self.length().div_ceil(BLOCK_BYTES);
        self.trusted || self.verified_blocks.load(Ordering::Relaxed) >= blocks
    }

    /// The whole body of a small file, and whether it is in memory of its own.
    pub(super) fn whole_body(&self) -> Option<(Bytes, bool)> {
        self.body.clone().map(|body| (body, self.keeps))
    }

    /// Bytes of the body from `offset`, up to `end` at most, if the file was verified and the system has
    /// them in memory. Never waits for the disk.
    #[must_use]
    pub fn at_hand(&self, offset: u64, end: u64) -> Option<Bytes> {
        let end = self.length().min(end);
        let length = end.checked_sub(offset)?;
        if length == 0 || !self.is_verified() {
            return None;
        }
        read::piece_at_hand(&self.file, self.header_bytes + offset, length)
    }

    /// Reads bytes of the body from `offset`, up to `end` at most, verified. Blocks on the disk.
    ///
    /// One piece at most; none only at the end of the body.
    pub fn read_at(&self, offset: u64, end: u64) -> Result<Bytes, ReadError> {
        let end = self.length().min(end);
        if offset >= end {
            return Ok(Bytes::new());
        }
        if self.is_verified() {
            let start = self.header_bytes + offset;
            return Ok(read::piece(&self.file, start, end - offset, Wait::ForDisk)?);
        }
        let first_block = offset / BLOCK_BYTES;
        let start = first_block * BLOCK_BYTES;
        // Whole blocks, as each has one checksum.
        let end = end.min(start + PIECE_BYTES);
        let aligned_end = (end.div_ceil(BLOCK_BYTES) * BLOCK_BYTES).min(self.length());
        let length = aligned_end - start;
        let start_in_file = self.header_bytes + start;
        let blocks = read::piece(&self.file, start_in_file, length, Wait::ForDisk)?;
        check_blocks(&blocks, first_block, self.table()?)?;
        let done = aligned_end.div_ceil(BLOCK_BYTES);
        if self.verified_blocks.load(Ordering::Relaxed) >= first_block {
            self.verified_blocks.fetch_max(done, Ordering::Relaxed);
        }
        let within = |position: u64| usize::try_from(position - start).unwrap_or(usize::MAX);
        Ok(blocks.slice(within(offset)..within(end)))
    }

    fn table(&self) -> Result<&[u8], ReadError> {
        if let Some(table) = self.table.get() {
            return Ok(table);
        }
        let length = format::table_bytes(self.length());
        let start = self.header_bytes + self.length();
        let table = read::exactly(&self.file, start, length, Wait::ForDisk)?;
        Ok(self.table.get_or_init(|| table.to_vec()))
    }
}

fn check_blocks(bytes: &[u8], first: u64, table: &[u8]) -> Result<(), ReadError> {
    let block_bytes = usize::try_from(BLOCK_BYTES).unwrap_or(usize::MAX);
    for (number, block) in (first..).zip(bytes.chunks(block_bytes)) {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        if format::block_checksum(table, index) != Some(format::crc32c(block)) {
            return Err(ReadError::Block(number));
        }
    }
    Ok(())
}
