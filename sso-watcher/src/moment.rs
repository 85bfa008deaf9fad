//! A moment by two clocks: the wall's, which may be stepped, and one that only goes forward.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// When something is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// For people, and for files that others read.
    pub wall: SystemTime,
    /// For all waits.
    pub steady: Steady,
}

/// Milliseconds on a clock that is never stepped and goes on while the machine sleeps. Meaningful within
/// one boot only; times before it are negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Steady(i64);

impl Steady {
    /// So long after the clock's beginning.
    #[must_use]
    pub fn new(since_beginning: Duration) -> Self {
        Self(milliseconds(since_beginning))
    }

    /// A later time.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(milliseconds(wait)))
    }

    /// An earlier time.
    #[must_use]
    pub fn before(self, age: Duration) -> Self {
        Self(self.0.saturating_sub(milliseconds(age)))
    }

    /// How long it has been since; zero for what is still to come.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let passed = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(passed).unwrap_or_default())
    }

    /// How long it is until then; zero for what has passed.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        later.since(self)
    }
}

impl Moment {
    /// The same moment as a time on the steady clock, if it has passed already: what lies in the future
    /// was written by a clock that has been stepped since.
    #[must_use]
    pub fn past(self, wall: SystemTime) -> Option<Steady> {
        let age = self.wall.duration_since(wall).ok()?;
        Some(self.steady.before(age))
    }

    /// A time on the steady clock, as a person reads it.
    #[must_use]
    pub fn on_the_wall(self, time: Steady) -> SystemTime {
        let (ahead, behind) = (self.steady.until(time), self.steady.since(time));
        let wall = self.wall.checked_add(ahead).unwrap_or(self.wall);
        wall.checked_sub(behind).unwrap_or(wall)
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_on_the_steady_clock_can_be_read_on_the_wall() {
        let now = Moment {
            wall: SystemTime::UNIX_EPOCH + Duration::from_hours(9),
            steady: Steady::new(Duration::from_mins(2)),
        };
        let hour = Duration::from_hours(1);
        let ahead = now.on_the_wall(now.steady.after(hour));
        assert_eq!(ahead, now.wall + hour);
        let behind = now.on_the_wall(now.steady.before(hour));
        assert_eq!(behind, now.wall - hour);
        assert_eq!(now.past(behind), Some(now.steady.before(hour)));
        assert_eq!(now.past(ahead), None);
    }
}
