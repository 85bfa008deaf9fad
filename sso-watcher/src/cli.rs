//! The command line.

use clap::{Args, Parser, Subcommand};

use crate::commands::logs::LogsArgs;
use crate::mode::Mode;
use crate::settings::sources::Purpose;

/// Logs in with AWS SSO when a build needs it: once, in your own session.
///
/// The agent waits for `login-required.json`, which bazel-proxy writes when only a person can help,
/// renews the login silently if it can, and else runs `aws sso login`. Configuration comes from environment
/// variables, a file `.env` in this folder or above it, and what was last installed.
#[derive(Debug, Parser)]
#[command(name = "sso-watcher", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Getting started:
  sso-watcher doctor      is everything in place? if not, what to do
  sso-watcher install     run the agent from now on, and after each login to this machine
  sso-watcher test        a rehearsal: really logs in
  sso-watcher status      what it does, in words; exit 1 if a login is needed

Exit codes: 0 success, 1 something failed or a login is needed, 64 wrong usage or configuration.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the agent in the foreground, until SIGINT or SIGTERM.
    Run,
    /// Install the agent (launchd, systemd) with the variables of today, and start it. Can be repeated.
    Install,
    /// Stop the agent and remove what `install` has put in place.
    Uninstall,
    /// Start the installed agent.
    Start,
    /// Stop it until the next start, or the next login to this machine.
    Stop,
    /// Install the agent's file afresh from `.env`, and start it anew.
    Restart,
    /// Say what the agent does and what comes next; exit 1 if a login is needed.
    Status(StatusArgs),
    /// Show the agent's log.
    Logs(LogsArgs),
    /// Log in now, here, and let waiting builds go on.
    Login(ProfileArgs),
    /// Log out of the profile's SSO session, and of no other.
    Logout(ProfileArgs),
    /// Show what the agent may do by itself, or choose it: auto, notify, silent, standalone.
    Mode(ModeArgs),
    /// Ask the agent for a login as a build does, and follow what it does with it.
    Test(ProfileArgs),
    /// Forget requests, attempts and dead locks; a login under way goes on.
    Clean,
    /// Check everything that a login needs, and say how to mend what is broken.
    Doctor(ProfileArgs),
    /// Become another program when told so; for `run` itself.
    #[command(hide = true)]
    Launch {
        /// The program and its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<std::ffi::OsString>,
    },
}

impl Command {
    /// What variables are looked up for; none for a command that reads none.
    #[must_use]
    pub fn purpose(&self) -> Option<Purpose> {
        match self {
            Self::Launch { .. } => None,
            Self::Install | Self::Restart => Some(Purpose::Install),
            Self::Run
            | Self::Uninstall
            | Self::Start
            | Self::Stop
            | Self::Status(_)
            | Self::Logs(_)
            | Self::Login(_)
            | Self::Logout(_)
            | Self::Mode(_)
            | Self::Test(_)
            | Self::Clean
            | Self::Doctor(_) => Some(Purpose::Use),
        }
    }

    /// Whether the command cannot do its work while this variable is at fault. Whoever has made a mistake
    /// in `.env` can still stop what runs.
    #[must_use]
    pub fn needs(&self, variable: &str) -> bool {
        match self {
            Self::Uninstall | Self::Start | Self::Stop | Self::Logs(_) => variable == "HOME",
            Self::Mode(args) => match variable {
                "HOME" | "SSO_STATE_DIR" => true,
                "SSO_LOGIN_MODE" => !matches!(args.mode, Some(Choice::Mode(_))),
                _ => false,
            },
            Self::Run
            | Self::Install
            | Self::Restart
            | Self::Status(_)
            | Self::Login(_)
            | Self::Logout(_)
            | Self::Test(_)
            | Self::Clean
            | Self::Doctor(_)
            | Self::Launch { .. } => true,
        }
    }

    /// Whether a file of variables that cannot be understood keeps the command from its work.
    #[must_use]
    pub fn needs_files(&self) -> bool {
        self.needs("SSO_STATE_DIR")
    }
}

/// What `status` takes.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// As JSON, for programs.
    #[arg(long)]
    pub json: bool,
}

/// A profile, where not that of the settings.
#[derive(Args, Debug)]
pub struct ProfileArgs {
    /// A profile of ~/.aws/config; `AWS_PROFILE` unless given.
    pub profile: Option<String>,
}

/// What `mode` takes.
#[derive(Args, Debug)]
pub struct ModeArgs {
    /// auto (opens the sign-in page), notify (asks before), silent (only renews), standalone (does
    /// nothing), or default (what `SSO_LOGIN_MODE` says).
    #[arg(value_parser = parse_mode)]
    pub mode: Option<Choice>,
}

/// A choice of a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This one.
    Mode(Mode),
    /// That of the settings.
    Default,
}

fn parse_mode(text: &str) -> Result<Choice, String> {
    if text == "default" {
        return Ok(Choice::Default);
    }
    let mode = text.parse().map(Choice::Mode);
    mode.map_err(|error| format!("{error}, or default"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_in_a_variable_keeps_nobody_from_stopping_the_agent() {
        let command = |words: &[&str]| {
            let words = ["sso-watcher"].iter().chain(words);
            Cli::try_parse_from(words).expect("understood").command
        };
        for name in ["uninstall", "start", "stop", "logs"] {
            assert!(!command(&[name]).needs("SSO_POLL_SECONDS"), "{name}");
            assert!(!command(&[name]).needs_files(), "{name}");
        }
        let chosen = command(&["mode", "silent"]);
        assert!(chosen.needs("SSO_STATE_DIR"), "it is written there");
        assert!(!chosen.needs("SSO_LOGIN_MODE"));
        assert!(command(&["mode"]).needs("SSO_LOGIN_MODE"), "it is shown");
        assert!(command(&["run"]).needs("SSO_POLL_SECONDS"));
    }
}
