//! What a flight has received: the newest bytes in memory, all of them in the staging file.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::cache::StagedReader;
use crate::request;

/// Bytes kept in memory although they are in the file, for readers close behind.
const RECENT_BYTES: u64 = 256 * 1024;

#[derive(Default)]
pub(super) struct Spool {
    recent: Mutex<Recent>,
    /// Of the latest attempt.
    file: Mutex<Option<StagedReader>>,
}

#[derive(Default)]
struct Recent {
    chunks: VecDeque<(u64, Bytes)>,
    bytes: u64,
}

impl Spool {
    pub(super) fn set_file(&self, file: StagedReader) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
    }

    pub(super) fn push(&self, position: u64, bytes: Bytes) {
        let mut recent = self.recent();
        recent.bytes += bytes.len() as u64;
        recent.chunks.push_back((position, bytes));
    }

    /// Lets go of old bytes; `written` of them are in the file.
    pub(super) fn trim(&self, written: u64, keep: Keep) {
        let keep = match keep {
            Keep::Recent => RECENT_BYTES,
            Keep::Nothing => 0,
        };
        let mut recent = self.recent();
        while let Some((position, chunk)) = recent.chunks.front() {
            let length = chunk.len() as u64;
            if position + length > written || recent.bytes <= keep {
                break;
            }
            recent.chunks.pop_front();
            recent.bytes -= length;
        }
    }

    /// The bytes from `position`, at least one and at most up to `end`. `None` where they are
    /// neither in memory nor in the file.
    pub(super) async fn read(&self, position: u64, end: u64) -> Option<Bytes> {
        match self.find(position, end)? {
            Place::Memory(bytes) => Some(bytes),
            Place::File(file, length) => {
                if let Some(bytes) = file.at_hand(position, length) {
                    return Some(bytes);
                }
                let read = request::spawn_blocking(move || file.read_at(position, length)).await;
                read.ok()?.ok()
            }
        }
    }

    /// The same, as far as nothing has to be waited for.
    pub(super) fn at_hand(&self, position: u64, end: u64) -> Option<Bytes> {
        match self.find(position, end)? {
            Place::Memory(bytes) => Some(bytes),
            Place::File(file, length) => file.at_hand(position, length),
        }
    }

    /// The same. May block on the disk.
    pub(super) fn read_now(&self, position: u64, end: u64) -> Option<Bytes> {
        match self.find(position, end)? {
            Place::Memory(bytes) => Some(bytes),
            Place::File(file, length) => file.read_at(position, length).ok(),
        }
    }

    fn find(&self, position: u64, end: u64) -> Option<Place> {
        let recent = self.recent();
        if let Some(bytes) = recent.at(position) {
            let wanted = usize::try_from(end - position).unwrap_or(usize::MAX);
            return Some(Place::Memory(bytes.slice(..wanted.min(bytes.len()))));
        }
        // Everything before the oldest chunk in memory is in the file.
        let oldest = recent.chunks.front().map(|(oldest, _)| *oldest);
        drop(recent);
        let file = self
            .file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()?;
        let before_memory = oldest.unwrap_or(u64::MAX).checked_sub(position)?;
        let length = before_memory.min(end - position);
        Some(Place::File(file, length))
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where bytes were found.
enum Place {
    Memory(Bytes),
    /// So many of them, or the first ones of these.
    File(StagedReader, u64),
}

/// What stays in memory.
#[derive(Clone, Copy)]
pub(super) enum Keep {
    /// Enough for readers close behind.
    Recent,
    /// The file has it all.
    Nothing,
}

impl Recent {
    fn at(&self, position: u64) -> Option<Bytes> {
        let index = self
            .chunks
            .partition_point(|(start, _)| *start <= position)
            .checked_sub(1)?;
        let (start, chunk) = &self.chunks[index];
        let offset = usize::try_from(position - start).ok()?;
        (offset < chunk.len()).then(|| chunk.slice(offset..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_are_found_by_position_until_they_are_trimmed() {
        let spool = Spool::default();
        spool.push(0, Bytes::from_static(b"hello "));
        spool.push(6, Bytes::from_static(b"world"));
        assert_eq!(spool.read(0, 11).await.as_deref(), Some(&b"hello "[..]));
        assert_eq!(spool.read(4, 5).await.as_deref(), Some(&b"o"[..]));
        assert_eq!(spool.read(8, 11).await.as_deref(), Some(&b"rld"[..]));
        spool.trim(6, Keep::Nothing);
        assert_eq!(spool.read(0, 11).await, None);
        assert_eq!(spool.read(6, 11).await.as_deref(), Some(&b"world"[..]));
    }

    #[test]
    fn what_is_not_written_is_never_let_go() {
        let spool = Spool::default();
        spool.push(0, Bytes::from(vec![0; 1_000_000]));
        spool.trim(999_999, Keep::Nothing);
        assert!(spool.recent().at(0).is_some());
    }
}
