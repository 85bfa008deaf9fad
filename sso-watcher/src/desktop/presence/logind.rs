//! What systemd's logind says (`loginctl show-user`, `loginctl show-session`).
//! <https://www.freedesktop.org/software/systemd/man/latest/org.freedesktop.login1.html>

use std::time::Duration;

use crate::decision::Presence;

/// Asks for a user's sessions.
pub(super) fn of_user(user: &str) -> [&str; 6] {
    ["show-user", user, "-p", "Display", "-p", "Sessions"]
}

/// Asks for a session's hints.
pub(super) fn of_session(session: &str) -> [&str; 10] {
    [
        "show-session",
        session,
        "-p",
        "IdleHint",
        "-p",
        "IdleSinceHint",
        "-p",
        "IdleSinceHintMonotonic",
        "-p",
        "LockedHint",
    ]
}

/// The user's graphical session, else the first.
pub(super) fn session(text: &str) -> Option<String> {
    let sessions = property(text, "Sessions");
    let session = property(text, "Display").or_else(|| sessions?.split_whitespace().next());
    session.map(str::to_owned)
}

/// What the hints mean at a time of the monotonic clock. A desktop that never gave a hint says nothing: its
/// "not idle" would keep a person there for ever.
pub(super) fn presence(text: &str, now: Option<Duration>) -> Presence {
    let has_hinted = property(text, "IdleSinceHint").is_some_and(|since| since != "0");
    let idle = match property(text, "IdleHint") {
        Some("no") if has_hinted => Some(Duration::ZERO),
        Some("yes") => since(text).and_then(|since| now?.checked_sub(since)),
        Some(_) | None => None,
    };
    Presence {
        idle,
        is_locked: property(text, "LockedHint") == Some("yes"),
    }
}

/// When it became idle, in microseconds of the monotonic clock.
fn since(text: &str) -> Option<Duration> {
    let microseconds = property(text, "IdleSinceHintMonotonic")?.parse().ok()?;
    Some(Duration::from_micros(microseconds))
}

/// The value of `NAME=value`, unless it is empty.
fn property<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value.map(str::trim).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: &str = "IdleHint=yes\nIdleSinceHint=1764089000000000\nIdleSinceHintMonotonic=5000000\nLockedHint=yes\n";
    const ACTIVE: &str = "IdleHint=no\nIdleSinceHint=1764089000000000\nIdleSinceHintMonotonic=5000000\nLockedHint=no\n";
    const SILENT: &str = "IdleHint=no\nIdleSinceHint=0\nIdleSinceHintMonotonic=0\nLockedHint=no\n";

    fn idle(text: &str) -> Option<Duration> {
        presence(text, Some(Duration::from_secs(65))).idle
    }

    #[test]
    fn the_hints_are_read() {
        assert_eq!(idle(IDLE), Some(Duration::from_mins(1)));
        assert_eq!(idle(ACTIVE), Some(Duration::ZERO));
        assert!(presence(IDLE, None).is_locked && !presence(ACTIVE, None).is_locked);
    }

    #[test]
    fn a_desktop_without_hints_says_nothing() {
        assert_eq!(idle(SILENT), None);
        assert_eq!(idle(""), None);
        assert_eq!(idle("IdleHint=yes\n"), None);
        let later = Some(Duration::from_secs(1));
        assert_eq!(presence(IDLE, later).idle, None, "a clock of another boot");
    }

    #[test]
    fn the_graphical_session_comes_first() {
        assert_eq!(session("Sessions=5 2\nDisplay=2\n").as_deref(), Some("2"));
        assert_eq!(session("Sessions=5 2\nDisplay=\n").as_deref(), Some("5"));
        assert_eq!(session("Sessions=\nDisplay=\n"), None);
    }
}
