//! The agent's decisions, without a file, a process or a clock.
//!
//! ```text
//!            no request, or an obstacle (mode, snooze, pause, cooldown, nextAttemptAfter, waking)
//!            ┌────┐
//!            ▼    │
//!          ┌─Idle─┴──◄───────────────────────────────────────────────────────────────┐
//!          │ a request is due                                                        │ Settled
//!          ▼                   busy: somebody else is at it ─────────────────► Idle  │
//!       Locking ───── an orphaned login ─► Adopting ─┐                               │
//!          │ ours                                    │ it ended                      │
//!          ▼                                         │                               │
//!       Renewing ──── works ───────────────────────────────────► Settling ───────────┤
//!          │ a login is needed   (a rehearsal begins here)       (handled)           │
//!          ▼                                         │               ▲               │
//!       Probing ───── no answer ───────────┐         │               │ works         │
//!          │ AWS answers                   │         ▼               │               │
//!          ├─ notify ─► Asking ─ log in ─┐ │      Proving ───────────┤               │
//!          │              │ no, silence  ▼ │         ▲               │ not           │
//!          ├─ auto ───────┼───────► LoggingIn ───────┘               ▼               │
//!          │              │              │ cancelled            Settling ────────────┘
//!          └─ silent, nobody there, budget spent ──────────────► (failed, or dropped)
//! ```
//!
//! Invariants, which `histories` tries with random histories: one login at a time, and only under the
//! lock; never more prompts an hour than the budget; while a request stands and a person may be asked,
//! one is asked in the end, whatever the wall clock does.

mod event;
mod memory;
mod obstacle;
mod request;
mod settlement;
mod trouble;
mod way;

#[cfg(test)]
mod histories;
#[cfg(test)]
mod stories;

use std::time::{Duration, SystemTime};

pub use event::{
    Action, Answer, Event, Locking, LoginEnd, Notice, Outcome, Presence, Probe, Proof, Renewal,
};
pub use memory::{Memory, Saved};
pub use obstacle::Obstacle;
pub use request::{Request, Sight};
pub use trouble::{Kind, Troubles};
pub(crate) use way::blame;

use crate::mode::Mode;
use crate::moment::{Moment, Steady};

/// After so many prompts without an answer nobody is there, and tabs would only pile up.
pub const UNANSWERED_LIMIT: u32 = 3;
/// Nobody is there if there was no input for so long.
const AWAY_AFTER: Duration = Duration::from_mins(1);
/// Looks so much farther apart than they should be mean that the machine slept.
const SLEPT_AFTER: Duration = Duration::from_secs(30);
/// What a network gets to come back after a sleep.
const WAKING: Duration = Duration::from_secs(10);
/// The outcome of a rehearsal stands so long, for whoever follows it.
const AFTER_REHEARSAL: Duration = Duration::from_secs(10);
/// Longer than any login takes, with the cooldown before it.
const LONGEST_REHEARSAL: Duration = Duration::from_mins(45);
/// "Not now" is meant for longer than a cooldown.
const NOT_NOW: Duration = Duration::from_mins(30);

/// What the person has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `SSO_COOLDOWN_SECONDS`.
    pub cooldown: Duration,
    /// `SSO_POLL_SECONDS`.
    pub poll: Duration,
    /// `SSO_MAX_PROMPTS_PER_HOUR`.
    pub max_prompts_per_hour: u32,
}

/// The agent's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    limits: Limits,
    phase: Phase,
    /// What outlives the process.
    pub memory: Memory,
    sight: Option<Sight>,
    looked_at: Option<Steady>,
    waking_until: Option<Steady>,
}

/// What is being done about a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing.
    #[default]
    Idle,
    /// The lock is being taken.
    Locking(Job),
    /// The token is looked at and renewed.
    Renewing(Job),
    /// AWS is asked for a sign of life.
    Probing(Job),
    /// The person is asked.
    Asking(Job),
    /// `aws sso login` runs.
    LoggingIn(Job),
    /// The login of a dead watcher runs.
    Adopting(Job),
    /// The new login is tried.
    Proving(Job, LoginEnd),
    /// The outcome is written down.
    Settling,
}

impl Phase {
    /// From now on nobody is to be asked for this request; whether that was so before.
    fn cancel(&mut self) -> bool {
        match self {
            Self::Locking(job)
            | Self::Renewing(job)
            | Self::Probing(job)
            | Self::Asking(job)
            | Self::LoggingIn(job)
            | Self::Adopting(job)
            | Self::Proving(job, _) => std::mem::replace(&mut job.is_cancelled, true),
            Self::Idle | Self::Settling => true,
        }
    }
}

