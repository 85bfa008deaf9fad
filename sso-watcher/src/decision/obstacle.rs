//! Why nothing is done about a request at the moment.

use super::Limits;
use super::memory::Memory;
use super::request::Sight;
use crate::mode::Mode;
use crate::moment::{Moment, Steady};

/// What keeps the agent from a request, and until when where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The mode is `standalone`.
    Standalone,
    /// The person has logged out.
    LoggedOut,
    /// The machine has just woken, and its network may not have.
    Waking(Steady),
    /// The person wants no prompt before.
    Snoozed(Steady),
    /// The last try failed, and the next one comes then.
    Pausing(Steady),
    /// Somebody was asked or logged in a moment ago.
    CoolingDown(Steady),
    /// The signal asks for no attempt before.
    AskedToWait(Steady),
}

impl Obstacle {
    /// When it is over; none where only the person can end it.
    #[must_use]
    pub fn until(&self) -> Option<Steady> {
        match self {
            Self::Standalone | Self::LoggedOut => None,
            Self::Waking(until)
            | Self::Snoozed(until)
            | Self::Pausing(until)
            | Self::CoolingDown(until)
            | Self::AskedToWait(until) => Some(*until),
        }
    }
}

impl Memory {
    /// The first thing that keeps the agent from the request in sight; none if it may go on.
    pub(super) fn obstacle(&self, sight: &Sight, limits: &Limits, now: Moment) -> Option<Obstacle> {
        if sight.mode == Mode::Standalone {
            return Some(Obstacle::Standalone);
        }
        let is_test = sight
            .request
            .as_ref()
            .is_some_and(|request| request.is_test);
        if sight.logged_out && !is_test {
            return Some(Obstacle::LoggedOut);
        }
        let ahead = |until: Option<Steady>| until.filter(|until| *until > now.steady);
        let snoozed = ahead(self.snoozed_until).filter(|_| !is_test);
        let pausing = self.troubles.pausing(sight.configuration, now);
        let asked = ahead(self.asked_wait.map(|(_, until)| until));
        let cooldown = self.cooldown_until(limits.cooldown);
        snoozed
            .map(Obstacle::Snoozed)
            .or_else(|| pausing.map(Obstacle::Pausing))
            .or_else(|| asked.map(Obstacle::AskedToWait))
            .or_else(|| ahead(cooldown).map(Obstacle::CoolingDown))
    }
}
