//! Reading files: into buffers that are used again, and without waiting where the system has the bytes.
//!
//! What needs no disk is done where it is asked for. A trip to another thread costs two wake-ups, which is
//! more than opening and reading a small file that the system has in memory.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use nix::fcntl::OFlag;

/// Read in one piece at most, in bytes. Small enough to be still in the processor's cache when the socket
/// takes it: with 1 MiB, copying costs half as much again.
pub(super) const PIECE_BYTES: u64 = 128 * 1024;
/// Buffers that wait to be used again: 2 MiB of them.
const MOST_SPARE: usize = 16;

/// Whether the disk may be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// On a thread that may block.
    ForDisk,
    /// What the system does not have in memory fails with [`io::ErrorKind::WouldBlock`], or with another
    /// error where it cannot tell.
    Never,
}

/// Whether a file is opened for its bytes.
#[derive(Clone, Copy)]
enum Content {
    Needed,
    NotNeeded,
}

static SPARE: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// A part of a file, in a buffer that goes back to the others when nobody needs it any more. A fresh one
/// of this size costs two system calls, and a page fault for each 4 KiB.
struct Piece {
    buffer: Box<[u8]>,
    length: usize,
}

impl Piece {
    /// Room for [`PIECE_BYTES`].
    fn new() -> Self {
        let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let fresh = || vec![0; usize::try_from(PIECE_BYTES).unwrap_or(usize::MAX)].into();
        Self {
            buffer: spare.unwrap_or_else(fresh),
            length: 0,
        }
    }

    /// As much of the room as `length` asks for.
    fn room(&mut self, length: u64) -> &mut [u8] {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let most = self.buffer.len();
        &mut self.buffer[..length.min(most)]
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MOST_SPARE {
            spare.push(std::mem::take(&mut self.buffer));
        }
    }
}

/// Opens a file for reading, without waiting for the other end of a pipe that stands in its place.
pub(super) fn open(path: &Path, wait: Wait) -> io::Result<File> {
    match wait {
        Wait::ForDisk => OpenOptions::new()
            .read(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(path),
        Wait::Never => system::open_at_hand(path, Content::Needed),
    }
}

/// What the system knows of a file without asking the disk. An error says nothing about the file.
pub(super) fn status_at_hand(path: &Path) -> io::Result<Metadata> {
    system::open_at_hand(path, Content::NotNeeded)?.metadata()
}

/// Reads exactly `length` bytes, which are to be kept, or fails.
pub(super) fn exactly(file: &File, offset: u64, length: u64, wait: Wait) -> io::Result<Bytes> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let mut buffer = vec![0; length];
    fill(&mut buffer, file, offset, wait)?;
    Ok(buffer.into())
}

fn fill(buffer: &mut [u8], file: &File, offset: u64, wait: Wait) -> io::Result<()> {
    match wait {
        Wait::ForDisk => file.read_exact_at(buffer, offset),
        // The rest of a file is seldom on the disk alone: then all is read again.
        Wait::Never if system::read_at_hand(file, buffer, offset)? < buffer.len() => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Wait::Never => Ok(()),
    }
}

/// Reads exactly `length` bytes, at most [`PIECE_BYTES`], to be sent and forgotten, or fails.
pub(super) fn piece(file: &File, offset: u64, length: u64, wait: Wait) -> io::Result<Bytes> {
    let mut piece = Piece::new();
    let room = piece.room(length);
    fill(room, file, offset, wait)?;
    piece.length = room.len();
    Ok(Bytes::from_owner(piece))
}

/// As [`piece`], what the system has in memory of it: at least one byte, never waiting for the disk.
pub(super) fn piece_at_hand(file: &File, offset: u64, length: u64) -> Option<Bytes> {
    let mut piece = Piece::new();
    // Whoever then waits for the disk is told what is wrong.
    let read = system::read_at_hand(file, piece.room(length), offset).ok()?;
    piece.length = read;
    (read > 0).then(|| Bytes::from_owner(piece))
}

/// Only Linux does this without waiting.
#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;
    use std::io;
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    use rustix::io::{Errno, ReadWriteFlags, preadv2};

    use super::Content;

    /// Set when the system, or whoever guards it, does not know a call: it is not tried again and again.
    static CANNOT_OPEN: AtomicBool = AtomicBool::new(false);
    static CANNOT_READ: AtomicBool = AtomicBool::new(false);

    pub(super) fn open_at_hand(path: &Path, content: Content) -> io::Result<File> {
        unless(&CANNOT_OPEN)?;
        let flags = OFlags::CLOEXEC
            | match content {
                Content::Needed => OFlags::RDONLY | OFlags::NONBLOCK,
                Content::NotNeeded => OFlags::PATH,
            };
        let opened = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED);
        let opened = opened.inspect_err(|errno| note(*errno, &CANNOT_OPEN))?;
        Ok(opened.into())
    }

    pub(super) fn read_at_hand(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
        unless(&CANNOT_READ)?;
        let mut room = [io::IoSliceMut::new(room)];
        let read = preadv2(file, &mut room, offset, ReadWriteFlags::NOWAIT);
        Ok(read.inspect_err(|errno| note(*errno, &CANNOT_READ))?)
    }

    fn unless(cannot: &AtomicBool) -> io::Result<()> {
        if cannot.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(())
    }

    /// No call, no such flag, forbidden by a filter of system calls, or not on this file system: the whole
    /// cache is on one.
    fn note(errno: Errno, cannot: &AtomicBool) {
        if [Errno::NOSYS, Errno::INVAL, Errno::PERM, Errno::OPNOTSUPP].contains(&errno) {
            cannot.store(true, Ordering::Relaxed);
        }
    }
}

/// Elsewhere every file is read on a thread that may block.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    use super::Content;

    pub(super) fn open_at_hand(_: &Path, _: Content) -> io::Result<File> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    pub(super) fn read_at_hand(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_piece_is_of_the_file_and_never_more_than_one() {
        let mut file = tempfile::tempfile().expect("a file");
        let bytes: Vec<u8> = (0..300_000_u32).map(|at| at.to_le_bytes()[1]).collect();
        file.write_all(&bytes).expect("written");
        for (offset, length) in [(0, PIECE_BYTES), (7, 100), (200_000, 100_000)] {
            let found = piece(&file, offset, length, Wait::ForDisk).expect("read");
            let start = usize::try_from(offset).expect("small");
            let end = start + usize::try_from(length).expect("small");
            assert_eq!(found, bytes[start..end], "{offset}");
        }
        assert!(
            piece(&file, 299_990, 11, Wait::ForDisk).is_err(),
            "beyond the end"
        );
        let most = piece(&file, 0, u64::MAX, Wait::ForDisk).expect("a piece");
        assert_eq!(most.len() as u64, PIECE_BYTES);
        drop(most);
        let spare = SPARE.lock().expect("no panic").len();
        assert!(spare <= MOST_SPARE);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_was_just_written_is_at_hand() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(b"hello").expect("written");
        if let Some(bytes) = piece_at_hand(&file, 1, 3) {
            assert_eq!(bytes, b"ell"[..]);
        }
        assert_eq!(piece_at_hand(&file, 5, 3), None, "at the end");
    }

    #[test]
    fn a_folder_and_what_is_not_there_are_no_files_at_hand() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["nothing", "nothing/below"] {
            assert!(
                open(&folder.path().join(name), Wait::Never).is_err(),
                "{name}"
            );
            assert!(status_at_hand(&folder.path().join(name)).is_err(), "{name}");
        }
    }
}
