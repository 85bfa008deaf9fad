//! What the agent does, and what comes next: for people and for programs.

mod words;

use std::time::{Duration, SystemTime};

use serde::Serialize;
use sso_session::config::SsoProfile;
use sso_session::lock::HostGuard;
use sso_session::signal::LoginSignal;
use sso_session::token::Token;

use crate::agent::journal::{Doing, Journal, ShownCode};
use crate::decision::{Action, Event, Kind, Limits, Memory, Obstacle, Sight, State, step};
use crate::mode::Mode;
use crate::moment::Moment;
use crate::said;
use crate::state_folder::StateFolder;

/// Of a text of others.
const MOST_CHARS: usize = 600;

/// Everything that is to be said.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The process of the agent that works; none if there is none.
    pub agent: Option<u32>,
    /// Whether it has a file that it can be started from.
    pub is_installed: bool,
    /// What the agent may do.
    pub mode: Mode,
    /// What it does.
    pub doing: Doing,
    /// The profile that is logged in with.
    pub profile: String,
    /// Its SSO session and portal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portal: Option<String>,
    /// The login that there is.
    pub session: SessionStatus,
    /// The request for a login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestStatus>,
    /// Who holds the login lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// Seconds until the next attempt may be made, as far as the last one is concerned.
    pub cooldown_seconds: u64,
    /// Seconds for which the person does not want to be asked.
    pub snooze_seconds: u64,
    /// Prompts within the last hour.
    pub prompts: usize,
    /// How many there may be.
    pub most_prompts: u32,
    /// The page and the code with which the login of the moment goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invitation: Option<ShownCode>,
    /// What has to be mended before any login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Whether a person has to log in.
    pub login_needed: bool,
    /// What comes next, in a sentence.
    pub next: String,
}

/// The login that there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum SessionStatus {
    /// There is a token that has not ended.
    #[serde(rename_all = "camelCase")]
    SignedIn {
        /// Seconds until its end.
        seconds_left: u64,
        /// Whether it is renewed by itself.
        renewable: bool,
    },
    /// The token has ended.
    #[serde(rename_all = "camelCase")]
    Ended {
        /// Seconds since its end.
        seconds_ago: u64,
        /// Whether it can be renewed still.
        renewable: bool,
    },
    /// There is no token.
    SignedOut,
    /// Nothing can be said: the profile cannot be used.
    Unknown,
}

/// The request for a login.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestStatus {
    /// For which profile.
    pub profile: String,
    /// Who asks.
    pub source: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Seconds since it was first made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<u64>,
    /// What became of the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// What a status is made of.
#[derive(Clone, Debug)]
pub struct Found {
    /// What the files show.
    pub sight: Sight,
    /// The request.
    pub signal: Option<LoginSignal>,
    /// The profile, resolved.
    pub profile: Option<SsoProfile>,
    /// The name of the profile in the settings.
    pub profile_name: String,
    /// Its token.
    pub token: Option<Token>,
    /// The agent's journal.
    pub journal: Option<Journal>,
    /// Whether an agent works.
    pub is_agent_alive: bool,
    /// Whether the agent has a file that it can be started from.
    pub is_installed: bool,
    /// Who holds the login lock.
    pub lock: Option<String>,
}

/// What makes an agent work where none does.
#[must_use]
pub fn starting_command(is_installed: bool) -> &'static str {
    if is_installed {
        "`sso-watcher start`"
    } else {
        "`sso-watcher install`"
    }
}

/// Whether an agent works on this state folder. Blocks on the disk.
#[must_use]
pub fn is_agent_alive(state: &StateFolder) -> bool {
    state.agent_guard().exists() && matches!(HostGuard::try_acquire(&state.agent_guard()), Ok(None))
}

