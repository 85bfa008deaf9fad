//! A status in words that a person understands.

use std::fmt;

use sso_session::config::shell_quoted;

use super::{Expectation, SessionStatus, Status, starting_command};
use crate::agent::journal::Doing;
use crate::decision::{Kind, Obstacle};
use crate::moment::Moment;

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, text: &str| writeln!(f, "{name:<10}{text}");
        line("agent", &self.agent())?;
        line(
            "mode",
            &format!("{}: the agent {}", self.mode, self.mode.meaning()),
        )?;
        line(
            "profile",
            &self.portal.as_ref().map_or_else(
                || self.profile.clone(),
                |portal| format!("{} ({portal})", self.profile),
            ),
        )?;
        line("session", &self.session())?;
        line("request", &self.request())?;
        if let Some(error) = self
            .request
            .as_ref()
            .and_then(|request| request.last_error.as_ref())
        {
            line("last try", error)?;
        }
        if let Some(fault) = &self.fault {
            line("fault", fault)?;
        }
        line("lock", self.lock.as_deref().unwrap_or("free"))?;
        line("cooldown", &left(self.cooldown_seconds, "over"))?;
        line("snooze", &left(self.snooze_seconds, "none"))?;
        line(
            "prompts",
            &format!(
                "{} of {} within the last hour",
                self.prompts, self.most_prompts
            ),
        )?;
        write!(f, "{:<10}{}", "next", self.next)
    }
}

impl Status {
    fn session(&self) -> String {
        match &self.session {
            SessionStatus::SignedIn { seconds_left, .. } if self.login_needed => format!(
                "there is a token for another {}, and a login is needed all the same",
                duration(*seconds_left)
            ),
            session @ (SessionStatus::SignedIn { .. }
            | SessionStatus::Ended { .. }
            | SessionStatus::SignedOut
            | SessionStatus::Unknown) => session.to_string(),
        }
    }

    fn agent(&self) -> String {
        match self.agent {
            Some(pid) => format!("running (process {pid})"),
            None if self.is_installed => "not running: `sso-watcher start` starts it".to_owned(),
            None => "not running: `sso-watcher install` installs it".to_owned(),
        }
    }

    fn request(&self) -> String {
        let Some(request) = &self.request else {
            return "none".to_owned();
        };
        let since = request
            .age_seconds
            .map(|age| format!(" for {}", duration(age)));
        let reason = request.reason.as_ref().map(|reason| format!(": {reason}"));
        format!(
            "{} asks for a login with profile {}{}{}",
            request.source,
            request.profile,
            since.unwrap_or_default(),
            reason.unwrap_or_default(),
        )
    }
}

impl fmt::Display for SessionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignedIn {
                seconds_left,
                renewable,
            } => {
                let end = if *renewable {
                    "is renewed by itself"
                } else {
                    "cannot be renewed"
                };
                write!(
                    f,
                    "signed in; the token ends in {} and {end}",
                    duration(*seconds_left)
                )
            }
            Self::Ended {
                seconds_ago,
                renewable,
            } => {
                let next = if *renewable {
                    ", and can perhaps be renewed"
                } else {
                    ""
                };
                write!(f, "the token ended {} ago{next}", duration(*seconds_ago))
            }
            Self::SignedOut => f.write_str("nobody is signed in"),
            Self::Unknown => f.write_str("unknown: the profile cannot be used"),
        }
    }
}

/// What comes next.
pub(super) fn next(status: &Status, expected: &Expectation, now: Moment) -> String {
    let log_in = format!("`sso-watcher login {}`", shell_quoted(&status.profile));
    let start = starting_command(status.is_installed);
    if let Some(invitation) = &status.invitation {
        return format!(
            "open {} and enter the code {}",
            invitation.url, invitation.code
        );
    }
    match status.doing {
        Doing::Asking => return "answer the question on your screen".to_owned(),
        Doing::LoggingIn => return "complete the sign-in in your browser".to_owned(),
        Doing::Trying => return "it sees whether a login is needed at all".to_owned(),
        Doing::Finishing => return "it proves the login".to_owned(),
        Doing::Idle => {}
    }
    if status.fault.is_some() && status.agent.is_none() {
        return format!("mend the fault above, then run {start}");
    }
    if status.fault.is_some() {
        return "mend the fault above; that is noticed by itself".to_owned();
    }
    if !status.login_needed && status.request.is_none() {
        return "nothing to do".to_owned();
    }
    if status.agent.is_none() {
        return format!("run {log_in}, or {start} to have the agent do it");
    }
    if status.request.is_none() && expected.is_logged_out {
        return waits(&Obstacle::LoggedOut, &log_in, now);
    }
    if status.request.is_none() {
        return format!("the agent acts when a build asks for it; {log_in} logs in now");
    }
    if let Some(obstacle) = &expected.obstacle {
        if expected.trouble == Some(Kind::Hopeless) && is_a_pause(obstacle) {
            return "mend what `last try` says; that is noticed by itself".to_owned();
        }
        return waits(obstacle, &log_in, now);
    }
    if expected.is_unattended {
        return format!("nobody answered the last prompts: run {log_in}");
    }
    if expected.acts {
        return "the agent takes it up within seconds".to_owned();
    }
    format!("run {log_in}")
}

/// Whether it is the last failure that keeps the agent.
fn is_a_pause(obstacle: &Obstacle) -> bool {
    match obstacle {
        Obstacle::Pausing(_) | Obstacle::AskedToWait(_) | Obstacle::CoolingDown(_) => true,
        Obstacle::Standalone | Obstacle::LoggedOut | Obstacle::Waking(_) | Obstacle::Snoozed(_) => {
            false
        }
    }
}

fn waits(obstacle: &Obstacle, log_in: &str, now: Moment) -> String {
    let wait = |until: crate::moment::Steady| duration(now.steady.until(until).as_secs().max(1));
    match obstacle {
        Obstacle::Standalone => format!("the mode is standalone: run {log_in}"),
        Obstacle::LoggedOut => format!("you have logged out: {log_in} logs in again"),
        Obstacle::Waking(until) => format!("the machine has just woken: in {}", wait(*until)),
        Obstacle::Snoozed(until) => {
            format!(
                "you are asked again in {}; {log_in} logs in now",
                wait(*until)
            )
        }
        Obstacle::Pausing(until) | Obstacle::AskedToWait(until) | Obstacle::CoolingDown(until) => {
            format!(
                "the next try comes in {}; {log_in} logs in now",
                wait(*until)
            )
        }
    }
}

fn left(seconds: u64, none: &str) -> String {
    if seconds == 0 {
        none.to_owned()
    } else {
        format!("{} more", duration(seconds))
    }
}

/// A time in one or two units.
pub(super) fn duration(seconds: u64) -> String {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours @ 1..48, 0) => format!("{hours} h"),
        (hours @ 1..48, minutes) => format!("{hours} h {minutes} min"),
        (hours, _) => format!("{} days", hours / 24),
    }
}
