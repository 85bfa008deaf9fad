//! The end of a request's way, and what is remembered of it.

use std::time::{Duration, SystemTime};

use sso_session::signal::LONGEST_WAIT;

use super::event::{Action, Notice, Outcome};
use super::request::Request;
use super::trouble::Kind;
use super::{Job, Phase, State};
use crate::moment::Moment;

impl State {
    pub(super) fn handled(&mut self, request: Request) -> Vec<Action> {
        self.memory.snoozed_until = None;
        self.memory.user_was_seen();
        self.phase = Phase::Settling;
        vec![Action::Settle(request, Outcome::Handled)]
    }

    pub(super) fn dropped(&mut self, request: Request) -> Vec<Action> {
        self.phase = Phase::Settling;
        vec![Action::Settle(request, Outcome::Dropped)]
    }

    pub(super) fn fail(&mut self, job: &Job, kind: Kind, why: &str, now: Moment) -> Vec<Action> {
        self.settle_failure(job, kind, why, None, now)
    }

    /// As [`Self::fail`], with a pause of its own.
    pub(super) fn fail_for(
        &mut self,
        job: &Job,
        kind: Kind,
        why: &str,
        wait: Duration,
        now: Moment,
    ) -> Vec<Action> {
        self.settle_failure(job, kind, why, Some(wait), now)
    }

    /// As [`Self::fail`], and tells the person that a login waits for them.
    pub(super) fn leave_to_person(&mut self, job: &Job, why: &str, now: Moment) -> Vec<Action> {
        let mut actions = self.fail(job, Kind::LeftToPerson, why, now);
        actions.push(Action::Notify(Notice::Waiting(job.request.clone())));
        actions
    }

    fn settle_failure(
        &mut self,
        job: &Job,
        kind: Kind,
        why: &str,
        own_wait: Option<Duration>,
        now: Moment,
    ) -> Vec<Action> {
        let troubles = &mut self.memory.troubles;
        let mut wait = troubles.note(kind, why, self.limits.cooldown, now);
        if let Some(own_wait) = own_wait {
            troubles.pause(own_wait, now);
            wait = own_wait;
        }
        self.phase = Phase::Settling;
        if job.request.is_test {
            self.memory.rehearsed = Some(now.steady);
        }
        // More could not be written; a snooze may be longer, and is kept in memory.
        let wait = wait.min(LONGEST_WAIT);
        let next_attempt_after = whole_seconds(now.wall.checked_add(wait).unwrap_or(now.wall));
        // Of no more meaning to this agent than its own pause, which a change of the configuration ends.
        self.memory.asked_wait = Some((next_attempt_after, now.steady));
        let outcome = Outcome::Failed {
            reason: why.to_owned(),
            next_attempt_after,
        };
        let mut actions = vec![Action::Settle(job.request.clone(), outcome)];
        if kind == Kind::Hopeless {
            let configuration = self.sight.as_ref().map(|sight| sight.configuration);
            self.memory
                .troubles
                .bind_to(configuration.unwrap_or_default());
            if self.memory.told.as_deref() != Some(why) {
                self.memory.told = Some(why.to_owned());
                actions.push(Action::Notify(Notice::Fault(why.to_owned())));
            }
        }
        actions
    }
}

/// As a signal writes times.
pub(super) fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}
