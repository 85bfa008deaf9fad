//! A login that is under way: our own child, or what a killed agent left behind.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use sso_session::disk::DiskError;
use sso_session::process::ProcessGroup;
use thiserror::Error;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::time::{Instant, MissedTickBehavior};
use tracing::warn;

use super::LoginPlan;
use super::ending::{Ending, How, SUCCESS, last_words};
use super::invitation::Invitation;
use super::output::{Heard, Output};
use crate::aws_cli::working_folder;
use crate::launch;

/// How often is looked at what it says.
const LOOK: Duration = Duration::from_millis(250);
/// How often an orphan is looked after, which may take a program of the system.
const LOOK_AT_ORPHAN: Duration = Duration::from_secs(1);
/// How long it may take to go when it is asked to.
const GRACE: Duration = Duration::from_secs(3);
/// How long its end is waited for after that, at most.
const REAPING: Duration = Duration::from_secs(10);

/// A login that runs. Dropped, it is ended: nobody would know of it.
#[derive(Debug)]
pub struct RunningLogin {
    leader: Leader,
    group: ProcessGroup,
    output: Output,
    has_ended: bool,
    /// It could not be ended.
    survives: bool,
}

#[derive(Debug)]
enum Leader {
    Child(Child),
    /// Its parent was killed; the system has given it to another, which reaps it.
    Orphan,
}

