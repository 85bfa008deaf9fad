//! When credentials are renewed, and when they are surely over. Pure: both clocks come as arguments.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::Valid;

/// Renewal starts at least so long before the end: botocore refetches anything under 15 minutes …
const LEAST_AHEAD: Duration = Duration::from_mins(20);
/// … or this part of the whole life before it, if that is longer; but never before half of it.
const PART_AHEAD: u32 = 4;
/// A renewal that failed is tried again after this, or sooner for a short life.
const RETRY_PAUSE: Duration = Duration::from_secs(30);
/// Credentials that had ended when they came are those of a wrong clock here. AWS gives none for less
/// than this (`DurationSeconds` of `AssumeRole`).
const SHORTEST_LIFE: Duration = Duration::from_mins(15);

/// Whether it is time for new ones. One clock is enough: early is harmless.
pub(super) fn renewal_is_due(valid: &Valid, wall: SystemTime, monotonic: Instant) -> bool {
    let Some((life, by_wall, by_monotonic)) = left(valid, wall, monotonic) else {
        return false;
    };
    by_wall.min(by_monotonic) <= ahead(life)
}

/// When that is, by the wall clock.
pub(super) fn renewal_at(valid: &Valid) -> Option<SystemTime> {
    let expiry = valid.credentials.expiry()?;
    expiry.checked_sub(ahead(told_life(valid, expiry)?))
}

fn ahead(life: Duration) -> Duration {
    LEAST_AHEAD.max(life / PART_AHEAD).min(life / 2)
}

/// How long a failed renewal is left alone.
pub(super) fn retry_pause(valid: &Valid) -> Duration {
    let expiry = valid.credentials.expiry();
    let life = expiry.and_then(|expiry| told_life(valid, expiry));
    life.map_or(RETRY_PAUSE, |life| RETRY_PAUSE.min(life / 10))
}

/// Whether they have surely ended: both clocks say so, as either may have been stepped.
pub(super) fn have_ended(valid: &Valid, wall: SystemTime, monotonic: Instant) -> bool {
    left(valid, wall, monotonic)
        .is_some_and(|(_, by_wall, by_monotonic)| by_wall.max(by_monotonic).is_zero())
}

/// Their life, and what is left of it by either clock; `None` for credentials without an end.
fn left(
    valid: &Valid,
    wall: SystemTime,
    monotonic: Instant,
) -> Option<(Duration, Duration, Duration)> {
    let expiry = valid.credentials.expiry()?;
    let passed = monotonic.saturating_duration_since(valid.loaded);
    let Some(life) = told_life(valid, expiry) else {
        let left = SHORTEST_LIFE.saturating_sub(passed);
        return Some((SHORTEST_LIFE, left, left));
    };
    let by_wall = expiry.duration_since(wall).unwrap_or_default();
    Some((life, by_wall, life.saturating_sub(passed)))
}

/// The life that an expiry tells of; `None` where it had passed already.
fn told_life(valid: &Valid, expiry: SystemTime) -> Option<Duration> {
    let life = expiry.duration_since(valid.loaded_at).ok()?;
    (!life.is_zero()).then_some(life)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Identity;
    use aws_credential_types::Credentials;
    use std::time::UNIX_EPOCH;

    const START: SystemTime = UNIX_EPOCH;

    fn living(life: Duration) -> Valid {
        let expiry = Some(START + life);
        Valid {
            credentials: Credentials::new("key", "secret", None, expiry, "test"),
            generation: 1,
            identity: Identity::of_profile("test"),
            loaded_at: START,
            loaded: Instant::now(),
        }
    }

    fn due_after(valid: &Valid, passed: Duration) -> bool {
        renewal_is_due(valid, START + passed, valid.loaded + passed)
    }

    #[test]
    fn renewal_is_twenty_minutes_or_a_quarter_ahead_but_never_before_half() {
        let minutes = Duration::from_mins;
        for (life, due) in [(60, 40), (240, 180), (720, 540), (30, 15), (2, 1)] {
            let valid = living(minutes(life));
            let early = minutes(due).saturating_sub(Duration::from_secs(1));
            assert!(!due_after(&valid, early), "{life} minutes");
            assert!(due_after(&valid, minutes(due)), "{life} minutes");
        }
    }

    #[test]
    fn a_stepped_clock_renews_early_and_ends_nothing() {
        let hour = Duration::from_hours(1);
        let valid = living(hour);
        let forward = (START + hour, valid.loaded);
        assert!(renewal_is_due(&valid, forward.0, forward.1));
        assert!(!have_ended(&valid, forward.0, forward.1));
        let late = valid.loaded + hour;
        assert!(
            renewal_is_due(&valid, START, late),
            "the wall clock went back"
        );
        assert!(!have_ended(&valid, START, late));
        assert!(have_ended(&valid, START + hour, late));
    }

    #[test]
    fn credentials_that_had_ended_when_they_came_live_for_a_while() {
        let mut valid = living(Duration::from_hours(1));
        valid.loaded_at = START + Duration::from_hours(3);
        let minutes = Duration::from_mins;
        let after = |passed: Duration| (valid.loaded_at + passed, valid.loaded + passed);
        let (wall, monotonic) = after(minutes(7));
        assert!(!renewal_is_due(&valid, wall, monotonic));
        assert!(!have_ended(&valid, wall, monotonic));
        let (wall, monotonic) = after(minutes(8));
        assert!(renewal_is_due(&valid, wall, monotonic));
        let (wall, monotonic) = after(minutes(15));
        assert!(have_ended(&valid, wall, monotonic));
        assert_eq!(retry_pause(&valid), RETRY_PAUSE);
    }
}
