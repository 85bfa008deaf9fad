//! What clients count.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Failures that are told in full.
const TOLD: usize = 20;

/// Everything that all clients saw; they share it.
#[derive(Default)]
pub(crate) struct Tally {
    counts: Mutex<Counts>,
}

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    pub(crate) failures: Vec<String>,
    pub(crate) bytes: u64,
    /// Answers that waited for a login.
    pub(crate) held: u64,
    pub(crate) hits: Latencies,
    pub(crate) misses: Latencies,
}

/// From the first byte of a request to the last one of its answer, in microseconds.
#[derive(Default)]
pub(crate) struct Latencies(Vec<u32>);

/// What a client has to say of one request.
pub(crate) struct Outcome {
    pub(crate) took: Duration,
    pub(crate) bytes: usize,
    pub(crate) is_hit: bool,
    pub(crate) was_held: bool,
}

impl Tally {
    pub(crate) fn count(&self, outcome: Result<Outcome, String>) {
        let mut counts = self.counts();
        counts.requests += 1;
        match outcome {
            Ok(outcome) => {
                counts.bytes += outcome.bytes as u64;
                counts.held += u64::from(outcome.was_held);
                let latencies = if outcome.is_hit {
                    &mut counts.hits
                } else {
                    &mut counts.misses
                };
                let micros = u32::try_from(outcome.took.as_micros());
                latencies.0.push(micros.unwrap_or(u32::MAX));
            }
            Err(reason) => {
                counts.failed += 1;
                if counts.failures.len() < TOLD {
                    counts.failures.push(reason);
                }
            }
        }
    }

    pub(crate) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// That nobody was failed.
    pub(crate) fn is_flawless(&self) {
        let counts = self.counts();
        assert!(
            counts.failed == 0,
            "{} of {} requests failed:\n{}",
            counts.failed,
            counts.requests,
            counts.failures.join("\n")
        );
        assert!(counts.requests > 0, "nobody asked for anything");
    }
}

impl Latencies {
    pub(crate) fn number(&self) -> usize {
        self.0.len()
    }

    /// The latency that so many percent of the answers did not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        Duration::from_micros(sorted.get(index).copied().unwrap_or(0).into())
    }
}
