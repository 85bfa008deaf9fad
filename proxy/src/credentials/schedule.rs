//! When credentials are renewed, and when they are surely over. Pure: both clocks come as arguments.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::Valid;
use crate::config::RenewalConfig;

/// Renewal starts at least so long before the end …
const LEAST_AHEAD: Duration = Duration::from_mins(20);
/// … or this part of the whole life before it, if that is longer; but never before half of it …
const PART_AHEAD: u32 = 4;
/// … unless less than this would be left by then: botocore refetches anything under 15 minutes. Lives
/// shorter than [`LEAST_AHEAD`] go by their half alone.
const ALWAYS_LEFT: Duration = Duration::from_mins(15);
/// A renewal that failed is tried again after this, or sooner for a short life.
const RETRY_PAUSE: Duration = Duration::from_secs(30);
/// No configuration puts it off for longer: a renewal that begins [`LEAST_AHEAD`] of the end has so long until
/// less than [`ALWAYS_LEFT`] is left. Nor does any have it repeated without a pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(4);
const SHORTEST_PAUSE: Duration = Duration::from_secs(2);
/// No attempt takes longer: a slow `credential_process`, or a renewal behind another process's.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(45);
/// Less than this is not enough for anything.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(1);
/// Credentials that had ended when they came are those of a wrong clock here. AWS gives none for less
/// than this (`DurationSeconds` of `AssumeRole`).
const SHORTEST_LIFE: Duration = Duration::from_mins(15);

/// How much earlier than others one renews by chance, and how much sooner it tries again: keepers that began
/// together, as behind a login, are not to ask AWS together for ever.
const CHANCE_AHEAD: f64 = 0.1;
const CHANCE_PAUSE: f64 = 0.2;

/// How a keeper renews.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// What a configuration file asks for.
    pub(super) config: RenewalConfig,
    /// From 0 to 1: nobody else's.
    pub(super) chance: f64,
}

impl Pace {
    /// Such a pause, or by chance a shorter one.
    pub(super) fn pause(self, longest: Duration) -> Duration {
        longest.mul_f64(1.0 - self.chance * CHANCE_PAUSE)
    }
}

/// Whether it is time for new ones. One clock is enough: early is harmless.
pub(super) fn renewal_is_due(
    valid: &Valid,
    pace: Pace,
    wall: SystemTime,
    monotonic: Instant,
) -> bool {
    let Some((life, by_wall, by_monotonic)) = left(valid, wall, monotonic) else {
        return false;
    };
    by_wall.min(by_monotonic) <= ahead(life, pace)
}

/// When that is, by the wall clock; without what a configuration file asks for.
pub(super) fn renewal_at(valid: &Valid) -> Option<SystemTime> {
    let expiry = valid.credentials.expiry()?;
    expiry.checked_sub(ahead(told_life(valid, expiry)?, Pace::default()))
}

/// How long before the end of such a life.
fn ahead(life: Duration, pace: Pace) -> Duration {
    let wanted = LEAST_AHEAD.max(life / PART_AHEAD);
    let asked = pace.config.least_ahead;
    let wanted = asked.map_or(wanted, |least| wanted.max(least));
    // No life is nearly as long.
    let wanted = wanted.min(life).mul_f64(1.0 + pace.chance * CHANCE_AHEAD);
    let earliest = if life >= LEAST_AHEAD {
        ALWAYS_LEFT.max(life / 2)
    } else {
        life / 2
    };
    wanted.min(earliest)
}

/// How long a failed renewal is left alone.
pub(super) fn retry_pause(valid: &Valid, pace: Pace) -> Duration {
    let wanted = pace.config.retry_pause.map_or(RETRY_PAUSE, |pause| {
        pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    });
    let expiry = valid.credentials.expiry();
    let life = expiry.and_then(|expiry| told_life(valid, expiry));
    pace.pause(life.map_or(wanted, |life| wanted.min(life / 10)))
}

