//! When a token is renewed, and how long it is taken for good. Clocks are arguments.

use std::time::{Duration, SystemTime};

/// `GetAuthorizationToken`: no token lives longer (CodeArtifact user guide, "Tokens created with the
/// `GetAuthorizationToken` API").
const LONGEST_LIFE: Duration = Duration::from_hours(12);
/// Where nothing at all is known about a life: the shortest that can be asked for is three times that.
const UNKNOWN_LIFE: Duration = Duration::from_mins(5);
/// Lives below this one are short: what is left of them near their end is not enough to renew them in.
const SHORT_LIFE: Duration = Duration::from_mins(15);
/// So long before its end a token is renewed, unless nine tenths of its life come later.
const AHEAD: Duration = Duration::from_mins(15);
/// A request that is sent with a token has to arrive with it.
const MARGIN: Duration = Duration::from_secs(10);

/// How long a token lives from now on. `asked` is zero where it ends with the role's session. The end that the
/// service tells counts as far as this machine's clock makes sense of it: a clock that is wrong by hours must
/// neither end each token at once nor keep it for ever.
pub(super) fn life(asked: Duration, end: Option<SystemTime>, now: SystemTime) -> Duration {
    let most = if asked.is_zero() { LONGEST_LIFE } else { asked };
    let told = end.and_then(|end| end.duration_since(now).ok());
    match told {
        Some(told) if !told.is_zero() => told.min(most),
        Some(_) | None if asked.is_zero() => UNKNOWN_LIFE,
        Some(_) | None => asked,
    }
}

/// At which age a token of this life is renewed.
pub(super) fn renewal_age(life: Duration) -> Duration {
    if life < SHORT_LIFE {
        return life / 2;
    }
    (life * 9 / 10).max(life.saturating_sub(AHEAD))
}

/// At which age a token of this life is not sent any more.
pub(super) fn last_age(life: Duration) -> Duration {
    life.saturating_sub(MARGIN.min(life / 20))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn renewals_come_late_in_long_lives_and_early_in_short_ones() {
        for (life, renewal) in [
            (720 * MINUTE, 705 * MINUTE),
            (60 * MINUTE, 54 * MINUTE),
            (15 * MINUTE, 15 * MINUTE * 9 / 10),
            (10 * MINUTE, 5 * MINUTE),
            (Duration::from_secs(4), Duration::from_secs(2)),
        ] {
            assert_eq!(renewal_age(life), renewal, "{life:?}");
            assert!(renewal_age(life) < last_age(life), "{life:?}");
            assert!(last_age(life) < life, "{life:?}");
        }
    }

    #[test]
    fn a_wrong_clock_neither_ends_a_token_nor_keeps_it() {
        let now = UNIX_EPOCH + 1_000_000 * MINUTE;
        let asked = 720 * MINUTE;
        let told = |minutes: i64| {
            let by = u32::try_from(minutes.unsigned_abs()).expect("small") * MINUTE;
            Some(if minutes < 0 { now - by } else { now + by })
        };
        for (asked, end, expected) in [
            (asked, told(720), 720 * MINUTE),
            (asked, told(300), 300 * MINUTE),
            (asked, told(2000), 720 * MINUTE),
            (asked, told(-30), asked),
            (asked, None, asked),
            (Duration::ZERO, told(40), 40 * MINUTE),
            (Duration::ZERO, told(5000), LONGEST_LIFE),
            (Duration::ZERO, told(-5), UNKNOWN_LIFE),
            (Duration::ZERO, None, UNKNOWN_LIFE),
        ] {
            assert_eq!(life(asked, end, now), expected, "{asked:?} {end:?}");
        }
    }
}
