//! Prompts that nobody answers.

use std::time::Duration;

use tests::sso_world::PROFILE;
use tests::{Watcher, eventually, throughout};

use crate::host::Host;

/// The shortest time that a login can be given.
const LOGIN_TIMEOUT: &str = "30";
/// Most of it.
const MOST_OF_IT: Duration = Duration::from_secs(20);

/// An agent that gives a login as little time as it can.
async fn hasty_agent(host: &Host) -> Watcher {
    let agent = host.agent().env("SSO_LOGIN_TIMEOUT_SECONDS", LOGIN_TIMEOUT);
    let agent = agent.env("SSO_COOLDOWN_SECONDS", "0");
    agent.env("SSO_MAX_PROMPTS_PER_HOUR", "60").start().await
}

/// Sees the so-manieth page opened, and the login ended with nobody at it.
async fn nobody_answers(host: &Host, page: usize) {
    host.has_opened(page).await;
    let runs = async || host.logins_running() > 0;
    throughout(MOST_OF_IT, "a login has its time", runs).await;
    eventually("the whole login is ended", async || {
        host.logins_running() == 0
    })
    .await;
}

/// Three times thirty seconds, for all stories at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_nobody_completes_is_ended_and_after_three_there_has_to_be_a_reason() {
    let hosts = tokio::join!(Host::new(), Host::new(), Host::with_old_cli());
    let (Some(asked_anew), Some(back), Some(old)) = hosts else {
        return;
    };
    let one = async {
        // Whoever is there all along and does not answer does not want to.
        asked_anew.stand_ins.tell("loginctl.answer", THERE);
        let _agent = becomes_unattended(&asked_anew).await;
        asked_anew.ask_anew();
        asked_anew.has_opened(4).await;
    };
    let other = async {
        back.stand_ins.tell("loginctl.answer", &away());
        let _agent = becomes_unattended(&back).await;
        back.stand_ins.tell("loginctl.answer", THERE);
        back.has_opened(4).await;
    };
    let with_old_cli = async {
        let _agent = hasty_agent(&old).await;
        old.ask();
        nobody_answers(&old, 1).await;
        old.fails("nobody completed the sign-in within 30 s").await;
    };
    tokio::join!(one, other, with_old_cli);
}

async fn becomes_unattended(host: &Host) -> Watcher {
    let agent = hasty_agent(host).await;
    host.ask();
    for page in 1..=3 {
        nobody_answers(host, page).await;
    }
    host.fails("nobody answered the last 3 prompts").await;
    let calls = || host.stand_ins.calls("notify-send");
    eventually("it is told", async || !calls().is_empty()).await;
    let text = format!("Run: sso-watcher login {PROFILE}");
    assert!(calls()[0].contains(&text), "{:?}", calls());
    let three = async || host.opened().len() == 3 && calls().len() == 1;
    throughout(Duration::from_secs(3), "no further page or word", three).await;
    agent
}

/// What logind says of a person who types.
const THERE: &str = "Display=c1\nIdleHint=no\nIdleSinceHint=1767323045000000\n\
                     IdleSinceHintMonotonic=1000000\nLockedHint=no\n";

/// And of one whose screen is locked.
fn away() -> String {
    THERE
        .replace("IdleHint=no", "IdleHint=yes")
        .replace("LockedHint=no", "LockedHint=yes")
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_more_prompts_an_hour_than_the_budget_allows() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let agent = host.agent().env("SSO_MAX_PROMPTS_PER_HOUR", "1");
    let agent = agent.env("SSO_COOLDOWN_SECONDS", "0").start().await;
    host.ask();
    let failed = host.fails("SSO_MAX_PROMPTS_PER_HOUR").await;
    let next = failed["nextAttemptAfter"].as_u64().expect("a time");
    let in_a_while = crate::host::epoch_seconds_in(Duration::from_mins(20));
    assert!(next > in_a_while, "{next}");
    host.ask_anew();
    host.fails("SSO_MAX_PROMPTS_PER_HOUR").await;
    // A restart forgets nothing.
    let agent = agent.kill_9().start().await;
    host.ask_anew();
    host.fails("SSO_MAX_PROMPTS_PER_HOUR").await;
    assert_eq!(Host::prompts(&agent), 1);
    assert_eq!(host.status(&agent).await["prompts"], 1);
}
