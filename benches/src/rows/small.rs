//! Small hits: how many a second, how long each takes, and what it costs the server.

use std::time::Duration;

use crate::failure::Failure;
use crate::load::{Latencies, as_f64, closed_loop, paced, warm};
use crate::origin::Origin;
use crate::report::{Better, Goal, Row, Section};
use crate::servers::{Nginx, OpenFiles, Proxy, ProxyBuilder, Server};
use crate::settings::Settings;
use crate::store::{Artifact, Store};

const KIB: u64 = 1024;
const SIZES: [u64; 3] = [KIB, 4 * KIB, 64 * KIB];
const CONNECTIONS: [usize; 4] = [1, 8, 64, 512];
const MANY_KEYS: usize = 10_000;
/// At which the most is got out of either server, so that half of it is known.
const BUSY: usize = 64;

pub(crate) fn measure(settings: &Settings) -> Result<Vec<Section>, Failure> {
    let scene = Scene::set(settings)?;
    let mut sections = closed_loops(settings, &scene)?;
    sections.push(at_half_of_the_maximum(settings, &scene)?);
    Ok(sections)
}

/// All servers over the same artifacts.
struct Scene {
    proxy: Proxy,
    nginx: Nginx,
    with_open_files: Nginx,
    /// Of one size each.
    artifacts: Vec<Vec<Artifact>>,
    /// Removed behind the servers.
    _store: Store,
    _origin: Origin,
}

impl Scene {
    fn set(settings: &Settings) -> Result<Self, Failure> {
        let origin = Origin::start()?;
        let mut store = Store::new(origin.address())?;
        let sizes = settings.cases(&SIZES, &[KIB, 64 * KIB]);
        let artifacts = sizes
            .iter()
            .map(|size| store.add(&format!("small-{size}"), MANY_KEYS, *size))
            .collect::<Result<Vec<_>, Failure>>()?;
        let proxy = ProxyBuilder::new(&settings.proxy, origin.address());
        let scene = Self {
            proxy: proxy.cache(&store.cache()).start()?,
            nginx: Nginx::serving(&store.files(), OpenFiles::EachTime)?,
            with_open_files: Nginx::serving(&store.files(), OpenFiles::Kept)?,
            artifacts,
            _store: store,
            _origin: origin,
        };
        let servers: [&dyn Server; 3] = [&scene.proxy, &scene.nginx, &scene.with_open_files];
        for server in servers {
            for artifacts in &scene.artifacts {
                warm(server, artifacts)?;
            }
        }
        Ok(scene)
    }
}

/// What one run of one server came to.
struct Measured {
    rate: f64,
    latencies: Latencies,
    /// Of the server, for one hit.
    cpu_micros: f64,
}

fn hits(
    server: &dyn Server,
    artifacts: &[Artifact],
    connections: usize,
    settings: &Settings,
) -> Result<Measured, Failure> {
    let (address, duration) = (server.address(), settings.measure_for);
    let load = || closed_loop(address, artifacts, connections, duration);
    let (run, spent) = server.process().group().cpu_time_of(load)?;
    Ok(Measured {
        rate: run.rate,
        latencies: run.latencies,
        cpu_micros: micros(spent) / as_f64(run.requests),
    })
}

/// The rows of one metric a section, so that what changes with connections and sizes stands in a column.
struct Sections {
    rates: Vec<Row>,
    medians: Vec<Row>,
    p99: Vec<Row>,
    p999: Vec<Row>,
    cpu: Vec<Row>,
    with_open_files: Vec<Row>,
}

fn closed_loops(settings: &Settings, scene: &Scene) -> Result<Vec<Section>, Failure> {
    let mut sections = Sections {
        rates: Vec::new(),
        medians: Vec::new(),
        p99: Vec::new(),
        p999: Vec::new(),
        cpu: Vec::new(),
        with_open_files: Vec::new(),
    };
    for artifacts in &scene.artifacts {
        for keys in [1, MANY_KEYS] {
            let asked = &artifacts[..keys];
            for connections in settings.cases(&CONNECTIONS, &[1, BUSY]) {
                sections.measure(settings, scene, asked, connections)?;
            }
        }
    }
    Ok(sections.titled())
}

