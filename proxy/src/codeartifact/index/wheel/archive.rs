//! As much of zip (APPNOTE.TXT 6.3.10, PKWARE) as one small file of an archive needs.
//!
//! Written here as what an archive says of its own size must not decide how much memory it takes: nothing is
//! reserved on its word, and its list of files is bounded.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use flate2::Crc;
use flate2::read::DeflateDecoder;
use memchr::memmem;
use thiserror::Error;

/// The end record, without its comment.
const END_BYTES: usize = 22;
/// How much of an archive's end the end record is looked for in: its comment has no more than 64 KiB.
const TAIL_BYTES: u64 = END_BYTES as u64 + u16::MAX as u64;
/// Of the list of files. The largest wheels, of fifteen thousand files, have 2 MiB.
const MOST_LIST_BYTES: u64 = 16 << 20;
const LOCATOR_BYTES: usize = 20;
const END64_BYTES: usize = 56;
const ENTRY_BYTES: usize = 46;
const LOCAL_BYTES: usize = 30;
/// The extra field with what 32 bits do not hold.
const ZIP64_FIELD: u16 = 1;

/// Why an archive cannot be read.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The file cannot be read, or ends too early.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    /// It is not built as archives are.
    #[error("it is no zip archive: {0}")]
    Broken(&'static str),
    /// More than is read here.
    #[error("its list of files is longer than {MOST_LIST_BYTES} bytes")]
    ListTooLong,
    /// Encrypted, or compressed in another way than the one that wheels are.
    #[error("a file in it is encrypted or compressed in a way that is not known here")]
    Unsupported,
    /// More than was asked for.
    #[error("a file in it is longer than {0} bytes")]
    TooLong(u64),
    /// Not the bytes that were put in.
    #[error("a file in it does not have the length or the checksum that the archive says")]
    Altered,
}

/// An archive and its list of files.
pub(super) struct Archive<R> {
    file: R,
    list: Vec<u8>,
}

/// A file of an archive.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    name: Range<usize>,
    flags: u16,
    method: u16,
    crc: u32,
    stored_bytes: u64,
    length: u64,
    offset: u64,
}

impl<R: Read + Seek> Archive<R> {
    pub(super) fn open(mut file: R) -> Result<Self, ArchiveError> {
        let length = file.seek(SeekFrom::End(0))?;
        let tail_start = length.saturating_sub(TAIL_BYTES);
        let tail = read_at(&mut file, tail_start, length - tail_start)?;
        let at =
            memmem::rfind(&tail, b"PK\x05\x06").ok_or(ArchiveError::Broken("no end record"))?;
        let end = tail.get(at..at + END_BYTES);
        let end = end.ok_or(ArchiveError::Broken("its end record is cut"))?;
        let (mut size, mut offset) = (u64::from(u32_at(end, 12)?), u64::from(u32_at(end, 16)?));
        if u16_at(end, 10)? == u16::MAX || [size, offset].contains(&u64::from(u32::MAX)) {
            let locator = at.checked_sub(LOCATOR_BYTES).and_then(|at| tail.get(at..));
            if let Some(locator) = locator.filter(|locator| locator.starts_with(b"PK\x06\x07")) {
                let end = read_at(&mut file, u64_at(locator, 8)?, END64_BYTES as u64)?;
                if !end.starts_with(b"PK\x06\x06") {
                    return Err(ArchiveError::Broken("no 64-bit end record"));
                }
                (size, offset) = (u64_at(&end, 40)?, u64_at(&end, 48)?);
            }
        }
        if size > MOST_LIST_BYTES {
            return Err(ArchiveError::ListTooLong);
        }
        let list = read_at(&mut file, offset, size)?;
        Ok(Self { file, list })
    }

