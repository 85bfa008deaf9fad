//! Random histories: whatever happens, the invariants hold.

use proptest::prelude::*;

use sso_session::signal::{LONGEST_WAIT, SignalKey};

use super::settlement::whole_seconds;
use super::*;

const BUDGET: u32 = 4;
const TICK: Duration = Duration::from_secs(5);

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// Looks every five seconds, so many.
    Pass(u16),
    /// The wall clock is stepped, by seconds.
    Step(i32),
    Sleep(u16),
    /// What is under way is answered, in one of the possible ways.
    Answer(u8),
    /// A new request goes the whole way, and ends in one of the possible ways.
    Round(u8),
    /// The agent is killed, and started again.
    Crash,
    Reboot,
    Raise,
    Withdraw,
    AskToWait(u16),
    Mode(u8),
    LogInByHand,
    Reconfigure(bool),
    Clear,
    Presence(bool),
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    prop_oneof![
        6 => (1..400_u16).prop_map(Pass),
        1 => (-90_000..90_000_i32).prop_map(Step),
        1 => (1..40_000_u16).prop_map(Sleep),
        12 => any::<u8>().prop_map(Answer),
        6 => any::<u8>().prop_map(Round),
        1 => Just(Crash),
        1 => Just(Reboot),
        3 => Just(Raise),
        1 => Just(Withdraw),
        1 => (0..1800_u16).prop_map(AskToWait),
        1 => (0..4_u8).prop_map(Mode),
        1 => Just(LogInByHand),
        1 => any::<bool>().prop_map(Reconfigure),
        1 => Just(Clear),
        2 => any::<bool>().prop_map(Presence),
    ]
}

/// Everything around the decision.
struct World {
    state: State,
    now: Moment,
    boot: u32,
    sight: Sight,
    generation: u64,
    /// What the agent is waiting for.
    pending: Option<Action>,
    has_lock: bool,
    login_runs: bool,
    /// The next login was said yes to already, or is a second try.
    is_free: bool,
    prompts: Vec<Steady>,
    handled: u32,
}

impl World {
    fn new() -> Self {
        let limits = Limits {
            cooldown: Duration::from_mins(1),
            poll: TICK,
            max_prompts_per_hour: BUDGET,
        };
        Self {
            state: State::new(limits, Memory::default()),
            now: Moment {
                wall: SystemTime::UNIX_EPOCH + Duration::from_hours(500_000),
                steady: Steady::new(Duration::from_hours(1)),
            },
            boot: 1,
            sight: Sight {
                request: None,
                mode: Mode::Auto,
                configuration: 0,
                fault: None,
                last_attempt: None,
                hand: 0,
                logged_out: false,
                cleaned: 0,
            },
            generation: 0,
            pending: None,
            has_lock: false,
            login_runs: false,
            is_free: false,
            prompts: Vec::new(),
            handled: 0,
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Pass(looks) => {
                for _ in 0..looks {
                    self.advance(TICK);
                    self.look();
                }
            }
            Happening::Step(seconds) => self.step_wall(seconds),
            Happening::Sleep(seconds) => self.advance(Duration::from_secs(u64::from(seconds))),
            Happening::Answer(how) => self.answer(how),
            Happening::Round(how) => {
                self.raise();
                for _ in 0..30 {
                    self.advance(TICK);
                    self.look();
                    self.go_on(how);
                }
            }
            Happening::Crash => self.crash(false),
            Happening::Reboot => self.crash(true),
            Happening::Raise => self.raise(),
            Happening::Withdraw => self.sight.request = None,
            Happening::AskToWait(seconds) => {
                let until = self.now.wall + Duration::from_secs(u64::from(seconds));
                if let Some(request) = &mut self.sight.request {
                    request.next_attempt_after = Some(whole_seconds(until));
                }
            }
            Happening::Mode(number) => self.sight.mode = Mode::ALL[usize::from(number)],
            Happening::LogInByHand => self.sight.hand += 1,
            Happening::Reconfigure(is_faulty) => {
                self.sight.configuration += 1;
                self.sight.fault = is_faulty.then(|| "it is broken".to_owned());
            }
            Happening::Clear => {
                // Whoever clears the memory is there, and the budget begins anew.
                self.prompts.clear();
                self.sight.cleaned += 1;
                self.look();
            }
            Happening::Presence(is_there) => self.see_user(is_there),
        }
    }

