//! A build that resolves its dependencies: many small files and a few larger ones, by several clients.

use std::io;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sha1::{Digest as _, Sha1};

use super::sides::Sides;
use crate::failure::Failure;
use crate::http::Connection;
use crate::origin::Content;
use crate::report::{Better, Goal, Row, Section};
use crate::servers::Server;
use crate::settings::Settings;

/// Modules, each with three artifacts.
const MODULES: usize = 1_000;
const QUICK_MODULES: usize = 200;
/// Gradle and Maven download with 5 to 10 connections, Bazel with 8.
const CLIENTS: usize = 8;
const LATENCY: Duration = Duration::from_millis(5);

const POM_BYTES: usize = 4 * 1024;
/// Sizes of jars are log-normal: of Maven Central's, half are below 100 KiB, and few have several MiB.
const JAR_MEDIAN_BYTES: f64 = 100.0 * 1024.0;
const JAR_SIGMA: f64 = 1.3;
const JAR_BYTES: std::ops::RangeInclusive<f64> = 5.0 * 1024.0..=5.0 * 1024.0 * 1024.0;

/// Measures cold and warm resolves.
pub(crate) fn measure(settings: &Settings) -> Result<Vec<Section>, Failure> {
    let sides = Sides::start(settings)?;
    sides.origin.set_latency(LATENCY);
    let modules = if settings.quick {
        QUICK_MODULES
    } else {
        MODULES
    };
    let build = Build::new(modules);
    let artifacts = build.0.len();
    let row = |kind: &str| {
        Row::new(
            format!("resolve {artifacts} artifacts, {kind}"),
            "s",
            Better::Lower,
        )
    };
    let mut rows = [
        row("cold").goal(Goal::RatioAtMost(1.0)),
        row("cold: CPU"),
        row("warm").goal(Goal::RatioAtMost(1.0)),
        row("warm: CPU"),
    ];
    for round in 0..settings.rounds {
        let turn = |server: &dyn Server| -> Result<[f64; 4], Failure> {
            let group = format!("org/example/resolve-{}-{round}", server.name());
            build.put(&sides, &group);
            // What others have written is on the disk before, and what this one does, in its own CPU time.
            nix::unistd::sync();
            let cold = resolve(server, &group, &build)?;
            if server.name() == sides.proxy.name() {
                for (name, _) in build.0.iter().rev().take(10 * CLIENTS) {
                    sides.settle(&format!("{group}/{name}"))?;
                }
            }
            nix::unistd::sync();
            let warm = resolve(server, &group, &build)?;
            Ok([cold.0, cold.1, warm.0, warm.1])
        };
        let (proxy, nginx) = if round % 2 == 0 {
            let proxy = turn(&sides.proxy)?;
            (proxy, turn(&sides.nginx)?)
        } else {
            let nginx = turn(&sides.nginx)?;
            (turn(&sides.proxy)?, nginx)
        };
        for (row, (proxy, nginx)) in rows.iter_mut().zip(proxy.into_iter().zip(nginx)) {
            row.round(proxy, nginx);
        }
    }
    Ok(vec![Section {
        title: format!(
            "A build of {modules} modules, each a pom of 4 KiB, a jar (log-normal, median 100 KiB) and its checksum, \
             {} MiB in all, by {CLIENTS} clients with one connection each; the origin answers after 5 ms.",
            build.bytes() / 1024 / 1024
        ),
        rows: rows.into(),
    }])
}

/// What is to be had, below a group's folder, in the order in which it is asked for.
struct Build(Vec<(String, Content)>);

impl Build {
    /// The same each time.
    fn new(modules: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(7);
        let mut artifacts = Vec::with_capacity(3 * modules);
        for module in 0..modules {
            let name = format!("module-{module}/1.0/module-{module}-1.0");
            let pom = Content::random(POM_BYTES, random.u64(..));
            let jar = Content::random(jar_bytes(&mut random), random.u64(..));
            let sha1 = hex::encode(Sha1::digest(jar.bytes()));
            artifacts.push((format!("{name}.pom"), pom));
            artifacts.push((format!("{name}.jar"), jar));
            artifacts.push((format!("{name}.jar.sha1"), Content::new(sha1.into())));
        }
        Self(artifacts)
    }

    fn put(&self, sides: &Sides, group: &str) {
        for (name, content) in &self.0 {
            sides.origin.put(format!("{group}/{name}"), content);
        }
    }

    fn bytes(&self) -> usize {
        self.0
            .iter()
            .map(|(_, content)| content.bytes().len())
            .sum()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 5 KiB and 5 MiB"
)]
fn jar_bytes(random: &mut fastrand::Rng) -> usize {
    // Box and Muller; 1 - x is never 0, whose logarithm there is none of.
    let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * random.f64()).cos();
    let bytes = JAR_MEDIAN_BYTES * (JAR_SIGMA * normal).exp();
    bytes.clamp(*JAR_BYTES.start(), *JAR_BYTES.end()) as usize
}

/// How long all clients took together, and how much of the server's CPU, in seconds.
fn resolve(server: &dyn Server, group: &str, build: &Build) -> Result<(f64, f64), Failure> {
    let address = server.address();
    let processes = server.process().group();
    let (took, spent) = processes.cpu_time_of(|| download(address, group, build))?;
    Ok((took.as_secs_f64(), spent.as_secs_f64()))
}

fn download(address: SocketAddr, group: &str, build: &Build) -> Result<Duration, Failure> {
    let connections: io::Result<Vec<_>> = (0..CLIENTS).map(|_| Connection::open(address)).collect();
    let next = AtomicUsize::new(0);
    let start = Barrier::new(CLIENTS + 1);
    let client = |mut connection: Connection| -> io::Result<()> {
        start.wait();
        while let Some((name, content)) = build.0.get(next.fetch_add(1, Ordering::Relaxed)) {
            let answered = connection.get(&format!("/{group}/{name}"))?;
            if answered.body_bytes != content.bytes().len() as u64 {
                let wrong = format!("{group}/{name} has {} bytes", answered.body_bytes);
                return Err(io::Error::other(wrong));
            }
        }
        Ok(())
    };
    let client = &client;
    let took: io::Result<Duration> = thread::scope(|scope| {
        let clients: Vec<_> = connections?
            .into_iter()
            .map(|connection| scope.spawn(move || client(connection)))
            .collect();
        start.wait();
        let started = Instant::now();
        for client in clients {
            let read = client.join();
            read.map_err(|_| io::Error::other("a client panicked"))??;
        }
        Ok(started.elapsed())
    });
    Ok(took?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jars_are_as_large_as_those_of_a_build() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut sizes: Vec<_> = (0..MODULES).map(|_| jar_bytes(&mut random)).collect();
        sizes.sort_unstable();
        let median = sizes[MODULES / 2];
        assert!((80 * 1024..120 * 1024).contains(&median), "{median}");
        assert!(sizes[0] >= 5 * 1024 && sizes[MODULES - 1] <= 5 * 1024 * 1024);
        assert!(sizes[MODULES - 10] > 1024 * 1024);
    }
}
