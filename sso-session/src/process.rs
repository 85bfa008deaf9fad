//! Which process is meant, on this host, though process ids are given out again and again.
//!
//! ```text
//! boot, id and time of start ─► one process, for ever
//!                               └► the group that it leads, until its last member has ended
//! ```
//!
//! Linux says it in `/proc`, and macOS through `ps` and `sysctl`. Both ways are built everywhere, and the
//! presence of `/proc/self/stat` decides. A zombie has ended: only its parent does not know yet.
//!
//! All functions block, for a few seconds at most.

mod boot;
mod group;
mod proc_files;
mod program;
mod ps;

pub use boot::boot_id;
pub(crate) use boot::is_this_boot;
pub use group::ProcessGroup;

/// When a process began, in the system's own words: good for comparing, and for nothing else. `None` if
/// there is no such process or it has ended.
#[must_use]
pub fn started(pid: u32) -> Option<String> {
    if proc_files::are_there() {
        proc_files::started(pid)
    } else {
        ps::started(ps::PROGRAM, pid)
    }
}

/// Whether a process group, to which signals can be sent, has a member that has not ended.
fn has_living_member(group: i32) -> bool {
    if proc_files::are_there() {
        proc_files::has_living_member(group)
    } else {
        // macOS refuses signals to a group of zombies.
        ps::has_living_member(ps::PROGRAM, group).unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use nix::sys::wait::{Id, WaitPidFlag, waitid};
    use nix::unistd::Pid;

    use super::*;

    /// Waits until a child has ended and leaves it a zombie.
    pub(super) fn wait_for_zombie(child: &Child) {
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(pid), flags).expect("ended");
    }

    #[test]
    fn a_process_has_one_start_until_it_ends() {
        let ours = started(std::process::id());
        assert!(ours.is_some());
        assert_eq!(started(std::process::id()), ours);
        let mut child = Command::new("true").spawn().expect("started");
        wait_for_zombie(&child);
        assert_eq!(started(child.id()), None, "a zombie");
        child.wait().expect("ended");
        assert_eq!(started(child.id()), None, "nobody");
    }
}