    fn advance(&mut self, time: Duration) {
        self.now.steady = self.now.steady.after(time);
        self.now.wall += time;
    }

    fn step_wall(&mut self, seconds: i32) {
        let by = Duration::from_secs(u64::from(seconds.unsigned_abs()));
        self.now.wall = if seconds < 0 {
            self.now.wall - by
        } else {
            self.now.wall + by
        };
    }

    fn raise(&mut self) {
        self.generation += 1;
        self.sight.request = Some(Request {
            profile: "build".to_owned(),
            key: SignalKey {
                profile: "build".to_owned(),
                generation: Some(self.generation),
                timestamp: None,
            },
            is_test: self.generation.is_multiple_of(7),
            next_attempt_after: None,
        });
    }

    fn see_user(&mut self, is_there: bool) {
        let idle = if is_there {
            Duration::ZERO
        } else {
            Duration::from_hours(1)
        };
        self.on(Event::UserLookedFor(Presence {
            idle: Some(idle),
            is_locked: !is_there,
        }));
    }

    fn crash(&mut self, is_reboot: bool) {
        let saved = Saved::new(self.state.memory.clone(), &self.boot.to_string(), self.now);
        self.pending = None;
        self.has_lock = false;
        self.is_free = false;
        if is_reboot {
            self.boot += 1;
            self.login_runs = false;
            // Times are told to the world as they are, so its books move along.
            self.advance(Duration::from_secs(30));
            let (old, new) = (self.now.steady, Steady::new(Duration::from_secs(20)));
            for prompt in &mut self.prompts {
                *prompt = new.before(old.since(*prompt));
            }
            self.now.steady = new;
        }
        let memory = saved.recall(&self.boot.to_string(), self.now);
        self.state = State::new(self.state.limits, memory);
    }

    fn look(&mut self) {
        let mut sight = self.sight.clone();
        // As a signal is read: what is far away is no wait.
        let now = self.now.wall;
        if let Some(request) = &mut sight.request {
            request.next_attempt_after = request
                .next_attempt_after
                .filter(|until| until.duration_since(now).unwrap_or_default() <= LONGEST_WAIT);
        }
        self.on(Event::Looked(sight));
    }

