//! Whether several connections have brought more than one lately.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Pace;

/// Where the line is what limits (most are at home), ranges bring nothing, and are tried so often: a
/// laptop moves from line to line.
const TRIED_AGAIN_AFTER: Duration = Duration::from_mins(1);
/// Less in ranges says nothing.
const TELLING_BYTES: u64 = 4 * super::RANGE_BYTES;

/// What the downloads in ranges have learned, for those that come.
#[derive(Debug, Default)]
pub(in crate::origin) struct Gain {
    /// Until when ranges are taken for useless.
    useless_until: Mutex<Option<Instant>>,
}

impl Gain {
    /// Whether it makes sense to try ranges.
    pub(super) fn is_likely(&self) -> bool {
        self.lock().is_none_or(|until| Instant::now() >= until)
    }

    /// A download came at these paces: over one connection, and then over several.
    pub(super) fn note(&self, one: Pace, several: Pace) {
        if several.bytes() < TELLING_BYTES {
            return;
        }
        let useless = !several.is_noticeably_faster_than(one);
        *self.lock() = useless.then(|| Instant::now() + TRIED_AGAIN_AFTER);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.useless_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(bytes_per_second: u64) -> Pace {
        let mut pace = Pace::default();
        pace.note(bytes_per_second * 10, Duration::from_secs(10));
        pace
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_is_the_limit_is_tried_again_after_a_while() {
        let gain = Gain::default();
        assert!(gain.is_likely());
        gain.note(pace(12_000_000), pace(13_000_000));
        assert!(!gain.is_likely());
        tokio::time::advance(TRIED_AGAIN_AFTER).await;
        assert!(gain.is_likely());
    }

    #[test]
    fn a_gain_is_believed_at_once() {
        let gain = Gain::default();
        gain.note(pace(12_000_000), pace(12_000_000));
        gain.note(pace(80_000_000), pace(300_000_000));
        assert!(gain.is_likely());
    }

    #[test]
    fn a_few_bytes_say_nothing() {
        let gain = Gain::default();
        gain.note(pace(12_000_000), pace(1_000_000));
        assert!(gain.is_likely());
    }
}
