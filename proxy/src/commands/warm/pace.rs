//! When the next request may be made: one moment for all, so that nobody hammers what is in trouble.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// What `Retry-After` may ask for at most.
const MOST_PAUSE: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct Pace(Mutex<Instant>);

impl Default for Pace {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Pace {
    /// Waits until a request may be made.
    pub(super) async fn wait(&self) {
        loop {
            let not_before = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if not_before <= Instant::now() {
                return;
            }
            // Somebody may have asked for more meanwhile.
            sleep_until(not_before).await;
        }
    }

    /// Nobody asks for so long.
    pub(super) fn pause(&self, pause: Duration) {
        let end = Instant::now() + pause.min(MOST_PAUSE);
        let mut not_before = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = (*not_before).max(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longest_pause_counts_for_all_and_has_an_end() {
        let (pace, started) = (Pace::default(), Instant::now());
        pace.wait().await;
        assert_eq!(started.elapsed(), Duration::ZERO);
        pace.pause(Duration::from_secs(5));
        pace.pause(Duration::from_secs(1));
        tokio::join!(pace.wait(), pace.wait());
        assert_eq!(started.elapsed(), Duration::from_secs(5));
        pace.pause(Duration::from_hours(24));
        pace.wait().await;
        assert_eq!(started.elapsed(), Duration::from_secs(65));
    }
}