impl Status {
    /// Puts together what was found.
    #[must_use]
    pub fn new(found: Found, boot: &str, limits: Limits, now: Moment) -> Self {
        let journal = found.journal;
        let memory = journal
            .clone()
            .map(|journal| journal.saved.recall(boot, now));
        let memory = memory.unwrap_or_default();
        let journal = journal.filter(|_| found.is_agent_alive);
        let sight = as_the_agent_sees(found.sight, journal.as_ref());
        let doing = journal
            .as_ref()
            .map_or(Doing::Idle, |journal| journal.doing);
        let session = session_status(found.profile.as_ref(), found.token.as_ref(), now.wall);
        let request = found
            .signal
            .as_ref()
            .map(|signal| request_status(signal, now.wall));
        let is_rehearsal = found.signal.as_ref().is_some_and(LoginSignal::is_test);
        let login_needed = match &session {
            SessionStatus::SignedIn { .. }
            | SessionStatus::Ended {
                renewable: true, ..
            } => request.is_some() && !is_rehearsal,
            SessionStatus::Ended {
                renewable: false, ..
            }
            | SessionStatus::SignedOut => true,
            SessionStatus::Unknown => request.is_some(),
        };
        let mut status = Self {
            agent: journal.as_ref().map(|journal| journal.pid),
            is_installed: found.is_installed,
            mode: sight.mode,
            doing,
            profile: request
                .as_ref()
                .map_or(found.profile_name, |request| request.profile.clone()),
            portal: found.profile.as_ref().map(portal),
            session,
            request,
            lock: found.lock,
            cooldown_seconds: memory.cooldown_left(limits.cooldown, now).as_secs(),
            snooze_seconds: seconds_until(memory.snoozed_until, now),
            prompts: memory.recent_prompts(now),
            most_prompts: limits.max_prompts_per_hour,
            invitation: journal.and_then(|journal| journal.invitation),
            fault: sight.fault.clone(),
            login_needed,
            next: String::new(),
        };
        status.next = words::next(&status, &expectation(memory, sight, limits, now), now);
        status
    }
}

/// The stamp and the faults of the living agent, once it has looked: its PATH is not the shell's.
fn as_the_agent_sees(mut sight: Sight, journal: Option<&Journal>) -> Sight {
    let Some(journal) = journal else {
        return sight;
    };
    if let Some(configuration) = journal.configuration {
        sight.configuration = configuration;
        sight.fault.clone_from(&journal.fault);
    }
    sight
}

/// What an agent with this memory does at such a sight.
struct Expectation {
    obstacle: Option<Obstacle>,
    acts: bool,
    is_unattended: bool,
    is_logged_out: bool,
    /// Of the last failures.
    trouble: Option<Kind>,
}

fn expectation(memory: Memory, sight: Sight, limits: Limits, now: Moment) -> Expectation {
    let is_logged_out = sight.logged_out;
    let (state, actions) = step(State::new(limits, memory), Event::Looked(sight), now);
    Expectation {
        obstacle: state.obstacle(now),
        acts: actions
            .iter()
            .any(|action| matches!(action, Action::Lock(_))),
        is_unattended: state.memory.is_unattended(),
        is_logged_out,
        trouble: state.memory.troubles.kind(),
    }
}

fn session_status(
    profile: Option<&SsoProfile>,
    token: Option<&Token>,
    now: SystemTime,
) -> SessionStatus {
    match (profile, token) {
        (None, _) => SessionStatus::Unknown,
        (Some(_), None) => SessionStatus::SignedOut,
        (Some(_), Some(token)) => {
            let renewable = token.can_refresh(now);
            match token.expires_at.duration_since(now) {
                Ok(left) if !left.is_zero() => SessionStatus::SignedIn {
                    seconds_left: left.as_secs(),
                    renewable,
                },
                Ok(_) | Err(_) => SessionStatus::Ended {
                    seconds_ago: age(token.expires_at, now).as_secs(),
                    renewable,
                },
            }
        }
    }
}

fn request_status(signal: &LoginSignal, now: SystemTime) -> RequestStatus {
    RequestStatus {
        profile: signal.profile.clone(),
        source: signal
            .source
            .as_deref()
            .map_or_else(|| "somebody".to_owned(), shown),
        reason: signal.reason.as_deref().map(shown),
        age_seconds: signal.timestamp.map(|time| age(time, now).as_secs()),
        last_error: signal.last_error.as_deref().map(shown),
    }
}

/// What others have written, made fit for a terminal.
fn shown(text: &str) -> String {
    said::fit(text, MOST_CHARS)
}

/// The portal, as a person knows it.
fn portal(profile: &SsoProfile) -> String {
    let url = &profile.session.start_url;
    let host = portal_host(url);
    match &profile.session.name {
        Some(name) => format!("session {name} at {host}"),
        None => host.to_owned(),
    }
}

/// The host of a start URL.
#[must_use]
pub fn portal_host(start_url: &str) -> &str {
    let rest = start_url
        .split_once("://")
        .map_or(start_url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

fn age(time: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(time).unwrap_or_default()
}

fn seconds_until(time: Option<crate::moment::Steady>, now: Moment) -> u64 {
    time.map_or(0, |time| now.steady.until(time).as_secs())
}