    fn on(&mut self, event: Event) {
        let (state, actions) = step(self.state.clone(), event, self.now);
        self.state = state;
        for action in actions {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match &action {
            Action::NoteAttempt => {
                self.sight.last_attempt = Some(whole_seconds(self.now.wall));
                return;
            }
            Action::LookForUser | Action::Notify(_) => return,
            Action::Cancel => {
                let end = match self.pending.take() {
                    Some(Action::Ask(_)) => Event::Answered(Answer::Silence),
                    Some(Action::LogIn(_) | Action::Adopt(_)) => {
                        self.login_runs = false;
                        Event::LoginEnded(LoginEnd::Cancelled)
                    }
                    other => panic!("nothing to cancel: {other:?}"),
                };
                return self.on(end);
            }
            Action::Ask(_) => self.prompt(),
            Action::LogIn(_) => {
                assert!(self.has_lock, "a login without the lock");
                assert!(!self.login_runs, "two logins at once");
                self.login_runs = true;
                if !std::mem::take(&mut self.is_free) {
                    self.prompt();
                }
            }
            Action::Lock(_)
            | Action::Renew(_)
            | Action::Probe(_)
            | Action::Adopt(_)
            | Action::Prove(_)
            | Action::Settle(..) => {}
        }
        assert!(
            self.pending.is_none(),
            "{action:?} while {:?}",
            self.pending
        );
        self.pending = Some(action);
    }

    fn prompt(&mut self) {
        assert!(self.has_lock, "a prompt without the lock");
        self.prompts.push(self.now.steady);
        let hour = |time: &&Steady| self.now.steady.since(**time) < Duration::from_hours(1);
        let recent = self.prompts.iter().filter(hour).count();
        assert!(recent <= BUDGET as usize, "{recent} prompts within an hour");
    }

    fn answer(&mut self, how: u8) {
        let why = || "because".to_owned();
        let event = match self.pending.take() {
            None => return,
            Some(_) if how == 255 => Event::Broke(why()),
            Some(Action::Lock(_)) => Event::Locked(match how % 6 {
                0 => Locking::Busy,
                1 => Locking::Failed(why()),
                _ if self.login_runs => Locking::Orphan,
                _ => Locking::Ours,
            }),
            Some(Action::Renew(_)) => Event::Renewed(match how % 8 {
                0 => Renewal::Works,
                1 => Renewal::Passing(why()),
                2 => Renewal::Hopeless(why()),
                _ => Renewal::LoginNeeded,
            }),
            Some(Action::Probe(_)) => Event::Probed(match how % 8 {
                0 => Probe::Passing(why()),
                4 => Probe::Hopeless(why()),
                _ => Probe::Answers,
            }),
            Some(Action::Ask(_)) => Event::Answered(match how % 5 {
                0 => Answer::Snooze(Duration::from_mins(u64::from(how))),
                1 => Answer::NotNow,
                2 => Answer::Silence,
                3 => Answer::CannotAsk,
                _ => Answer::LogIn,
            }),
            Some(Action::LogIn(_) | Action::Adopt(_)) => Event::LoginEnded(match how % 8 {
                0 => LoginEnd::Completed,
                1 => LoginEnd::Refused(why()),
                2 => LoginEnd::RegistrationBroken(why()),
                3 => LoginEnd::Misconfigured(why()),
                4 => LoginEnd::Unreachable(why()),
                5 => LoginEnd::Failed(why()),
                _ => LoginEnd::Unanswered(why()),
            }),
            Some(Action::Prove(_)) => Event::Proved(match how % 6 {
                0 => Proof::Works,
                1 => Proof::Passing(why()),
                2 => Proof::Hopeless(why()),
                _ => Proof::NoNewLogin,
            }),
            Some(Action::Settle(request, outcome)) => {
                self.settle(&request, &outcome);
                Event::Settled
            }
            Some(
                other @ (Action::Cancel
                | Action::NoteAttempt
                | Action::LookForUser
                | Action::Notify(_)),
            ) => panic!("{other:?} needs no answer"),
        };
        if matches!(event, Event::Broke(_)) {
            // A login whose watching broke off is ended with it.
            self.login_runs = false;
        }
        self.book(&event);
        self.on(event);
    }

    /// What an answer means for the world.
    fn book(&mut self, event: &Event) {
        if let Event::Locked(Locking::Ours | Locking::Orphan) = event {
            self.has_lock = true;
        }
        if let Event::Answered(Answer::LogIn) = event {
            self.is_free = true;
        }
        if let Event::LoginEnded(end) = event {
            self.login_runs = false;
            self.is_free = matches!(end, LoginEnd::RegistrationBroken(_));
        }
    }

    fn settle(&mut self, request: &Request, outcome: &Outcome) {
        self.has_lock = false;
        self.is_free = false;
        let Some(signal) = &mut self.sight.request else {
            return;
        };
        if signal.key != request.key {
            return;
        }
        match outcome {
            Outcome::Handled => {
                self.handled += 1;
                self.sight.request = None;
            }
            Outcome::Failed {
                next_attempt_after, ..
            } => {
                signal.next_attempt_after = Some(*next_attempt_after);
            }
            Outcome::Dropped => {
                if request.is_test {
                    self.sight.request = None;
                }
            }
        }
    }

    /// Answers whatever is under way such that the person is asked, and a login like `how`.
    fn go_on(&mut self, how: u8) {
        while let Some(pending) = &self.pending {
            let answer = if matches!(pending, Action::Lock(_)) {
                5
            } else if matches!(pending, Action::Renew(_)) {
                3
            } else if matches!(pending, Action::Probe(_)) {
                1
            } else if matches!(pending, Action::Ask(_)) {
                4
            } else {
                how
            };
            self.answer(answer);
        }
    }

    /// From now on all goes well, with somebody who comes back and logs in.
    fn live_happily(&mut self) {
        self.sight.mode = Mode::Auto;
        self.sight.fault = None;
        let handled = self.handled;
        self.see_user(false);
        for _ in 0..(5 * 3600 / 5) {
            if self.sight.request.is_none() {
                self.raise();
            }
            self.advance(TICK);
            self.look();
            self.see_user(true);
            self.go_on(0);
            if self.handled > handled {
                return;
            }
        }
        panic!("stuck for five hours: {:?}", self.state);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_login_at_a_time_within_the_budget_and_never_stuck(
        history in proptest::collection::vec(happening(), 1..60)
    ) {
        let mut world = World::new();
        for happening in history {
            world.happen(happening);
        }
        world.live_happily();
    }
}
