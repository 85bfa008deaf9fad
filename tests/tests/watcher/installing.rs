//! `sso-watcher install` and its siblings, as a person runs them, on both systems.

use std::path::PathBuf;

use tests::commands::{Ended, run};
use tests::{PATIENCE, WatcherBuilder, eventually};

use crate::host::Host;
use crate::stand_ins::write;

/// One system's supervisor, and a person who types commands in a repository with a `.env`.
struct Person<'a> {
    host: &'a Host,
    agent: WatcherBuilder,
}

impl Person<'_> {
    /// Types a command.
    async fn types(&self, arguments: &[&str]) -> Ended {
        run(self.agent.command(arguments), PATIENCE).await
    }

    /// Types a command that succeeds.
    async fn succeeds(&self, arguments: &[&str]) -> String {
        let said = self.types(arguments).await;
        assert_eq!(said.code(), 0, "{arguments:?}: {said:?}\n{}", said.text());
        said.text()
    }

    /// Changes `.env`.
    fn sets(&self, text: &str) {
        write(&self.host.sso.scratch.path().join(".env"), text);
    }

    async fn has_an_agent(&self) -> bool {
        let said = self.types(&["status"]).await;
        said.text().contains("agent     running")
    }
}

/// Installs, rehearses, changes, stops, starts and removes.
async fn tell(host: &Host, agent: WatcherBuilder, file: PathBuf) {
    let agent = agent.without("SSO_POLL_SECONDS").without("AWS_PROFILE");
    let person = Person { host, agent };
    person.sets("AWS_PROFILE=team\nSSO_POLL_SECONDS=1\nSSO_LOGIN_MODE=silent\n");
    let said = person.succeeds(&["install"]).await;
    assert!(said.contains(&file.display().to_string()), "{said}");
    assert!(person.has_an_agent().await);
    let said = person.succeeds(&["mode"]).await;
    assert!(said.starts_with("silent (SSO_LOGIN_MODE)"), "{said}");
    let failed = person.types(&["test"]).await;
    assert_eq!(failed.code(), 1, "{failed:?}");
    assert!(failed.stderr.contains("the mode is silent"), "{failed:?}");

    // Twice is as good as once, and what the person has chosen stays.
    person.succeeds(&["mode", "notify"]).await;
    let said = person.succeeds(&["install"]).await;
    assert!(said.contains("  mode     notify\n"), "{said}");
    person.succeeds(&["mode", "default"]).await;

    // `restart` takes up what `.env` says now.
    person.sets("AWS_PROFILE=team\nSSO_POLL_SECONDS=1\n");
    person.succeeds(&["restart"]).await;
    let text = std::fs::read_to_string(&file).expect("the agent's file");
    assert!(!text.contains("silent"), "{text}");
    let (said, ()) = tokio::join!(person.succeeds(&["test"]), approve_what_comes(host));
    assert!(said.contains("done     the login works"), "{said}");
    assert!(host.token().is_some());

    // Whoever has made a mistake in `.env` can still stop what runs.
    person.sets("AWS_PROFILE=team\nSSO_POLL_SECONDS=never\n");
    assert_eq!(person.types(&["status"]).await.code(), 64);
    person.succeeds(&["logs"]).await;
    person.succeeds(&["mode", "silent"]).await;
    person.succeeds(&["mode", "default"]).await;
    person.sets("SSO_POLL_SECONDS=1\nAWS_PROFILE=my team\n");
    assert_eq!(person.types(&["status"]).await.code(), 64);
    person.succeeds(&["stop"]).await;
    person.sets("AWS_PROFILE=team\nSSO_POLL_SECONDS=1\n");
    assert!(!person.has_an_agent().await);
    person.succeeds(&["start"]).await;
    eventually("it runs", async || person.has_an_agent().await).await;
    person.succeeds(&["uninstall"]).await;
    assert!(!file.exists());
    assert!(!person.has_an_agent().await);
    let said = person.succeeds(&["uninstall"]).await;
    assert!(said.contains("was not installed"), "{said}");
    let said = person.succeeds(&["stop"]).await;
    assert!(said.contains("is not installed"), "{said}");
    let refused = person.types(&["start"]).await;
    assert!(
        refused.stderr.contains("sso-watcher install"),
        "{refused:?}"
    );
}

/// Plays somebody who allows whatever they are asked for, until it is done.
async fn approve_what_comes(host: &Host) {
    let sso = host.sso.aws.sso();
    eventually("there is a token", async || {
        for user_code in sso.pending_sign_ins() {
            let _gone_meanwhile = sso.approve(&user_code);
        }
        host.token().is_some()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_of_systemd_is_installed_rehearsed_changed_and_removed() {
    let Some(host) = Host::new().await else {
        return;
    };
    let file = host.home().join(".config/systemd/user/sso-watcher.service");
    tell(&host, host.agent_without_desktop(), file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_of_launchd_is_installed_rehearsed_changed_and_removed() {
    let Some(host) = Host::new().await else {
        return;
    };
    // Beside the AWS CLI, which is where the agent finds programs first.
    std::os::unix::fs::symlink(host.bin("browser"), host.bin("open")).expect("linked");
    host.person_will("allow");
    let file = host
        .home()
        .join("Library/LaunchAgents/com.bazel.sso-watcher.plist");
    let agent = host
        .agent_without_desktop()
        .without("BROWSER")
        .env("SSO_WATCHER_PLATFORM", "macos");
    tell(&host, agent, file).await;
    assert!(!host.opened().is_empty(), "`open` was never called");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_an_aws_cli_that_can_log_in_is_told_so_at_install() {
    let host = Host::without_cli().await;
    host.cli_ends_with("exit 0");
    let script = "#!/bin/sh\necho aws-cli/1.29.0 Python/3.9\n";
    tests::aws_cli::write_program(&host.bin("aws"), script);
    let agent = host
        .agent()
        .env("SSO_LOGIN_COMMAND", &host.bin("aws").display().to_string());
    let said = run(agent.command(&["install"]), PATIENCE).await;
    assert_eq!(said.code(), 1);
    assert!(said.stderr.contains("1.29.0"), "{said:?}");
    assert!(said.stderr.contains("version 2"), "{said:?}");
}
