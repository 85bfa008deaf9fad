//! `agent.json`: what the agent does and remembers, for its successor and for `sso-watcher status`.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sso_session::disk::{self, DiskError};

use crate::decision::{Memory, Phase, Saved};
use crate::moment::Moment;
use crate::state_folder::StateFolder;

/// More than any journal.
const MOST_BYTES: u64 = 256 * 1024;

/// What stands in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Journal {
    /// The process that wrote it.
    pub pid: u32,
    /// What it was doing.
    pub doing: Doing,
    /// Since when; seconds since 1970.
    pub since: i64,
    /// The page and the code with which a login without a browser goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<ShownCode>,
    /// What it has found wrong with the profile or the AWS CLI: on its PATH, which is seldom a shell's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The stamp of the configuration that it looked at; none before its first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<u64>,
    /// What it remembers.
    pub saved: Saved,
}

/// What an agent does, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Doing {
    /// It waits.
    Idle,
    /// It sees whether a login is needed at all.
    Trying,
    /// It asks the person.
    Asking,
    /// `aws sso login` runs.
    LoggingIn,
    /// It proves the login, and cleans up.
    Finishing,
}

/// A page and a code that a person needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownCode {
    /// The page.
    pub url: String,
    /// What to type there.
    pub code: String,
}

impl Doing {
    /// What a phase is for a person.
    #[must_use]
    pub fn of(phase: &Phase) -> Self {
        match phase {
            // While somebody else has the lock, it is tried at every look.
            Phase::Idle | Phase::Locking(_) => Self::Idle,
            Phase::Renewing(_) | Phase::Probing(_) => Self::Trying,
            Phase::Asking(_) => Self::Asking,
            Phase::LoggingIn(_) | Phase::Adopting(_) => Self::LoggingIn,
            Phase::Proving(..) | Phase::Settling => Self::Finishing,
        }
    }
}

impl Journal {
    /// Reads it; none if there is none, or nothing that can be understood. Blocks on the disk.
    #[must_use]
    pub fn read(state: &StateFolder) -> Option<Self> {
        let bytes = disk::read_bounded(&state.journal(), MOST_BYTES).ok()?;
        serde_json::from_slice(&bytes)
            .inspect_err(
                |error| tracing::warn!(%error, "the agent's memory is damaged: it begins anew"),
            )
            .ok()
    }

    /// Writes it. Blocks on the disk.
    pub fn write(&self, state: &StateFolder) -> Result<(), DiskError> {
        // Texts and numbers can always be written.
        disk::replace(
            &state.journal(),
            &serde_json::to_vec(self).unwrap_or_default(),
        )
    }

    /// What an agent remembers that begins now. Blocks on the disk.
    #[must_use]
    pub fn recall(state: &StateFolder, boot: &str, now: Moment) -> Memory {
        Self::read(state).map_or_else(Memory::default, |journal| journal.saved.recall(boot, now))
    }

    /// A journal of this process.
    #[must_use]
    pub fn new(doing: Doing, since: SystemTime, saved: Saved) -> Self {
        Self {
            pid: std::process::id(),
            doing,
            since: sso_session::date::epoch_seconds(since),
            invitation: None,
            fault: None,
            configuration: None,
            saved,
        }
    }
}