/// A login could not be started.
#[derive(Debug, Error)]
pub enum LoginError {
    /// There is no file for what it says.
    #[error("the login has no place for its output: {0}")]
    Output(#[from] DiskError),
    /// The system could not start the CLI.
    #[error("{} cannot be started: {source}", program.display())]
    Start {
        /// The CLI.
        program: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

impl RunningLogin {
    /// Starts a login. To be called within a runtime; blocks for moments.
    pub fn start(plan: &LoginPlan) -> Result<Self, LoginError> {
        let (output, [stdout, stderr]) = Output::create(&plan.output)?;
        let failed = |source| LoginError::Start {
            program: plan.launcher.as_ref().unwrap_or(&plan.cli.path).clone(),
            source,
        };
        let environment = plan.child_environment();
        let mut command = if let Some(launcher) = &plan.launcher {
            let mut command = Command::new(launcher);
            command.args(["launch", "--"]).arg(&plan.cli.path);
            command.stdin(Stdio::piped());
            command
        } else {
            let mut command = Command::new(&plan.cli.path);
            command.stdin(Stdio::null());
            command
        };
        let child = command
            .args(plan.arguments())
            .env_clear()
            .envs(environment.iter())
            .current_dir(working_folder(&environment))
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        Ok(Self {
            group: ProcessGroup::of_leader(child.id().unwrap_or_default()),
            leader: Leader::Child(child),
            output,
            has_ended: false,
            survives: false,
        })
    }

    /// Takes over what a killed agent started: its group, and the file that it writes to.
    #[must_use]
    pub fn adopt(group: ProcessGroup, output: &Path) -> Self {
        Self {
            leader: Leader::Orphan,
            group,
            output: Output::of(output),
            has_ended: false,
            survives: false,
        }
    }

    /// Lets a login begin that its launcher holds back. To be called when its group is written down: of
    /// one that began before, a killed agent's successor would not know.
    pub async fn begin(&mut self) {
        let Leader::Child(child) = &mut self.leader else {
            return;
        };
        if let Some(mut stdin) = child.stdin.take() {
            // A launcher that has ended is seen by whoever watches it.
            let _ended = stdin.write_all(launch::GO.as_bytes()).await;
        }
    }

    /// Its process group, for whoever may have to end it.
    #[must_use]
    pub fn group(&self) -> &ProcessGroup {
        &self.group
    }

    /// Waits until it ends by itself, or ends it: at the deadline, when `cancelled` comes, or when it says
    /// too much. `on_invitation` is called once, when it has asked the person.
    pub async fn watch(
        mut self,
        deadline: Instant,
        cancelled: impl Future<Output = ()>,
        mut on_invitation: impl FnMut(Invitation),
    ) -> Ending {
        tokio::pin!(cancelled);
        let mut looks = tokio::time::interval(match self.leader {
            Leader::Child(_) => LOOK,
            Leader::Orphan => LOOK_AT_ORPHAN,
        });
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut has_invited = false;
        let how = loop {
            tokio::select! {
                biased;
                status = self.leader.ended() => break self.gone(status),
                // Once at least, so that an orphan that is done is not ended for being late.
                _ = looks.tick() => {}
                () = &mut cancelled => break self.end(How::Cancelled).await,
                () = tokio::time::sleep_until(deadline) => break self.end(How::TimedOut).await,
            }
            let Heard::Words(words) = self.output.heard().await else {
                break self.end(How::TooMuchOutput).await;
            };
            if let Some(invitation) = Invitation::read(&words).filter(|_| !has_invited) {
                has_invited = true;
                on_invitation(invitation);
            }
            if self.is_orphan_done(&words).await {
                self.has_ended = true;
                break How::Unseen;
            }
        };
        let said = self.output.tail().await;
        Ending {
            how,
            has_invited: has_invited || Invitation::read(&said).is_some(),
            said: last_words(&said),
            survives: self.survives,
        }
    }

    /// It ended by itself. What it left running (a browser that it started) is left alone.
    fn gone(&mut self, status: io::Result<ExitStatus>) -> How {
        self.has_ended = true;
        match status {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => How::Ended(code),
                (None, Some(signal)) => How::Signalled(signal),
                (None, None) => How::Unseen,
            },
            Err(error) => {
                warn!(%error, "the end of the login cannot be seen");
                How::Unseen
            }
        }
    }

    /// Whether an orphan has ended. One that says that it succeeded has, even if the browser that it opened
    /// is still in its group.
    async fn is_orphan_done(&self, words: &str) -> bool {
        match self.leader {
            Leader::Child(_) => false,
            Leader::Orphan if words.contains(SUCCESS) => true,
            Leader::Orphan => {
                let group = self.group.clone();
                let alive = tokio::task::spawn_blocking(move || group.is_alive());
                !alive.await.unwrap_or(true)
            }
        }
    }

    async fn end(&mut self, why: How) -> How {
        let ending = tokio::task::spawn_blocking(self.ending(GRACE));
        let is_gone = match &mut self.leader {
            // Reaped meanwhile, so that nothing of it is left.
            Leader::Child(child) => {
                let reaped = tokio::time::timeout(REAPING, child.wait());
                tokio::join!(ending, reaped).0
            }
            Leader::Orphan => ending.await,
        };
        self.survives = !is_gone.unwrap_or(false);
        if self.survives {
            warn!(group = ?self.group, "the login could not be ended");
        }
        self.has_ended = true;
        why
    }

    /// What ends all of it, and blocks meanwhile; whether it is gone then.
    fn ending(&self, grace: Duration) -> impl FnOnce() -> bool + Send + 'static {
        let group = self.group.clone();
        let nameless = self.leader.child_id();
        let nameless = nameless.filter(|_| group.leader_started.is_none());
        move || match nameless {
            // The system did not say when it began, so nobody can tell it from a later group with its id. But
            // that is its own for as long as our child has not been waited for.
            Some(id) => matches!(
                killpg(Pid::from_raw(id), Signal::SIGKILL),
                Ok(()) | Err(Errno::ESRCH)
            ),
            None => group.end(grace),
        }
    }
}

impl Leader {
    /// Never, for an orphan.
    async fn ended(&mut self) -> io::Result<ExitStatus> {
        match self {
            Self::Child(child) => child.wait().await,
            Self::Orphan => std::future::pending().await,
        }
    }

