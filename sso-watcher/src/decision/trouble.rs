//! What failed, how often, and for how long that keeps the agent from trying again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::moment::{Moment, Steady};

/// The longest pause: as long as a signal can ask for.
const LONGEST_PAUSE: Duration = sso_session::signal::LONGEST_WAIT;
/// What passes is tried again soon: nobody was asked.
const FIRST_PASSING_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PASSING_PAUSE: Duration = Duration::from_mins(1);

/// Failures of one kind make longer and longer pauses; one of another kind begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// The network, AWS's own trouble: it passes by itself.
    Passing,
    /// Nobody answered.
    Unanswered,
    /// The person said no.
    Refused,
    /// The login failed.
    Failed,
    /// The agent may not ask: its mode or its budget says so, or nobody has answered.
    LeftToPerson,
    /// Neither time nor a login helps: somebody has to change something.
    Hopeless,
}

/// The failures since the last success.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Troubles {
    kind: Option<Kind>,
    count: u32,
    /// Until when nothing is tried.
    until: Option<Steady>,
    /// The configuration with which it was hopeless.
    configuration: Option<u64>,
    /// The last reason, for a person.
    pub reason: Option<String>,
}

impl Troubles {
    /// Notes a failure; how long to pause, `cooldown` being the first pause after an attempt.
    pub(super) fn note(
        &mut self,
        kind: Kind,
        reason: &str,
        cooldown: Duration,
        now: Moment,
    ) -> Duration {
        self.count = if self.kind == Some(kind) {
            self.count.saturating_add(1)
        } else {
            1
        };
        self.kind = Some(kind);
        self.configuration = None;
        self.reason = Some(reason.to_owned());
        let (first, longest) = match kind {
            Kind::Passing => (FIRST_PASSING_PAUSE, LONGEST_PASSING_PAUSE),
            Kind::Unanswered | Kind::Refused | Kind::Failed => (cooldown, LONGEST_PAUSE),
            // No budget of prompts bounds these: a cooldown of 0 would have them at every look.
            Kind::LeftToPerson => (cooldown.max(FIRST_PASSING_PAUSE), LONGEST_PAUSE),
            Kind::Hopeless => (LONGEST_PAUSE, LONGEST_PAUSE),
        };
        let pause = doubled(first, self.count - 1).min(longest);
        self.pause(pause, now);
        pause
    }

    /// Pauses for another time than the kind of the failure says; at most the longest pause.
    pub(super) fn pause(&mut self, pause: Duration, now: Moment) {
        self.until = Some(now.steady.after(pause.min(LONGEST_PAUSE)));
    }

    /// Another configuration than this one ends the pause.
    pub(super) fn bind_to(&mut self, configuration: u64) {
        self.configuration = Some(configuration);
    }

    /// Until when nothing is tried, and why; none if something can be.
    #[must_use]
    pub fn pausing(&self, configuration: u64, now: Moment) -> Option<Steady> {
        let is_changed = self
            .configuration
            .is_some_and(|bound| bound != configuration);
        self.until
            .filter(|until| *until > now.steady && !is_changed)
    }

    /// What kind the last failures are of.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// How long to leave alone after an attempt that so often went wrong in a row.
    pub(super) fn cooldown(&self, first: Duration) -> Duration {
        let is_an_attempt = matches!(
            self.kind,
            Some(Kind::Unanswered | Kind::Refused | Kind::Failed)
        );
        let again = if is_an_attempt {
            self.count.saturating_sub(1)
        } else {
            0
        };
        doubled(first, again).min(LONGEST_PAUSE)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn for_each_time(&mut self, change: impl FnMut(&mut Steady)) {
        self.until.iter_mut().for_each(change);
    }
}

fn doubled(duration: Duration, times: u32) -> Duration {
    let factor = 1_u32.checked_shl(times).unwrap_or(u32::MAX);
    duration.saturating_mul(factor)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    const COOLDOWN: Duration = Duration::from_mins(1);

    fn now() -> Moment {
        Moment {
            wall: SystemTime::UNIX_EPOCH,
            steady: Steady::new(Duration::from_hours(1)),
        }
    }

    #[test]
    fn pauses_double_up_to_half_an_hour_over_failures_of_one_kind() {
        let mut troubles = Troubles::default();
        let mut note = |kind| troubles.note(kind, "why", COOLDOWN, now()).as_secs() / 60;
        let pauses = [(); 7].map(|()| note(Kind::Unanswered));
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(note(Kind::Failed), 1, "another kind");
        assert_eq!(note(Kind::Unanswered), 1, "and the first again");
    }

    #[test]
    fn who_cannot_be_asked_is_not_told_at_every_look() {
        let mut troubles = Troubles::default();
        let mut note = || troubles.note(Kind::LeftToPerson, "why", Duration::ZERO, now());
        assert_eq!([(); 3].map(|()| note().as_secs()), [5, 10, 20]);
    }

    #[test]
    fn what_passes_is_tried_again_within_a_minute() {
        let mut troubles = Troubles::default();
        let pauses = [(); 9].map(|()| troubles.note(Kind::Passing, "why", COOLDOWN, now()));
        assert_eq!(
            pauses.map(|pause| pause.as_secs()),
            [5, 10, 20, 40, 60, 60, 60, 60, 60]
        );
    }

    #[test]
    fn a_changed_configuration_ends_a_pause_that_is_about_it() {
        let mut troubles = Troubles::default();
        troubles.note(Kind::Hopeless, "why", COOLDOWN, now());
        assert!(troubles.pausing(2, now()).is_some());
        troubles.bind_to(1);
        assert!(troubles.pausing(1, now()).is_some());
        assert!(troubles.pausing(2, now()).is_none());
    }

    #[test]
    fn no_count_is_too_large() {
        assert_eq!(
            doubled(Duration::from_secs(1), 40),
            Duration::from_secs(u64::from(u32::MAX))
        );
        assert_eq!(doubled(Duration::MAX, 3), Duration::MAX);
    }
}
