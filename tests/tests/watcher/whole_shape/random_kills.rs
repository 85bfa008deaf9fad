//! `kill -9` for whoever, whenever, again and again.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use tests::{Proxy, Watcher};
use tokio::time::sleep;

use super::{Bench, HEALING};

/// Homes at the same time; most of a round is waiting.
const HOMES: u64 = 8;
/// Rounds on each, where `KILL_ROUNDS` says nothing else. The prompts of an hour bound it.
const ROUNDS: u32 = 4;
/// From the request to the end of a login takes about as long, its person two seconds.
const ROUND: Duration = Duration::from_millis(5500);
/// As long as whoever starts the dead again may take.
const LONGEST_DEATH: Duration = Duration::from_millis(700);

/// A proxy and an agent that are started again whenever they are killed.
struct Shape {
    bench: Bench,
    proxy: Proxy,
    agent: Watcher,
    random: Rng,
    /// How often somebody was killed while the agent did this.
    kills: BTreeMap<String, u32>,
}

impl Shape {
    async fn new(random: Rng) -> Self {
        let bench = Bench::new().await;
        let proxy = bench.signed_in().await;
        bench.tell("slow");
        let agent = bench.agent().start().await;
        Self {
            bench,
            proxy,
            agent,
            random,
            kills: BTreeMap::new(),
        }
    }

    /// The session ends, up to three are killed, and everything heals.
    async fn round(mut self) -> Self {
        self.bench.end_session();
        let client = self.bench.doomed_miss(&self.proxy).await;
        // The agent has nothing to do before; the proxy has.
        if self.random.bool() {
            self.bench.world.signalled().await;
        }
        for _ in 0..self.random.u32(1..=3) {
            self.pass_up_to(ROUND).await;
            self = self.kill_somebody().await;
        }
        let miss = self.bench.waiting_miss(&self.proxy);
        self.bench.is_healed(&self.proxy).await;
        miss.await.expect("served");
        drop(client);
        self
    }

    async fn kill_somebody(mut self) -> Self {
        let doing = self.bench.journal()["doing"].to_string();
        *self.kills.entry(doing).or_default() += 1;
        match self.random.u32(0..10) {
            0..5 => self.kill_agent(false).await,
            5..7 => {
                self.bench.kill_login();
                self
            }
            7..9 => self.kill_agent(true).await,
            _ => self.kill_proxy().await,
        }
    }

    async fn pass_up_to(&mut self, longest: Duration) {
        let microseconds = u64::try_from(longest.as_micros()).expect("seconds");
        sleep(Duration::from_micros(self.random.u64(0..microseconds))).await;
    }

    async fn kill_agent(mut self, with_login: bool) -> Self {
        let killed = self.agent.kill_9();
        if with_login {
            self.bench.kill_login();
        }
        let microseconds = u64::try_from(LONGEST_DEATH.as_micros()).expect("seconds");
        sleep(Duration::from_micros(self.random.u64(0..microseconds))).await;
        self.agent = killed.spawn();
        self
    }

    async fn kill_proxy(mut self) -> Self {
        let port = self.proxy.address().port().to_string();
        self.proxy = self.proxy.kill_9().env("PROXY_PORT", &port).start().await;
        self
    }
}

/// A number of the environment.
fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_killed_whenever_no_two_logins_run_and_everything_heals() {
    let seed = number("KILL_SEED").unwrap_or_else(|| fastrand::u64(0..1_000_000));
    let rounds = number("KILL_ROUNDS").unwrap_or(ROUNDS);
    eprintln!(
        "KILL_SEED={seed} KILL_ROUNDS={rounds}, on {HOMES} homes; a miss may take {HEALING:?}"
    );
    let homes = (0..HOMES).map(|home| async move {
        let mut shape = Shape::new(Rng::with_seed(seed + home)).await;
        for round in 0..rounds {
            eprintln!("home {home}, round {round}");
            shape = shape.round().await;
        }
        (shape.bench.begun().len(), shape.kills)
    });
    for (home, (logins, kills)) in join_all(homes).await.into_iter().enumerate() {
        eprintln!("home {home}: {logins} logins, kills {kills:?}");
    }
}
