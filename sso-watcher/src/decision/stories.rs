//! Decisions told as short stories: what happens, and what the agent does.

use sso_session::signal::SignalKey;

use super::*;

const COOLDOWN: Duration = Duration::from_mins(1);

/// An agent, and the clock that it sees.
struct Agent {
    state: State,
    now: Moment,
    sight: Sight,
}

fn request(generation: u64) -> Request {
    Request {
        profile: "build".to_owned(),
        key: SignalKey {
            profile: "build".to_owned(),
            generation: Some(generation),
            timestamp: None,
        },
        is_test: false,
        next_attempt_after: None,
    }
}

impl Agent {
    fn new(mode: Mode) -> Self {
        let limits = Limits {
            cooldown: COOLDOWN,
            poll: Duration::from_secs(5),
            max_prompts_per_hour: 4,
        };
        Self {
            state: State::new(limits, Memory::default()),
            now: Moment {
                wall: SystemTime::UNIX_EPOCH + Duration::from_hours(500_000),
                steady: Steady::new(Duration::from_hours(5)),
            },
            sight: Sight {
                request: Some(request(1)),
                mode,
                configuration: 1,
                fault: None,
                last_attempt: None,
                hand: 0,
                logged_out: false,
                cleaned: 0,
            },
        }
    }

    fn on(&mut self, event: Event) -> Vec<Action> {
        let (state, actions) = step(self.state.clone(), event, self.now);
        self.state = state;
        for action in &actions {
            if let Action::Settle(
                _,
                Outcome::Failed {
                    next_attempt_after, ..
                },
            ) = action
                && let Some(request) = &mut self.sight.request
            {
                request.next_attempt_after = Some(*next_attempt_after);
            }
        }
        actions
    }

    fn look(&mut self) -> Vec<Action> {
        self.on(Event::Looked(self.sight.clone()))
    }

    /// Looks every five seconds for so long; all that was done.
    fn pass(&mut self, time: Duration) -> Vec<Action> {
        let end = self.now.steady.after(time);
        let mut actions = Vec::new();
        while self.now.steady < end {
            self.advance(Duration::from_secs(5));
            actions.extend(self.look());
        }
        actions
    }

    fn advance(&mut self, time: Duration) {
        self.now.steady = self.now.steady.after(time);
        self.now.wall += time;
    }

    /// From a look to the moment when a person is asked, or not.
    fn reach_the_person(&mut self) -> Vec<Action> {
        assert!(matches!(self.look()[..], [Action::Lock(_)]));
        assert!(matches!(
            self.on(Event::Locked(Locking::Ours))[..],
            [Action::Renew(_)]
        ));
        assert!(matches!(
            self.on(Event::Renewed(Renewal::LoginNeeded))[..],
            [Action::Probe(_)]
        ));
        self.on(Event::Probed(Probe::Answers))
    }

    /// A login that the world answers like this.
    fn log_in(&mut self, end: LoginEnd, proof: Proof) -> Vec<Action> {
        let actions = self.reach_the_person();
        assert!(
            matches!(actions[..], [Action::NoteAttempt, Action::LogIn(_)]),
            "{actions:?}"
        );
        assert!(matches!(
            self.on(Event::LoginEnded(end))[..],
            [Action::Prove(_)]
        ));
        let actions = self.on(Event::Proved(proof));
        assert!(self.on(Event::Settled).is_empty());
        actions
    }

    fn go_unanswered(&mut self) {
        self.log_in(LoginEnd::Unanswered("nobody".to_owned()), Proof::NoNewLogin);
        self.pass(Duration::from_mins(40));
    }

    fn is_idle(&self) -> bool {
        *self.state.phase() == Phase::Idle
    }
}

fn failed(actions: &[Action]) -> Option<&str> {
    actions.iter().find_map(|action| {
        if let Action::Settle(_, Outcome::Failed { reason, .. }) = action {
            Some(reason.as_str())
        } else {
            None
        }
    })
}

#[test]
fn a_login_that_works_ends_the_request() {
    let mut agent = Agent::new(Mode::Auto);
    let actions = agent.log_in(LoginEnd::Completed, Proof::Works);
    assert_eq!(actions, [Action::Settle(request(1), Outcome::Handled)]);
    assert!(agent.is_idle());
}

