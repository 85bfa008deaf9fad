//! launchd, through `launchctl`, in the domain of the user's desktop session (`gui/UID`).
//!
//! The exit codes are those of `launchctl error`; what they mean in practice is from reports of other
//! programs' users, as launchctl documents none of it:
//!
//! * a job stays for some seconds after `bootout`, and `bootstrap` fails with 5 until it is gone;
//! * the domain exists only while the user is logged in at the screen.

mod report;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sso_session::disk;
use tokio::time::{Instant, sleep};

use super::agent_file::AgentFile;
use super::error::SupervisorError;
use super::proof::{LOOK_EVERY, Sight, stays_up};
use super::tool::{Said, Tool};
use super::{AgentState, LABEL, STOP_SECONDS, template};
use crate::run::Environment;

/// `EIO`: the job is still there, or anything else.
const INPUT_OUTPUT_ERROR: i32 = 5;
/// `EALREADY`: it is being loaded, or runs.
const ALREADY_IN_PROGRESS: i32 = 37;
/// No such domain: nobody is logged in at the screen …
const NO_DOMAIN: i32 = 112;
/// … as newer systems say it.
const DOMAIN_DOES_NOT_DO_THAT: i32 = 125;
/// No such job.
const NO_SERVICE: i32 = 113;

/// Longer than an agent may take to end, and the job to be forgotten.
const PATIENCE: Duration = Duration::from_secs(STOP_SECONDS + 10);
/// Between two tries to load a job.
const RETRY_EVERY: Duration = Duration::from_millis(500);

const CURE: &str =
    "Run `sso-watcher uninstall`, then `sso-watcher install`; if it stays so, log out and in.";
const LOOK: &str = "`sso-watcher logs`, and `sso-watcher run` in a terminal.";
const MISSING: &str = "launchctl is a part of macOS: have its folder, /bin, on your PATH.";

/// The agent as a job of launchd.
#[derive(Clone, Debug)]
pub struct Launchd {
    launchctl: Tool,
    uid: u32,
    path: PathBuf,
}

impl Launchd {
    pub(super) fn new(home: &Path, uid: u32, environment: &Environment) -> Self {
        let folder = home.join("Library/LaunchAgents");
        Self {
            launchctl: Tool::new("launchctl", MISSING, environment.clone()),
            uid,
            path: folder.join(format!("{LABEL}.plist")),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) async fn install(&self, file: &AgentFile) -> Result<(), SupervisorError> {
        let text = template::plist(file)?;
        self.must_have_a_desktop().await?;
        prepare_error_log(&file.error_log())?;
        disk::replace(&self.path, text.as_bytes())?;
        self.unload().await?;
        self.load().await?;
        self.kick().await
    }

    pub(super) async fn uninstall(&self) -> Result<AgentState, SupervisorError> {
        let before = self.state().await?;
        self.unload().await?;
        disk::remove(&self.path)?;
        Ok(before)
    }

    pub(super) async fn start(&self) -> Result<(), SupervisorError> {
        self.must_have_a_desktop().await?;
        if self.look().await?.is_none() {
            self.load().await?;
        }
        self.kick().await
    }

    /// Unloads the job: launchd would start it again.
    pub(super) async fn stop(&self) -> Result<(), SupervisorError> {
        self.unload().await
    }

    pub(super) async fn state(&self) -> Result<AgentState, SupervisorError> {
        let job = self.look().await?;
        Ok(match job {
            Some(job) if job.is_running => AgentState::Running { pid: job.pid },
            Some(_) => AgentState::Stopped,
            None if self.path.exists() => AgentState::Stopped,
            None => AgentState::NotInstalled,
        })
    }

    fn domain(&self) -> String {
        format!("gui/{}", self.uid)
    }

    fn target(&self) -> String {
        format!("gui/{}/{LABEL}", self.uid)
    }

    async fn must_have_a_desktop(&self) -> Result<(), SupervisorError> {
        let said = self.launchctl.run(&["print", &self.domain()]).await?;
        if said.succeeded() {
            return Ok(());
        }
        Err(self.failure(said))
    }

    /// The job, if it is loaded.
    async fn look(&self) -> Result<Option<Sight>, SupervisorError> {
        let said = self.launchctl.run(&["print", &self.target()]).await?;
        match said.code {
            Some(0) => Ok(Some(report::read(&said.stdout))),
            Some(NO_SERVICE | NO_DOMAIN | DOMAIN_DOES_NOT_DO_THAT) => Ok(None),
            Some(_) | None => Err(self.failure(said)),
        }
    }

    /// Ends the job, and waits until it is gone. Where there is none, `bootout` fails, and that is all.
    async fn unload(&self) -> Result<(), SupervisorError> {
        let said = self.launchctl.run(&["bootout", &self.target()]).await?;
        let deadline = Instant::now() + PATIENCE;
        while self.look().await?.is_some() {
            if Instant::now() >= deadline {
                return Err(self.failure(said));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    async fn load(&self) -> Result<(), SupervisorError> {
        // `launchctl disable`, or `unload -w` of former days, outlives the file.
        let enabled = self.launchctl.run(&["enable", &self.target()]).await?;
        if !enabled.succeeded() {
            return Err(self.failure(enabled));
        }
        let (domain, path) = (self.domain(), self.path.display().to_string());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = self.launchctl.run(&["bootstrap", &domain, &path]).await?;
            match said.code {
                Some(0) => return Ok(()),
                Some(INPUT_OUTPUT_ERROR | ALREADY_IN_PROGRESS) if Instant::now() < deadline => {
                    sleep(RETRY_EVERY).await;
                }
                Some(_) | None => return Err(self.failure(said)),
            }
        }
    }

    /// Starts the loaded job, if it does not run, and sees it run. What `kickstart` says of a job that runs
    /// is no failure.
    async fn kick(&self) -> Result<(), SupervisorError> {
        let said = self.launchctl.run(&["kickstart", &self.target()]).await?;
        let look = async || Ok(self.look().await?.unwrap_or_default());
        match stays_up(look, LOOK).await {
            Err(SupervisorError::NotUp { .. }) if !said.succeeded() => Err(self.failure(said)),
            outcome => outcome,
        }
    }

    fn failure(&self, said: Said) -> SupervisorError {
        match said.code {
            Some(NO_DOMAIN | DOMAIN_DOES_NOT_DO_THAT) => said.no_desktop(self.uid),
            Some(_) | None => said.refused(CURE),
        }
    }
}

/// launchd appends to a file that is there, whose mode is then ours and not its own.
fn prepare_error_log(path: &Path) -> Result<(), SupervisorError> {
    if !path.exists() {
        disk::replace(path, b"")?;
    }
    Ok(())
}
