//! Writes a flight to its staging file while the next bytes are received.

use std::io;

use bytes::Bytes;
use tokio::task::JoinHandle;

use crate::cache::Staged;
use crate::checksum::Verified;
use crate::request;

/// Written in one go, to spare trips to the blocking pool.
const BATCH_BYTES: u64 = 256 * 1024;

/// One write at a time, one batch ahead.
pub(super) struct Writer {
    state: WriterState,
    batch: Vec<Bytes>,
    batch_bytes: u64,
    written_bytes: u64,
}

enum WriterState {
    Idle(Box<Staged>),
    Writing {
        write: JoinHandle<io::Result<Box<Staged>>>,
        bytes: u64,
    },
    /// The disk failed: said once, then everything is dropped.
    Failed,
}

impl Writer {
    pub(super) fn new(staged: Staged) -> Self {
        let state = WriterState::Idle(Box::new(staged));
        Self {
            state,
            batch: Vec::new(),
            batch_bytes: 0,
            written_bytes: 0,
        }
    }

    /// How many bytes of the body are in the file.
    pub(super) fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Takes the next bytes; waits only while the disk is a whole batch behind.
    pub(super) async fn push(&mut self, bytes: Bytes) -> io::Result<()> {
        self.batch_bytes += bytes.len() as u64;
        self.batch.push(bytes);
        if self.batch_bytes >= BATCH_BYTES {
            let staged = self.settle().await?;
            self.write(staged);
        }
        Ok(())
    }

    /// Writes the rest and makes the file an object, if it still may be one when all is written. Its readers have it
    /// either way.
    pub(super) async fn commit(
        mut self,
        verified: Verified,
        may_be_kept: impl FnOnce() -> bool + Send + 'static,
    ) -> io::Result<()> {
        let mut staged = self.settle().await?;
        let batch = std::mem::take(&mut self.batch);
        let commit = request::spawn_blocking(move || {
            append(&mut staged, &batch)?;
            if may_be_kept() {
                staged.commit(&verified)
            } else {
                Ok(())
            }
        });
        commit.await.map_err(io::Error::other)?
    }

    /// Waits for the write under way.
    async fn settle(&mut self) -> io::Result<Box<Staged>> {
        match std::mem::replace(&mut self.state, WriterState::Failed) {
            WriterState::Idle(staged) => Ok(staged),
            WriterState::Writing { write, bytes } => {
                let staged = write.await.map_err(io::Error::other)??;
                self.written_bytes += bytes;
                Ok(staged)
            }
            WriterState::Failed => Err(io::Error::other("the disk has failed before")),
        }
    }

    fn write(&mut self, mut staged: Box<Staged>) {
        let batch = std::mem::take(&mut self.batch);
        let bytes = std::mem::take(&mut self.batch_bytes);
        let write = request::spawn_blocking(move || {
            append(&mut staged, &batch)?;
            Ok(staged)
        });
        self.state = WriterState::Writing { write, bytes };
    }
}

fn append(staged: &mut Staged, batch: &[Bytes]) -> io::Result<()> {
    batch.iter().try_for_each(|bytes| staged.append(bytes))
}