#[test]
fn nobody_is_asked_if_the_token_can_be_renewed() {
    let mut agent = Agent::new(Mode::Auto);
    agent.look();
    agent.on(Event::Locked(Locking::Ours));
    let actions = agent.on(Event::Renewed(Renewal::Works));
    assert_eq!(actions, [Action::Settle(request(1), Outcome::Handled)]);
}

#[test]
fn a_rehearsal_goes_straight_to_the_login() {
    let mut agent = Agent::new(Mode::Auto);
    if let Some(request) = &mut agent.sight.request {
        request.is_test = true;
    }
    agent.look();
    let actions = agent.on(Event::Locked(Locking::Ours));
    assert!(matches!(actions[..], [Action::Probe(_)]));
}

#[test]
fn an_outage_opens_no_browser_and_is_tried_again_soon() {
    let mut agent = Agent::new(Mode::Auto);
    agent.look();
    agent.on(Event::Locked(Locking::Ours));
    agent.on(Event::Renewed(Renewal::LoginNeeded));
    let actions = agent.on(Event::Probed(Probe::Passing("no route".to_owned())));
    assert_eq!(failed(&actions), Some("no route"));
    agent.on(Event::Settled);
    let actions = agent.pass(Duration::from_secs(10));
    assert!(
        actions
            .iter()
            .any(|action| matches!(action, Action::Lock(_))),
        "{actions:?}"
    );
}

#[test]
fn a_failed_login_waits_for_the_cooldown_and_twice_as_long_after_the_next() {
    let mut agent = Agent::new(Mode::Auto);
    for pause in [60, 120, 240] {
        agent.log_in(LoginEnd::Failed("it broke".to_owned()), Proof::NoNewLogin);
        let before = Duration::from_secs(pause - 5);
        assert_eq!(agent.pass(before), [], "after {pause} s");
        agent.advance(Duration::from_secs(5));
    }
}

#[test]
fn steps_of_the_wall_clock_move_no_pause() {
    for step in [-7200_i64, -600, 600, 7200] {
        let mut agent = Agent::new(Mode::Auto);
        agent.log_in(LoginEnd::Failed("it broke".to_owned()), Proof::NoNewLogin);
        let by = Duration::from_secs(step.unsigned_abs());
        agent.now.wall = if step < 0 {
            agent.now.wall - by
        } else {
            agent.now.wall + by
        };
        assert_eq!(agent.pass(Duration::from_secs(55)), [], "{step}");
        let actions = agent.pass(Duration::from_secs(5));
        assert!(
            matches!(actions[..], [Action::Lock(_)]),
            "{step}: {actions:?}"
        );
    }
}

#[test]
fn a_late_finish_counts_although_the_login_says_that_it_failed() {
    let mut agent = Agent::new(Mode::Auto);
    let actions = agent.log_in(LoginEnd::Failed("exit code 255".to_owned()), Proof::Works);
    assert_eq!(actions, [Action::Settle(request(1), Outcome::Handled)]);
}

#[test]
fn a_broken_registration_gets_one_second_try() {
    let mut agent = Agent::new(Mode::Auto);
    agent.reach_the_person();
    let broken = || Event::LoginEnded(LoginEnd::RegistrationBroken("broken".to_owned()));
    assert!(matches!(agent.on(broken())[..], [Action::LogIn(_)]));
    assert!(matches!(agent.on(broken())[..], [Action::Prove(_)]));
    let actions = agent.on(Event::Proved(Proof::NoNewLogin));
    assert_eq!(failed(&actions), Some("broken"));
}

