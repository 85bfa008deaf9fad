//! Small work on a disk that may hang.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

/// A disk that hangs must not keep whoever asks.
const PATIENCE: Duration = Duration::from_secs(5);

/// Work on a disk that may hang: one at a time, so that no threads pile up behind it. The threads are
/// those that hits are read with.
#[derive(Debug)]
pub(crate) struct Disk {
    /// Held by the work under way for as long as it takes, even if nobody waits for it any more.
    place: Arc<Semaphore>,
    began: Began,
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
    /// The outcome of the work; `None` if it takes too long, the work before it included, or if that hangs
    /// already.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let hangs = |began: Instant| began.elapsed() >= PATIENCE;
        if self.began.lock().is_some_and(hangs) {
            return None;
        }
        let done = async {
            let place = Arc::clone(&self.place).acquire_owned().await.ok()?;
            let began = self.began.clone();
            *began.lock() = Some(Instant::now());
            let work = tokio::task::spawn_blocking(move || {
                let outcome = work();
                *began.lock() = None;
                drop(place);
                outcome
            });
            work.await.ok()
        };
        timeout(PATIENCE, done).await.ok()?
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
        assert_eq!(disk.run(|| 1).await, Some(1));
        let (answer, hanging) = mpsc::channel::<()>();
        let given_up = disk.run(move || hanging.recv().is_ok());
        let behind = disk.run(|| 2);
        let time_passes = tokio::time::advance(PATIENCE * 2);
        let (given_up, behind, ()) = tokio::join!(given_up, behind, time_passes);
        assert_eq!((given_up, behind), (None, None));
        assert_eq!(disk.run(|| 3).await, None, "the first is still at it");
        answer.send(()).expect("it waits");
        let mut fourth = None;
        while fourth.is_none() {
            tokio::task::yield_now().await;
            fourth = disk.run(|| 4).await;
        }
        assert_eq!(fourth, Some(4));
    }

    #[tokio::test]
    async fn who_ask_at_once_are_all_answered() {
        let disk = Disk::default();
        let answers = tokio::join!(disk.run(|| 1), disk.run(|| 2), disk.run(|| 3));
        assert_eq!(answers, (Some(1), Some(2), Some(3)));
    }
}
