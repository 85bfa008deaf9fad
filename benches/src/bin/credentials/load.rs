//! Requests at fixed times, whether or not the answers to earlier ones have come: each answer's time counts from
//! when its request was to be sent, so nothing that holds the load up is left out.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Told;
use crate::client::Client;

/// What is asked, and how often.
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) tokens: Vec<String>,
    pub(crate) rate: u32,
    pub(crate) duration: Duration,
    pub(crate) connections: u32,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Outcome {
    /// In order, from the earliest.
    late: Vec<Duration>,
    pub(crate) errors: Vec<String>,
    keys: BTreeSet<String>,
    services: usize,
    pub(crate) took: Duration,
}

impl Load {
    pub(crate) fn run(&self) -> Told<Outcome> {
        // All threads shall be there before the first request is due.
        let start = Instant::now() + Duration::from_millis(200);
        let next = AtomicU64::new(0);
        let parts = thread::scope(|scope| {
            let clients: Vec<_> = (0..self.connections)
                .map(|_| scope.spawn(|| self.client(start, &next)))
                .collect();
            let parts = clients.into_iter().map(|client| {
                let part = client.join();
                part.map_err(|_| "a client panicked".to_owned())
            });
            parts.collect::<Told<Vec<_>>>()
        })?;
        let mut whole = Outcome {
            services: self.tokens.len(),
            took: start.elapsed(),
            ..Outcome::default()
        };
        for part in parts {
            whole.late.extend(part.late);
            whole.errors.extend(part.errors);
            whole.keys.extend(part.keys);
        }
        whole.late.sort_unstable();
        Ok(whole)
    }

    fn client(&self, start: Instant, next: &AtomicU64) -> Outcome {
        let interval = Duration::from_secs(1) / self.rate;
        let mut outcome = Outcome::default();
        let mut client = Client::new(self.address);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let after = interval.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX));
            if after >= self.duration {
                return outcome;
            }
            let due = start + after;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let tokens = self.tokens.len().max(1) as u64;
            let token = usize::try_from(number % tokens).unwrap_or_default();
            let answer = client.ask(&self.tokens[token]);
            outcome.late.push(due.elapsed());
            match answer {
                Ok(given) => {
                    outcome.keys.insert(given.access_key);
                }
                Err(error) => outcome.errors.push(error),
            }
        }
    }
}

impl Outcome {
    pub(crate) fn answers(&self) -> usize {
        self.late.len()
    }

    /// How often credentials changed.
    pub(crate) fn renewals(&self) -> usize {
        self.keys.len().saturating_sub(self.services)
    }

    /// So late at most were so many in 1000.
    pub(crate) fn late_by(&self, per_mille: usize) -> Duration {
        let index = self.late.len() * per_mille / 1000;
        let last = self.late.len().saturating_sub(1);
        self.late.get(index.min(last)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_all_answers() {
        let outcome = Outcome {
            late: (0..1000).map(Duration::from_micros).collect(),
            ..Outcome::default()
        };
        let found = [500, 990, 1000].map(|at| outcome.late_by(at));
        assert_eq!(found, [500, 990, 999].map(Duration::from_micros));
        assert_eq!(Outcome::default().late_by(990), Duration::ZERO);
    }
}
