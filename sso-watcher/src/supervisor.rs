//! The system's own supervisor of the agent: it starts `sso-watcher run` with the user's session, and
//! again after a crash.
//!
//! ```text
//! AgentFile ─► template ─► launchd (launchctl) ~/Library/LaunchAgents/com.bazel.sso-watcher.plist
//!                    └───► systemd (systemctl) ~/.config/systemd/user/sso-watcher.service
//! ```
//!
//! * Each operation says what shall be, and can be repeated: it does not rely on what was there before.
//! * "Started" means that the same process was seen alive twice; a program that ends at once is an error.
//! * Every command has a time limit, and what it refuses is told with its exit code, its words and a cure.

mod agent_file;
mod error;
mod launchd;
mod proof;
mod systemd;
mod template;
mod tool;

use std::path::Path;

use crate::platform::Platform;
use crate::run::Environment;

pub use agent_file::{AgentFile, Unwritable};
pub use error::SupervisorError;
pub use launchd::Launchd;
pub use systemd::Systemd;

/// The agent's name in launchd.
const LABEL: &str = "com.bazel.sso-watcher";
/// The agent's name in systemd.
const UNIT: &str = "sso-watcher.service";

/// What an agent that is told to end gets before it is killed, in either system's file; longer than it takes to
/// finish what is under way. All that waits for its end waits longer.
const STOP_SECONDS: u64 = 20;

/// The supervisor of one user's agent.
#[derive(Clone, Debug)]
pub enum Supervisor {
    /// macOS.
    Launchd(Launchd),
    /// Linux.
    Systemd(Systemd),
}

/// What the supervisor says of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentState {
    /// It has no file, and does not run.
    NotInstalled,
    /// It has a file, and does not run.
    Stopped,
    /// It runs.
    Running {
        /// Its process, where the supervisor tells.
        pid: Option<u32>,
    },
}

impl Supervisor {
    /// The supervisor of the user `uid` with this home. The environment is that of the programs which
    /// are asked (`PATH`, `XDG_RUNTIME_DIR`); `XDG_CONFIG_HOME` in it moves systemd's file.
    #[must_use]
    pub fn new(platform: Platform, home: &Path, uid: u32, environment: &Environment) -> Self {
        match platform {
            Platform::MacOs => Self::Launchd(Launchd::new(home, uid, environment)),
            Platform::Linux => Self::Systemd(Systemd::new(home, uid, environment)),
        }
    }

    /// The agent's file, whether it is there or not.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Launchd(launchd) => launchd.path(),
            Self::Systemd(systemd) => systemd.path(),
        }
    }

    /// Writes the agent's file, and (re)starts the agent with it, now and at each login.
    pub async fn install(&self, file: &AgentFile) -> Result<(), SupervisorError> {
        match self {
            Self::Launchd(launchd) => launchd.install(file).await,
            Self::Systemd(systemd) => systemd.install(file).await,
        }
    }

    /// Stops the agent and removes its file. What was there before.
    pub async fn uninstall(&self) -> Result<AgentState, SupervisorError> {
        match self {
            Self::Launchd(launchd) => launchd.uninstall().await,
            Self::Systemd(systemd) => systemd.uninstall().await,
        }
    }

    /// Starts the agent as it was installed, if it does not run.
    pub async fn start(&self) -> Result<(), SupervisorError> {
        self.must_be_installed()?;
        match self {
            Self::Launchd(launchd) => launchd.start().await,
            Self::Systemd(systemd) => systemd.start().await,
        }
    }

    /// Stops the agent, until it is started or the next login.
    pub async fn stop(&self) -> Result<(), SupervisorError> {
        match self {
            Self::Launchd(launchd) => launchd.stop().await,
            Self::Systemd(systemd) => systemd.stop().await,
        }
    }

    /// Writes the file of an agent that is installed afresh, and restarts the agent with it.
    pub async fn restart(&self, file: &AgentFile) -> Result<(), SupervisorError> {
        self.must_be_installed()?;
        self.install(file).await
    }

    /// What the supervisor says of the agent.
    pub async fn state(&self) -> Result<AgentState, SupervisorError> {
        match self {
            Self::Launchd(launchd) => launchd.state().await,
            Self::Systemd(systemd) => systemd.state().await,
        }
    }

    fn must_be_installed(&self) -> Result<(), SupervisorError> {
        if self.path().exists() {
            return Ok(());
        }
        let path = self.path().to_owned();
        Err(SupervisorError::NotInstalled { path })
    }
}
