//! Small work on a disk that may hang.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

/// A disk that hangs must not keep whoever asks.
const PATIENCE: Duration = Duration::from_secs(5);

/// Work on a disk that may hang: one at a time, so that no threads pile up behind it. The threads are
/// those that hits are read with.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// Held by the work under way, too.
    at_work: Arc<()>,
}

impl Disk {
    /// The outcome of the work; `None` if it takes too long, or another one still does.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let at_work = Arc::clone(&self.at_work);
        if Arc::strong_count(&at_work) > 2 {
            return None;
        }
        let work = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(at_work);
            outcome
        });
        timeout(PATIENCE, work).await.ok()?.ok()
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
        let time_passes = tokio::time::advance(PATIENCE * 2);
        let (given_up, ()) = tokio::join!(given_up, time_passes);
        assert_eq!(given_up, None);
        assert_eq!(disk.run(|| 2).await, None, "the first is still at it");
        answer.send(()).expect("it waits");
        let mut third = None;
        while third.is_none() {
            tokio::task::yield_now().await;
            third = disk.run(|| 3).await;
        }
        assert_eq!(third, Some(3));
    }
}