impl Sections {
    fn measure(
        &mut self,
        settings: &Settings,
        scene: &Scene,
        artifacts: &[Artifact],
        connections: usize,
    ) -> Result<(), Failure> {
        let name = name(artifacts, connections);
        let row = |unit, better| Row::new(name.clone(), unit, better);
        let mut rate = row("1/s", Better::Higher).goal(Goal::RatioAtLeast(1.0));
        let mut median = row("µs", Better::Lower);
        let mut p99 = row("µs", Better::Lower).goal(Goal::RatioAtMost(1.0));
        let mut p999 = row("µs", Better::Lower);
        let mut cpu = row("µs", Better::Lower);
        let mut open_files_rate = row("1/s", Better::Higher);
        let mut open_files_cpu = Row::new(format!("{name}, CPU of a hit"), "µs", Better::Lower);
        for _ in 0..settings.rounds {
            let own = hits(&scene.proxy, artifacts, connections, settings)?;
            let other = hits(&scene.nginx, artifacts, connections, settings)?;
            rate.round(own.rate, other.rate);
            let (latencies, others) = (own.latencies, other.latencies);
            median.round(micros(latencies.p50), micros(others.p50));
            p99.round(micros(latencies.p99), micros(others.p99));
            p999.round(micros(latencies.p999), micros(others.p999));
            cpu.round(own.cpu_micros, other.cpu_micros);
            if connections == BUSY {
                let other = hits(&scene.with_open_files, artifacts, connections, settings)?;
                open_files_rate.round(own.rate, other.rate);
                open_files_cpu.round(own.cpu_micros, other.cpu_micros);
            }
        }
        self.rates.push(rate);
        self.medians.push(median);
        self.p99.push(p99);
        self.p999.push(p999);
        self.cpu.push(cpu);
        if connections == BUSY {
            self.with_open_files
                .extend([open_files_rate, open_files_cpu]);
        }
        Ok(())
    }

    fn titled(self) -> Vec<Section> {
        let sections = [
            (
                "Small hits per second. wrk with one thread (a second one would take the server's processor); \
                 each connection asks again as soon as it is answered.",
                self.rates,
            ),
            ("The same: median time of a hit.", self.medians),
            ("The same: 99th percentile.", self.p99),
            ("The same: 99.9th percentile.", self.p999),
            (
                "The same: CPU time of the server for a hit, user and system. Who asks costs the same for \
                 both and is not counted, so this tells them apart where the hits per second do not.",
                self.cpu,
            ),
            (
                "The same beside nginx with `open_file_cache`, which may serve a changed file's old \
                 version for a minute.",
                self.with_open_files,
            ),
        ];
        let titled = sections.map(|(title, rows)| Section {
            title: title.to_owned(),
            rows,
        });
        titled.into()
    }
}

fn at_half_of_the_maximum(settings: &Settings, scene: &Scene) -> Result<Section, Failure> {
    let mut rows = Vec::new();
    for artifacts in &scene.artifacts {
        for keys in settings.cases(&[1, MANY_KEYS], &[MANY_KEYS]) {
            let asked = &artifacts[..keys];
            let maximum = hits(&scene.proxy, asked, BUSY, settings)?.rate;
            let rate = maximum / 2.0;
            let name = |what: &str| format!("{}, {what} at {rate:.0}/s", keys_of(asked));
            let mut p50 = Row::new(name("median"), "ms", Better::Lower);
            let mut p99 = Row::new(name("p99"), "ms", Better::Lower).goal(Goal::AtMost(2.0));
            let mut p999 = Row::new(name("p99.9"), "ms", Better::Lower);
            for _ in 0..settings.rounds {
                let at_pace = |server: &dyn Server| {
                    paced(server.address(), asked, rate, settings.measure_for)
                };
                let (own, other) = (at_pace(&scene.proxy)?, at_pace(&scene.nginx)?);
                p50.round(millis(own.p50), millis(other.p50));
                p99.round(millis(own.p99), millis(other.p99));
                p999.round(millis(own.p999), millis(other.p999));
            }
            rows.extend([p50, p99, p999]);
        }
    }
    Ok(Section {
        title: "Small hits at half of the proxy's maximum rate (of 64 connections), sent at fixed times over 32 \
                connections, whether or not earlier answers have come; times count from when a request was due."
            .to_owned(),
        rows,
    })
}

fn name(artifacts: &[Artifact], connections: usize) -> String {
    let plural = if connections == 1 { "" } else { "s" };
    format!("{}, {connections} connection{plural}", keys_of(artifacts))
}

fn keys_of(artifacts: &[Artifact]) -> String {
    let size = artifacts.first().map_or(0, |artifact| artifact.bytes / KIB);
    match artifacts.len() {
        1 => format!("{size} KiB, 1 key"),
        many => format!("{size} KiB, {many} keys"),
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
