//! The tasks of `.mise.toml`, run by mise itself, which reaches no network.

use std::os::unix::fs::symlink;
use std::process::Command;

use tests::aws_cli::write_program;
use tests::clients::{MISE, are_installed};
use tests::commands::{Ended, client, run, succeed};
use tests::{PATIENCE, eventually, sso_watcher_program, workspace_folder};

use crate::host::Host;
use crate::stand_ins::StandIns;

/// mise in this repository, with a home of its own and a folder for what cargo installs.
struct Mise {
    stand_ins: StandIns,
}

impl Mise {
    /// `None` where there is no mise.
    fn new() -> Option<Self> {
        are_installed(&[MISE]).then(|| Self {
            stand_ins: StandIns::new(),
        })
    }

    /// Puts another program in the place of sso-watcher.
    fn with_sso_watcher(self, program: &str) -> Self {
        let folder = self.stand_ins.home().join(".cargo/bin");
        std::fs::create_dir_all(&folder).expect("a folder");
        symlink(program, folder.join("sso-watcher")).expect("linked");
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mise = MISE.path().display().to_string();
        let mut command = client(&mise, &self.stand_ins.home());
        command
            .args(arguments)
            .current_dir(workspace_folder())
            .env("MISE_TRUSTED_CONFIG_PATHS", workspace_folder())
            // Rust may be asked for by whoever runs the tests.
            .env("MISE_DISABLE_TOOLS", "rust")
            // Nobody listens there: a download would fail.
            .env("HTTPS_PROXY", "http://127.0.0.1:9");
        command
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        run(self.command(arguments), PATIENCE).await
    }

    async fn succeed(&self, arguments: &[&str]) -> Ended {
        succeed(self.command(arguments), PATIENCE).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_task_says_what_it_does() {
    let Some(mise) = Mise::new() else { return };
    let said = mise.succeed(&["tasks"]).await;
    assert_eq!(said.stderr, "");
    insta::assert_snapshot!(said.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_shows_its_commands_and_downloads_nothing() {
    let Some(mise) = Mise::new() else { return };
    let said = mise.succeed(&["run", "--dry-run", "lint"]).await;
    insta::assert_snapshot!("lint", said.stderr);
    let said = mise.succeed(&["run", "--dry-run", "sso-install"]).await;
    insta::assert_snapshot!("sso-install", said.stderr);
    assert!(
        !mise
            .stand_ins
            .home()
            .join(".local/share/mise/installs")
            .exists()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_pass_arguments_on_to_the_program_that_cargo_has_installed() {
    let Some(mise) = Mise::new() else { return };
    let mise = mise.with_sso_watcher("/bin/echo");
    for (task, command) in [
        ("sso-uninstall", "uninstall"),
        ("sso-start", "start"),
        ("sso-stop", "stop"),
        ("sso-restart", "restart"),
        ("sso-status", "status"),
        ("sso-logs", "logs"),
        ("sso-login", "login"),
        ("sso-test", "test"),
        ("sso-clean", "clean"),
        ("sso-mode", "mode"),
    ] {
        let said = mise.succeed(&["run", task, "--", "-f", "two words"]).await;
        assert_eq!(said.text(), format!("{command} -f two words\n"), "{task}");
    }
}

/// In the place of cargo, which would build for minutes: puts the program of this build where cargo puts it.
const CARGO: &str = r#"#!/bin/sh
[ "$*" = "install --locked --path sso-watcher" ] || exit 64
mkdir -p "$HOME/.cargo/bin" && ln -sf "$BUILT" "$HOME/.cargo/bin/sso-watcher"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_is_installed_rehearsed_and_removed_with_mise() {
    let Some(host) = Host::new().await.filter(|_| are_installed(&[MISE])) else {
        return;
    };
    let mise = Mise {
        stand_ins: StandIns::new(),
    };
    write_program(&host.bin("cargo"), CARGO);
    let task = |arguments: &[&str]| {
        let mut command = mise.command(&[&["run"], arguments].concat());
        let built = sso_watcher_program();
        // As for a person in the repository, with a home, an AWS and a supervisor of the test's.
        command
            .envs(host.agent_without_desktop().variables())
            .env("BUILT", built);
        command
    };
    let said = succeed(task(&["sso-install"]), PATIENCE).await;
    assert!(said.text().contains("The agent runs"), "{}", said.text());
    let unit = host.home().join(".config/systemd/user/sso-watcher.service");
    assert!(unit.exists());

    let (rehearsed, ()) = tokio::join!(succeed(task(&["sso-test"]), PATIENCE), async {
        let sso = host.sso.aws.sso();
        eventually("a code is shown", async || {
            let pending = sso.pending_sign_ins();
            pending.iter().any(|user_code| sso.approve(user_code))
        })
        .await;
    });
    let text = rehearsed.text();
    // Which of the two it says depends on when it looks: the code is entered as soon as it is there.
    let is_awaited = ["enter the code", "complete the sign-in in your browser"];
    assert!(
        is_awaited.iter().any(|awaited| text.contains(awaited)),
        "{text}"
    );
    assert!(text.contains("done     the login works"), "{text}");
    assert!(host.token().is_some());

    let said = succeed(task(&["sso-logs"]), PATIENCE).await;
    assert!(said.text().contains("PROMPT"), "{}", said.text());
    let said = succeed(task(&["sso-status"]), PATIENCE).await;
    assert!(said.text().contains("nothing to do"), "{}", said.text());
    succeed(task(&["sso-uninstall"]), PATIENCE).await;
    assert!(!unit.exists());
    let said = run(task(&["sso-status"]), PATIENCE).await;
    assert!(said.text().contains("not running"), "{}", said.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_fails_as_its_program_does() {
    let Some(mise) = Mise::new() else { return };
    let mise = mise.with_sso_watcher("/bin/false");
    assert_ne!(mise.run(&["run", "sso-status"]).await.code(), 0);
    assert_ne!(mise.run(&["run", "status"]).await.code(), 0);
}
