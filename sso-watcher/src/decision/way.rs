//! The way of one request: from the lock to its end.

use super::event::{Action, Answer, Locking, LoginEnd, Probe, Proof, Renewal};
use super::trouble::Kind;
use super::{Job, NOT_NOW, Phase, State};
use crate::mode::Mode;
use crate::moment::Moment;

impl State {
    pub(super) fn locked(&mut self, job: Job, locking: Locking, now: Moment) -> Vec<Action> {
        let request = job.request.clone();
        match locking {
            // The next look decides anew.
            Locking::Busy => Vec::new(),
            Locking::Failed(why) => self.fail(&job, Kind::Passing, &why, now),
            Locking::Ours | Locking::Orphan if job.is_cancelled => self.dropped(request),
            Locking::Orphan => {
                self.phase = Phase::Adopting(job);
                vec![Action::Adopt(request)]
            }
            Locking::Ours if request.is_test => {
                self.phase = Phase::Probing(job);
                vec![Action::Probe(request)]
            }
            Locking::Ours => {
                self.phase = Phase::Renewing(job);
                vec![Action::Renew(request)]
            }
        }
    }

    pub(super) fn renewed(&mut self, job: Job, renewal: Renewal, now: Moment) -> Vec<Action> {
        match renewal {
            Renewal::Works => self.handled(job.request),
            Renewal::LoginNeeded if job.is_cancelled => self.dropped(job.request),
            Renewal::LoginNeeded => {
                let request = job.request.clone();
                self.phase = Phase::Probing(job);
                vec![Action::Probe(request)]
            }
            Renewal::Passing(why) => self.fail(&job, Kind::Passing, &why, now),
            Renewal::Hopeless(why) => self.fail(&job, Kind::Hopeless, &why, now),
        }
    }

    pub(super) fn probed(&mut self, job: Job, probed: Probe, now: Moment) -> Vec<Action> {
        if job.is_cancelled {
            return self.dropped(job.request);
        }
        match probed {
            Probe::Answers => {}
            Probe::Passing(why) => return self.fail(&job, Kind::Passing, &why, now),
            Probe::Hopeless(why) => return self.fail(&job, Kind::Hopeless, &why, now),
        }
        let mode = self.sight.as_ref().map_or(Mode::Auto, |sight| sight.mode);
        if mode == Mode::Standalone {
            return self.dropped(job.request);
        }
        if mode == Mode::Silent {
            let why = format!("the mode is silent: run `{}`", job.request.login_command());
            return self.fail(&job, Kind::LeftToPerson, &why, now);
        }
        let most = self.limits.max_prompts_per_hour;
        if let Some(wait) = self.memory.budget_wait(most, now) {
            let why = format!(
                "SSO_MAX_PROMPTS_PER_HOUR ({most}) is reached: run `{}`",
                job.request.login_command()
            );
            return self.fail_for(&job, Kind::LeftToPerson, &why, wait, now);
        }
        if self.memory.is_unattended() && !job.request.is_test {
            let why = match self.memory.unanswered {
                1 => "nobody answered the last prompt".to_owned(),
                many => format!("nobody answered the last {many} prompts"),
            };
            return self.leave_to_person(&job, &why, now);
        }
        self.memory.note_prompt(now);
        self.memory.last_attempt = Some(now.steady);
        let request = job.request.clone();
        let action = if mode == Mode::Notify {
            self.phase = Phase::Asking(job);
            Action::Ask(request)
        } else {
            self.phase = Phase::LoggingIn(job);
            Action::LogIn(request)
        };
        vec![Action::NoteAttempt, action]
    }

    pub(super) fn answered(&mut self, job: Job, answer: Answer, now: Moment) -> Vec<Action> {
        if job.is_cancelled {
            return self.dropped(job.request);
        }
        match answer {
            Answer::LogIn => {
                self.memory.unanswered = 0;
                self.memory.last_attempt = Some(now.steady);
                let request = job.request.clone();
                self.phase = Phase::LoggingIn(job);
                vec![Action::NoteAttempt, Action::LogIn(request)]
            }
            Answer::Snooze(wait) => {
                self.memory.unanswered = 0;
                self.memory.snoozed_until = Some(now.steady.after(wait));
                let why = format!(
                    "the person wants to be asked later, in {} min",
                    wait.as_secs() / 60
                );
                self.fail_for(&job, Kind::Refused, &why, wait, now)
            }
            Answer::NotNow => {
                self.memory.unanswered = 0;
                let why = "the person does not want to log in now";
                self.fail_for(&job, Kind::Refused, why, NOT_NOW, now)
            }
            Answer::Silence => {
                self.memory.unanswered = self.memory.unanswered.saturating_add(1);
                let why = "nobody answered the question whether to log in";
                self.fail(&job, Kind::Unanswered, why, now)
            }
            Answer::CannotAsk => {
                let why = format!(
                    "there is no way to ask here: run `{}`",
                    job.request.login_command()
                );
                self.leave_to_person(&job, &why, now)
            }
        }
    }

    pub(super) fn login_ended(&mut self, mut job: Job, end: LoginEnd) -> Vec<Action> {
        let request = job.request.clone();
        if job.is_cancelled {
            return self.dropped(request);
        }
        if matches!(end, LoginEnd::RegistrationBroken(_)) && !job.is_second_try {
            job.is_second_try = true;
            self.phase = Phase::LoggingIn(job);
            return vec![Action::LogIn(request)];
        }
        // Also after a failure: whoever finishes late, or elsewhere, has logged in all the same.
        self.phase = Phase::Proving(job, end);
        vec![Action::Prove(request)]
    }

    pub(super) fn proved(
        &mut self,
        job: &Job,
        end: LoginEnd,
        proof: Proof,
        now: Moment,
    ) -> Vec<Action> {
        match proof {
            Proof::Works => self.handled(job.request.clone()),
            Proof::Passing(why) => {
                self.memory.unanswered = 0;
                self.fail(job, Kind::Passing, &why, now)
            }
            Proof::Hopeless(why) => {
                self.memory.unanswered = 0;
                self.fail(job, Kind::Hopeless, &why, now)
            }
            Proof::NoNewLogin => {
                let is_unanswered = matches!(end, LoginEnd::Unanswered(_));
                self.memory.unanswered = if is_unanswered {
                    self.memory.unanswered.saturating_add(1)
                } else {
                    0
                };
                let (kind, why) = blame(end);
                self.fail(job, kind, &why, now)
            }
        }
    }
}

/// What a login without a new token is to be counted as.
pub(crate) fn blame(end: LoginEnd) -> (Kind, String) {
    match end {
        LoginEnd::Completed => {
            let why = "`aws sso login` says that it succeeded, and the token's file has not changed: \
                       do both have the same HOME?";
            (Kind::Failed, why.to_owned())
        }
        LoginEnd::Unanswered(why) => (Kind::Unanswered, why),
        LoginEnd::Refused(why) => (Kind::Refused, why),
        LoginEnd::Misconfigured(why) => (Kind::Hopeless, why),
        LoginEnd::Unreachable(why) => (Kind::Passing, why),
        LoginEnd::RegistrationBroken(why) | LoginEnd::Failed(why) => (Kind::Failed, why),
        LoginEnd::Cancelled => (
            Kind::Failed,
            "the agent was stopped while a login was under way".to_owned(),
        ),
    }
}
