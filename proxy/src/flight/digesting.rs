//! Computes the digests of a body behind its reception, off the async threads.
//!
//! It follows through the [`Spool`]: from memory while it keeps up, from the staging file when it is
//! behind. So it holds up neither the reception nor the readers, and needs no memory of its own. Only
//! whoever needs the result waits for it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::spool::Spool;
use crate::checksum::Digests;
use crate::request;

/// Worth a trip to the blocking pool, in bytes.
const WORTHWHILE_BYTES: u64 = 256 * 1024;
/// Computed in one turn, in bytes: some 10 ms, then others have theirs.
const TURN_BYTES: u64 = 4 * 1024 * 1024;

/// Each turn is waited for so long at most. Turns are short, so it is only where the disk hangs under those
/// that read from it.
const TURN_WITHIN: Duration = Duration::from_secs(30);

/// Whose turn it is to compute: as many as there are processors, so that hits get theirs.
#[derive(Clone)]
pub(super) struct Turns(Arc<Semaphore>);

/// The digests of one flight.
pub(super) struct Digesting {
    spool: Arc<Spool>,
    turns: Turns,
    state: State,
}

/// Why digests cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum NoDigests {
    /// Bytes are gone, or computing ended by a panic.
    #[error("its bytes could not be read again")]
    Unreadable,
    /// Others have computed all the time.
    #[error("no turn to compute its digests has come for {} s", TURN_WITHIN.as_secs())]
    NoTurn,
}

enum State {
    Idle(Box<Digests>),
    Computing(JoinHandle<Option<Box<Digests>>>),
    /// Bytes could not be read again, or the task ended by a panic, which was logged.
    Lost,
}

impl Default for Turns {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new(processors)))
    }
}

impl Turns {
    fn now(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }

    /// In turn, waiting at most [`TURN_WITHIN`].
    async fn next(&self) -> Result<OwnedSemaphorePermit, NoDigests> {
        match timeout(TURN_WITHIN, Arc::clone(&self.0).acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(NoDigests::NoTurn),
        }
    }
}

impl Digesting {
    pub(super) fn new(spool: Arc<Spool>, turns: Turns, digests: Digests) -> Self {
        Self {
            spool,
            turns,
            state: State::Idle(Box::new(digests)),
        }
    }

    /// Goes on, now that the bytes up to `received` are in the spool, unless it is at it. Waits for
    /// nothing.
    pub(super) async fn advance(&mut self, received: u64) {
        if let State::Computing(task) = &self.state
            && !task.is_finished()
        {
            return;
        }
        self.settle().await;
        if let State::Idle(digests) = &self.state
            && received - digests.length() >= WORTHWHILE_BYTES
            && let Some(turn) = self.turns.now()
        {
            self.compute(received, turn);
        }
    }

    /// The digests of all `received` bytes of the spool.
    pub(super) async fn finish(mut self, received: u64) -> Result<Digests, NoDigests> {
        loop {
            self.settle().await;
            let State::Idle(digests) = self.state else {
                return Err(NoDigests::Unreadable);
            };
            if digests.length() >= received {
                return Ok(*digests);
            }
            self.state = State::Idle(digests);
            let turn = self.turns.next().await?;
            self.compute(received, turn);
        }
    }

    /// The same, of a body whose `last` bytes nobody may have yet.
    pub(super) async fn finish_with(
        self,
        received: u64,
        last: Bytes,
    ) -> Result<Digests, NoDigests> {
        let turns = self.turns.clone();
        let mut digests = self.finish(received).await?;
        let turn = turns.next().await?;
        let rest = request::spawn_blocking(move || {
            let _until_done = turn;
            digests.update(&last);
            digests
        });
        rest.await.map_err(|_| NoDigests::Unreadable)
    }

    async fn settle(&mut self) {
        if let State::Computing(task) = &mut self.state {
            self.state = task.await.ok().flatten().map_or(State::Lost, State::Idle);
        }
    }

