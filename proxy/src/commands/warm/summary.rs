//! What a run came to.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::time::Duration;

use indicatif::BinaryBytes;

use super::task::Task;
use super::visit::Outcome;

/// Of each kind of failure so many are named.
const MOST_NAMED: usize = 50;

/// Counts, and the names of what went wrong.
#[derive(Debug, Default)]
pub(super) struct Summary {
    fetched: usize,
    bytes: u64,
    there: usize,
    guesses_missing: usize,
    missing: Vec<String>,
    failed: Vec<String>,
}

impl Summary {
    pub(super) fn add(&mut self, task: &Task, outcome: &Outcome) {
        match outcome {
            Outcome::There => self.there += 1,
            Outcome::Fetched(bytes) => {
                self.fetched += 1;
                self.bytes += bytes;
            }
            Outcome::Missing if task.is_guess => self.guesses_missing += 1,
            Outcome::Missing => self.missing.push(task.key.to_string()),
            Outcome::Failed(reason) | Outcome::InVain(reason) => {
                self.failed.push(format!("{}: {reason}", task.key));
            }
        }
    }

    pub(super) fn done(&self) -> usize {
        self.fetched + self.there + self.guesses_missing + self.missing.len() + self.failed.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn is_success(&self) -> bool {
        self.missing.is_empty() && self.failed.is_empty()
    }

    /// Failures go to standard error, the rest to standard output; whoever closes them does not want it.
    pub(super) fn print(&self, left: usize, left_out: &BTreeMap<&str, usize>, time: Duration) {
        let (mut out, mut errors) = (io::stdout().lock(), io::stderr().lock());
        for (kind, names) in [("missing", &self.missing), ("failed", &self.failed)] {
            for name in names.iter().take(MOST_NAMED) {
                let _outcome = writeln!(errors, "{kind}: {name}");
            }
            if names.len() > MOST_NAMED {
                let more = names.len() - MOST_NAMED;
                let _outcome = writeln!(errors, "{kind}: and {more} more");
            }
        }
        let _outcome = writeln!(out, "{}", self.sentence(left, time));
        for (what, count) in left_out {
            let _outcome = writeln!(out, "left out: {count} {what}");
        }
        if self.guesses_missing > 0 {
            let _outcome = writeln!(
                out,
                "not published: {} poms, checksums and the like, which nobody has named",
                self.guesses_missing
            );
        }
    }

    fn sentence(&self, left: usize, time: Duration) -> String {
        let Self {
            fetched,
            bytes,
            there,
            ..
        } = self;
        let (missing, failed) = (self.missing.len(), self.failed.len());
        let left = if left == 0 {
            String::new()
        } else {
            format!(", {left} left")
        };
        format!(
            "{fetched} fetched ({}), {there} already there, {missing} missing, {failed} failed{left}; {:.1} s",
            BinaryBytes(*bytes),
            time.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::ArtifactKey;

    #[test]
    fn a_missing_guess_is_no_failure() {
        let mut summary = Summary::default();
        let key = ArtifactKey::new("g/a.jar").expect("a key");
        summary.add(&Task::guess(key.clone()), &Outcome::Missing);
        summary.add(&Task::file(key.clone()), &Outcome::Fetched(1536));
        assert!(summary.is_success());
        let time = Duration::from_millis(1250);
        assert_eq!(
            summary.sentence(0, time),
            "1 fetched (1.50 KiB), 0 already there, 0 missing, 0 failed; 1.2 s"
        );
        summary.add(&Task::file(key), &Outcome::Missing);
        assert!(!summary.is_success());
        assert!(
            summary
                .sentence(7, time)
                .contains("1 missing, 0 failed, 7 left")
        );
        assert_eq!(summary.done(), 3);
    }
}
