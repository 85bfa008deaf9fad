//! What the agent sees at one look: a request for a login, and what bears on it.

use std::time::SystemTime;

use sso_session::config::shell_quoted;
use sso_session::signal::SignalKey;

use crate::mode::Mode;

/// Everything that one look at the files shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// The signal, if there is one.
    pub request: Option<Request>,
    /// What the agent may do.
    pub mode: Mode,
    /// Changes whenever the profile's configuration or the AWS CLI does.
    pub configuration: u64,
    /// Why no login can be tried with the configuration as it is; with the cure.
    pub fault: Option<String>,
    /// `last-login-at.txt`, which other tools write, too.
    pub last_attempt: Option<SystemTime>,
    /// Changes whenever the person has dealt with a login by hand.
    pub hand: u64,
    /// The person has logged out, and no login is wanted until there is one by hand.
    pub logged_out: bool,
    /// Changes whenever the person clears the agent's memory.
    pub cleaned: u64,
}

/// A login that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The profile to log in with.
    pub profile: String,
    /// Which request it is.
    pub key: SignalKey,
    /// A rehearsal: nothing is tried before the login.
    pub is_test: bool,
    /// Before when no login is to be tried.
    pub next_attempt_after: Option<SystemTime>,
}

impl Request {
    /// The command by which the person logs in.
    #[must_use]
    pub fn login_command(&self) -> String {
        format!("sso-watcher login {}", shell_quoted(&self.profile))
    }
}
