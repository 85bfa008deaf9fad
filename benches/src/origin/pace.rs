//! A connection that brings so many bytes a second, as smoothly as a network does.

use std::time::{Duration, Instant};

/// The first piece is small, so that the first byte comes as early as on a line of that speed.
const FIRST_PIECE_BYTES: usize = 4 * 1024;
/// What a network card hands over at once; at 80 MB/s, one in 0.8 ms.
const PIECE_BYTES: usize = 64 * 1024;
/// Without a limit: large enough to spare system calls, small enough to count what was written.
const UNLIMITED_PIECE_BYTES: usize = 256 * 1024;
/// A client that was slower than its line gets so much faster afterwards, as from a router's queue.
const MOST_CREDIT: Duration = Duration::from_millis(4);

/// When the next piece of an answer is due.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: Option<u64>,
    /// When everything so far has come through.
    due: Instant,
    is_first: bool,
}

impl Pace {
    /// Of an answer whose body begins now.
    pub(super) fn new(bytes_per_second: Option<u64>, now: Instant) -> Self {
        Self {
            bytes_per_second,
            due: now,
            is_first: true,
        }
    }

    /// How many bytes to write next, of so many left, and how long to wait before.
    pub(super) fn next(&mut self, left: usize, now: Instant) -> (usize, Duration) {
        let Some(rate) = self.bytes_per_second else {
            return (left.min(UNLIMITED_PIECE_BYTES), Duration::ZERO);
        };
        let piece = if self.is_first {
            FIRST_PIECE_BYTES
        } else {
            PIECE_BYTES
        };
        self.is_first = false;
        let piece = left.min(piece);
        let takes = Duration::from_nanos(piece as u64 * 1_000_000_000 / rate.max(1));
        let earliest = now.checked_sub(MOST_CREDIT).unwrap_or(now);
        // A piece is there when its last byte is.
        self.due = self.due.max(earliest) + takes;
        (piece, self.due.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u64 = 80_000_000;

    /// Writes `length` bytes on a clock that sleeps `late` too long each time; how long it took.
    fn written(length: usize, late: Duration) -> Duration {
        let start = Instant::now();
        let (mut now, mut left) = (start, length);
        let mut pace = Pace::new(Some(RATE), now);
        while left > 0 {
            let (piece, wait) = pace.next(left, now);
            if !wait.is_zero() {
                now += wait + late;
            }
            left -= piece;
        }
        now - start
    }

    #[test]
    fn a_body_takes_as_long_as_its_rate_says_however_late_the_sleeps_are() {
        for late in [Duration::ZERO, Duration::from_micros(300)] {
            let took = written(80_000_000, late).as_secs_f64();
            assert!((took - 1.0).abs() < 0.001, "{took}");
        }
    }

    #[test]
    fn what_was_not_read_is_not_caught_up_with() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(RATE), start);
        let _first = pace.next(1 << 20, start);
        let later = start + Duration::from_secs(1);
        let mut is_ahead = || pace.next(1 << 20, later).1.is_zero();
        let ahead = (0..100).take_while(|_| is_ahead()).count();
        assert_eq!(ahead, 4);
    }
}
