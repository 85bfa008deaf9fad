//! The agent: a thin loop around [`step`].
//!
//! ```text
//!  timer ─► eyes (files) ──► Looked ─┐
//!  timer ─► tokens (republishing)    ├─► step ─► journal (before anything is done)
//!           hands ──► their answers ─┘     └───► hands: lock, renew, probe, ask, log in, prove, settle
//! ```
//!
//! One agent works; any further one stands by until the kernel drops the guard of the first.

mod eyes;
mod hands;
pub mod journal;
mod program;
mod tokens;

use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use sso_session::disk::DiskError;
use sso_session::lock::HostGuard;
use sso_session::process::boot_id;
use sso_session::token::TokenFile;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::{debug, error, info, warn};

use crate::clock;
use crate::decision::{Action, Event, Limits, Notice, Phase, Request, Saved, State, step};
use crate::moment::Moment;
pub(crate) use eyes::Eyes;
use eyes::Seen;
use hands::Hands;
use journal::{Doing, Journal};
use tokens::TokenWatch;

pub(crate) use hands::Tools;
pub(crate) use program::Program;

/// How often token files are looked at: a container should see a login within 2 s.
const TOKEN_LOOK: Duration = Duration::from_secs(1);
/// How often a second agent looks whether the first has gone.
const STANDBY_LOOK: Duration = Duration::from_secs(2);
/// What is under way gets so long to end when the agent is stopped: a renewal that has spent its refresh token
/// has to write the new one, and AWS may take ten seconds to answer.
const LAST_ORDERS: Duration = Duration::from_secs(15);