    /// Its process id, if it is our child and has not been waited for.
    fn child_id(&self) -> Option<i32> {
        match self {
            Self::Child(child) => i32::try_from(child.id()?).ok(),
            Self::Orphan => None,
        }
    }
}

impl Drop for RunningLogin {
    fn drop(&mut self) {
        if !self.has_ended && !self.ending(Duration::ZERO)() {
            warn!(group = ?self.group, "the login could not be ended");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::{pending, ready};

    use super::*;
    use crate::aws_cli::login::Flow;
    use crate::aws_cli::{AwsCli, Version};
    use crate::platform::Platform;
    use crate::stand_ins::{StandIns, gone};

    const INVITATION: &str = "printf 'Please visit the following URL:\n\nhttps://d.example/\n\n\
        Then enter the code:\n\nIGIR-CRTF\n'";

    fn later() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(600)
    }

    fn start(stand_ins: &StandIns, script: &str) -> RunningLogin {
        let plan = LoginPlan {
            cli: AwsCli {
                path: stand_ins.add("aws", script),
                version: Version::new(2, 38, 5),
            },
            base_profile: "team".to_owned(),
            flow: Flow::DeviceCode,
            launcher: None,
            output: stand_ins.path("login.output"),
            platform: Platform::Linux,
            environment: stand_ins.environment(),
        };
        RunningLogin::start(&plan).expect("started")
    }

    /// Starts a script as the child of a shell that ends, as a killed agent does.
    async fn orphan(stand_ins: &StandIns, script: &str) -> RunningLogin {
        stand_ins.add("aws", script);
        stand_ins.write("login.output", "");
        stand_ins.add(
            "agent",
            "setsid ./aws >>login.output 2>&1 & echo $! >leader",
        );
        let agent = stand_ins.path("agent");
        let status = std::process::Command::new(agent).status();
        assert!(status.expect("ended").success());
        let leader = stand_ins.eventually("leader").await;
        let leader = leader.trim().parse().expect("a number");
        stand_ins.eventually("started").await;
        let group = ProcessGroup::of_leader(leader);
        RunningLogin::adopt(group, &stand_ins.path("login.output"))
    }

    #[tokio::test]
    async fn the_person_is_told_once_while_it_runs() {
        let stand_ins = StandIns::new();
        let script =
            format!("{INVITATION}\nuntil [ -e seen ]; do sleep 0.05; done\nsleep 0.6\necho done");
        let told = RefCell::new(Vec::new());
        let login = start(&stand_ins, &script);
        let ending = login.watch(later(), pending(), |invitation| {
            told.borrow_mut().push(invitation);
            stand_ins.write("seen", "");
        });
        let expected = Ending {
            how: How::Ended(0),
            has_invited: true,
            said: "done".to_owned(),
            survives: false,
        };
        assert_eq!(ending.await, expected);
        let told = told.into_inner();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].user_code.as_deref(), Some("IGIR-CRTF"));
    }

