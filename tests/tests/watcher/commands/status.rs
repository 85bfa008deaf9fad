//! `sso-watcher status`, in every state that a person may find.

use std::time::Duration;

use serde_json::json;
use tests::commands::run;
use tests::sso_world::PROFILE;
use tests::{PATIENCE, eventually};

use crate::host::Host;

/// Without what changes from run to run.
fn shown(host: &Host, text: &str) -> String {
    let scratch = host.sso.scratch.path().display().to_string();
    let text = text.replace(&scratch, "SCRATCH");
    let line = |line: &str| match line.split_once("process ") {
        Some((before, _)) => format!("{before}process …"),
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

async fn must_be(host: &Host, agent: &tests::WatcherBuilder, name: &str, code: i32) {
    let said = run(agent.command(&["status"]), PATIENCE).await;
    assert_eq!(said.code(), code, "{said:?}");
    assert_eq!(said.stderr, "");
    insta::assert_snapshot!(name, shown(host, &said.text()));
}

#[tokio::test(flavor = "multi_thread")]
async fn status_without_an_agent_says_what_to_do() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let agent = host.agent();
    must_be(&host, &agent, "nobody-signed-in", 1).await;
    let _login = host.sso.sign_in_for(Duration::from_secs(5 * 3600 + 1790));
    must_be(&host, &agent, "signed-in", 0).await;
    host.request(&json!({"profile": PROFILE, "source": "bazel-proxy"}));
    must_be(&host, &agent, "asked-and-no-agent", 1).await;
    host.request(&json!({"profile": "nobody", "source": "bazel-proxy"}));
    must_be(&host, &agent, "unknown-profile", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_what_the_agent_does_and_what_comes_next() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let builder = host.agent().env("SSO_LOGIN_MODE", "notify");
    let builder = builder.env("SSO_COOLDOWN_SECONDS", "1800");
    host.stand_ins.tell("zenity.answer", "Snooze 4 hours\n");
    host.stand_ins.tell("zenity.hold", "");
    let agent = builder.clone().start().await;
    must_be(&host, &builder, "idle", 1).await;

    host.request(
        &json!({"profile": PROFILE, "source": "bazel-proxy", "reason": "the session has ended"}),
    );
    eventually("it is asked", async || {
        host.status(&agent).await["doing"] == "asking"
    })
    .await;
    must_be(&host, &builder, "asking", 1).await;
    host.stand_ins.forget("zenity.hold");
    host.fails("asked later").await;
    eventually("it is idle", async || {
        host.status(&agent).await["doing"] == "idle"
    })
    .await;
    let said = host.run(&agent, &["status"]).await;
    let text = said.text();
    for line in [
        "last try  the person wants to be asked later, in 240 min",
        "cooldown  29 min more",
        "snooze    3 h 59 min more",
        "prompts   1 of 4 within the last hour",
        "next      you are asked again in 3 h 59 min; `sso-watcher login team` logs in now",
    ] {
        assert!(text.contains(line), "{line}\n---\n{text}");
    }
    assert_eq!(said.code(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_a_fault_with_its_cure() {
    let host = Host::without_cli().await;
    let none = host.bin("none").display().to_string();
    let builder = host.agent().env("SSO_LOGIN_COMMAND", &none);
    host.request(&json!({"profile": PROFILE, "source": "bazel-proxy"}));
    must_be(&host, &builder, "fault", 1).await;
}

/// Of the agent's own programs: a shell has another PATH.
#[tokio::test(flavor = "multi_thread")]
async fn status_tells_what_has_to_be_mended_from_any_shell() {
    let host = Host::with_stand_in_cli("echo usage >&2; exit 252").await;
    let named = host.bin("aws").display().to_string();
    let agent = host.agent().env("SSO_LOGIN_COMMAND", &named);
    let _agent = agent.start().await;
    host.ask();
    host.fails("cannot work like this: usage").await;
    let shell = host.agent().env("PATH", "/usr/bin:/bin");
    let mut said = String::new();
    eventually("it is told", async || {
        said = run(shell.command(&["status"]), PATIENCE).await.text();
        said.ends_with("next      mend what `last try` says; that is noticed by itself\n")
    })
    .await;
    assert!(!said.contains("fault"), "{said}");

    std::fs::remove_file(host.bin("aws")).expect("removed");
    eventually("its fault is told", async || {
        said = run(shell.command(&["status"]), PATIENCE).await.text();
        said.contains("\nfault     SSO_LOGIN_COMMAND names no AWS CLI that can log in")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_has_ended_is_told_from_one_that_can_be_renewed() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let builder = host.agent();
    let text = async || run(builder.command(&["status"]), PATIENCE).await;
    let _login = host.sso.sign_in_long_ago();
    let said = text().await;
    assert!(
        said.text().contains("ago, and can perhaps be renewed\n"),
        "{}",
        said.text()
    );
    assert_eq!(said.code(), 0, "nobody has to log in yet");
    let mut login = host.sso.aws.sso().sign_in_without_refresh();
    login.expires_at = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045);
    host.sso.write(&login);
    let said = text().await;
    assert!(said.text().contains(" ago\n"), "{}", said.text());
    assert_eq!(said.code(), 1);
}
