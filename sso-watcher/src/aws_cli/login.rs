//! `aws sso login`: what it is started with, what it shows, and how it ends.
//!
//! ```text
//! LoginPlan ─► RunningLogin ─► Ending       output: what it says, in a file
//!                   └─► Invitation ◄──────────┘
//! ```
//!
//! * It has a process group of its own, so that all of it can be ended, and so that launchd, which ends
//!   the agent's group, leaves that to us.
//! * What it says goes to a file and not to a pipe: should the agent be killed, the login goes on, and
//!   the agent's successor finds everything in that file.

mod ending;
mod invitation;
mod output;
mod running;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use ending::{Ending, How};
pub use invitation::Invitation;
pub use running::{LoginError, RunningLogin};

use super::AwsCli;
use crate::platform::Platform;
use crate::run::Environment;

/// How the person signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// In a browser that the CLI opens here. A CLI or profile that cannot hand back the code this way
    /// opens the page of a device code.
    Browser,
    /// On any device, with a code that the CLI shows. No browser is opened here.
    DeviceCode,
}

/// A login that is to be started.
#[derive(Clone, Debug)]
pub struct LoginPlan {
    /// What runs it.
    pub cli: AwsCli,
    /// The profile that has the SSO session, at the end of a chain of roles. The CLI refuses others.
    pub base_profile: String,
    /// How the person signs in.
    pub flow: Flow,
    /// `sso-watcher` itself, to hold the login back until [`RunningLogin::begin`]; none to begin at once.
    pub launcher: Option<PathBuf>,
    /// Where what the CLI says goes.
    pub output: PathBuf,
    /// Which system's browsers are there.
    pub platform: Platform,
    /// The agent's own variables.
    pub environment: Environment,
}

impl LoginPlan {
    /// What comes after the program. The profile is bound to its option by `=`: no name can be taken for
    /// another option.
    #[must_use]
    pub fn arguments(&self) -> Vec<OsString> {
        let profile = format!("--profile={}", self.base_profile);
        let mut arguments: Vec<OsString> = vec!["sso".into(), "login".into(), profile.into()];
        if self.flow == Flow::DeviceCode {
            if self.cli.knows_device_code_flag() {
                arguments.push("--use-device-code".into());
            }
            arguments.push("--no-browser".into());
        }
        arguments
    }

    /// The agent's variables, without those that are the agent's alone, and with what lets the CLI run
    /// where nobody types.
    #[must_use]
    pub fn child_environment(&self) -> Environment {
        let environment = self
            .environment
            .clone()
            .without_prefix("SSO_WATCHER_")
            // A person's own setting (`cli_auto_prompt`) would have it ask on a terminal that is not there.
            .with("AWS_CLI_AUTO_PROMPT", "off")
            .with("PYTHONUNBUFFERED", "1");
        let path = search_path(&environment, &self.cli.path);
        let environment = environment.with("PATH", path);
        match self.platform {
            // The CLI waits for a command with `%s`, and `open` returns at once.
            Platform::MacOs if environment.get_os("BROWSER").is_none() => {
                environment.with("BROWSER", "open %s")
            }
            Platform::MacOs | Platform::Linux => environment,
        }
    }
}

/// `PATH` with the CLI's folder on it: a script may need what was installed beside it.
fn search_path(environment: &Environment, cli: &Path) -> OsString {
    let path = environment.get_os("PATH").unwrap_or_default().to_owned();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    match cli.parent() {
        Some(folder) if folder.is_absolute() && !folders.iter().any(|known| known == folder) => {
            folders.insert(0, folder.to_owned());
            std::env::join_paths(folders).unwrap_or(path)
        }
        Some(_) | None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws_cli::Version;

    fn plan(flow: Flow, version: Version) -> LoginPlan {
        LoginPlan {
            cli: AwsCli {
                path: PathBuf::from("/opt/homebrew/bin/aws"),
                version,
            },
            base_profile: "my team".to_owned(),
            flow,
            launcher: None,
            output: PathBuf::from("/state/login.output"),
            platform: Platform::MacOs,
            environment: [
                ("PATH", "/usr/bin:/bin"),
                ("HTTPS_PROXY", "http://proxy:3128"),
                ("AWS_CA_BUNDLE", ""),
                ("SSO_WATCHER_AGENT", "1"),
                ("AWS_CLI_AUTO_PROMPT", "on"),
            ]
            .into_iter()
            .collect(),
        }
    }

    #[test]
    fn the_flow_decides_the_arguments() {
        let (old, new) = (Version::new(2, 9, 19), Version::new(2, 38, 5));
        let profile = "--profile=my team";
        for (flow, version, expected) in [
            (Flow::Browser, new, &["sso", "login", profile] as &[&str]),
            (Flow::Browser, old, &["sso", "login", profile]),
            (
                Flow::DeviceCode,
                new,
                &["sso", "login", profile, "--use-device-code", "--no-browser"],
            ),
            (
                Flow::DeviceCode,
                old,
                &["sso", "login", profile, "--no-browser"],
            ),
        ] {
            assert_eq!(plan(flow, version).arguments(), expected);
        }
    }

    #[test]
    fn the_child_gets_the_agents_variables_and_what_it_needs() {
        let plan = plan(Flow::Browser, Version::new(2, 38, 5));
        let environment = plan.child_environment();
        let variables: Vec<_> = environment
            .iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect();
        let expected = [
            "AWS_CLI_AUTO_PROMPT=off",
            "BROWSER=open %s",
            "HTTPS_PROXY=http://proxy:3128",
            "PATH=/opt/homebrew/bin:/usr/bin:/bin",
            "PYTHONUNBUFFERED=1",
        ];
        assert_eq!(variables, expected);
    }

    #[test]
    fn a_browser_that_the_person_chose_stays() {
        let mut plan = plan(Flow::Browser, Version::new(2, 38, 5));
        plan.environment = plan.environment.with("BROWSER", "firefox");
        let chosen = plan.child_environment();
        assert_eq!(chosen.get("BROWSER").as_deref(), Some("firefox"));
        plan.environment = Environment::default();
        plan.platform = Platform::Linux;
        assert_eq!(plan.child_environment().get("BROWSER"), None);
    }
}