/// Runs until `stop`, as the only agent of its state folder.
pub(crate) async fn run(
    eyes: Eyes,
    tools: Tools,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> Result<(), DiskError> {
    tokio::pin!(stop);
    eyes.state.create()?;
    let guard = tokio::select! {
        guard = become_the_one(&eyes) => guard?,
        () = &mut stop => return Ok(()),
    };
    let boot = boot_id();
    let memory = Journal::recall(&eyes.state, &boot, clock::now());
    let (events, answers) = mpsc::channel(64);
    let mut agent = Agent {
        state: State::new(limits, memory),
        boot,
        hands: Hands::new(eyes.clone(), tools, events),
        eyes,
        tokens: TokenWatch::default(),
        token_in_sight: None,
        complaints: BTreeSet::new(),
        journal: None,
        journal_fails: false,
        request: None,
    };
    // So that `sso-watcher status` finds it before its first look, too.
    agent.write_journal(clock::now());
    info!(mode = %agent.eyes.mode, profile = agent.eyes.profile, "at work");
    agent.work(limits.poll, answers, &mut stop).await;
    drop(guard);
    Ok(())
}

/// Waits until no other agent works on this state folder.
async fn become_the_one(eyes: &Eyes) -> Result<HostGuard, DiskError> {
    let path = eyes.state.agent_guard();
    let mut is_told = false;
    loop {
        if let Some(guard) = HostGuard::try_acquire(&path)? {
            return Ok(guard);
        }
        if !std::mem::replace(&mut is_told, true) {
            info!(
                "another sso-watcher is at work on {}: standing by",
                eyes.state.path().display()
            );
        }
        tokio::time::sleep(STANDBY_LOOK).await;
    }
}

struct Agent {
    state: State,
    boot: String,
    eyes: Eyes,
    hands: Hands,
    tokens: TokenWatch,
    /// The token of the session that the request, or else the settings, name.
    token_in_sight: Option<PathBuf>,
    /// What has been logged, and is wrong still.
    complaints: BTreeSet<String>,
    /// What was written last.
    journal: Option<Journal>,
    /// A failure to write it is logged once.
    journal_fails: bool,
    /// The request that was seen last.
    request: Option<Request>,
}

impl Agent {
    async fn work(
        &mut self,
        poll: Duration,
        mut answers: mpsc::Receiver<Event>,
        stop: &mut (impl Future<Output = ()> + Unpin),
    ) {
        let mut looks = ticks(poll);
        let mut token_looks = ticks(TOKEN_LOOK);
        loop {
            tokio::select! {
                () = &mut *stop => break,
                Some(event) = answers.recv() => self.on(event),
                _ = looks.tick() => self.look().await,
                _ = token_looks.tick() => self.look_at_tokens(),
                () = self.hands.news() => self.write_journal(clock::now()),
            }
        }
        info!("stopping");
        self.on(Event::Stopping);
        let ends = async {
            while *self.state.phase() != Phase::Idle {
                let Some(event) = answers.recv().await else {
                    break;
                };
                self.on(event);
            }
        };
        if tokio::time::timeout(LAST_ORDERS, ends).await.is_err() {
            warn!("what was under way did not end in time");
        }
    }

    async fn look(&mut self) {
        let now = clock::now();
        let seen = tokio::task::block_in_place(|| {
            let environment = self.hands.environment();
            let program = self.hands.program();
            self.eyes.look(&|name| environment.get(name), program, now)
        });
        let Seen {
            mut sight,
            signal,
            profile,
            is_readable,
            complaints,
        } = seen;
        for complaint in complaints.difference(&self.complaints) {
            warn!("{complaint}");
        }
        self.complaints = complaints;
        let folder = &self.eyes.locations.token_folder;
        let file = profile.map(|profile| TokenFile::new(folder, profile.session.token_file_name()));
        if let Some(file) = &file {
            self.tokens.watch(file, clock::wall());
        }
        self.token_in_sight = file.map(|file| file.path().to_owned());
        if is_readable {
            self.hands.see(signal, sight.mode);
            self.request.clone_from(&sight.request);
        } else {
            // A file that cannot be read for a moment withdraws nothing.
            sight.request.clone_from(&self.request);
        }
        self.on(Event::Looked(sight));
        // Who asked may have withdrawn it after the death of whoever was at it: no next attempt clears that.
        if self.request.is_none() && *self.state.phase() == Phase::Idle {
            self.hands.heal().await;
        }
    }

    /// Publishes what was written in place, and notes a login by hand, which ends a logout.
    fn look_at_tokens(&mut self) {
        let now = clock::wall();
        let written = tokio::task::block_in_place(|| {
            let folder = &self.eyes.locations.token_folder;
            if let Err(error) = self.eyes.state.forget_outlived_logouts(folder) {
                debug!(%error, "a logout that is over stays noted");
            }
            self.tokens.look(now)
        });
        let Some(in_sight) = self.token_in_sight.as_deref() else {
            return;
        };
        let is_by_hand = written
            .iter()
            .any(|token| token.is_login_by_hand(in_sight, self.request.is_some()));
        if !is_by_hand || self.hands.is_logging_in() {
            return;
        }
        if let Err(error) = self.eyes.state.note_hand(now) {
            warn!(%error, "a login by hand cannot be noted");
        }
    }

    fn on(&mut self, event: Event) {
        let now = clock::now();
        debug!(?event, "event");
        let (state, actions) = step(self.state.clone(), event, now);
        self.state = state;
        if *self.state.phase() == Phase::Idle && self.hands.is_logging_in() {
            // What the agent's own login has left is no login by hand, whatever became of it.
            self.look_at_tokens();
            self.hands.login_is_over();
        }
        self.write_journal(now);
        for action in actions {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        debug!(?action, "action");
        match action {
            Action::NoteAttempt => {
                if let Err(error) = self.eyes.state.note_attempt(clock::wall()) {
                    warn!(%error, "an attempt cannot be noted");
                }
            }
            Action::Cancel => self.hands.cancel(),
            Action::Notify(notice) => {
                match &notice {
                    Notice::Fault(text) => error!("no login can be tried: {text}"),
                    Notice::Waiting(request) => {
                        warn!(
                            profile = request.profile,
                            "a login is needed, and nobody answers"
                        );
                    }
                }
                self.hands.notify(notice);
            }
            Action::Lock(_)
            | Action::Renew(_)
            | Action::Probe(_)
            | Action::Ask(_)
            | Action::LogIn(_)
            | Action::Adopt(_)
            | Action::Prove(_)
            | Action::Settle(..)
            | Action::LookForUser => self.hands.begin(action),
        }
    }

    /// Writes down what has changed. Before anything is done: a prompt that nobody knows of any more
    /// would be one too many.
    fn write_journal(&mut self, now: Moment) {
        let doing = Doing::of(self.state.phase());
        let memory = &self.state.memory;
        let invitation = self.hands.invitation();
        let sight = self.state.sight();
        let fault = sight.and_then(|sight| sight.fault.clone());
        let configuration = sight.map(|sight| sight.configuration);
        let before = self.journal.as_ref();
        let is_same = before.is_some_and(|journal| {
            journal.doing == doing
                && journal.saved.memory() == memory
                && journal.invitation == invitation
                && journal.fault == fault
                && journal.configuration == configuration
        });
        if is_same {
            return;
        }
        let saved = Saved::new(memory.clone(), &self.boot, now);
        let mut journal = Journal::new(doing, now.wall, saved);
        if let Some(before) = before.filter(|before| before.doing == doing) {
            journal.since = before.since;
        }
        journal.invitation = invitation;
        journal.fault = fault;
        journal.configuration = configuration;
        let written = tokio::task::block_in_place(|| journal.write(&self.eyes.state));
        let is_told = std::mem::replace(&mut self.journal_fails, written.is_err());
        self.journal = written.is_ok().then_some(journal);
        if let Err(error) = written
            && !is_told
        {
            warn!(%error, "what the agent does cannot be written down");
        }
    }
}

fn ticks(period: Duration) -> Interval {
    let mut ticks = interval(period);
    // After a sleep one look is enough.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