/// How long one attempt may take.
pub(super) fn attempt_timeout(config: RenewalConfig) -> Duration {
    let wanted = config.attempt_timeout.unwrap_or(LONGEST_ATTEMPT);
    wanted.clamp(SHORTEST_ATTEMPT, LONGEST_ATTEMPT)
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
        renewal_is_due(
            valid,
            Pace::default(),
            START + passed,
            valid.loaded + passed,
        )
    }

    fn is_due(valid: &Valid, (wall, monotonic): (SystemTime, Instant)) -> bool {
        renewal_is_due(valid, Pace::default(), wall, monotonic)
    }

    #[test]
    fn renewal_is_twenty_minutes_or_a_quarter_ahead_but_never_before_half() {
        let minutes = Duration::from_mins;
        for (life, due) in [(60, 40), (240, 180), (720, 540), (40, 20), (2, 1), (18, 9)] {
            let valid = living(minutes(life));
            let early = minutes(due).saturating_sub(Duration::from_secs(1));
            assert!(!due_after(&valid, early), "{life} minutes");
            assert!(due_after(&valid, minutes(due)), "{life} minutes");
        }
    }

    #[test]
    fn lives_from_twenty_minutes_on_are_renewed_with_fifteen_minutes_left() {
        let minutes = Duration::from_mins;
        for (life, due) in [(20, 5), (25, 10), (30, 15)] {
            let valid = living(minutes(life));
            let early = minutes(due).saturating_sub(Duration::from_secs(1));
            assert!(!due_after(&valid, early), "{life} minutes");
            assert!(due_after(&valid, minutes(due)), "{life} minutes");
        }
        for life in 20..=720 {
            let left = ahead(minutes(life), Pace::default());
            assert!(left >= ALWAYS_LEFT, "{life} minutes");
            // A failed attempt can be repeated before less is left, but for the shortest.
            let pauses = ALWAYS_LEFT + LONGEST_PAUSE;
            assert!(life < 40 || left >= pauses, "{life} minutes");
        }
    }

    #[test]
    fn a_configuration_makes_renewals_earlier_and_never_later() {
        let hour = Duration::from_hours(1);
        let asked = |least: Duration| Pace {
            config: RenewalConfig {
                least_ahead: Some(least),
                ..RenewalConfig::default()
            },
            ..Pace::default()
        };
        let minutes = Duration::from_mins;
        for (least, expected) in [(5, 20), (25, 25), (30, 30), (55, 30)] {
            assert_eq!(ahead(hour, asked(minutes(least))), minutes(expected));
        }
        assert_eq!(ahead(minutes(2), asked(minutes(5))), minutes(1));
    }

    #[test]
    fn pauses_and_attempts_are_those_of_the_configuration_within_bounds() {
        let valid = living(Duration::from_hours(1));
        let pause = |asked| {
            let config = RenewalConfig {
                retry_pause: asked,
                ..RenewalConfig::default()
            };
            let chance = 0.0;
            retry_pause(&valid, Pace { config, chance })
        };
        let seconds = Duration::from_secs;
        assert_eq!(pause(None), RETRY_PAUSE);
        assert_eq!(pause(Some(seconds(60))), seconds(60));
        assert_eq!(pause(Some(Duration::ZERO)), SHORTEST_PAUSE);
        assert_eq!(pause(Some(Duration::MAX)), LONGEST_PAUSE);
        let attempt = |asked| {
            attempt_timeout(RenewalConfig {
                attempt_timeout: asked,
                ..RenewalConfig::default()
            })
        };
        assert_eq!(attempt(None), LONGEST_ATTEMPT);
        assert_eq!(attempt(Some(seconds(30))), seconds(30));
        assert_eq!(attempt(Some(Duration::MAX)), LONGEST_ATTEMPT);
        assert_eq!(attempt(Some(Duration::ZERO)), SHORTEST_ATTEMPT);
    }

    #[test]
    fn chance_makes_renewals_and_repetitions_earlier_within_bounds() {
        let minutes = Duration::from_mins;
        let by = |chance| Pace {
            chance,
            ..Pace::default()
        };
        assert_eq!(ahead(minutes(60), by(1.0)), minutes(22));
        assert_eq!(ahead(minutes(60), by(0.5)), minutes(21));
        assert_eq!(ahead(minutes(30), by(1.0)), minutes(15), "not before half");
        let valid = living(minutes(60));
        assert_eq!(retry_pause(&valid, by(1.0)), Duration::from_secs(24));
        assert_eq!(retry_pause(&valid, by(0.5)), Duration::from_secs(27));
    }

    #[test]
    fn a_stepped_clock_renews_early_and_ends_nothing() {
        let hour = Duration::from_hours(1);
        let valid = living(hour);
        let forward = (START + hour, valid.loaded);
        assert!(is_due(&valid, forward));
        assert!(!have_ended(&valid, forward.0, forward.1));
        let late = valid.loaded + hour;
        assert!(is_due(&valid, (START, late)), "the wall clock went back");
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
        assert!(!is_due(&valid, (wall, monotonic)));
        assert!(!have_ended(&valid, wall, monotonic));
        let (wall, monotonic) = after(minutes(8));
        assert!(is_due(&valid, (wall, monotonic)));
        let (wall, monotonic) = after(minutes(15));
        assert!(have_ended(&valid, wall, monotonic));
        assert_eq!(retry_pause(&valid, Pace::default()), RETRY_PAUSE);
    }
}
