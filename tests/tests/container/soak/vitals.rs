//! What a process takes of its machine.

use std::fmt;
use std::path::Path;
use std::time::Duration;

/// A look at a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vitals {
    pub(super) memory_kib: u64,
    pub(super) descriptors: u64,
    pub(super) threads: u64,
}

/// All looks, with their time since the beginning.
#[derive(Default)]
pub(super) struct Watch {
    pub(super) vitals: Vec<(Duration, Vitals)>,
    pub(super) renewals: u64,
}

impl Vitals {
    /// Of a running process.
    pub(super) fn of(pid: u64) -> Self {
        let folder = format!("/proc/{pid}");
        let status = std::fs::read_to_string(Path::new(&folder).join("status"));
        let status = status.unwrap_or_else(|error| panic!("the process is gone: {error}"));
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            number
                .and_then(|number| number.parse().ok())
                .expect("a number")
        };
        let descriptors = std::fs::read_dir(Path::new(&folder).join("fd"));
        Self {
            memory_kib: number("VmRSS:"),
            descriptors: descriptors.expect("descriptors").count() as u64,
            threads: number("Threads:"),
        }
    }
}

impl fmt::Display for Vitals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mib, tenths) = (self.memory_kib / 1024, self.memory_kib % 1024 * 10 / 1024);
        let (descriptors, threads) = (self.descriptors, self.threads);
        write!(
            f,
            "{mib}.{tenths} MiB, {descriptors} descriptors, {threads} threads"
        )
    }
}
