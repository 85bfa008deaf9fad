//! How far the agent goes by itself.

mod notify;

use std::time::Duration;

use serde_json::Value;
use tests::sso_world::PROFILE;
use tests::{eventually, throughout};

use crate::host::Host;
use crate::stand_ins::write;

/// Long enough for several looks of the agent.
const A_WHILE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn silent_renews_and_never_asks() {
    // Nobody needs an AWS CLI for that.
    let host = Host::without_cli().await;
    let none = host.bin("none").display().to_string();
    let agent = host.agent().env("SSO_LOGIN_MODE", "silent");
    let _agent = agent.env("SSO_LOGIN_COMMAND", &none).start().await;
    host.ask();
    host.fails(&format!(
        "the mode is silent: run `sso-watcher login {PROFILE}`"
    ))
    .await;
    let _login = host.sso.sign_in_long_ago();
    host.is_served().await;
    assert_eq!(host.sso.aws.sso().refreshes(), 1);
    assert!(host.opened().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn standalone_does_nothing_until_another_mode_is_chosen() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let _login = host.sso.sign_in();
    let agent = host
        .agent()
        .env("SSO_LOGIN_MODE", "standalone")
        .start()
        .await;
    host.ask();
    let asked = host.sso.signal();
    throughout(A_WHILE, "the request is left alone", async || {
        host.sso.signal() == asked
    })
    .await;
    let status = host.status(&agent).await;
    let next = status["next"].as_str().unwrap_or_default();
    assert!(next.starts_with("the mode is standalone"), "{status}");

    let said = host.run(&agent, &["mode", "auto"]).await;
    assert_eq!(
        said.text(),
        "auto (chosen): the agent logs in by itself, which opens your browser\n"
    );
    host.is_served().await;

    let said = host.run(&agent, &["mode", "default"]).await;
    assert_eq!(
        said.text(),
        "standalone (SSO_LOGIN_MODE): the agent does nothing: you log in by yourself\n"
    );
    host.ask_anew();
    throughout(A_WHILE, "the request is left alone", async || {
        host.sso.signal().is_some()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_mode_outlives_the_agent() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let agent = host.agent().start().await;
    assert_eq!(host.run(&agent, &["mode", "silent"]).await.code(), 0);
    let agent = agent.kill_9().start().await;
    assert_eq!(host.status(&agent).await["mode"], "silent");
    host.ask();
    host.fails("the mode is silent").await;
    assert!(!host.cli_was_called());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_under_way_is_ended_by_the_mode_standalone() {
    let Some(host) = Host::new().await else {
        return;
    };
    let agent = host.agent().start().await;
    host.ask();
    host.has_opened(1).await;
    assert_eq!(host.run(&agent, &["mode", "standalone"]).await.code(), 0);
    eventually("the login is gone", async || host.logins_running() == 0).await;
    assert!(host.sso.signal().is_some(), "a build waits still");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_is_no_mode_is_refused_and_in_the_file_told_once() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let _login = host.sso.sign_in();
    let agent = host.agent().start().await;
    let said = host.run(&agent, &["mode", "loud"]).await;
    assert_ne!(said.code(), 0);
    assert!(
        said.stderr
            .contains("use auto, notify, silent or standalone"),
        "{}",
        said.stderr
    );

    write(&host.state("mode"), "loud\n");
    let told = || {
        agent
            .log()
            .matches("holds `loud`, which is no mode")
            .count()
    };
    eventually("it is told", async || told() == 1).await;
    assert_eq!(host.run(&agent, &["mode"]).await.code(), 1);
    // The settings count then.
    host.ask();
    host.is_served().await;
    throughout(A_WHILE, "told once", async || told() == 1).await;
    assert_eq!(host.sso.signal(), None::<Value>);
}
