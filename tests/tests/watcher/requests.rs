//! Requests for a login: what counts as one, and when it is acted on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::sso_world::PROFILE;
use tests::{eventually, throughout};

use crate::host::{Host, epoch_seconds_in};
use crate::stand_ins::write;

/// Nothing of these is a request, and nothing of them reaches a command line.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_moved_aside_and_harms_nobody() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let _login = host.sso.sign_in();
    let _agent = host.agent().start().await;
    let profile = |name: &str| json!({"profile": name, "generation": 1}).to_string();
    for bad in [
        profile("-x"),
        profile("--debug"),
        profile(""),
        profile("two\nlines"),
        json!({"reason": "no profile"}).to_string(),
        json!({"profile": 7}).to_string(),
        json!({"profile": PROFILE, "reason": "x".repeat(1 << 20)}).to_string(),
        "[]".to_owned(),
        "{\"profile\": \"te".to_owned(),
        "\u{0}garbage".to_owned(),
    ] {
        host.request_bytes(&bad);
        host.sso.unsignalled().await;
        eventually("it is moved aside", async || {
            !host.sso.signal_path().exists()
        })
        .await;
    }
    assert!(host.state("login-required.json.corrupt").exists());
    assert!(!host.cli_was_called(), "a login was tried");
    host.ask();
    host.is_served().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_in_the_place_of_a_request_is_told_once_and_waited_for() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let _login = host.sso.sign_in();
    let agent = host.agent().start().await;
    std::fs::create_dir(host.sso.signal_path()).expect("a folder");
    let told = || {
        let log = agent.log();
        let lines = log.lines().filter(|line| line.contains(" WARN "));
        lines
            .filter(|line| line.contains("login-required.json"))
            .count()
    };
    eventually("it is complained about", async || told() > 0).await;
    throughout(Duration::from_secs(3), "told once", async || told() == 1).await;
    std::fs::remove_dir(host.sso.signal_path()).expect("removed");
    host.ask();
    host.is_served().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_the_original_format_is_served() {
    let Some(host) = Host::new().await else {
        return;
    };
    host.person_will("allow");
    let _agent = host.agent().start().await;
    // As `json.dump` of the original writes it.
    host.request_bytes(&format!(
        "{{\"profile\": \"{PROFILE}\", \"reason\": \"Error loading SSO Token\", \
         \"timestamp\": \"2026-01-02T03:04:05.123456\", \"nextAttemptAfter\": 1767323045.5}}"
    ));
    host.is_served().await;
    assert_eq!(host.opened().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attempt_is_made_before_the_request_allows_one() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let _login = host.sso.sign_in();
    let _agent = host.agent().start().await;
    let begin = Instant::now();
    let next = epoch_seconds_in(Duration::from_secs(5));
    host.request(&json!({"profile": PROFILE, "generation": 1, "nextAttemptAfter": next}));
    host.is_served().await;
    assert!(
        begin.elapsed() >= Duration::from_secs(4),
        "{:?}",
        begin.elapsed()
    );
}

/// As another tool, or a watcher of an earlier version, has noted it.
#[tokio::test(flavor = "multi_thread")]
async fn no_attempt_is_made_within_the_cooldown_of_another_tools() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let _login = host.sso.sign_in();
    host.ask();
    write(
        &host.state("last-login-at.txt"),
        &epoch_seconds_in(Duration::ZERO).to_string(),
    );
    let begin = Instant::now();
    let _agent = host.agent().env("SSO_COOLDOWN_SECONDS", "5").start().await;
    host.is_served().await;
    assert!(
        begin.elapsed() >= Duration::from_secs(4),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_really_logs_in() {
    let Some(host) = Host::new().await else {
        return;
    };
    let _login = host.sso.sign_in();
    let before = host.token();
    host.person_will("allow");
    let _agent = host.agent().start().await;
    host.request(&json!({"profile": PROFILE, "source": "test", "generation": 1}));
    host.is_served().await;
    assert_eq!(host.opened().len(), 1);
    assert_ne!(host.token(), before);
    assert_eq!(host.sso.aws.sso().refreshes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_nobody_asks_for_any_more_is_ended() {
    let Some(host) = Host::new().await else {
        return;
    };
    let _agent = host.agent().start().await;
    host.ask();
    host.has_opened(1).await;
    assert!(host.logins_running() > 0);
    std::fs::remove_file(host.sso.signal_path()).expect("removed");
    eventually("the login is gone", async || host.logins_running() == 0).await;
    assert_eq!(host.sso.signal(), None::<Value>);
    throughout(Duration::from_secs(2), "one page", async || {
        host.opened().len() == 1
    })
    .await;
}
