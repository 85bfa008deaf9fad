//! What can go wrong with the supervisor, and what to do about it.

use std::path::PathBuf;

use sso_session::disk::DiskError;
use thiserror::Error;

use super::agent_file::Unwritable;
use crate::run::RunError;

/// The supervisor could not do what it was asked for. Each text ends with what to do.
#[derive(Debug, Error)]
pub enum SupervisorError {
    /// The agent's file cannot hold a value.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// The agent's file cannot be rendered.
    #[error("the template of the agent's file is broken: {0}. Install sso-watcher anew.")]
    Template(#[from] tera::Error),
    /// The agent's file or its folder.
    #[error(
        "{0}. Let yourself write there, and run the command again, as yourself and without sudo."
    )]
    Disk(#[from] DiskError),
    /// The agent has no file.
    #[error("sso-watcher is not installed ({} is missing). Run `sso-watcher install`.", path.display())]
    NotInstalled {
        /// Where its file would be.
        path: PathBuf,
    },
    /// A program of the system did not run, or not to its end.
    #[error("{source} (`{command}`). {cure}")]
    Program {
        /// The whole command.
        command: String,
        /// What to do.
        cure: &'static str,
        /// What happened.
        source: RunError,
    },
    /// macOS: the user is not logged in at the screen.
    #[error(
        "there is no desktop session of user {uid} for the agent to live in (`{command}` {outcome}: {said}). Log in at \
         the Mac's screen and run the command there, as yourself and without sudo."
    )]
    NoDesktop {
        /// Whose.
        uid: u32,
        /// The whole command.
        command: String,
        /// How it ended.
        outcome: String,
        /// Its last words.
        said: String,
    },
    /// Linux: systemd runs nothing for this user.
    #[error(
        "systemd runs no services for this user here (`{command}` {outcome}: {said}). Log in directly, neither with su \
         nor with sudo, or have `loginctl enable-linger` let services outlive a login; where there is no systemd, run \
         `sso-watcher run` by hand or from the desktop's autostart."
    )]
    NoBus {
        /// The whole command.
        command: String,
        /// How it ended.
        outcome: String,
        /// Its last words.
        said: String,
    },
    /// The supervisor said no.
    #[error("`{command}` {outcome}: {said}. {cure}")]
    Refused {
        /// The whole command.
        command: String,
        /// How it ended.
        outcome: String,
        /// Its last words.
        said: String,
        /// What to do.
        cure: &'static str,
    },
    /// The agent was started and did not stay.
    #[error("the agent was started, but does not stay up{}. See why: {look}", exit_code(*last_exit))]
    NotUp {
        /// With what it ended last, where the supervisor tells.
        last_exit: Option<i32>,
        /// A command that shows what it said.
        look: String,
    },
}

fn exit_code(last: Option<i32>) -> String {
    last.map_or_else(String::new, |code| format!(" (its last exit code: {code})"))
}