    /// All files, in the list's order.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, ArchiveError> {
        let mut entries = Vec::new();
        let mut at = 0;
        while at < self.list.len() {
            let (entry, next) = self.entry(at)?;
            entries.push(entry);
            at = next;
        }
        Ok(entries)
    }

    /// Of an entry of this archive.
    pub(super) fn name(&self, entry: &Entry) -> &[u8] {
        self.list.get(entry.name.clone()).unwrap_or_default()
    }

    fn entry(&self, at: usize) -> Result<(Entry, usize), ArchiveError> {
        let rest = &self.list[at..];
        if !rest.starts_with(b"PK\x01\x02") {
            return Err(ArchiveError::Broken("its list of files is broken"));
        }
        let name = ENTRY_BYTES..ENTRY_BYTES + usize::from(u16_at(rest, 28)?);
        let extra = name.end..name.end + usize::from(u16_at(rest, 30)?);
        let end = extra.end + usize::from(u16_at(rest, 32)?);
        let extra = rest.get(extra).filter(|_| end <= rest.len());
        let extra = extra.ok_or(ArchiveError::Broken("its list of files is cut"))?;
        let mut wide = zip64(extra);
        let mut field = |at| -> Result<u64, ArchiveError> {
            match u32_at(rest, at)? {
                u32::MAX => {
                    let value = u64_at(wide, 0)?;
                    wide = &wide[8..];
                    Ok(value)
                }
                value => Ok(value.into()),
            }
        };
        let (length, stored_bytes, offset) = (field(24)?, field(20)?, field(42)?);
        let entry = Entry {
            name: at + name.start..at + name.end,
            flags: u16_at(rest, 8)?,
            method: u16_at(rest, 10)?,
            crc: u32_at(rest, 16)?,
            stored_bytes,
            length,
            offset,
        };
        Ok((entry, at + end))
    }

    /// All of a file, if it has no more than `most` bytes.
    pub(super) fn read(&mut self, entry: &Entry, most: u64) -> Result<Vec<u8>, ArchiveError> {
        if entry.flags & 1 != 0 || !matches!(entry.method, 0 | 8) {
            return Err(ArchiveError::Unsupported);
        }
        let local = read_at(&mut self.file, entry.offset, LOCAL_BYTES as u64)?;
        if !local.starts_with(b"PK\x03\x04") {
            return Err(ArchiveError::Broken("a file is not where it should be"));
        }
        let name = read_next(&mut self.file, u16_at(&local, 26)?.into())?;
        if name != self.name(entry) {
            return Err(ArchiveError::Broken("a file has two names"));
        }
        // What stands between a file's name and its bytes.
        read_next(&mut self.file, u16_at(&local, 28)?.into())?;
        let stored = (&mut self.file).take(entry.stored_bytes);
        let mut bytes = Vec::new();
        let read = match entry.method {
            0 => stored.take(most + 1).read_to_end(&mut bytes)?,
            _ => DeflateDecoder::new(stored)
                .take(most + 1)
                .read_to_end(&mut bytes)?,
        } as u64;
        if read > most {
            return Err(ArchiveError::TooLong(most));
        }
        let mut crc = Crc::new();
        crc.update(&bytes);
        if read != entry.length || crc.sum() != entry.crc {
            return Err(ArchiveError::Altered);
        }
        Ok(bytes)
    }
}

/// The wide values of an entry, in the order of the narrow ones that they stand for.
fn zip64(mut extra: &[u8]) -> &[u8] {
    while let (Ok(kind), Ok(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let end = 4 + usize::from(length);
        let Some(value) = extra.get(4..end) else {
            return &[];
        };
        if kind == ZIP64_FIELD {
            return value;
        }
        extra = &extra[end..];
    }
    &[]
}

fn read_at(file: &mut (impl Read + Seek), at: u64, length: u64) -> Result<Vec<u8>, ArchiveError> {
    file.seek(SeekFrom::Start(at))?;
    read_next(file, length)
}

fn read_next(file: &mut impl Read, length: u64) -> Result<Vec<u8>, ArchiveError> {
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length {
        Ok(bytes)
    } else {
        Err(ArchiveError::Broken("it is cut"))
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], ArchiveError> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk());
    found
        .copied()
        .ok_or(ArchiveError::Broken("a record is cut"))
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, ArchiveError> {
    Ok(u16::from_le_bytes(array(bytes, at)?))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, ArchiveError> {
    Ok(u32::from_le_bytes(array(bytes, at)?))
}

fn u64_at(bytes: &[u8], at: usize) -> Result<u64, ArchiveError> {
    Ok(u64::from_le_bytes(array(bytes, at)?))
}
