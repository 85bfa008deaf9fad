//! The programs that show a list to choose from: `osascript`, `zenity`, `kdialog`.

use std::time::Duration;

use super::super::markup::escaped;
use super::{CHOICES, TITLE, answer};
use crate::decision::Answer;
use crate::platform::Platform;
use crate::run::{Call, Environment, Ran, RunError};
use crate::said;

/// The words come to the script as arguments, and cannot become script. Whether the dialog may come to the
/// front is for the system to say.
const SCRIPT: [&str; 9] = [
    "on run argv",
    "try",
    "tell me to activate",
    "end try",
    "set labels to items 3 thru -1 of argv",
    "set chosen to choose from list labels with title (item 1 of argv) with prompt (item 2 of argv) default items {item 1 of labels}",
    "if chosen is false then return \"\"",
    "return item 1 of chosen",
    "end run",
];

/// How a script says that its dialog was cancelled.
/// <https://developer.apple.com/library/archive/documentation/AppleScript/Conceptual/AppleScriptLangGuide/reference/ASLR_error_codes.html>
const USER_CANCELED: &str = "(-128)";

/// Shows the dialog; why it cannot be shown.
pub(super) async fn choose(
    platform: Platform,
    environment: &Environment,
    prompt: &str,
    limit: Duration,
) -> Result<Answer, String> {
    let run = async |call: Call| call.environment(environment).run().await;
    match platform {
        Platform::MacOs => chosen(run(osascript(prompt, limit)).await),
        Platform::Linux => {
            let mut ran = run(zenity(prompt, limit)).await;
            if let Err(RunError::NotFound { .. }) = ran {
                ran = run(kdialog(prompt, limit)).await;
            }
            if let Err(RunError::NotFound { .. }) = ran {
                return Err("neither zenity nor kdialog was found".to_owned());
            }
            chosen(ran)
        }
    }
}

fn chosen(ran: Result<Ran, RunError>) -> Result<Answer, String> {
    let ran = match ran {
        Ok(ran) => ran,
        Err(RunError::TimedOut { .. }) => return Ok(Answer::Silence),
        Err(
            error @ (RunError::NotFound { .. }
            | RunError::NotExecutable { .. }
            | RunError::Failed { .. }),
        ) => return Err(error.to_string()),
    };
    let said = said::fit(&ran.stderr, 200);
    if ran.status.success() {
        return answer(&ran.stdout).ok_or_else(|| format!("the dialog answers {:?}", ran.stdout));
    }
    if was_cancelled(&ran) {
        return Ok(Answer::NotNow);
    }
    Err(format!(
        "the dialog cannot be shown ({}): {said}",
        ran.status
    ))
}

/// `zenity` and `kdialog` end with 1 when they are cancelled, and `zenity` also when there is no display
/// ("cannot open display" with GTK 3, "Failed to open display" with GTK 4). `osascript` ends with 1
/// whatever the error is.
fn was_cancelled(ran: &Ran) -> bool {
    let is_refused = ran.stderr.contains("open display") || ran.stderr.contains("execution error");
    ran.status.code() == Some(1) && (!is_refused || ran.stderr.contains(USER_CANCELED))
}

fn osascript(prompt: &str, limit: Duration) -> Call {
    let script = SCRIPT.iter().flat_map(|line| ["-e", line]);
    let script: Vec<_> = script.collect();
    Call::new("osascript", limit)
        .arguments(&script)
        .arguments(&[TITLE, prompt])
        .arguments(&CHOICES.map(|(label, _)| label))
}

/// Radio buttons, as a plain list has nothing chosen at first.
fn zenity(prompt: &str, limit: Duration) -> Call {
    let (title, text) = (
        format!("--title={TITLE}"),
        format!("--text={}", escaped(prompt)),
    );
    let mut rows = Vec::new();
    for (index, (label, _)) in CHOICES.iter().enumerate() {
        rows.extend([if index == 0 { "TRUE" } else { "FALSE" }, label]);
    }
    Call::new("zenity", limit)
        .arguments(&["--list", "--radiolist", &title, &text])
        .arguments(&["--column=", "--column=", "--hide-header"])
        .arguments(&["--width=440", "--height=360"])
        .arguments(&rows)
}

