//! The CPU time and memory of a group of processes, as `/proc` tells them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

use crate::failure::{Failure, While as _};

/// How often memory is looked at to find its peak.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Named by the process id of its leader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group(pub(super) u32);

impl Group {
    /// User and system time of all its processes so far.
    ///
    /// The kernel counts by its scheduler's clock but tells it in ticks of 10 ms: measure over seconds.
    pub(crate) fn cpu_time(self) -> Result<Duration, Failure> {
        let ticks_a_second = sysconf(SysconfVar::CLK_TCK)
            .when(|| "the length of a tick".to_owned())?
            .and_then(|ticks| u32::try_from(ticks).ok())
            .unwrap_or(100);
        let ticks: u32 = self.members()?.iter().map(|member| member.ticks).sum();
        Ok(Duration::from_secs(1) * ticks / ticks_a_second)
    }

    /// What `work` comes to, and how much [`Self::cpu_time`] it has taken.
    pub(crate) fn cpu_time_of<T>(
        self,
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<(T, Duration), Failure> {
        let before = self.cpu_time()?;
        let done = work()?;
        let spent = self.cpu_time()?.saturating_sub(before);
        Ok((done, spent))
    }

    /// Proportional set size of all its processes, in bytes: pages that nginx's workers share with their
    /// master count once, as they would not if resident sizes were added up.
    pub(crate) fn memory_bytes(self) -> Result<u64, Failure> {
        let members = self.members()?;
        members.iter().map(|member| pss(member.pid)).sum()
    }

    /// Watches its memory from now on.
    pub(crate) fn watch_memory(self) -> PeakMemory {
        let stop = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&stop);
        let looking = thread::spawn(move || {
            let mut peak = 0;
            loop {
                peak = self.memory_bytes()?.max(peak);
                if ends.load(Ordering::Relaxed) {
                    return Ok(peak);
                }
                thread::sleep(LOOK_EVERY);
            }
        });
        PeakMemory { stop, looking }
    }

    fn members(self) -> Result<Vec<Member>, Failure> {
        let folders = std::fs::read_dir("/proc").when(|| "listing /proc".to_owned())?;
        // What ends while it is looked at is no member any more.
        let members = folders.flatten().filter_map(|folder| {
            let pid: u32 = folder.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(folder.path().join("stat")).ok()?;
            Member::parse(pid, &stat, self.0)
        });
        let members: Vec<_> = members.collect();
        if members.is_empty() {
            return Err(Failure::new("the server has ended while it was measured"));
        }
        Ok(members)
    }
}

/// Looks at a group's memory every 50 ms until it is asked for the peak.
pub(crate) struct PeakMemory {
    stop: Arc<AtomicBool>,
    looking: JoinHandle<Result<u64, Failure>>,
}

impl PeakMemory {
    /// The most that was seen, in bytes.
    pub(crate) fn bytes(self) -> Result<u64, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        let peak = self.looking.join();
        peak.map_err(|_| Failure::new("looking at memory panicked"))?
    }
}

/// What `/proc/PID/stat` says of one process of a group.
#[derive(Debug, PartialEq, Eq)]
struct Member {
    pid: u32,
    /// `utime` and `stime` together, in ticks.
    ticks: u32,
}

impl Member {
    /// `None` for a process of another group.
    fn parse(pid: u32, stat: &str, group: u32) -> Option<Self> {
        // The name in parentheses may hold anything, parentheses and spaces included.
        let (_, behind_name) = stat.rsplit_once(") ")?;
        let mut fields = behind_name.split(' ');
        // state ppid pgrp …; utime and stime are the 14th and 15th of the whole line (proc(5)).
        let pgrp: u32 = fields.nth(2)?.parse().ok()?;
        if pgrp != group {
            return None;
        }
        let times = fields.skip(8).take(2).map(str::parse::<u32>);
        let ticks = times.sum::<Result<u32, _>>().ok()?;
        Some(Self { pid, ticks })
    }
}

fn pss(pid: u32) -> Result<u64, Failure> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(&path).when(|| path.clone())?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    let kib = kib.ok_or_else(|| Failure::new(format!("{path} names no Pss")))?;
    Ok(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "77 (a ) b) S 1 42 42 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 3 0 100 1 1";

    #[test]
    fn the_times_of_a_member_are_added_up_whatever_its_name() {
        let member = Member {
            pid: 77,
            ticks: 200,
        };
        assert_eq!(Member::parse(77, STAT, 42), Some(member));
        assert_eq!(Member::parse(77, STAT, 1), None);
    }

    #[test]
    fn this_process_has_memory() {
        let group = nix::unistd::getpgrp().as_raw().cast_unsigned();
        assert!(Group(group).memory_bytes().expect("a size") > 0);
    }
}
