//! Whether a connection is what a download waits for.

use std::time::Duration;

/// Before so many bytes have come, nothing is said: connections begin slowly.
const MEASURED_BYTES: u64 = 2 * 1024 * 1024;
/// Further connections have to be worth their opening, and the bytes that are sent in vain when the
/// first one is left: the rest would take longer than this.
const WORTHWHILE: Duration = Duration::from_millis(200);
/// S3 gives a connection 80 to 90 MB/s. What brings twice as much is limited by something else.
const UNLIMITED_BYTES_PER_SECOND: u64 = 170_000_000;

/// How fast a body comes, by the time that was spent waiting for it: a slow disk or client counts for
/// nothing, as its bytes are there when they are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::origin) struct Pace {
    bytes: u64,
    waited: Duration,
}

impl Pace {
    pub(in crate::origin) fn note(&mut self, bytes: u64, waited: Duration) {
        self.bytes += bytes;
        self.waited += waited;
    }

    pub(super) fn bytes(self) -> u64 {
        self.bytes
    }

    /// By a quarter at least.
    pub(super) fn is_noticeably_faster_than(self, other: Self) -> bool {
        let work = |pace: Self, other: Self| u128::from(pace.bytes) * other.waited.as_micros();
        work(self, other) * 4 >= work(other, self) * 5
    }

    /// Whether `rest` more bytes would come noticeably sooner over several connections.
    pub(in crate::origin) fn calls_for_more(self, rest: u64) -> bool {
        const MICROS: u128 = 1_000_000;
        let (bytes, micros) = (u128::from(self.bytes), self.waited.as_micros());
        let is_limited = bytes * MICROS < u128::from(UNLIMITED_BYTES_PER_SECOND) * micros;
        let takes_long = u128::from(rest) * micros > WORTHWHILE.as_micros() * bytes;
        self.bytes >= MEASURED_BYTES && is_limited && takes_long
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn calls_for_more(bytes: u64, waited_ms: u64, rest: u64) -> bool {
        let mut pace = Pace::default();
        pace.note(bytes, Duration::from_millis(waited_ms));
        pace.calls_for_more(rest)
    }

    #[test]
    fn a_connection_at_the_limit_of_s3_calls_for_more() {
        assert!(calls_for_more(4_000_000, 50, 256 * MIB));
    }

    #[test]
    fn a_slow_start_says_nothing() {
        assert!(!calls_for_more(MIB, 500, 256 * MIB));
    }

    #[test]
    fn what_is_there_soon_does_not() {
        assert!(!calls_for_more(4_000_000, 50, 15_000_000));
        assert!(calls_for_more(4_000_000, 50, 17_000_000));
    }

    #[test]
    fn a_fast_origin_does_not_however_large_the_object() {
        assert!(!calls_for_more(400_000_000, 2_000, 10_000 * MIB));
    }

    #[test]
    fn a_consumer_that_is_slower_than_the_origin_does_not() {
        assert!(!calls_for_more(40 * MIB, 0, 10_000 * MIB));
    }
}
