//! The process group of a login. (Stands in for `sso_session::process` until that is merged.)

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// A process group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessGroup {
    id: i32,
}

impl ProcessGroup {
    /// The group that a process leads.
    #[must_use]
    pub fn of_leader(pid: u32) -> Self {
        Self {
            id: i32::try_from(pid).unwrap_or_default(),
        }
    }

    /// Whether it has a member.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.id > 1 && killpg(Pid::from_raw(self.id), None).is_ok()
    }

    /// Ends it: asks, and kills after `grace`.
    #[must_use = "a group that stays may still do what it was to be kept from"]
    pub fn end(&self, grace: Duration) -> bool {
        for (signal, patience) in [
            (Signal::SIGTERM, grace),
            (Signal::SIGKILL, Duration::from_secs(2)),
        ] {
            if !self.is_alive() {
                return true;
            }
            let _sent = killpg(Pid::from_raw(self.id), signal);
            let begin = Instant::now();
            while self.is_alive() && begin.elapsed() < patience {
                thread::sleep(Duration::from_millis(20));
            }
        }
        !self.is_alive()
    }
}