#[test]
fn after_three_unanswered_prompts_the_person_is_only_told_until_they_come_back() {
    let mut agent = Agent::new(Mode::Auto);
    for _ in 0..3 {
        agent.go_unanswered_once();
    }
    let actions = agent.reach_the_person();
    assert!(failed(&actions).is_some());
    assert!(
        actions.contains(&Action::Notify(Notice::Waiting(
            agent.sight.request.clone().expect("a request")
        ))) || actions
            .iter()
            .any(|action| matches!(action, Action::Notify(Notice::Waiting(_))))
    );
    agent.on(Event::Settled);
    assert!(
        agent
            .pass(Duration::from_secs(10))
            .contains(&Action::LookForUser)
    );
    let here = Presence {
        idle: Some(Duration::ZERO),
        is_locked: false,
    };
    agent.on(Event::UserLookedFor(here));
    assert!(
        agent.state.memory.is_unattended(),
        "who was there all along does not want to"
    );
    agent.on(Event::UserLookedFor(Presence {
        is_locked: true,
        ..here
    }));
    agent.on(Event::UserLookedFor(here));
    assert!(!agent.state.memory.is_unattended());
}

impl Agent {
    fn go_unanswered_once(&mut self) {
        self.go_unanswered();
        // The last look began the next attempt; it comes to nothing.
        self.on(Event::Locked(Locking::Busy));
    }
}

#[test]
fn the_person_is_told_once_what_to_mend_and_the_mending_is_noticed() {
    let mut agent = Agent::new(Mode::Auto);
    agent.sight.fault = Some("no such profile".to_owned());
    let actions = agent.look();
    assert!(actions.contains(&Action::Notify(Notice::Fault("no such profile".to_owned()))));
    agent.on(Event::Settled);
    assert_eq!(agent.pass(Duration::from_mins(29)), []);
    let again = agent.pass(Duration::from_mins(2));
    assert_eq!(failed(&again), Some("no such profile"));
    assert!(
        !again
            .iter()
            .any(|action| matches!(action, Action::Notify(_))),
        "{again:?}"
    );
    agent.on(Event::Settled);
    agent.sight.fault = None;
    agent.sight.configuration = 2;
    assert!(matches!(agent.look()[..], [Action::Lock(_)]));
}

#[test]
fn the_budget_of_an_hour_is_kept_over_requests() {
    let mut agent = Agent::new(Mode::Auto);
    for generation in 1..=4 {
        agent.sight.request = Some(request(generation));
        agent.log_in(LoginEnd::Completed, Proof::Works);
        agent.sight.request = None;
        agent.pass(Duration::from_mins(2));
    }
    agent.sight.request = Some(request(5));
    let actions = agent.reach_the_person();
    assert_eq!(
        failed(&actions),
        Some("SSO_MAX_PROMPTS_PER_HOUR (4) is reached: run `sso-watcher login build`")
    );
}

#[test]
fn a_wake_allows_one_prompt() {
    let mut agent = Agent::new(Mode::Auto);
    agent.sight.request = None;
    agent.look();
    agent.advance(Duration::from_hours(8));
    agent.sight.request = Some(request(1));
    assert_eq!(agent.look(), [], "the network may not be there yet");
    agent.pass(Duration::from_secs(5));
    agent.advance(Duration::from_secs(5));
    agent.go_unanswered_once();
    let actions = agent.reach_the_person();
    assert_eq!(failed(&actions), Some("nobody answered the last prompt"));
}

#[test]
fn a_snooze_is_kept_until_it_ends_or_the_person_logs_in() {
    let mut agent = Agent::new(Mode::Notify);
    assert!(matches!(
        agent.reach_the_person()[..],
        [Action::NoteAttempt, Action::Ask(_)]
    ));
    agent.on(Event::Answered(Answer::Snooze(Duration::from_hours(4))));
    agent.on(Event::Settled);
    assert_eq!(agent.pass(Duration::from_mins(239)), []);
    assert!(matches!(
        agent.state.obstacle(agent.now),
        Some(Obstacle::Snoozed(_))
    ));
    agent.sight.hand += 1;
    assert!(matches!(agent.look()[..], [Action::Lock(_)]));
}

#[test]
fn a_login_whose_request_goes_away_is_ended() {
    let mut agent = Agent::new(Mode::Auto);
    agent.reach_the_person();
    agent.sight.request = None;
    assert_eq!(agent.look(), [Action::Cancel]);
    assert_eq!(agent.look(), [], "once");
    let actions = agent.on(Event::LoginEnded(LoginEnd::Cancelled));
    assert_eq!(actions, [Action::Settle(request(1), Outcome::Dropped)]);
}