fn kdialog(prompt: &str, limit: Duration) -> Call {
    let text = format!("<qt>{}</qt>", escaped(prompt).replace('\n', "<br/>"));
    let (first, _) = CHOICES[0];
    Call::new("kdialog", limit)
        .arguments(&["--title", TITLE, "--default", first, "--menu", &text])
        .arguments(&CHOICES.map(|(label, _)| [label, label]).concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desktop::question::Question;
    use crate::stand_ins::StandIns;

    const LONG: Duration = Duration::from_secs(30);

    fn question() -> Question {
        Question {
            profile: "team".to_owned(),
            portal_host: "d-1234567890.awsapps.com".to_owned(),
            asker: "bazel-proxy".to_owned(),
            reason: "the session of R&D has ended\n\u{7}".to_owned(),
        }
    }

    async fn ask(stand_ins: &StandIns, platform: Platform, limit: Duration) -> Answer {
        let environment = stand_ins.environment().with("DISPLAY", ":0");
        let path = stand_ins.path("").display().to_string();
        // The programs of this machine are not for the tests; the shell of the stand-ins is.
        let environment = environment.with("PATH", path);
        question().ask(platform, &environment, limit).await
    }

    /// A program that writes down its arguments, says something, and ends so.
    fn recording(said: &str, code: u8) -> String {
        format!(
            "for word in \"$@\"; do echo \"$word\"; done >arguments\necho \"{said}\"\nexit {code}"
        )
    }

    #[tokio::test]
    async fn macos_is_asked_through_osascript() {
        let stand_ins = StandIns::new();
        stand_ins.add("osascript", &recording("Snooze 1 hour", 0));
        let answer = ask(&stand_ins, Platform::MacOs, LONG).await;
        assert_eq!(answer, Answer::Snooze(Duration::from_hours(1)));
        let arguments = stand_ins.read("arguments");
        let (_, words) = arguments.split_once("end run\n").expect("a script");
        insta::assert_snapshot!(words, @"
        AWS SSO login
        bazel-proxy asks for an AWS login.

        Profile: team
        Portal: d-1234567890.awsapps.com
        Reason: the session of R&D has ended
        Log in now
        Snooze 15 minutes
        Snooze 30 minutes
        Snooze 1 hour
        Snooze 4 hours
        Not now
        ");
    }

    #[tokio::test]
    async fn linux_is_asked_through_zenity() {
        let stand_ins = StandIns::new();
        stand_ins.add("zenity", &recording("Log in now", 0));
        let answer = ask(&stand_ins, Platform::Linux, LONG).await;
        assert_eq!(answer, Answer::LogIn);
        insta::assert_snapshot!(stand_ins.read("arguments"), @"
        --list
        --radiolist
        --title=AWS SSO login
        --text=bazel-proxy asks for an AWS login.

        Profile: team
        Portal: d-1234567890.awsapps.com
        Reason: the session of R&amp;D has ended
        --column=
        --column=
        --hide-header
        --width=440
        --height=360
        TRUE
        Log in now
        FALSE
        Snooze 15 minutes
        FALSE
        Snooze 30 minutes
        FALSE
        Snooze 1 hour
        FALSE
        Snooze 4 hours
        FALSE
        Not now
        ");
    }

    #[tokio::test]
    async fn without_zenity_it_is_kdialog() {
        let stand_ins = StandIns::new();
        stand_ins.add("kdialog", &recording("Not now", 0));
        let answer = ask(&stand_ins, Platform::Linux, LONG).await;
        assert_eq!(answer, Answer::NotNow);
        insta::assert_snapshot!(stand_ins.read("arguments"), @"
        --title
        AWS SSO login
        --default
        Log in now
        --menu
        <qt>bazel-proxy asks for an AWS login.<br/><br/>Profile: team<br/>Portal: d-1234567890.awsapps.com<br/>Reason: the session of R&amp;D has ended</qt>
        Log in now
        Log in now
        Snooze 15 minutes
        Snooze 15 minutes
        Snooze 30 minutes
        Snooze 30 minutes
        Snooze 1 hour
        Snooze 1 hour
        Snooze 4 hours
        Snooze 4 hours
        Not now
        Not now
        ");
    }

    #[tokio::test]
    async fn a_cancelled_dialog_means_not_now() {
        for (platform, program, script) in [
            (
                Platform::Linux,
                "zenity",
                "echo 'Gtk-WARNING: theme' >&2; exit 1",
            ),
            (Platform::Linux, "kdialog", "exit 1"),
            (Platform::MacOs, "osascript", "echo"),
            (
                Platform::MacOs,
                "osascript",
                "echo '0:9: execution error: User canceled. (-128)' >&2; exit 1",
            ),
        ] {
            let stand_ins = StandIns::new();
            stand_ins.add(program, script);
            let answer = ask(&stand_ins, platform, LONG).await;
            assert_eq!(answer, Answer::NotNow, "{program}");
        }
    }

    #[tokio::test]
    async fn a_dialog_that_cannot_be_shown_is_no_answer() {
        for (platform, program, script) in [
            (Platform::Linux, "absent", ""),
            (
                Platform::Linux,
                "zenity",
                "echo '(zenity:29183): Gtk-WARNING **: cannot open display: ' >&2; exit 1",
            ),
            (
                Platform::Linux,
                "kdialog",
                "echo 'qt.qpa.xcb: could not connect to display' >&2; kill -ABRT $$",
            ),
            (Platform::Linux, "zenity", "echo Something else"),
            (
                Platform::MacOs,
                "osascript",
                "echo '0:9: execution error: No user interaction allowed. (-1713)' >&2; exit 1",
            ),
        ] {
            let stand_ins = StandIns::new();
            stand_ins.add(program, script);
            let answer = ask(&stand_ins, platform, LONG).await;
            assert_eq!(answer, Answer::CannotAsk, "{program} {script}");
        }
    }

    #[tokio::test]
    async fn a_dialog_that_nobody_answers_goes_away() {
        let stand_ins = StandIns::new();
        stand_ins.add("zenity", "echo $$ >process; exec /bin/sleep 60");
        let answer = ask(&stand_ins, Platform::Linux, Duration::from_millis(500)).await;
        assert_eq!(answer, Answer::Silence);
        crate::stand_ins::gone(&stand_ins.read("process")).await;
    }

    #[tokio::test]
    async fn without_a_desktop_nobody_is_asked() {
        let stand_ins = StandIns::new();
        stand_ins.add("zenity", &recording("Log in now", 0));
        let environment = stand_ins.environment();
        let answer = question().ask(Platform::Linux, &environment, LONG).await;
        assert_eq!(answer, Answer::CannotAsk);
        assert!(!stand_ins.path("arguments").exists());
    }
}
