//! systemd, through `systemctl --user`.
//!
//! The user's own systemd exists only for logins that PAM has seen, or with lingering; everybody else
//! gets "Failed to connect to bus".

mod report;

use std::path::{Path, PathBuf};

use sso_session::disk;

use super::agent_file::AgentFile;
use super::error::SupervisorError;
use super::proof::{Sight, stays_up};
use super::template::Target;
use super::tool::{Said, Tool};
use super::{AgentState, UNIT, template};
use crate::run::Environment;

const CURE: &str =
    "Run `systemctl --user status sso-watcher` to see more, and `sso-watcher install` again.";
const MISSING: &str =
    "Where there is no systemd, run `sso-watcher run` by hand or from the desktop's autostart.";
const LOOK: &str = "`journalctl --user -u sso-watcher`, and `sso-watcher run` in a terminal.";

/// The agent as a unit of the user's systemd.
#[derive(Clone, Debug)]
pub struct Systemd {
    systemctl: Tool,
    path: PathBuf,
}

impl Systemd {
    pub(super) fn new(home: &Path, uid: u32, environment: &Environment) -> Self {
        let moved = environment.get("XDG_CONFIG_HOME").map(PathBuf::from);
        let configuration = moved.filter(|folder| folder.is_absolute());
        let configuration = configuration.unwrap_or_else(|| home.join(".config"));
        let environment = with_runtime_folder(environment, uid);
        Self {
            systemctl: Tool::new("systemctl", MISSING, environment),
            path: configuration.join("systemd/user").join(UNIT),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) async fn install(&self, file: &AgentFile) -> Result<(), SupervisorError> {
        let text = template::unit(file, self.target().await?)?;
        disk::replace(&self.path, text.as_bytes())?;
        self.succeed(&["daemon-reload"]).await?;
        // Not `enable`: the unit may have been wanted by another target before.
        self.succeed(&["reenable", UNIT]).await?;
        self.succeed(&["restart", UNIT]).await?;
        stays_up(async || self.look().await, LOOK).await
    }

    pub(super) async fn uninstall(&self) -> Result<AgentState, SupervisorError> {
        let before = self.state().await?;
        if self.path.exists() {
            self.succeed(&["disable", "--now", UNIT]).await?;
            disk::remove(&self.path)?;
            self.succeed(&["daemon-reload"]).await?;
        } else if before != AgentState::NotInstalled {
            self.stop().await?;
        }
        Ok(before)
    }

    pub(super) async fn start(&self) -> Result<(), SupervisorError> {
        self.succeed(&["start", UNIT]).await?;
        stays_up(async || self.look().await, LOOK).await
    }

    pub(super) async fn stop(&self) -> Result<(), SupervisorError> {
        if self.state().await? != AgentState::NotInstalled {
            self.succeed(&["stop", UNIT]).await?;
        }
        Ok(())
    }

    pub(super) async fn state(&self) -> Result<AgentState, SupervisorError> {
        let is_installed = self.path.exists();
        match self.look().await {
            Ok(Sight {
                is_running: true,
                pid,
                ..
            }) => Ok(AgentState::Running { pid }),
            Ok(_) if is_installed => Ok(AgentState::Stopped),
            Ok(_) => Ok(AgentState::NotInstalled),
            // Without a systemd that answers there is nothing but the file.
            Err(SupervisorError::NoBus { .. } | SupervisorError::Program { .. })
                if !is_installed =>
            {
                Ok(AgentState::NotInstalled)
            }
            Err(error) => Err(error),
        }
    }

    /// What the agent shall live with: the desktop's session if there is one now.
    async fn target(&self) -> Result<Target, SupervisorError> {
        let graphical = Target::GraphicalSession;
        let said = self.run(&["is-active", graphical.name()]).await?;
        Ok(if said.succeeded() {
            graphical
        } else {
            Target::Default
        })
    }

    async fn look(&self) -> Result<Sight, SupervisorError> {
        let properties = format!("--property={}", report::PROPERTIES);
        let said = self.succeed(&["show", &properties, UNIT]).await?;
        Ok(report::read(&said.stdout))
    }

    async fn succeed(&self, arguments: &[&str]) -> Result<Said, SupervisorError> {
        let said = self.run(arguments).await?;
        if said.succeeded() {
            return Ok(said);
        }
        Err(said.refused(CURE))
    }

    /// A command whose failure may have a meaning; only that nobody answers has one everywhere.
    async fn run(&self, arguments: &[&str]) -> Result<Said, SupervisorError> {
        let arguments = [&["--user"], arguments].concat();
        let said = self.systemctl.run(&arguments).await?;
        let words = &said.words;
        let nobody_answers = words.contains("Failed to connect to") && words.contains("bus");
        if nobody_answers && !said.succeeded() {
            return Err(said.no_bus());
        }
        Ok(said)
    }
}

/// After `su`, the variable is missing though the folder may well be there.
fn with_runtime_folder(environment: &Environment, uid: u32) -> Environment {
    const NAME: &str = "XDG_RUNTIME_DIR";
    let environment = environment.clone();
    let folder = PathBuf::from(format!("/run/user/{uid}"));
    if environment.get(NAME).is_some() || !folder.is_dir() {
        return environment;
    }
    environment.with(NAME, folder)
}
