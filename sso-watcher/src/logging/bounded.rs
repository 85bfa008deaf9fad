//! A log that says no more than fits into an hour: what repeats itself for ever fills no disk.

use std::io::{self, Write};
use std::time::{Duration, Instant};

/// What is counted together.
const HOUR: Duration = Duration::from_hours(1);
/// Some seven thousand lines; usual is a hundredth of it.
const BYTES_AN_HOUR: usize = 1024 * 1024;

/// Passes lines on, at most [`BYTES_AN_HOUR`]; each write is a whole line.
pub(super) struct Bounded<W> {
    inner: W,
    clock: fn() -> Instant,
    hour: Hour,
}

/// What was written since an hour began.
struct Hour {
    began: Instant,
    bytes: usize,
    left_out: u64,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Write,
    /// The first after others that were left out.
    WriteAfter {
        left_out: u64,
    },
    /// The first that does not fit.
    LeaveOutFirst,
    LeaveOut,
}

impl Hour {
    fn new(began: Instant) -> Self {
        Self {
            began,
            bytes: 0,
            left_out: 0,
        }
    }

    fn weigh(&mut self, bytes: usize, now: Instant) -> Verdict {
        let before = self.left_out;
        if now.duration_since(self.began) >= HOUR {
            *self = Self::new(now);
        }
        if self.left_out > 0 || self.bytes.saturating_add(bytes) > BYTES_AN_HOUR {
            self.left_out += 1;
            return if self.left_out == 1 {
                Verdict::LeaveOutFirst
            } else {
                Verdict::LeaveOut
            };
        }
        self.bytes += bytes;
        if before > 0 {
            Verdict::WriteAfter { left_out: before }
        } else {
            Verdict::Write
        }
    }
}

impl<W: Write> Bounded<W> {
    pub(super) fn new(inner: W, clock: fn() -> Instant) -> Self {
        Self {
            inner,
            clock,
            hour: Hour::new(clock()),
        }
    }
}

impl<W: Write> Write for Bounded<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.hour.weigh(line.len(), (self.clock)()) {
            Verdict::Write => {}
            Verdict::WriteAfter { left_out } => {
                writeln!(self.inner, "… {left_out} lines were left out")?;
            }
            Verdict::LeaveOutFirst => {
                writeln!(
                    self.inner,
                    "… more than {} KiB within an hour: the rest of it is left out",
                    BYTES_AN_HOUR / 1024
                )?;
                return Ok(line.len());
            }
            Verdict::LeaveOut => return Ok(line.len()),
        }
        self.inner.write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_has_room_for_so_much_and_the_next_one_says_how_much_is_missing() {
        let start = Instant::now();
        let mut hour = Hour::new(start);
        let half = BYTES_AN_HOUR / 2;
        assert_eq!(hour.weigh(half, start), Verdict::Write);
        assert_eq!(hour.weigh(half, start), Verdict::Write);
        assert_eq!(hour.weigh(1, start), Verdict::LeaveOutFirst);
        assert_eq!(hour.weigh(1, start + HOUR / 2), Verdict::LeaveOut);
        let next = start + HOUR;
        assert_eq!(hour.weigh(1, next), Verdict::WriteAfter { left_out: 2 });
        assert_eq!(hour.weigh(1, next), Verdict::Write);
    }

    #[test]
    fn a_repeated_line_fills_no_disk() {
        let mut log = Bounded::new(Vec::new(), Instant::now);
        let line = [b"the same trouble again, ".repeat(40), b"\n".to_vec()].concat();
        for _ in 0..3_000 {
            log.write_all(&line).expect("written or left out");
        }
        assert!(log.inner.len() <= BYTES_AN_HOUR + 200);
        let text = String::from_utf8_lossy(&log.inner);
        assert_eq!(text.matches("left out").count(), 1);
        assert!(text.ends_with("left out\n"));
    }
}