/// The request that is being dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    request: Request,
    /// The login was tried a second time already.
    is_second_try: bool,
    is_cancelled: bool,
}

/// The next state, and what is to be done, in this order. The caller saves a changed [`Memory`] before
/// it acts: a prompt that was shown and not noted would be one too many.
#[must_use]
pub fn step(mut state: State, event: Event, now: Moment) -> (State, Vec<Action>) {
    let phase = std::mem::take(&mut state.phase);
    let actions = match (phase, event) {
        (phase, Event::Looked(sight)) => state.looked(phase, sight, now),
        (phase, Event::UserLookedFor(presence)) => state.user_looked_for(phase, presence),
        (phase, Event::Stopping) => state.stopping(phase),
        (Phase::Locking(job), Event::Locked(locking)) => state.locked(job, locking, now),
        (Phase::Renewing(job), Event::Renewed(renewal)) => state.renewed(job, renewal, now),
        (Phase::Probing(job), Event::Probed(probed)) => state.probed(job, probed, now),
        (Phase::Asking(job), Event::Answered(answer)) => state.answered(job, answer, now),
        (Phase::LoggingIn(job) | Phase::Adopting(job), Event::LoginEnded(end)) => {
            state.login_ended(job, end)
        }
        (Phase::Proving(job, end), Event::Proved(proof)) => state.proved(&job, end, proof, now),
        (Phase::Settling, Event::Settled | Event::Broke(_)) => Vec::new(),
        (
            Phase::Locking(job)
            | Phase::Renewing(job)
            | Phase::Probing(job)
            | Phase::Asking(job)
            | Phase::LoggingIn(job)
            | Phase::Adopting(job)
            | Phase::Proving(job, _),
            Event::Broke(why),
        ) => state.fail(&job, Kind::Passing, &why, now),
        // An answer to something that is not being waited for any more.
        (
            phase,
            Event::Locked(_)
            | Event::Renewed(_)
            | Event::Probed(_)
            | Event::Answered(_)
            | Event::LoginEnded(_)
            | Event::Proved(_)
            | Event::Settled
            | Event::Broke(_),
        ) => {
            state.phase = phase;
            Vec::new()
        }
    };
    (state, actions)
}

impl State {
    /// The state of an agent that begins with this memory.
    #[must_use]
    pub fn new(limits: Limits, memory: Memory) -> Self {
        Self {
            limits,
            phase: Phase::Idle,
            memory,
            sight: None,
            looked_at: None,
            waking_until: None,
        }
    }

    /// What is being done.
    #[must_use]
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// What it saw last; none before its first look.
    #[must_use]
    pub fn sight(&self) -> Option<&Sight> {
        self.sight.as_ref()
    }

    /// What keeps the agent from the request that it saw last; none if there is no request, or
    /// nothing in its way.
    #[must_use]
    pub fn obstacle(&self, now: Moment) -> Option<Obstacle> {
        let sight = self.sight.as_ref()?;
        sight.request.as_ref()?;
        let waking = self.waking_until.filter(|until| *until > now.steady);
        let waking = waking.map(Obstacle::Waking);
        waking.or_else(|| self.memory.obstacle(sight, &self.limits, now))
    }

    fn looked(&mut self, phase: Phase, sight: Sight, now: Moment) -> Vec<Action> {
        self.phase = phase;
        self.take_note(&sight, now);
        self.sight = Some(sight.clone());
        if self.phase != Phase::Idle {
            return self.looked_at_work(&sight);
        }
        let Some(request) = sight.request else {
            return Vec::new();
        };
        if request.is_test
            && let Some(actions) = self.end_rehearsal(&request, now)
        {
            return actions;
        }
        if self.obstacle(now).is_some() {
            let is_wanted = self.memory.is_unattended() && !request.is_test;
            return is_wanted
                .then_some(Action::LookForUser)
                .into_iter()
                .collect();
        }
        let job = Job {
            request: request.clone(),
            is_second_try: false,
            is_cancelled: false,
        };
        if let Some(fault) = sight.fault {
            return self.fail(&job, Kind::Hopeless, &fault, now);
        }
        self.phase = Phase::Locking(job);
        vec![Action::Lock(request)]
    }

    /// A rehearsal is tried once, and does not stand for ever: a real request waits behind it. Whoever
    /// rehearses removes it; this is for those who could not.
    fn end_rehearsal(&mut self, request: &Request, now: Moment) -> Option<Vec<Action>> {
        let is_older =
            |time: Option<Steady>, age| time.is_some_and(|time| now.steady.since(time) >= age);
        let memory = &self.memory;
        if is_older(memory.rehearsed, AFTER_REHEARSAL)
            || is_older(memory.request_seen, LONGEST_REHEARSAL)
        {
            return Some(self.dropped(request.clone()));
        }
        memory.rehearsed.map(|_| Vec::new())
    }