    #[tokio::test]
    async fn it_gets_its_arguments_and_no_input() {
        let stand_ins = StandIns::new();
        let login = start(&stand_ins, r#"echo "$*"; cat; exit 254"#);
        let ending = login.watch(later(), pending(), |_| ()).await;
        let arguments = "sso login --profile=team --use-device-code --no-browser";
        assert_eq!(ending.said, arguments);
        assert_eq!(ending.how, How::Ended(254));
        assert!(!ending.has_invited);
    }

    #[tokio::test]
    async fn at_the_deadline_all_of_it_is_ended() {
        let stand_ins = StandIns::new();
        let script = format!("{INVITATION}\nsleep 60 & echo $! >child\nwait");
        let login = start(&stand_ins, &script);
        let ending = login.watch(soon(), pending(), |_| ()).await;
        assert_eq!((ending.how, ending.has_invited), (How::TimedOut, true));
        gone(&stand_ins.read("child")).await;
    }

    #[tokio::test]
    async fn a_child_is_ended_though_the_system_never_said_when_it_began() {
        let stand_ins = StandIns::new();
        let mut login = start(&stand_ins, "sleep 60 & echo $! >child\nwait");
        let child = stand_ins.eventually("child").await;
        login.group.leader_started = None;
        let ending = login.watch(soon(), pending(), |_| ()).await;
        assert_eq!((ending.how, ending.survives), (How::TimedOut, false));
        gone(&child).await;
    }

    #[tokio::test]
    async fn it_is_ended_when_it_is_cancelled() {
        let stand_ins = StandIns::new();
        let login = start(&stand_ins, "sleep 60");
        let ending = login.watch(later(), ready(()), |_| ()).await;
        assert_eq!((ending.how, ending.has_invited), (How::Cancelled, false));
    }

    #[tokio::test]
    async fn it_is_ended_when_it_says_too_much() {
        let stand_ins = StandIns::new();
        let login = start(&stand_ins, "head -c 1500000 /dev/zero; exec sleep 60");
        let ending = login.watch(later(), pending(), |_| ()).await;
        assert_eq!(ending.how, How::TooMuchOutput);
    }

    #[tokio::test]
    async fn who_was_killed_is_told_apart() {
        let stand_ins = StandIns::new();
        let login = start(&stand_ins, "kill -KILL $$");
        let ending = login.watch(later(), pending(), |_| ()).await;
        assert_eq!(ending.how, How::Signalled(9));
    }

    #[tokio::test]
    async fn a_browser_that_it_leaves_is_left_alone() {
        let stand_ins = StandIns::new();
        let login = start(&stand_ins, "sleep 60 & echo $! >browser");
        let group = login.group().clone();
        let ending = login.watch(later(), pending(), |_| ()).await;
        assert_eq!(ending.how, How::Ended(0));
        assert!(group.is_alive());
        assert!(group.end(Duration::ZERO));
        gone(&stand_ins.read("browser")).await;
    }

    #[tokio::test]
    async fn a_login_that_nobody_watches_any_more_is_ended() {
        let stand_ins = StandIns::new();
        let login = start(&stand_ins, "echo $$ >process; exec sleep 60");
        let process = stand_ins.eventually("process").await;
        drop(login);
        gone(&process).await;
    }

    #[tokio::test]
    async fn an_orphan_is_watched_to_its_end() {
        let stand_ins = StandIns::new();
        let script = format!(
            "{INVITATION}\necho >started\nuntil [ -e seen ]; do sleep 0.05; done\necho an error"
        );
        let login = orphan(&stand_ins, &script).await;
        let ending = login
            .watch(later(), pending(), |_| stand_ins.write("seen", ""))
            .await;
        assert_eq!((ending.how, ending.has_invited), (How::Unseen, true));
        assert_eq!(ending.said, "an error");
    }

    #[tokio::test]
    async fn an_orphan_that_has_succeeded_is_done_though_its_browser_runs() {
        let stand_ins = StandIns::new();
        let script = "sleep 60 & echo $! >browser\necho Successfully logged into Start URL: https://x/\n\
            echo >started";
        let login = orphan(&stand_ins, script).await;
        let group = login.group().clone();
        let ending = login.watch(Instant::now(), pending(), |_| ()).await;
        assert_eq!(ending.how, How::Unseen);
        assert!(group.is_alive());
        assert!(group.end(Duration::ZERO));
    }

    #[tokio::test]
    async fn an_orphan_is_ended_at_the_deadline() {
        let stand_ins = StandIns::new();
        let login = orphan(&stand_ins, "echo >started; exec sleep 60").await;
        let ending = login.watch(soon(), pending(), |_| ()).await;
        assert_eq!(ending.how, How::TimedOut);
        gone(&stand_ins.read("leader")).await;
    }

    #[tokio::test]
    async fn a_cli_that_is_gone_is_named() {
        let stand_ins = StandIns::new();
        let plan = LoginPlan {
            cli: AwsCli {
                path: PathBuf::from("/absent/aws"),
                version: Version::new(2, 38, 5),
            },
            base_profile: "team".to_owned(),
            flow: Flow::Browser,
            launcher: None,
            output: stand_ins.path("login.output"),
            platform: Platform::Linux,
            environment: stand_ins.environment(),
        };
        let error = RunningLogin::start(&plan).expect_err("absent");
        assert!(
            error
                .to_string()
                .starts_with("/absent/aws cannot be started")
        );
    }
}
