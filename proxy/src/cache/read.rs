//! Reading files: into buffers that are used again, and without waiting where the system has the bytes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// Read in one piece at most, in bytes. Small enough to be still in the processor's cache when the socket
/// takes it: with 1 MiB, copying costs half as much again.
pub(super) const PIECE_BYTES: u64 = 128 * 1024;
/// Buffers that wait to be used again: 2 MiB of them.
const MOST_SPARE: usize = 16;

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

/// Reads exactly `length` bytes, which are to be kept, or fails. Blocks on the disk.
pub(super) fn exactly(file: &File, offset: u64, length: u64) -> io::Result<Bytes> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let mut buffer = vec![0; length];
    file.read_exact_at(&mut buffer, offset)?;
    Ok(buffer.into())
}

/// Reads exactly `length` bytes, at most [`PIECE_BYTES`], to be sent and forgotten. Blocks on the disk.
pub(super) fn piece(file: &File, offset: u64, length: u64) -> io::Result<Bytes> {
    let mut piece = Piece::new();
    let room = piece.room(length);
    file.read_exact_at(room, offset)?;
    piece.length = room.len();
    Ok(Bytes::from_owner(piece))
}

/// As [`piece`], what the system has in memory of it: at least one byte, never waiting for the disk.
pub(super) fn piece_at_hand(file: &File, offset: u64, length: u64) -> Option<Bytes> {
    let mut piece = Piece::new();
    let read = read_at_hand(file, piece.room(length), offset)?;
    piece.length = read;
    (read > 0).then(|| Bytes::from_owner(piece))
}

/// `None` also where this cannot be told of the file system, or it fails: whoever then waits for the disk is
/// told why.
#[cfg(target_os = "linux")]
fn read_at_hand(file: &File, room: &mut [u8], offset: u64) -> Option<usize> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let mut room = [io::IoSliceMut::new(room)];
    preadv2(file, &mut room, offset, ReadWriteFlags::NOWAIT).ok()
}

/// Only Linux tells.
#[cfg(not(target_os = "linux"))]
fn read_at_hand(_: &File, _: &mut [u8], _: u64) -> Option<usize> {
    None
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
            let found = piece(&file, offset, length).expect("read");
            let start = usize::try_from(offset).expect("small");
            let end = start + usize::try_from(length).expect("small");
            assert_eq!(found, bytes[start..end], "{offset}");
        }
        assert!(piece(&file, 299_990, 11).is_err(), "beyond the end");
        let most = piece(&file, 0, u64::MAX).expect("a piece");
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
}
