//! `login-required.json`: the proxy asks, the watcher sees to it that a person logs in.
//!
//! The original format has four fields (`profile`, `reason`, `timestamp`, `nextAttemptAfter`); all
//! others are optional and may be unknown to the other side. Either side keeps what it does not
//! know, and what has another type than it expects.
//!
//! What comes from this file ends in a command line, so a `profile` or `ssoSession` that could be
//! taken for an option, or that holds a control character, is none.

mod file;
mod key;
mod rehearsal;

use std::time::{Duration, SystemTime};

use thiserror::Error;

use crate::date;
use crate::document::{Fields, ObjectWriter};

pub use file::{Asserted, Need, SignalError, SignalFile};
pub use key::SignalKey;
pub use rehearsal::Rehearsed;

/// The longest wait that a signal can ask for. More than that is a broken clock or a broken writer.
pub const LONGEST_WAIT: Duration = Duration::from_mins(30);

/// Seconds since 1970 are below this for the next three thousand years; milliseconds are above
/// since 1973.
const FIRST_MILLISECONDS: f64 = 1e11;

/// The `source` of a rehearsal.
const TEST: &str = "test";

/// A login that a person is asked for. Times are whole seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginSignal {
    /// The profile to log in with.
    pub profile: String,
    /// Why, for a person; no secrets.
    pub reason: Option<String>,
    /// When the login was first needed.
    pub timestamp: Option<SystemTime>,
    /// `nextAttemptAfter` as it was written: a JSON number, whatever it may mean.
    next_attempt_after: Option<String>,
    /// Who asks: `bazel-proxy`, or `test`.
    pub source: Option<String>,
    /// The SSO session of the profile, where it has one.
    pub sso_session: Option<String>,
    /// Why, for a program.
    pub code: Option<String>,
    /// One number for each time that a login was needed; milliseconds since 1970 at that time.
    pub generation: Option<u64>,
    /// When the asker last found the login still needed.
    pub last_seen: Option<SystemTime>,
    /// What became of the watcher's last attempt.
    pub last_error: Option<String>,
    others: Fields,
}

/// The bytes are no signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Corrupt {
    /// Half-written, empty, or something else.
    #[error("it is not a whole JSON object")]
    NotAnObject,
    /// There is no profile, or none that may stand in a command line.
    #[error("it has no usable profile")]
    Profile,
    /// It is longer than any signal.
    #[error("it is too long")]
    TooLong,
}

impl LoginSignal {
    /// A signal of the one field that every signal has.
    #[must_use]
    pub fn new(profile: String) -> Self {
        Self {
            profile,
            reason: None,
            timestamp: None,
            next_attempt_after: None,
            source: None,
            sso_session: None,
            code: None,
            generation: None,
            last_seen: None,
            last_error: None,
            others: Fields::default(),
        }
    }

    /// Reads what either side wrote.
    pub fn parse(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut fields = Fields::parse(bytes).ok_or(Corrupt::NotAnObject)?;
        let profile = fields.take("profile", usable_name);
        Ok(Self {
            profile: profile.ok_or(Corrupt::Profile)?,
            reason: fields.take_text("reason"),
            timestamp: fields.take_date("timestamp"),
            next_attempt_after: fields.take("nextAttemptAfter", number),
            source: fields.take_text("source"),
            sso_session: fields.take("ssoSession", usable_name),
            code: fields.take_text("code"),
            generation: fields.take("generation", |json| json.parse().ok()),
            last_seen: fields.take_date("lastSeen"),
            last_error: fields.take_text("lastError"),
            others: fields,
        })
    }

    /// Writes it on one line; what else was read follows.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let generation = self.generation.map(|generation| generation.to_string());
        let mut json = ObjectWriter::new();
        json.text("profile", Some(&self.profile));
        json.text("reason", self.reason.as_deref());
        json.date("timestamp", self.timestamp);
        json.number("nextAttemptAfter", self.next_attempt_after.as_deref());
        json.text("source", self.source.as_deref());
        json.text("ssoSession", self.sso_session.as_deref());
        json.text("code", self.code.as_deref());
        json.number("generation", generation.as_deref());
        json.date("lastSeen", self.last_seen);
        json.text("lastError", self.last_error.as_deref());
        json.finish(&self.others).to_vec()
    }

    /// Before when no login is to be tried, if that can be meant.
    ///
    /// Milliseconds are understood. Negative, infinite and far times are no wait at all: one more
    /// than [`LONGEST_WAIT`] away comes from a stepped clock, and cutting it to that would put the
    /// next attempt off at every look, for ever.
    #[must_use]
    pub fn next_attempt_after(&self, now: SystemTime) -> Option<SystemTime> {
        let number: f64 = self.next_attempt_after.as_ref()?.parse().ok()?;
        let seconds = if number >= FIRST_MILLISECONDS {
            number / 1000.0
        } else {
            number
        };
        let since_epoch = Duration::try_from_secs_f64(seconds).ok()?;
        let time = SystemTime::UNIX_EPOCH.checked_add(since_epoch)?;
        let wait = time.duration_since(now).unwrap_or_default();
        (wait <= LONGEST_WAIT).then_some(time)
    }

    /// Asks for no attempt before `time`, cut to [`LONGEST_WAIT`] from now.
    pub fn set_next_attempt_after(&mut self, time: SystemTime, now: SystemTime) {
        let latest = now.checked_add(LONGEST_WAIT).unwrap_or(now);
        let seconds = date::epoch_seconds(time.min(latest)).max(0);
        self.next_attempt_after = Some(seconds.to_string());
    }

    /// Whether it is a rehearsal: the proxy leaves it alone, the watcher goes straight to the login.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.source.as_deref() == Some(TEST)
    }

    /// Whether one login serves both: the SSO session decides where both name one, else the profile.
    #[must_use]
    pub fn is_for(&self, profile: &str, sso_session: Option<&str>) -> bool {
        match (self.sso_session.as_deref(), sso_session) {
            (Some(ours), Some(theirs)) => ours == theirs,
            (Some(_) | None, None) | (None, Some(_)) => self.profile == profile,
        }
    }
}

