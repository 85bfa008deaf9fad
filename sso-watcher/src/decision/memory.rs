//! What the agent remembers: across restarts, and across reboots.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sso_session::signal::SignalKey;

use super::UNANSWERED_LIMIT;
use super::trouble::Troubles;
use crate::moment::{Moment, Steady};

/// The time over which prompts are counted.
pub(super) const BUDGET_PERIOD: Duration = Duration::from_hours(1);

/// Everything that a successor has to know. Lost, it costs at most one prompt too many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// When a person was last asked, or a login begun.
    pub last_attempt: Option<Steady>,
    /// `last-login-at.txt` as it was last seen, so that each value counts once.
    pub(super) seen_attempt: Option<SystemTime>,
    /// `nextAttemptAfter` as it was last seen, and what it meant then: later steps of the clock change
    /// nothing.
    pub(super) asked_wait: Option<(SystemTime, Steady)>,
    /// What failed, and until when that keeps the agent.
    pub troubles: Troubles,
    /// When a person was asked, within [`BUDGET_PERIOD`].
    pub(super) prompts: VecDeque<Steady>,
    /// Prompts in a row that nobody answered.
    pub unanswered: u32,
    /// Whether the screen was locked since the last prompt.
    pub(super) was_locked: bool,
    /// Whether there was no input for a while since the last prompt.
    pub(super) was_idle: bool,
    /// Whether the machine slept since the person was last seen: then one prompt has to be enough.
    pub(super) has_woken: bool,
    /// The person wants no prompt before.
    pub snoozed_until: Option<Steady>,
    /// The request that was seen last.
    pub(super) request: Option<SignalKey>,
    /// When that was.
    pub(super) request_seen: Option<Steady>,
    /// When it failed, if it is a rehearsal.
    pub(super) rehearsed: Option<Steady>,
    /// What the person was told last, so that it is told once.
    pub(super) told: Option<String>,
    /// The sign of the last login by hand.
    pub(super) hand: u64,
    /// The sign of the last clearing.
    pub(super) cleaned: u64,
}

/// Memory with the moment at which it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    boot: String,
    wall: SystemTime,
    steady: Steady,
    memory: Memory,
}

impl Saved {
    /// Memory to be written now.
    #[must_use]
    pub fn new(memory: Memory, boot: &str, now: Moment) -> Self {
        Self {
            boot: boot.to_owned(),
            wall: now.wall,
            steady: now.steady,
            memory,
        }
    }

    /// The boot in which it was saved.
    #[must_use]
    pub fn boot(&self) -> &str {
        &self.boot
    }

    /// The memory, with times of the boot in which it was saved.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The memory as it is to be understood now. After a reboot the wall clock says how much time has
    /// passed; a negative time counts as none.
    #[must_use]
    pub fn recall(self, boot: &str, now: Moment) -> Memory {
        let mut memory = self.memory;
        if self.boot != boot {
            let passed = now.wall.duration_since(self.wall).unwrap_or_default();
            let (then, saved) = (now.steady.before(passed), self.steady);
            memory.for_each_time(|time| {
                *time = then.after(saved.until(*time)).before(saved.since(*time));
            });
        }
        memory
    }
}

impl Memory {
    fn for_each_time(&mut self, mut change: impl FnMut(&mut Steady)) {
        let asked = self.asked_wait.as_mut().map(|(_, until)| until);
        let times = self.last_attempt.iter_mut().chain(asked);
        let times = times
            .chain(&mut self.prompts)
            .chain(&mut self.snoozed_until)
            .chain(&mut self.request_seen)
            .chain(&mut self.rehearsed);
        times.for_each(&mut change);
        self.troubles.for_each_time(change);
    }

    /// Notes a prompt, and forgets those that do not count any more.
    pub(super) fn note_prompt(&mut self, now: Moment) {
        self.forget_old_prompts(now);
        self.prompts.push_back(now.steady);
    }

    fn forget_old_prompts(&mut self, now: Moment) {
        let counts = |time: &Steady| now.steady.since(*time) < BUDGET_PERIOD;
        self.prompts.retain(counts);
    }

    /// How many prompts there were within the last hour.
    #[must_use]
    pub fn recent_prompts(&self, now: Moment) -> usize {
        let counts = |time: &&Steady| now.steady.since(**time) < BUDGET_PERIOD;
        self.prompts.iter().filter(counts).count()
    }

    /// How long until another prompt is within the budget of `most` an hour; none if it is now.
    #[must_use]
    pub fn budget_wait(&self, most: u32, now: Moment) -> Option<Duration> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let recent = self.recent_prompts(now);
        if recent < most {
            return None;
        }
        // So many of the oldest have to leave the hour.
        let leaving = self
            .prompts
            .iter()
            .filter(|time| now.steady.since(**time) < BUDGET_PERIOD);
        let last = leaving.copied().nth(recent - most)?;
        Some(now.steady.until(last.after(BUDGET_PERIOD)))
    }

    /// How long the last attempt keeps the agent from the next.
    #[must_use]
    pub fn cooldown_left(&self, first: Duration, now: Moment) -> Duration {
        let until = self.cooldown_until(first);
        until.map_or(Duration::ZERO, |until| now.steady.until(until))
    }

    /// When the next attempt may be made as far as the last one is concerned.
    pub(super) fn cooldown_until(&self, first: Duration) -> Option<Steady> {
        let last = self.last_attempt?;
        Some(last.after(self.troubles.cooldown(first)))
    }

    /// How many prompts may go unanswered.
    pub(super) fn unanswered_limit(&self) -> u32 {
        if self.has_woken { 1 } else { UNANSWERED_LIMIT }
    }

    /// Whether nobody seems to be there any more.
    #[must_use]
    pub fn is_unattended(&self) -> bool {
        self.unanswered >= self.unanswered_limit()
    }

    /// The person is there, or has dealt with it: nothing of what went unanswered counts any more.
    pub(super) fn user_was_seen(&mut self) {
        self.has_woken = false;
        self.begin_anew();
    }

    /// Forgets what went wrong.
    pub(super) fn begin_anew(&mut self) {
        self.unanswered = 0;
        self.was_locked = false;
        self.was_idle = false;
        self.told = None;
        self.troubles.clear();
    }
}