    /// While a person is being asked, the request may go away, or the mode may change.
    fn looked_at_work(&mut self, sight: &Sight) -> Vec<Action> {
        let is_last_prompt = self.memory.unanswered + 1 >= self.memory.unanswered_limit();
        let (Phase::Asking(job) | Phase::LoggingIn(job) | Phase::Adopting(job)) = &mut self.phase
        else {
            return Vec::new();
        };
        let request = sight.request.as_ref();
        let request = request.filter(|request| request.profile == job.request.profile);
        let may_ask = matches!(sight.mode, Mode::Auto | Mode::Notify);
        if let Some(request) = request.filter(|_| may_ask) {
            // It may have been raised anew meanwhile: the login serves that one as well.
            job.request = request.clone();
        } else if !job.is_cancelled {
            job.is_cancelled = true;
            return vec![Action::Cancel];
        }
        let looks = is_last_prompt.then_some(Action::LookForUser);
        looks.into_iter().collect()
    }

    /// The agent is to end: nobody is asked any more. What spends or proves a token is let go on.
    fn stopping(&mut self, phase: Phase) -> Vec<Action> {
        self.phase = phase;
        let is_asking = matches!(
            self.phase,
            Phase::Asking(_) | Phase::LoggingIn(_) | Phase::Adopting(_)
        );
        let was_cancelled = self.phase.cancel();
        let cancels = (is_asking && !was_cancelled).then_some(Action::Cancel);
        cancels.into_iter().collect()
    }

    /// Remembers what a look shows beside the request.
    fn take_note(&mut self, sight: &Sight, now: Moment) {
        let last_look = self.looked_at.replace(now.steady);
        if self.memory.cleaned != sight.cleaned {
            self.memory = Memory {
                cleaned: sight.cleaned,
                ..Memory::default()
            };
        }
        let gap = last_look.map_or(Duration::ZERO, |last| now.steady.since(last));
        if gap > self.limits.poll + SLEPT_AFTER {
            self.waking_until = Some(now.steady.after(WAKING));
            self.memory.has_woken = true;
        }
        let mode_before = self.sight.as_ref().map(|sight| sight.mode);
        let is_other_mode = mode_before.is_some_and(|mode| mode != sight.mode);
        if self.memory.hand != sight.hand || is_other_mode {
            self.memory.hand = sight.hand;
            self.memory.snoozed_until = None;
            self.memory.user_was_seen();
        }
        self.note_attempt_of_others(sight.last_attempt, now);
        if let Some(request) = &sight.request {
            self.note_request(request, now);
        }
    }

    fn note_request(&mut self, request: &Request, now: Moment) {
        let memory = &mut self.memory;
        if memory.request.as_ref() != Some(&request.key) {
            memory.request = Some(request.key.clone());
            memory.request_seen = Some(now.steady);
            memory.rehearsed = None;
            memory.asked_wait = None;
            memory.begin_anew();
        }
        // What this agent wrote there itself is known better from memory.
        let asked = request.next_attempt_after;
        if memory.asked_wait.map(|(wall, _)| wall) != asked {
            memory.asked_wait = asked.map(|wall| {
                let wait = wall.duration_since(now.wall).unwrap_or_default();
                (wall, now.steady.after(wait))
            });
        }
    }

    fn note_attempt_of_others(&mut self, attempt: Option<SystemTime>, now: Moment) {
        let memory = &mut self.memory;
        if memory.seen_attempt != attempt {
            memory.seen_attempt = attempt;
            let noted = attempt.and_then(|wall| now.past(wall));
            memory.last_attempt = memory.last_attempt.max(noted);
        }
    }

    fn user_looked_for(&mut self, phase: Phase, presence: Presence) -> Vec<Action> {
        self.phase = phase;
        let memory = &mut self.memory;
        let idles = presence.idle.map(|idle| idle >= AWAY_AFTER);
        memory.was_locked |= presence.is_locked;
        memory.was_idle |= idles == Some(true);
        let is_back = memory.was_locked || (memory.was_idle && idles == Some(false));
        let is_here = !presence.is_locked && idles != Some(true);
        // Whoever is there all along and does not answer does not want to.
        if is_back && is_here && self.phase == Phase::Idle {
            memory.user_was_seen();
        }
        Vec::new()
    }
}
