//! Turns: behind a login, or an outage, hundreds of services want new credentials at the same moment.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// So many ask AWS at once: a thousand at the same moment would only be in each other's way, and AWS would
/// throttle them.
const AT_ONCE: usize = 16;
/// Who takes longer leaves the place to the next.
const LONGEST_TURN: Duration = Duration::from_secs(10);

/// Places for those who ask AWS. Cheap to clone. Whoever has one waits for AWS and for no other of them, so that one
/// session that hangs holds up nobody else's.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Turns {
    /// Asks when it is its turn.
    pub(super) fn take<T>(&self, asking: impl Future<Output = T>) -> impl Future<Output = T> {
        // The SDKs' are large.
        let mut asking = Box::pin(asking);
        async move {
            // Nobody closes it.
            let place = self.0.acquire().await.ok();
            if let Ok(answer) = timeout(LONGEST_TURN, &mut asking).await {
                return answer;
            }
            drop(place);
            asking.await
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::watch;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_crowd_asks_by_and_by() {
        let turns = Turns::default();
        let at_work: Arc<AtomicUsize> = Arc::default();
        let (answer, answered) = watch::channel(());
        for _ in 0..3 * AT_ONCE {
            let (turns, at_work) = (turns.clone(), Arc::clone(&at_work));
            let mut answered = answered.clone();
            let asking = async move {
                at_work.fetch_add(1, Ordering::Relaxed);
                answered.changed().await
            };
            tokio::spawn(async move { turns.take(asking).await });
        }
        tokio::time::sleep(LONGEST_TURN / 2).await;
        assert_eq!(at_work.load(Ordering::Relaxed), AT_ONCE);
        tokio::time::sleep(LONGEST_TURN).await;
        assert_eq!(at_work.load(Ordering::Relaxed), 2 * AT_ONCE, "too slow");
        answer.send_replace(());
        tokio::time::sleep(LONGEST_TURN / 4).await;
        assert_eq!(at_work.load(Ordering::Relaxed), 3 * AT_ONCE, "done");
    }
}