    fn compute(&mut self, received: u64, turn: OwnedSemaphorePermit) {
        let State::Idle(mut digests) = std::mem::replace(&mut self.state, State::Lost) else {
            return;
        };
        let spool = Arc::clone(&self.spool);
        self.state = State::Computing(request::spawn_blocking(move || {
            let _until_done = turn;
            let end = received.min(digests.length() + TURN_BYTES);
            while digests.length() < end {
                let bytes = spool.read_now(digests.length(), end)?;
                digests.update(&bytes);
            }
            Some(digests)
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::{Expected, ExpectedChecksum, Hasher};
    use crate::flight::spool::Keep;

    const PIECE: usize = 300_000;

    fn digesting(spool: &Arc<Spool>) -> Digesting {
        Digesting::new(Arc::clone(spool), Turns::default(), Digests::default())
    }

    fn piece(of: u8) -> Bytes {
        Bytes::from(vec![of; PIECE])
    }

    /// Whether the digests are those of `body`.
    fn are_of(digests: Digests, body: &[u8]) -> bool {
        let expected = |checksums| Expected {
            length: body.len() as u64,
            checksums,
        };
        let mut whole = Hasher::new(expected(vec![]));
        whole.update(body);
        let md5 = whole.finish().expect("verified").checksums().md5.clone();
        let (mut tally, _) = Hasher::new(expected(vec![ExpectedChecksum::Md5Hex(md5)])).split();
        tally.update(body);
        tally.finish(digests).is_ok()
    }

    #[tokio::test]
    async fn the_digests_are_of_all_bytes_however_far_they_were_behind() {
        let spool = Arc::new(Spool::default());
        let mut digesting = digesting(&spool);
        let mut body = Vec::new();
        for of in 0..40 {
            spool.push(body.len() as u64, piece(of));
            body.extend_from_slice(&piece(of));
            digesting.advance(body.len() as u64).await;
        }
        let received = body.len() as u64;
        body.extend_from_slice(b"the last bytes");
        let last = Bytes::from_static(b"the last bytes");
        let digests = digesting.finish_with(received, last).await;
        assert!(are_of(digests.expect("digests"), &body));
    }

    #[tokio::test]
    async fn an_altered_byte_is_not_missed() {
        let spool = Arc::new(Spool::default());
        spool.push(0, piece(1));
        let digests = digesting(&spool).finish(PIECE as u64).await;
        let mut altered = piece(1).to_vec();
        altered[PIECE / 2] ^= 1;
        assert!(!are_of(digests.expect("digests"), &altered));
    }

    #[tokio::test]
    async fn bytes_that_cannot_be_read_again_end_it() {
        let spool = Arc::new(Spool::default());
        spool.push(0, piece(1));
        // As if they were in the file, which there is none of.
        spool.trim(PIECE as u64, Keep::Nothing);
        spool.push(PIECE as u64, piece(2));
        let mut digesting = digesting(&spool);
        digesting.advance(2 * PIECE as u64).await;
        let finished = digesting.finish(2 * PIECE as u64).await;
        assert_eq!(finished.err(), Some(NoDigests::Unreadable));
    }

    #[tokio::test]
    async fn a_panic_while_computing_ends_it() {
        let spool = Arc::new(Spool::default());
        let mut digesting = digesting(&spool);
        digesting.state = State::Computing(tokio::spawn(async { panic!("on purpose") }));
        let finished = digesting.finish(1).await;
        assert_eq!(finished.err(), Some(NoDigests::Unreadable));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_does_not_come_ends_it() {
        let spool = Arc::new(Spool::default());
        spool.push(0, piece(1));
        let digesting = digesting(&spool);
        let turns = digesting.turns.clone();
        let mut taken = Vec::new();
        while let Some(turn) = turns.now() {
            taken.push(turn);
        }
        let finished = digesting.finish(PIECE as u64).await;
        assert_eq!(finished.err(), Some(NoDigests::NoTurn));
    }
}
