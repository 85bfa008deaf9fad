//! The agent is installed, started and stopped, with a launchd and a systemd that really run it.

mod launchd;
mod systemd;

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use sso_watcher::platform::Platform;
use sso_watcher::supervisor::{AgentFile, AgentState, Supervisor};
use tests::eventually;

use crate::stand_ins::{StandIns, stand_in};

/// A user of macOS; it is part of the domain's name.
const UID: u32 = 501;

/// A supervisor, and an agent for it.
struct Bench {
    stand_ins: StandIns,
    supervisor: Supervisor,
    program: PathBuf,
}

impl Bench {
    /// The agent's program is in a folder of this name.
    fn new(platform: Platform, folder: &str) -> Self {
        let stand_ins = StandIns::new();
        let program = stand_ins.path(folder).join("sso-watcher");
        std::fs::create_dir(stand_ins.path(folder)).expect("a folder");
        symlink(stand_in("agent"), &program).expect("linked");
        let environment = stand_ins.environment();
        Self {
            supervisor: Supervisor::new(platform, &stand_ins.home(), UID, &environment),
            stand_ins,
            program,
        }
    }

    /// What `sso-watcher install` would make of these variables.
    fn file<const N: usize>(&self, variables: [(&str, &str); N]) -> AgentFile {
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        AgentFile {
            program: self.program.clone(),
            variables: variables.into(),
            search_path: AgentFile::search_path(Some(&self.stand_ins.path("my tools/aws"))),
            log: self.stand_ins.home().join("Logs/sso-watcher.log"),
        }
    }

    async fn install<const N: usize>(&self, variables: [(&str, &str); N]) {
        let file = self.file(variables);
        self.supervisor.install(&file).await.expect("installed");
    }

    async fn state(&self) -> AgentState {
        self.supervisor.state().await.expect("a state")
    }

    /// The running agent's process.
    async fn pid(&self) -> u32 {
        let state = self.state().await;
        let AgentState::Running { pid: Some(pid) } = state else {
            panic!("no process: {state:?}");
        };
        pid
    }

    /// What the agent that runs now was started with: its arguments, its umask, and its variables.
    async fn started_with(&self) -> BTreeMap<String, String> {
        let path = self.program.with_extension("started");
        let mut text = String::new();
        eventually("the agent says what it was started with", async || {
            text = std::fs::read_to_string(&path).unwrap_or_default();
            !text.is_empty()
        })
        .await;
        let lines = text.lines().filter_map(|line| {
            let (name, value) = line.split_once(": ").or_else(|| line.split_once('='))?;
            Some((name.to_owned(), value.to_owned()))
        });
        lines.collect()
    }

    /// The agent's file as it is on disk.
    fn text(&self) -> String {
        std::fs::read_to_string(self.supervisor.path()).expect("the agent's file")
    }

    /// The agent's file can be read by its owner only, as there may be a password in it.
    fn must_be_private(&self) {
        let metadata = self.supervisor.path().metadata().expect("the agent's file");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    }

    /// What the supervisor refuses, as the person reads it.
    async fn refused(&self) -> String {
        let file = self.file([]);
        let error = self.supervisor.install(&file).await.expect_err("refused");
        let scratch = self.stand_ins.path("").display().to_string();
        error.to_string().replace(&scratch, "SCRATCH/")
    }
}

/// Whether a process runs.
fn is_alive(pid: u32) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"));
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}