/// Whether a name of a profile or session may stand in a command line, a log and a dialog.
#[must_use]
pub fn is_usable_name(name: &str) -> bool {
    !name.trim().is_empty() && !name.starts_with('-') && !name.chars().any(char::is_control)
}

fn usable_name(json: &str) -> Option<String> {
    let name: String = serde_json::from_str(json).ok()?;
    is_usable_name(&name).then_some(name)
}

fn number(json: &str) -> Option<String> {
    let is_number = json.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    is_number.then(|| json.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(more: &str) -> LoginSignal {
        let json = format!("{{\"profile\": \"dev\"{more}}}");
        LoginSignal::parse(json.as_bytes()).expect("a signal")
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045)
    }

    #[test]
    fn a_profile_that_could_do_harm_is_none() {
        for json in [
            "{}",
            "{\"profile\": 5}",
            "{\"profile\": \"\"}",
            "{\"profile\": \"  \"}",
            "{\"profile\": \"--debug\"}",
            "{\"profile\": \"a\\nb\"}",
            "{\"profile\": \"a\\u0000\"}",
            "{\"profile\": \"a\\u009b1m\"}",
        ] {
            assert_eq!(
                LoginSignal::parse(json.as_bytes()),
                Err(Corrupt::Profile),
                "{json}"
            );
        }
        let name = "{\"profile\": \"my team's @work.prod\"}";
        assert!(LoginSignal::parse(name.as_bytes()).is_ok());
    }

    #[test]
    fn optional_fields_that_cannot_be_used_are_ignored_and_kept() {
        let more = r#", "reason": 1, "timestamp": "yesterday", "nextAttemptAfter": "5", "ssoSession": "-x", "generation": -1, "lastSeen": {}"#;
        let signal = signal(more);
        let expected = LoginSignal {
            others: signal.others.clone(),
            ..LoginSignal::new("dev".to_owned())
        };
        assert_eq!(signal, expected);
        let json = format!("{{\"profile\": \"dev\"{more}}}");
        assert_eq!(signal.to_json(), json.as_bytes());
    }

    #[test]
    fn a_wait_counts_if_it_can_be_meant() {
        let wait = |number: &str| {
            signal(&format!(", \"nextAttemptAfter\": {number}")).next_attempt_after(now())
        };
        let soon = now() + Duration::from_mins(10);
        assert_eq!(wait("1767323645"), Some(soon));
        assert_eq!(wait("1767323645000"), Some(soon), "milliseconds");
        assert_eq!(wait("1767323645.0"), Some(soon));
        assert_eq!(wait("1.767323645e9"), Some(soon));
        assert_eq!(wait("1767324845"), Some(now() + LONGEST_WAIT));
        assert_eq!(wait("0"), Some(SystemTime::UNIX_EPOCH), "long over");
        for absurd in [
            "1767324846",
            "-1",
            "-1e999",
            "1e999",
            "1767323645000000",
            "99999999999999999999999",
        ] {
            assert_eq!(wait(absurd), None, "{absurd}");
        }
        assert_eq!(signal("").next_attempt_after(now()), None);
    }

    #[test]
    fn a_wait_that_is_set_is_one_that_counts() {
        let mut signal = signal("");
        for (time, expected) in [
            (
                now() + Duration::from_secs(9),
                now() + Duration::from_secs(9),
            ),
            (now() + Duration::from_hours(9), now() + LONGEST_WAIT),
            (
                SystemTime::UNIX_EPOCH - Duration::from_secs(9),
                SystemTime::UNIX_EPOCH,
            ),
        ] {
            signal.set_next_attempt_after(time, now());
            assert_eq!(signal.next_attempt_after(now()), Some(expected));
        }
    }

    #[test]
    fn the_session_decides_whose_a_signal_is_and_else_the_profile() {
        let with_session = signal(r#", "ssoSession": "corp""#);
        assert!(with_session.is_for("other", Some("corp")));
        assert!(!with_session.is_for("dev", Some("other")));
        assert!(with_session.is_for("dev", None));
        let without = signal("");
        assert!(without.is_for("dev", Some("corp")));
        assert!(!without.is_for("other", Some("corp")));
    }
}
