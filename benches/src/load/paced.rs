//! Requests at fixed times, whether or not the answers to earlier ones have come: as long as an answer is late,
//! so are those that wait behind it, and their time counts from when they were to be sent.
//!
//! A thread's sleep is up to 50 µs too long, for whatever is measured.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Latencies;
use crate::failure::Failure;
use crate::http::Connection;
use crate::store::Artifact;

/// Each is a thread that blocks. More than answers are ever under way at half of the possible rate.
const CONNECTIONS: u64 = 32;

/// Asks for random ones of `artifacts` at `rate` a second, evenly spaced.
pub(crate) fn paced(
    address: SocketAddr,
    artifacts: &[Artifact],
    rate: f64,
    duration: Duration,
) -> Result<Latencies, Failure> {
    let schedule = Schedule {
        // All threads shall be there before the first request is due.
        start: Instant::now() + Duration::from_millis(100),
        interval: Duration::from_secs_f64(1.0 / rate),
        duration,
        next: AtomicU64::new(0),
    };
    let schedule = &schedule;
    let taken = thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|seed| scope.spawn(move || client(address, artifacts, schedule, seed)))
            .collect();
        let taken = clients.into_iter().map(|client| {
            client
                .join()
                .map_err(|_| Failure::new("a client panicked"))?
        });
        taken.collect::<Result<Vec<_>, Failure>>()
    })?;
    latencies(taken.concat())
}

struct Schedule {
    start: Instant,
    interval: Duration,
    duration: Duration,
    next: AtomicU64,
}

impl Schedule {
    /// When the next request is due; `None` when the time is over.
    fn take(&self) -> Option<Instant> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let after = self.interval.saturating_mul(number);
        (after < self.duration).then(|| self.start + after)
    }
}

fn client(
    address: SocketAddr,
    artifacts: &[Artifact],
    schedule: &Schedule,
    seed: u64,
) -> Result<Vec<Duration>, Failure> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut connection = Connection::open(address)?;
    let mut taken = Vec::new();
    while let Some(due) = schedule.take() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let artifact = random.choice(artifacts);
        let artifact = artifact.ok_or_else(|| Failure::new("there is nothing to ask for"))?;
        connection.get(&format!("/{}", artifact.key))?;
        taken.push(due.elapsed());
    }
    Ok(taken)
}

fn latencies(mut taken: Vec<Duration>) -> Result<Latencies, Failure> {
    taken.sort_unstable();
    let at = |per_mille: usize| {
        let index = (taken.len() * per_mille / 1000).min(taken.len().saturating_sub(1));
        let latency = taken.get(index).copied();
        latency.ok_or_else(|| Failure::new("no request was due: the rate is too low"))
    };
    Ok(Latencies {
        p50: at(500)?,
        p99: at(990)?,
        p999: at(999)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_all_that_was_taken() {
        let taken = (0..1000).rev().map(Duration::from_micros).collect();
        let found = latencies(taken).expect("some");
        let [p50, p99, p999] = [500, 990, 999].map(Duration::from_micros);
        assert_eq!(found, Latencies { p50, p99, p999 });
        assert!(latencies(Vec::new()).is_err());
    }
}
