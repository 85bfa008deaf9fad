//! What a person types: the words, the exit codes, and what the agent makes of it.

mod doctor;
mod status;

use std::fs::File;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use simulated_aws::Operation;
use tests::commands::{Ended, run};
use tests::sso_world::PROFILE;
use tests::{PATIENCE, WatcherBuilder, eventually, throughout, within};

use crate::host::Host;

async fn without_agent(agent: &WatcherBuilder, arguments: &[&str]) -> Ended {
    run(agent.command(arguments), PATIENCE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn login_signs_in_here_and_serves_the_request() {
    Host::with_each_cli(async |host| {
        host.person_will("allow");
        let agent = host.agent();
        host.ask();
        let said = without_agent(&agent, &["login"]).await;
        assert_eq!(said.code(), 0, "{said:?}");
        let text = said.text();
        assert!(
            text.contains("Successfully logged into Start URL"),
            "{text}"
        );
        assert!(
            text.contains("Signed in with profile team: the token lasts until 2"),
            "{text}"
        );
        assert!(text.ends_with("and is renewed by itself. Waiting builds go on within seconds.\n"));
        assert_eq!(host.sso.signal(), None);
        assert_eq!(host.opened().len(), 1);
        assert!(host.token().is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn login_without_a_desktop_shows_the_code() {
    let Some(host) = Host::new().await else {
        return;
    };
    let agent = host.agent_without_desktop();
    let person = async {
        let mut code = None;
        eventually("a sign-in waits", async || {
            code = host.sso.aws.sso().pending_sign_ins().pop();
            code.is_some()
        })
        .await;
        let code = code.expect("found above");
        let said = || std::fs::read_to_string(host.state("login.output")).unwrap_or_default();
        eventually("the code is shown", async || said().contains(&code)).await;
        assert!(host.sso.aws.sso().approve(&code));
        code
    };
    let (said, code) = tokio::join!(without_agent(&agent, &["login"]), person);
    assert_eq!(said.code(), 0, "{said:?}");
    assert!(said.text().contains(&code), "{}", said.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_fails_says_why() {
    let Some(host) = Host::new().await else {
        return;
    };
    let agent = host.agent();
    host.person_will("deny");
    let said = without_agent(&agent, &["login"]).await;
    assert_eq!(said.code(), 1);
    assert!(
        said.stderr
            .starts_with("sso-watcher: the sign-in was refused: "),
        "{}",
        said.stderr
    );

    let said = without_agent(&agent, &["login", "nobody"]).await;
    assert_eq!(said.code(), 1);
    assert!(said.stderr.contains("nobody"), "{}", said.stderr);
    assert_eq!(
        host.opened().len(),
        1,
        "no page for a profile that is not there"
    );

    host.sso.aws.go_offline().await.expect("offline");
    let said = without_agent(&agent, &["login"]).await;
    assert_eq!(said.code(), 1);
    assert!(
        said.stderr.contains("AWS SSO does not answer"),
        "{}",
        said.stderr
    );
    assert_eq!(host.opened().len(), 1, "no page without AWS");
}

#[tokio::test(flavor = "multi_thread")]
async fn login_is_tried_once_more_without_a_registration_that_is_at_fault() {
    // A registration without a field.
    let host = Host::with_stand_in_cli("echo \"'expiresAt'\" >&2; exit 255").await;
    let _old = host.sso.sign_in();
    host.sso.aws.sso().end_sessions();
    let said = without_agent(&host.agent(), &["login"]).await;
    assert_eq!(said.code(), 1);
    assert!(said.text().contains("Once more, without it:"), "{said:?}");
    assert!(
        said.stderr
            .contains("could not use its client registration, which is moved aside"),
        "{}",
        said.stderr
    );
    assert!(!host.sso.registration_path().exists());
    let called = std::fs::read_to_string(host.home().join("called")).expect("called");
    assert_eq!(called.lines().count(), 2);
}

/// The agent does not begin at once where the person has just broken off.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_broken_off_says_so_and_leaves_nothing_but_the_attempt() {
    let Some(host) = Host::new().await else {
        return;
    };
    let mut command = tokio::process::Command::from(host.agent().command(&["login"]));
    command.stderr(Stdio::piped()).kill_on_drop(true);
    let login = command.spawn().expect("started");
    host.has_opened(1).await;
    let attempt = host.state("last-login-at.txt");
    std::fs::remove_file(&attempt).expect("it is noted at the beginning");
    let process = login.id().and_then(|id| i32::try_from(id).ok());
    kill(Pid::from_raw(process.expect("it runs")), Signal::SIGINT).expect("sent");
    let ended = within(PATIENCE, "it ends", login.wait_with_output()).await;
    let ended = ended.expect("ended");
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&ended.stderr),
        "sso-watcher: the login was broken off: nobody is signed in by it\n"
    );
    assert!(attempt.exists(), "it is noted at the end");
    assert!(!host.state("login.output").exists());
    assert_eq!(host.logins_running(), 0);
}

/// It waits for the login that is under way, and has nobody log in twice.
#[tokio::test(flavor = "multi_thread")]
async fn login_waits_for_that_of_the_agent() {
    let Some(host) = Host::new().await else {
        return;
    };
    let agent = host.agent().start().await;
    host.ask();
    host.has_opened(1).await;
    let said = host.home().join("said");
    let mut login = agent.command(&["login"]);
    login.stdout(File::create(&said).expect("a file"));
    let mut login = tokio::process::Command::from(login);
    let mut login = login.kill_on_drop(true).spawn().expect("it starts");
    eventually("it waits", async || {
        let said = std::fs::read_to_string(&said).unwrap_or_default();
        said.starts_with("Another login is under way")
    })
    .await;
    host.click(&host.opened()[0]).await;
    let status = within(PATIENCE, "it ends", login.wait()).await;
    assert!(status.expect("its status").success());
    assert_eq!(host.opened().len(), 1);
    assert_eq!(host.sso.aws.sso().sessions_alive(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_ends_one_session_and_the_agent_asks_for_no_login_then() {
    let Some(host) = Host::new().await else {
        return;
    };
    let _login = host.sso.sign_in();
    let other = host.sso.aws.sso().sign_in();
    let kept = other
        .write_in_place(&host.sso.token_folder(), "other")
        .expect("written");
    let agent = host.agent().start().await;
    let said = host.run(&agent, &["logout"]).await;
    assert_eq!(
        said.text(),
        "Signed out of profile team, here and at AWS. The agent asks for no login until \
         `sso-watcher login`.\n"
    );
    assert_eq!(said.code(), 0);
    assert!(host.token().is_none());
    assert!(kept.exists(), "the other session is left alone");
    assert_eq!(host.sso.aws.counters().count(Operation::Logout), 1);
    assert_eq!(host.sso.aws.sso().sessions_alive(), 1);

    host.person_will("allow");
    host.ask();
    throughout(Duration::from_secs(2), "no page", async || {
        host.opened().is_empty()
    })
    .await;
    let next = host.status(&agent).await["next"].clone();
    assert_eq!(
        next,
        "you have logged out: `sso-watcher login team` logs in again"
    );

    let said = host.run(&agent, &["logout"]).await;
    assert!(
        said.text()
            .starts_with("Nobody was signed in with profile team."),
        "{said:?}"
    );
    assert_eq!(host.run(&agent, &["login"]).await.code(), 0);
    host.is_served().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn test_rehearses_a_login_and_tells_what_the_agent_does() {
    let Some(host) = Host::new().await else {
        return;
    };
    let agent = host.agent_without_desktop().start().await;
    let person = async {
        let (_, code) = host.invitation(&agent).await;
        // Only then is it certain that the code was told.
        throughout(Duration::from_millis(500), "", async || true).await;
        assert!(host.sso.aws.sso().approve(&code));
        code
    };
    let (said, code) = tokio::join!(host.run(&agent, &["test"]), person);
    assert_eq!(said.code(), 0, "{said:?}");
    let text = said.text();
    assert!(
        text.starts_with("asked    for a login with profile team, as a build does\n"),
        "{text}"
    );
    assert!(text.contains("/device and enter the code "), "{text}");
    assert!(text.contains(&code), "{text}");
    assert!(
        text.ends_with("done     the login works, and the request is gone\n"),
        "{text}"
    );
    assert_eq!(host.sso.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn test_says_why_a_rehearsal_fails_and_leaves_no_request() {
    let host = Host::with_stand_in_cli("echo no luck >&2; exit 255").await;
    let agent = host.agent();
    let said = without_agent(&agent, &["test"]).await;
    assert_eq!(said.code(), 1);
    assert!(
        said.stderr.starts_with("sso-watcher: no agent is running"),
        "{}",
        said.stderr
    );

    let agent = agent.start().await;
    let said = host.run(&agent, &["test"]).await;
    assert_eq!(said.code(), 1);
    assert!(
        said.stderr
            .contains("the rehearsal failed: `aws sso login` failed (exit code 255): no luck"),
        "{}",
        said.stderr
    );
    assert_eq!(host.sso.signal(), None);

    host.run(&agent, &["mode", "standalone"]).await;
    let said = host.run(&agent, &["test"]).await;
    assert_eq!(said.code(), 1);
    assert!(
        said.stderr
            .starts_with("sso-watcher: the mode is standalone"),
        "{}",
        said.stderr
    );
    host.run(&agent, &["mode", "default"]).await;

    // A real request comes first.
    host.ask();
    let said = host.run(&agent, &["test"]).await;
    assert_eq!(said.code(), 1);
    assert!(
        said.stderr
            .contains("a build asks for a login with profile team right now")
    );
    assert!(host.sso.signal().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn clean_forgets_attempts_and_requests() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let agent = host
        .agent()
        .env("SSO_COOLDOWN_SECONDS", "600")
        .start()
        .await;
    host.ask();
    host.fails("exit code 255").await;
    // The lock is let go a moment after the attempt is written down.
    eventually("the login is over", async || {
        !host.state("login.lock").exists()
    })
    .await;
    let said = host.run(&agent, &["clean"]).await;
    assert_eq!(
        said.text(),
        "removed  the request for a login with profile team\nremoved  agent.json\n\
         removed  last-login-at.txt\n\
         A login that is needed still is asked for again within a minute.\n"
    );
    assert_eq!(said.code(), 0);
    // As if nothing had ever failed.
    let _login = host.sso.sign_in();
    host.ask();
    within(
        Duration::from_secs(10),
        "the cooldown is forgotten",
        host.is_served(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clean_breaks_no_login_under_way() {
    let Some(host) = Host::new().await else {
        return;
    };
    let agent = host.agent().start().await;
    host.ask();
    host.has_opened(1).await;
    let said = host.run(&agent, &["clean"]).await;
    assert!(
        said.text().starts_with("kept     the login under way ("),
        "{}",
        said.text()
    );
    assert!(host.sso.signal().is_some());
    throughout(Duration::from_secs(2), "it goes on", async || {
        host.logins_running() > 0
    })
    .await;
    host.click(&host.opened()[0]).await;
    host.is_served().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_names_a_profile_is_served_whatever_the_settings_name() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let _login = host.sso.sign_in();
    let agent = host.agent().env("AWS_PROFILE", "nobody").start().await;
    assert_eq!(
        host.run(&agent, &["status"]).await.code(),
        0,
        "nothing is asked for"
    );
    host.request(&json!({"profile": PROFILE}));
    host.is_served().await;
}
