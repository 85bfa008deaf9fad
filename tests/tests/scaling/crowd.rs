//! Many clients at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tests::eventually;
use tokio::task::JoinSet;

use crate::artifacts::Artifact;
use crate::client::Client;

/// What clients saw, added up.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) failures: Vec<String>,
    pub(crate) cuts: u64,
    /// Which proxy last began to serve each key.
    pub(crate) homes: BTreeMap<String, String>,
    times: Vec<Duration>,
}

impl Tally {
    pub(crate) fn requests(&self) -> usize {
        self.times.len()
    }

    async fn fetch(&mut self, client: &mut Client, artifact: &Artifact) {
        let started = Instant::now();
        let fetched = client.fetch(artifact).await;
        self.times.push(started.elapsed());
        match fetched {
            Ok(fetched) => {
                self.cuts += u64::from(fetched.cuts);
                self.homes.insert(artifact.key.clone(), fetched.home);
            }
            Err(failure) => self.failures.push(failure),
        }
    }

    fn add(&mut self, other: Self) {
        self.failures.extend(other.failures);
        self.cuts += other.cuts;
        self.homes.extend(other.homes);
        self.times.extend(other.times);
    }

    async fn of(mut clients: JoinSet<Self>) -> Self {
        let mut sum = Self::default();
        while let Some(tally) = clients.join_next().await {
            sum.add(tally.expect("a client"));
        }
        sum.times.sort_unstable();
        sum
    }

    /// The figures of one line.
    pub(crate) fn figures(&self) -> String {
        let at = |part: usize| {
            let index = (self.times.len() * part / 1000).min(self.times.len().saturating_sub(1));
            self.times.get(index).copied().unwrap_or_default()
        };
        format!(
            "{} requests, {} failed, {} mended; half within {:.1?}, 99 % within {:.1?}, all within {:.1?}",
            self.requests(),
            self.failures.len(),
            self.cuts,
            at(500),
            at(990),
            at(1000),
        )
    }

    pub(crate) fn assert_no_failure(&self) {
        let shown = &self.failures[..self.failures.len().min(10)];
        assert!(self.failures.is_empty(), "{}: {shown:#?}", self.figures());
    }

    /// How many keys each proxy has served.
    pub(crate) fn shares(&self) -> BTreeMap<&str, usize> {
        let mut shares = BTreeMap::new();
        for home in self.homes.values() {
            *shares.entry(home.as_str()).or_default() += 1;
        }
        shares
    }
}

/// Each client asks for `each` artifacts in an order of its own, so that each artifact is asked for
/// equally often.
pub(crate) async fn rush(
    address: SocketAddr,
    artifacts: &Arc<Vec<Artifact>>,
    clients: usize,
    each: usize,
) -> Tally {
    let mut running = JoinSet::new();
    for number in 0..clients {
        let artifacts = Arc::clone(artifacts);
        running.spawn(async move {
            let mut turns: Vec<_> = (0..each)
                .map(|turn| (number * each + turn) % artifacts.len())
                .collect();
            fastrand::Rng::with_seed(number as u64).shuffle(&mut turns);
            let (mut client, mut tally) = (Client::new(address), Tally::default());
            for turn in turns {
                tally.fetch(&mut client, &artifacts[turn]).await;
            }
            tally
        });
    }
    Tally::of(running).await
}

/// Clients that ask for one artifact after the other until they are told to stop.
pub(crate) struct Load {
    clients: JoinSet<Tally>,
    stop: Arc<AtomicBool>,
    requests: Arc<AtomicU64>,
}

impl Load {
    pub(crate) fn start(
        address: SocketAddr,
        artifacts: &Arc<Vec<Artifact>>,
        clients: usize,
    ) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let requests = Arc::<AtomicU64>::default();
        let mut running = JoinSet::new();
        for number in 0..clients {
            let (stop, requests) = (Arc::clone(&stop), Arc::clone(&requests));
            let artifacts = Arc::clone(artifacts);
            running.spawn(async move {
                let mut random = fastrand::Rng::with_seed(number as u64);
                let (mut client, mut tally) = (Client::new(address), Tally::default());
                while !stop.load(Ordering::Relaxed) {
                    let turn = random.usize(..artifacts.len());
                    tally.fetch(&mut client, &artifacts[turn]).await;
                    requests.fetch_add(1, Ordering::Relaxed);
                }
                tally
            });
        }
        Self {
            clients: running,
            stop,
            requests,
        }
    }

    /// Waits until so many further requests are answered.
    pub(crate) async fn go_on(&self, further: u64) {
        let end = self.requests.load(Ordering::Relaxed) + further;
        eventually("the clients go on", async || {
            self.requests.load(Ordering::Relaxed) >= end
        })
        .await;
    }

    pub(crate) async fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        Tally::of(self.clients).await
    }
}
