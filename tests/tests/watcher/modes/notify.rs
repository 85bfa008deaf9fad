//! The person is asked first, with the dialogs of Linux and of macOS.

use std::time::Duration;

use futures_util::future::join_all;
use tests::{Watcher, WatcherBuilder, eventually};

use crate::host::{Host, epoch_seconds_in};

fn asking(agent: WatcherBuilder) -> WatcherBuilder {
    agent.env("SSO_LOGIN_MODE", "notify")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_question_names_what_a_person_needs_to_decide() {
    let Some(host) = Host::new().await else {
        return;
    };
    host.person_will("allow");
    host.stand_ins.tell("zenity.answer", "Log in now\n");
    host.stand_ins.tell("zenity.hold", "");
    let agent = asking(host.agent()).start().await;
    host.ask();
    eventually("it is asked", async || {
        host.status(&agent).await["doing"] == "asking"
    })
    .await;
    assert!(host.opened().is_empty(), "no page before the answer");
    host.stand_ins.forget("zenity.hold");
    host.is_served().await;
    assert_eq!(host.opened().len(), 1);
    let calls = host.stand_ins.calls("zenity");
    insta::assert_snapshot!(calls.join("\n---\n"));
}

/// What is answered, what becomes of it, and for how many minutes nobody is asked.
const ANSWERS: [(&str, &str, &str, u64); 6] = [
    ("Snooze 15 minutes\n", "0", "asked later, in 15 min", 15),
    ("Snooze 30 minutes\n", "0", "asked later, in 30 min", 30),
    ("Snooze 1 hour\n", "0", "asked later, in 60 min", 60),
    ("Snooze 4 hours\n", "0", "asked later, in 240 min", 240),
    ("Not now\n", "0", "does not want to log in now", 0),
    ("", "1", "does not want to log in now", 0),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_snooze_and_a_no_are_respected() {
    join_all(ANSWERS.map(|(answer, exit, told, minutes)| async move {
        let host = Host::with_stand_in_cli("exit 255").await;
        host.stand_ins.tell("zenity.answer", answer);
        host.stand_ins.tell("zenity.exit", exit);
        let agent = asking(host.agent()).start().await;
        host.ask();
        let failed = host.fails(told).await;
        must_wait(&host, &agent, minutes).await;
        // No request can ask for a longer wait.
        let shown = if minutes == 0 { 30 } else { minutes.min(30) };
        let wait = failed["nextAttemptAfter"].as_u64().expect("a time");
        let wait = wait.saturating_sub(epoch_seconds_in(Duration::ZERO));
        assert!(
            (shown * 60 - 20..=shown * 60).contains(&wait),
            "{answer}: {wait}"
        );
        assert!(!host.cli_was_called());
        assert_eq!(host.stand_ins.calls("zenity").len(), 1, "{answer}");
    }))
    .await;
}

async fn must_wait(host: &Host, agent: &Watcher, minutes: u64) {
    eventually("the snooze is shown", async || {
        let seconds = host.status(agent).await["snoozeSeconds"].as_u64();
        (minutes * 60).saturating_sub(30) <= seconds.unwrap_or_default()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_hand_ends_the_wait_after_a_no() {
    let host = Host::with_stand_in_cli("exit 255").await;
    host.stand_ins.tell("zenity.answer", "Not now\n");
    let _agent = asking(host.agent()).start().await;
    host.ask();
    host.fails("does not want to log in now").await;
    let _login = host.sso.sign_in();
    host.is_served().await;
    assert_eq!(host.stand_ins.calls("zenity").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_can_be_asked_the_command_is_told() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let _agent = asking(host.agent_without_desktop()).start().await;
    host.ask();
    host.fails("there is no way to ask here: run `sso-watcher login team`")
        .await;
    assert!(!host.cli_was_called());
}

/// `osascript` asks, and the browser is opened by `open`.
#[tokio::test(flavor = "multi_thread")]
async fn macos_asks_and_opens_its_browser() {
    let Some(host) = Host::new().await else {
        return;
    };
    host.stand_ins.tell("osascript.answer", "Log in now\n");
    let agent = host.agent_without_desktop().without("BROWSER").on_macos();
    let _agent = asking(agent).start().await;
    host.ask();
    let mut opened = Vec::new();
    eventually("a page is opened", async || {
        opened = host.stand_ins.calls("open");
        !opened.is_empty()
    })
    .await;
    host.click(&opened[0]).await;
    host.is_served().await;
    let calls = host.stand_ins.calls("osascript");
    assert_eq!(calls.len(), 1);
    insta::assert_snapshot!(calls[0]);
}
