//! Small work on a disk that may hang.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sso_session::disk::read_bounded;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

/// A disk that hangs must not keep whoever asks.
const PATIENCE: Duration = Duration::from_secs(5);

/// What tells a file's content from another, for whoever watches it: events of the file system are lost on bind
/// mounts, and times may lie. `None` for what cannot be read, or is longer than `most_bytes`; a pipe included, as
/// opening that would wait for its writer. Blocks on the disk.
pub(crate) fn content_digest(path: &Path, most_bytes: u64) -> Option<[u8; 32]> {
    let content = read_bounded(path, most_bytes).ok()?;
    Some(Sha256::digest(&*content).into())
}

/// Work on a disk that may hang: one at a time, so that no threads pile up behind it. The threads are
/// those that hits are read with.
#[derive(Debug)]
pub(crate) struct Disk {
    /// Held by the work under way for as long as it takes, even if nobody waits for it any more.
    place: Arc<Semaphore>,
    began: Began,
}

/// Why a piece of work has no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It takes too long, and may still be at it.
    Hangs,
    /// It panicked.
    Panicked,
}

/// When the work under way began.
#[derive(Clone, Debug, Default)]
struct Began(Arc<Mutex<Option<Instant>>>);

impl Default for Disk {
    fn default() -> Self {
        Self {
            place: Arc::new(Semaphore::new(1)),
            began: Began::default(),
        }
    }
}

impl Disk {
    /// The outcome of the work.
    ///
    /// # Errors
    /// [`Lost::Hangs`] if it takes too long, the work before it included, or if that hangs already;
    /// [`Lost::Panicked`] if it panics.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Lost> {
        let hangs = |began: Instant| began.elapsed() >= PATIENCE;
        if self.began.lock().is_some_and(hangs) {
            return Err(Lost::Hangs);
        }
        let done = async {
            let place = Arc::clone(&self.place).acquire_owned().await;
            let place = place.map_err(|_| Lost::Hangs)?;
            let began = self.began.clone();
            *began.lock() = Some(Instant::now());
            let work = tokio::task::spawn_blocking(move || {
                let outcome = catch_unwind(AssertUnwindSafe(work));
                *began.lock() = None;
                drop(place);
                outcome
            });
            let outcome = work.await.map_err(|_| Lost::Panicked)?;
            outcome.map_err(|_| Lost::Panicked)
        };
        timeout(PATIENCE, done).await.unwrap_or(Err(Lost::Hangs))
    }
}

impl Began {
    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_takes_one_thread() {
        let disk = Disk::default();
        assert_eq!(disk.run(|| 1).await, Ok(1));
        let (answer, hanging) = mpsc::channel::<()>();
        let given_up = disk.run(move || hanging.recv().is_ok());
        let behind = disk.run(|| 2);
        let time_passes = tokio::time::advance(PATIENCE * 2);
        let (given_up, behind, ()) = tokio::join!(given_up, behind, time_passes);
        assert_eq!((given_up, behind), (Err(Lost::Hangs), Err(Lost::Hangs)));
        let third = disk.run(|| 3).await;
        assert_eq!(third, Err(Lost::Hangs), "the first is still at it");
        answer.send(()).expect("it waits");
        let mut fourth = Err(Lost::Hangs);
        while fourth.is_err() {
            tokio::task::yield_now().await;
            fourth = disk.run(|| 4).await;
        }
        assert_eq!(fourth, Ok(4));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_panics_does_not_look_like_a_disk_that_hangs() {
        let disk = Disk::default();
        let panicked: Result<u8, _> = disk.run(|| panic!("a fault of the work")).await;
        assert_eq!(panicked, Err(Lost::Panicked));
        tokio::time::advance(PATIENCE * 2).await;
        assert_eq!(disk.run(|| 2).await, Ok(2));
    }

    #[tokio::test]
    async fn who_ask_at_once_are_all_answered() {
        let disk = Disk::default();
        let answers = tokio::join!(disk.run(|| 1), disk.run(|| 2), disk.run(|| 3));
        assert_eq!(answers, (Ok(1), Ok(2), Ok(3)));
    }
}
