//! A process group that can be found again, and ended, by another process than the one that began it.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::{boot_id, has_living_member, is_this_boot, started};

/// How long a killed group may take to disappear.
const AFTER_KILL: Duration = Duration::from_secs(2);

/// How often it is looked after.
const LOOK: Duration = Duration::from_millis(20);

/// A process group of this host, as it can be written into a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessGroup {
    /// Its id, which is its leader's process id.
    pub id: i32,
    /// When its leader began, as [`started`] says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader_started: Option<String>,
    /// The boot that it belongs to, as [`boot_id`] says it.
    pub boot: String,
}

impl ProcessGroup {
    /// The group of a process that was started as its leader, and that has not been waited for yet.
    #[must_use]
    pub fn of_leader(pid: u32) -> Self {
        Self {
            // No system has ids beyond that; this one would be nobody's.
            id: i32::try_from(pid).unwrap_or_default(),
            leader_started: started(pid),
            boot: boot_id(),
        }
    }

    /// Whether one of its members has not ended.
    ///
    /// An id is given out again only when the whole group is gone; so if somebody else leads it by now, or if
    /// nobody knows when its leader began, it counts as gone.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        // 1 and below mean everybody, or ourselves, to `kill`.
        if self.id <= 1 || !is_this_boot(&self.boot) || killpg(self.pid(), None).is_err() {
            return false;
        }
        let leader = u32::try_from(self.id).ok().and_then(started);
        match leader {
            Some(found) => self.leader_started == Some(found),
            None => has_living_member(self.id),
        }
    }

    /// Ends it: asks, and after `grace` kills. Whether it is gone, which a kill may take two seconds for.
    ///
    /// A group that is not the one meant any more is left alone, and is gone.
    #[must_use = "a group that stays may still do what it was to be kept from"]
    pub fn end(&self, grace: Duration) -> bool {
        for (signal, patience) in [(Signal::SIGTERM, grace), (Signal::SIGKILL, AFTER_KILL)] {
            if !self.is_alive() {
                return true;
            }
            // One that has gone in between needs no signal.
            let _sent = killpg(self.pid(), signal);
            if self.is_gone_within(patience) {
                return true;
            }
        }
        false
    }

    fn is_gone_within(&self, patience: Duration) -> bool {
        let begin = Instant::now();
        while self.is_alive() {
            let left = patience.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return false;
            }
            thread::sleep(LOOK.min(left));
        }
        true
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.id)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
    use std::process::{Child, Command, Stdio};

    use super::super::tests::wait_for_zombie;
    use super::*;

    /// Starts a group of its own and waits for its first line.
    fn group(script: &str) -> (Child, ProcessGroup) {
        let mut child = Command::new("sh")
            .args(["-c", script])
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let stdout = child.stdout.take().expect("piped");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("read");
        let group = ProcessGroup::of_leader(child.id());
        (child, group)
    }

    #[test]
    fn a_group_is_ended_with_all_its_members() {
        let (mut child, group) = group("sleep 300 & echo; exec sleep 300");
        assert!(group.is_alive());
        assert!(group.end(Duration::from_secs(10)));
        assert!(!group.is_alive() && !has_living_member(group.id));
        let status = child.wait().expect("ended");
        assert_eq!(status.signal(), Some(15));
        assert!(group.end(Duration::ZERO), "nothing is left to do");
    }

    #[test]
    fn a_group_that_does_not_listen_is_killed() {
        let (mut child, group) = group("trap '' TERM; echo; sleep 300; sleep 300");
        assert!(group.end(Duration::from_millis(100)));
        assert_eq!(child.wait().expect("ended").signal(), Some(9));
    }

    #[test]
    fn a_group_outlives_its_leader() {
        let (mut child, group) = group("sleep 300 >/dev/null & echo");
        wait_for_zombie(&child);
        assert!(group.is_alive(), "its leader is a zombie");
        child.wait().expect("ended");
        assert!(group.is_alive(), "its leader is gone");
        assert!(group.end(Duration::from_secs(10)));
    }

    #[test]
    fn zombies_are_no_group() {
        let (mut child, group) = group("echo");
        wait_for_zombie(&child);
        assert!(!group.is_alive());
        child.wait().expect("ended");
    }

    #[test]
    fn a_group_of_another_leader_or_boot_is_left_alone() {
        let (mut child, ours) = group("echo; exec sleep 300");
        let reused = ProcessGroup {
            leader_started: Some("1".to_owned()),
            ..ours.clone()
        };
        let never_known = ProcessGroup {
            leader_started: None,
            ..ours.clone()
        };
        let rebooted = ProcessGroup {
            boot: "5ca1ab1e-0000-4000-8000-000000000000".to_owned(),
            ..ours.clone()
        };
        let everybody = [-1, 0, 1].map(|id| ProcessGroup { id, ..ours.clone() });
        for stranger in [reused, never_known, rebooted].iter().chain(&everybody) {
            assert!(!stranger.is_alive(), "{stranger:?}");
            assert!(stranger.end(Duration::ZERO));
        }
        assert!(ours.is_alive());
        assert!(ours.end(Duration::from_secs(10)));
        child.wait().expect("ended");
    }

    #[test]
    fn a_group_is_read_as_it_was_written() {
        let group = ProcessGroup {
            id: 4711,
            leader_started: Some("123456".to_owned()),
            boot: "b".to_owned(),
        };
        let json = serde_json::to_string(&group).expect("written");
        assert_eq!(json, r#"{"id":4711,"leaderStarted":"123456","boot":"b"}"#);
        assert_eq!(
            serde_json::from_str::<ProcessGroup>(&json).ok(),
            Some(group)
        );
    }
}