#[test]
fn silent_and_standalone_agents_ask_nobody() {
    let mut silent = Agent::new(Mode::Silent);
    let actions = silent.reach_the_person();
    assert!(failed(&actions).is_some_and(|reason| reason.contains("sso-watcher login build")));
    let mut standalone = Agent::new(Mode::Standalone);
    assert_eq!(standalone.look(), []);
}

#[test]
fn a_wait_that_the_signal_asks_for_is_kept() {
    let mut agent = Agent::new(Mode::Auto);
    if let Some(request) = &mut agent.sight.request {
        request.next_attempt_after = Some(agent.now.wall + Duration::from_mins(10));
    }
    assert_eq!(agent.pass(Duration::from_secs(595)), []);
    assert!(!agent.pass(Duration::from_secs(10)).is_empty());
}

#[test]
fn the_login_of_a_dead_watcher_is_waited_for() {
    let mut agent = Agent::new(Mode::Auto);
    agent.look();
    assert!(matches!(
        agent.on(Event::Locked(Locking::Orphan))[..],
        [Action::Adopt(_)]
    ));
    let end = LoginEnd::Failed("its watcher died".to_owned());
    assert!(matches!(
        agent.on(Event::LoginEnded(end))[..],
        [Action::Prove(_)]
    ));
    let actions = agent.on(Event::Proved(Proof::Works));
    assert_eq!(actions, [Action::Settle(request(1), Outcome::Handled)]);
}

#[test]
fn an_unlocked_screen_shows_that_the_person_is_back() {
    let mut agent = Agent::new(Mode::Auto);
    for _ in 0..3 {
        agent.go_unanswered_once();
    }
    let seen = |is_locked| {
        Event::UserLookedFor(Presence {
            idle: None,
            is_locked,
        })
    };
    agent.on(seen(false));
    assert!(agent.state.memory.is_unattended());
    agent.on(seen(true));
    agent.on(seen(false));
    assert!(!agent.state.memory.is_unattended());
}

#[test]
fn a_rehearsal_is_tried_once_and_makes_way() {
    let mut agent = Agent::new(Mode::Auto);
    if let Some(request) = &mut agent.sight.request {
        request.is_test = true;
    }
    agent.look();
    agent.on(Event::Locked(Locking::Ours));
    agent.on(Event::Probed(Probe::Answers));
    agent.on(Event::LoginEnded(LoginEnd::Refused("no".to_owned())));
    agent.on(Event::Proved(Proof::NoNewLogin));
    agent.on(Event::Settled);
    assert_eq!(agent.pass(Duration::from_secs(5)), []);
    let actions = agent.pass(Duration::from_secs(5));
    assert!(matches!(actions[..], [Action::Settle(_, Outcome::Dropped)]));
}

#[test]
fn an_agent_that_is_stopped_asks_nobody_any_more() {
    let mut agent = Agent::new(Mode::Auto);
    agent.look();
    assert_eq!(agent.on(Event::Stopping), []);
    agent.on(Event::Locked(Locking::Ours));
    assert_eq!(agent.state.phase(), &Phase::Settling);

    let mut agent = Agent::new(Mode::Notify);
    agent.reach_the_person();
    assert_eq!(agent.on(Event::Stopping), [Action::Cancel]);
    agent.on(Event::Answered(Answer::Silence));
    assert_eq!(
        agent.state.memory.unanswered, 0,
        "nobody was given the time"
    );
}

#[test]
fn a_renewal_that_works_counts_although_the_agent_is_stopped() {
    let mut agent = Agent::new(Mode::Auto);
    agent.look();
    agent.on(Event::Locked(Locking::Ours));
    agent.on(Event::Stopping);
    let actions = agent.on(Event::Renewed(Renewal::Works));
    assert_eq!(actions, [Action::Settle(request(1), Outcome::Handled)]);
}

#[test]
fn a_mode_that_asks_nobody_ends_the_question_on_the_screen() {
    let mut agent = Agent::new(Mode::Notify);
    agent.reach_the_person();
    agent.sight.mode = Mode::Silent;
    assert_eq!(agent.look(), [Action::Cancel]);
}
