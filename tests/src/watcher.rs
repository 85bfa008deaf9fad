//! The real agent as a child process, in the scratch's home.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use simulated_aws::SimulatedAws;

use crate::process::{Process, coverage};
use crate::scratch::Scratch;
use crate::sso_world::{PROFILE, json_file};
use crate::wait::eventually;

/// Describes an agent before it is started.
#[derive(Clone, Debug)]
pub struct WatcherBuilder {
    variables: BTreeMap<String, String>,
    /// Whose agent it is, if not ours: a user and a program that the user can reach.
    owner: Option<(u32, PathBuf)>,
    folder: PathBuf,
    log: PathBuf,
    lock: PathBuf,
}

/// A running agent; killed when dropped, with the login that it runs.
#[derive(Debug)]
pub struct Watcher {
    process: Process,
    login: LoginUnderWay,
    builder: WatcherBuilder,
}

impl WatcherBuilder {
    /// An agent in the scratch's home that looks every second, cools down for a second, and finds programs
    /// in `bin` of the scratch first.
    ///
    /// # Panics
    /// If that folder cannot be made.
    #[must_use]
    pub fn new(scratch: &Scratch) -> Self {
        let bin = scratch.path().join("bin");
        std::fs::create_dir_all(&bin).expect("a folder for programs");
        let variables = [
            ("HOME", scratch.home().display().to_string()),
            ("PATH", format!("{}:/usr/bin:/bin", bin.display())),
            ("LANG", "C.UTF-8".to_owned()),
            ("NO_PROXY", "127.0.0.1,localhost,::1".to_owned()),
            ("AWS_PROFILE", PROFILE.to_owned()),
            ("SSO_POLL_SECONDS", "1".to_owned()),
            ("SSO_COOLDOWN_SECONDS", "1".to_owned()),
            ("LOG_LEVEL", "info,sso_watcher=debug".to_owned()),
        ];
        let named = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Self {
            variables: named.collect(),
            owner: None,
            folder: scratch.path().to_owned(),
            log: scratch
                .home()
                .join(".local/state/sso-watcher/sso-watcher.log"),
            lock: scratch
                .home()
                .join(".aws/sso-renewer/login.lock/owner.json"),
        }
    }

    /// As on macOS, whose programs are found on `PATH`.
    #[must_use]
    pub fn on_macos(mut self) -> Self {
        let home = PathBuf::from(&self.variables["HOME"]);
        self.log = home.join("Library/Logs/sso-watcher.log");
        self.env("SSO_WATCHER_PLATFORM", "macos")
    }

    /// Points every service at the simulated AWS.
    #[must_use]
    pub fn aws(self, aws: &SimulatedAws) -> Self {
        self.env("AWS_ENDPOINT_URL", &aws.endpoint_url())
    }

    /// Runs it as this user and group, by a copy of it in a folder that this user can reach.
    ///
    /// # Panics
    /// If it cannot be copied.
    #[must_use]
    pub fn owned_by(mut self, user: u32, folder: &Path) -> Self {
        let program = folder.join("sso-watcher");
        // One that runs could not be replaced.
        if !program.exists() {
            std::fs::copy(crate::sso_watcher_program(), &program).expect("the agent, copied");
        }
        self.owner = Some((user, program));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes a variable away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// Its variables.
    #[must_use]
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// Any command of `sso-watcher`, with the agent's variables.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let own = self.owner.as_ref().map(|(_, program)| program.as_path());
        self.program(
            own.unwrap_or_else(|| crate::sso_watcher_program()),
            arguments,
        )
    }

    /// Any other program, with the agent's variables: as the person starts it.
    #[must_use]
    pub fn program(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(coverage())
            .envs(&self.variables)
            // Not below the workspace: a developer's own .env must not take part.
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        if let Some((user, _)) = self.owner {
            command.uid(user).gid(user);
        }
        command
    }

    /// Starts it, and returns at once: it may have to stand by.
    ///
    /// # Panics
    /// If the system cannot start it.
    #[must_use]
    pub fn spawn(self) -> Watcher {
        let mut command = self.command(&["run"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("sso-watcher starts");
        Watcher {
            process: Process::new(child, &self.log),
            login: LoginUnderWay {
                lock: self.lock.clone(),
                is_left: false,
            },
            builder: self,
        }
    }

    /// Starts it, and waits until it works.
    pub async fn start(self) -> Watcher {
        let before = crate::process::read(&self.log).matches("at work").count();
        let watcher = self.spawn();
        eventually("the agent works", async || {
            watcher.log().matches("at work").count() > before
        })
        .await;
        watcher
    }
}

impl Watcher {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// All that it and its predecessors in this home have logged today.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Any command of `sso-watcher`, with this agent's variables.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.builder.command(arguments)
    }

    /// `kill -9`; what is left to be restarted. A login of its own lives on.
    #[must_use]
    pub fn kill_9(self) -> WatcherBuilder {
        let Self {
            mut process,
            mut login,
            builder,
        } = self;
        process.kill_9();
        login.is_left = true;
        builder
    }

    /// Sends any signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Sends SIGTERM and waits for its end.
    pub async fn stop(mut self) -> ExitStatus {
        self.process.signal(Signal::SIGTERM);
        self.process.ended().await
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.ended().await
    }
}

/// Nobody else would end the login of an agent that is dropped in the middle of it.
#[derive(Debug)]
struct LoginUnderWay {
    lock: PathBuf,
    is_left: bool,
}

impl Drop for LoginUnderWay {
    fn drop(&mut self) {
        if self.is_left {
            return;
        }
        let owner = json_file(&self.lock).unwrap_or_default();
        let group = owner["login"]["processGroup"]["id"].as_i64();
        let group = group.and_then(|id| i32::try_from(id).ok());
        if let Some(group) = group.filter(|id| *id > 1) {
            // Fails only where it has just ended.
            let _outcome = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
    }
}
