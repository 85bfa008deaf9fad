//! Since when the person has touched nothing, and whether the screen is locked.
//!
//! What the system does not say is not known: no desktop is ever taken for an empty one.

mod ioreg;
mod logind;

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use tracing::debug;

use crate::decision::Presence;
use crate::platform::Platform;
use crate::run::{Call, Environment};

/// These programs answer within milliseconds.
const LIMIT: Duration = Duration::from_secs(5);

/// Looks for the person.
pub async fn look(platform: Platform, environment: &Environment) -> Presence {
    match platform {
        Platform::MacOs => Presence {
            idle: said(environment, "ioreg", &ioreg::INPUT)
                .await
                .and_then(|text| ioreg::idle(&text)),
            is_locked: said(environment, "ioreg", &ioreg::CONSOLE)
                .await
                .is_some_and(|text| ioreg::is_locked(&text)),
        },
        Platform::Linux => {
            let none = Presence {
                idle: None,
                is_locked: false,
            };
            let Some(session) = session(environment).await else {
                return none;
            };
            let arguments = logind::of_session(&session);
            let hints = said(environment, "loginctl", &arguments).await;
            hints.map_or(none, |text| logind::presence(&text, monotonic()))
        }
    }
}

/// The session of the desktop. A systemd user unit is in none itself.
async fn session(environment: &Environment) -> Option<String> {
    if let Some(session) = environment.get("XDG_SESSION_ID") {
        return Some(session);
    }
    let user = nix::unistd::getuid().to_string();
    let arguments = logind::of_user(&user);
    logind::session(&said(environment, "loginctl", &arguments).await?)
}

async fn said(environment: &Environment, program: &str, arguments: &[&str]) -> Option<String> {
    let call = Call::new(program, LIMIT).arguments(arguments);
    match call.environment(environment).run().await {
        Ok(ran) => ran.status.success().then_some(ran.stdout),
        Err(error) => {
            debug!(%error, "the person cannot be looked for");
            None
        }
    }
}

/// The clock that logind's hints are told by.
fn monotonic() -> Option<Duration> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).ok()?;
    Some(now.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_ins::StandIns;

    #[tokio::test]
    async fn macos_is_asked_through_ioreg() {
        let stand_ins = StandIns::new();
        stand_ins.add(
            "ioreg",
            r#"case "$*" in
            "-c IOHIDSystem -d 4") echo '    | |   "HIDIdleTime" = 61000000000' ;;
            "-n Root -d 1") echo '  "IOConsoleLocked" = Yes' ;;
            esac"#,
        );
        let presence = look(Platform::MacOs, &stand_ins.environment()).await;
        let expected = Presence {
            idle: Some(Duration::from_secs(61)),
            is_locked: true,
        };
        assert_eq!(presence, expected);
    }

    #[tokio::test]
    async fn linux_is_asked_through_loginctl() {
        let stand_ins = StandIns::new();
        stand_ins.add(
            "loginctl",
            r#"case "$1 $2" in
            "show-user "*) printf 'Display=2\nSessions=5 2\n' ;;
            "show-session 2") printf 'IdleHint=no\nIdleSinceHint=1764089000000000\nLockedHint=yes\n' ;;
            "show-session 7") printf 'IdleHint=no\nIdleSinceHint=1764089000000000\nLockedHint=no\n' ;;
            *) exit 1 ;;
            esac"#,
        );
        let environment = stand_ins.environment();
        let presence = look(Platform::Linux, &environment).await;
        assert!(presence.is_locked, "the session of the display");
        let environment = environment.with("XDG_SESSION_ID", "7");
        let presence = look(Platform::Linux, &environment).await;
        assert!(!presence.is_locked, "our own session");
        assert_eq!(presence.idle, Some(Duration::ZERO));
    }

    #[tokio::test]
    async fn without_these_programs_nothing_is_known() {
        let stand_ins = StandIns::new();
        let broken = "echo 'System has not been booted with systemd' >&2; exit 1";
        for (platform, program) in [(Platform::MacOs, "ioreg"), (Platform::Linux, "loginctl")] {
            stand_ins.add(program, broken);
            let presence = look(platform, &stand_ins.environment()).await;
            let expected = Presence {
                idle: None,
                is_locked: false,
            };
            assert_eq!(presence, expected);
        }
    }
}
