//! A server's child process, from its start to its end.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::group::Group;
use crate::failure::{Failure, While as _};
use crate::interrupt;

/// How long a server may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// The child and what it has started; stopped when dropped.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it in a process group of its own, with what it says going to the file `log`.
    pub(super) fn start(
        name: &'static str,
        command: &mut Command,
        log: PathBuf,
    ) -> Result<Self, Failure> {
        let file = std::fs::File::create(&log).when(|| format!("the log {}", log.display()))?;
        let same = file.try_clone()?;
        command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(same)
            .process_group(0);
        let start = || command.spawn().when(|| format!("starting {name}"));
        let child = interrupt::started(start, Child::id)?;
        Ok(Self { name, child, log })
    }

    /// Waits until somebody accepts at `address`, trying twice a millisecond. Fails with what the child has said
    /// if it ends or time is up.
    pub(super) fn connect(&mut self, address: SocketAddr) -> Result<(), Failure> {
        const TRY_EVERY: Duration = Duration::from_micros(500);
        let deadline = Instant::now() + PATIENCE;
        loop {
            if TcpStream::connect(address).is_ok() {
                return Ok(());
            }
            let status = self.child.try_wait()?;
            if status.is_some() || Instant::now() > deadline {
                let said = std::fs::read_to_string(&self.log).unwrap_or_default();
                let name = self.name;
                return Err(Failure::new(format!("{name} does not listen:\n{said}")));
            }
            thread::sleep(TRY_EVERY);
        }
    }

    /// Waits until it has said `words`.
    pub(super) fn until_said(&self, words: &str) -> Result<(), Failure> {
        const LOOK_EVERY: Duration = Duration::from_millis(50);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = std::fs::read_to_string(&self.log).unwrap_or_default();
            if said.contains(words) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let name = self.name;
                return Err(Failure::new(format!(
                    "{name} does not say {words:?}:\n{said}"
                )));
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Its processes.
    pub(crate) fn group(&self) -> Group {
        Group(self.child.id())
    }
}

/// Ends it with `SIGTERM`, and waits; kills what does not listen to that.
impl Drop for Process {
    fn drop(&mut self) {
        const LOOK_EVERY: Duration = Duration::from_millis(2);
        let group = Pid::from_raw(self.child.id().cast_signed());
        // Fails only where the group is gone already.
        let _gone = killpg(group, Signal::SIGTERM);
        let deadline = Instant::now() + PATIENCE;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > deadline {
                let (name, seconds) = (self.name, PATIENCE.as_secs());
                eprintln!("{name} did not end within {seconds} s of SIGTERM, and is killed");
                let _gone = killpg(group, Signal::SIGKILL);
                let _status = self.child.wait();
                break;
            }
            thread::sleep(LOOK_EVERY);
        }
        interrupt::ended(self.child.id());
    }
}
