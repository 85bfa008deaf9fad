//! The clock the simulated AWS believes in.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

/// The server's clock: the machine's, moved by a number of seconds. Clones share the offset.
///
/// AWS refuses a signature more than 15 minutes away from its own clock, and clients learn the
/// difference from the `Date` header, which therefore follows this clock too.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_seconds: Arc<AtomicI64>,
}

impl Clock {
    /// Moves the clock to `seconds` after (or, negative, before) the machine's.
    pub fn set_offset_seconds(&self, seconds: i64) {
        self.offset_seconds.store(seconds, Ordering::SeqCst);
    }

    /// The seconds this clock is ahead of the machine's.
    #[must_use]
    pub fn offset_seconds(&self) -> i64 {
        self.offset_seconds.load(Ordering::SeqCst)
    }

    /// The time by this clock; the machine's own where the offset would leave the representable range.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the rim: everyone else asks the clock"
    )]
    pub fn now(&self) -> SystemTime {
        let machine = SystemTime::now();
        let offset = self.offset_seconds();
        let distance = Duration::from_secs(offset.unsigned_abs());
        let moved = if offset < 0 {
            machine.checked_sub(distance)
        } else {
            machine.checked_add(distance)
        };
        moved.unwrap_or(machine)
    }
}
