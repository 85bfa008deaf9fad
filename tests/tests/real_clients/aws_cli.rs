//! The real AWS CLI, in a home that it shares with the proxy.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::clients::{AWS_CLI, OLD_AWS_CLI, Part};
use crate::shared_home::{PROFILE, SharedHome};
use tests::WatcherBuilder;
use tests::aws_cli::{write_endpoint_rules, write_program};
use tests::commands::{Ended, client, run, succeed};

/// No call takes longer; a login that nobody finishes would take ten minutes.
const LIMIT: Duration = Duration::from_mins(2);

/// A browser whose user allows everything. It forks, as the CLI waits for it.
const BROWSER: &str = r#"#!/bin/sh
(curl --silent --location --noproxy '*' --data decision=allow "$1" >"$HOME/page.html" 2>&1 &)
"#;

/// One version of it.
pub(crate) struct AwsCli {
    program: PathBuf,
    home: PathBuf,
    endpoint: String,
}

impl AwsCli {
    pub(crate) fn new(home: &SharedHome<'_>) -> Self {
        Self::of(AWS_CLI, home)
    }

    /// Debian's, which takes endpoints from rule sets in its user's models only.
    pub(crate) fn old(home: &SharedHome<'_>) -> Self {
        write_endpoint_rules(&home.path(), &home.endpoint_url());
        Self::of(OLD_AWS_CLI, home)
    }

    fn of(part: Part, home: &SharedHome<'_>) -> Self {
        let browser = home.path().join("browser");
        write_program(&browser, BROWSER);
        Self {
            program: part.path(),
            home: home.path(),
            endpoint: home.endpoint_url(),
        }
    }

    /// The command `arguments` for the profile, for which role credentials of an earlier command
    /// do not count.
    fn command(&self, arguments: &str) -> Command {
        let cached = self.home.join(".aws/cli/cache");
        if cached.exists() {
            std::fs::remove_dir_all(cached).expect("removed");
        }
        let program = self.program.display().to_string();
        let mut command = client(&program, &self.home);
        command
            .args(arguments.split(' '))
            .args(["--profile", PROFILE])
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("BROWSER", format!("{}/browser %s", self.home.display()));
        command
    }

    /// `aws sso login`, with all that its user does.
    pub(crate) async fn log_in(&self) {
        succeed(self.command("sso login"), LIMIT).await;
    }

    /// As [`Self::log_in`], however it ends.
    pub(crate) async fn try_to_log_in(&self) -> Ended {
        run(self.command("sso login"), LIMIT).await
    }

    /// As [`Self::try_to_log_in`], with a device code.
    pub(crate) async fn try_to_log_in_by_code(&self) -> Ended {
        run(self.command("sso login --use-device-code"), LIMIT).await
    }

    /// An agent that logs in with it, in a session whose person allows everything.
    pub(crate) fn for_agent(&self, agent: WatcherBuilder) -> WatcherBuilder {
        let browser = format!("{}/browser %s", self.home.display());
        agent
            .env("SSO_LOGIN_COMMAND", &self.program.display().to_string())
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("BROWSER", &browser)
    }

    /// Asks AWS who the profile is, for which the CLI needs the token.
    pub(crate) async fn ask_who_it_is(&self) -> Ended {
        let ended = succeed(self.command("sts get-caller-identity"), LIMIT).await;
        let caller = ended.text();
        assert!(caller.contains("AWSReservedSSO_Developer_"), "{caller}");
        ended
    }
}
