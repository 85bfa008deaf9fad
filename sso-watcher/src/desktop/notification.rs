//! A few words in a corner of the screen.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tracing::warn;

use super::markup::escaped;
use crate::platform::Platform;
use crate::run::{Call, Environment, RunError};
use crate::said;

/// It is shown at once, or not at all.
const LIMIT: Duration = Duration::from_secs(10);

/// The words come to the script as arguments, and cannot become script.
const SCRIPT: [&str; 3] = [
    "on run argv",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "end run",
];

/// Shows notifications.
#[derive(Debug)]
pub struct Notifier {
    platform: Platform,
    environment: Environment,
    has_failed: AtomicBool,
}

impl Notifier {
    /// Shows them through the programs of this system, found by this environment.
    #[must_use]
    pub fn new(platform: Platform, environment: Environment) -> Self {
        Self {
            platform,
            environment,
            has_failed: AtomicBool::new(false),
        }
    }

    /// Shows one. What goes wrong is logged the first time, and is no reason to stop.
    pub async fn notify(&self, title: &str, text: &str) {
        let Err(why) = self.show(title, text).await else {
            self.has_failed.store(false, Ordering::Relaxed);
            return;
        };
        if !self.has_failed.swap(true, Ordering::Relaxed) {
            warn!(why, "notifications cannot be shown");
        }
    }

    async fn show(&self, title: &str, text: &str) -> Result<(), String> {
        let call = match self.platform {
            Platform::MacOs => osascript(title, text),
            Platform::Linux => notify_send(title, text),
        };
        let ran = call.environment(&self.environment).run().await;
        let ran = ran.map_err(|error: RunError| error.to_string())?;
        if ran.status.success() {
            Ok(())
        } else {
            Err(format!("{}: {}", ran.status, said::fit(&ran.stderr, 200)))
        }
    }
}

fn osascript(title: &str, text: &str) -> Call {
    let script = SCRIPT.iter().flat_map(|line| ["-e", line]);
    let script: Vec<_> = script.collect();
    Call::new("osascript", LIMIT)
        .arguments(&script)
        .arguments(&[title, text])
}

/// A title is no markup, a text is.
/// <https://specifications.freedesktop.org/notification-spec/latest/markup.html>
fn notify_send(title: &str, text: &str) -> Call {
    let text = escaped(text);
    Call::new("notify-send", LIMIT).arguments(&["--app-name=sso-watcher", "--", title, &text])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_ins::StandIns;

    const RECORD: &str = r#"for word in "$@"; do echo "<$word>"; done >said"#;

    #[tokio::test]
    async fn macos_is_told_through_osascript() {
        let stand_ins = StandIns::new();
        stand_ins.add("osascript", RECORD);
        let notifier = Notifier::new(Platform::MacOs, stand_ins.environment());
        notifier.notify("AWS SSO login", "\"; do evil <b>").await;
        let expected = "\
<-e>
<on run argv>
<-e>
<display notification (item 2 of argv) with title (item 1 of argv)>
<-e>
<end run>
<AWS SSO login>
<\"; do evil <b>>
";
        assert_eq!(stand_ins.read("said"), expected);
    }

    #[tokio::test]
    async fn linux_is_told_through_notify_send() {
        let stand_ins = StandIns::new();
        stand_ins.add("notify-send", RECORD);
        let notifier = Notifier::new(Platform::Linux, stand_ins.environment());
        notifier.notify("AWS SSO login", "-x R&D <b>").await;
        let expected = "<--app-name=sso-watcher>\n<-->\n<AWS SSO login>\n<-x R&amp;D &lt;b&gt;>\n";
        assert_eq!(stand_ins.read("said"), expected);
    }

    #[tokio::test]
    async fn what_goes_wrong_is_said_and_harmless() {
        let stand_ins = StandIns::new();
        let environment = stand_ins.environment().with("PATH", "/absent");
        let notifier = Notifier::new(Platform::Linux, environment);
        let why = notifier.show("a", "b").await.expect_err("absent");
        assert_eq!(why, "notify-send was not found");
        stand_ins.add("notify-send", "echo Cannot autolaunch D-Bus >&2; exit 1");
        let notifier = Notifier::new(Platform::Linux, stand_ins.environment());
        let why = notifier.show("a", "b").await.expect_err("no bus");
        assert_eq!(why, "exit status: 1: Cannot autolaunch D-Bus");
        notifier.notify("a", "b").await;
        assert!(notifier.has_failed.load(Ordering::Relaxed));
    }
}
