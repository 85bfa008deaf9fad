//! Large hits: bytes per second, what a GiB costs the server, and the memory that it takes.

use crate::failure::Failure;
use crate::load::{as_f64, bulk, warm};
use crate::origin::Origin;
use crate::report::{Better, Goal, Row, Section};
use crate::servers::{Nginx, OpenFiles, Proxy, ProxyBuilder, Server};
use crate::settings::Settings;
use crate::store::{Artifact, Store};

const MIB: u64 = 1 << 20;
/// Of so many bytes, so many artifacts.
const SIZES: [(u64, usize); 3] = [(MIB, 64), (16 * MIB, 8), (256 * MIB, 2)];
const CONNECTIONS: [usize; 2] = [1, 8];

pub(crate) fn measure(settings: &Settings) -> Result<Vec<Section>, Failure> {
    let origin = Origin::start()?;
    let mut store = Store::new(origin.address())?;
    let sizes = settings.cases(&SIZES, &SIZES[..2]);
    let artifacts = sizes
        .iter()
        .map(|(size, count)| store.add(&format!("large-{size}"), *count, *size))
        .collect::<Result<Vec<_>, Failure>>()?;
    let proxy = ProxyBuilder::new(&settings.proxy, origin.address());
    let proxy = proxy.cache(&store.cache()).start()?;
    let nginx = Nginx::serving(&store.files(), OpenFiles::EachTime)?;
    let mut sections = Sections {
        speed: Vec::new(),
        cpu: Vec::new(),
        memory: Vec::new(),
    };
    for artifacts in &artifacts {
        warm(&proxy, artifacts)?;
        warm(&nginx, artifacts)?;
        for connections in CONNECTIONS {
            sections.measure(settings, &proxy, &nginx, artifacts, connections)?;
        }
    }
    Ok(sections.titled())
}

/// What one run of one server came to.
struct Measured {
    mebibytes_per_second: f64,
    cpu_seconds_per_gibibyte: f64,
    peak_megabytes: f64,
}

fn hits(
    server: &dyn Server,
    artifacts: &[Artifact],
    connections: usize,
    settings: &Settings,
) -> Result<Measured, Failure> {
    let group = server.process().group();
    let peak = group.watch_memory();
    let (address, duration) = (server.address(), settings.measure_for);
    let load = || bulk(address, artifacts, connections, duration);
    let (run, spent) = group.cpu_time_of(load)?;
    Ok(Measured {
        mebibytes_per_second: run.bytes_per_second / as_f64(MIB),
        cpu_seconds_per_gibibyte: spent.as_secs_f64() / (as_f64(run.bytes) / as_f64(1024 * MIB)),
        peak_megabytes: as_f64(peak.bytes()?) / 1e6,
    })
}

struct Sections {
    speed: Vec<Row>,
    cpu: Vec<Row>,
    memory: Vec<Row>,
}

impl Sections {
    fn measure(
        &mut self,
        settings: &Settings,
        proxy: &Proxy,
        nginx: &Nginx,
        artifacts: &[Artifact],
        connections: usize,
    ) -> Result<(), Failure> {
        let name = name(artifacts, connections);
        let row = |unit, better| Row::new(name.clone(), unit, better);
        let mut speed = row("MiB/s", Better::Higher).goal(Goal::RatioAtLeast(1.1));
        let mut cpu = row("s/GiB", Better::Lower).goal(Goal::RatioAtMost(1.0));
        let mut memory = row("MB", Better::Lower);
        for _ in 0..settings.rounds {
            let own = hits(proxy, artifacts, connections, settings)?;
            let other = hits(nginx, artifacts, connections, settings)?;
            speed.round(own.mebibytes_per_second, other.mebibytes_per_second);
            cpu.round(own.cpu_seconds_per_gibibyte, other.cpu_seconds_per_gibibyte);
            memory.round(own.peak_megabytes, other.peak_megabytes);
        }
        self.speed.push(speed);
        self.cpu.push(cpu);
        self.memory.push(memory);
        Ok(())
    }

    fn titled(self) -> Vec<Section> {
        let sections = [
            (
                "Large hits, read by one thread a connection into a buffer of 256 KiB: bytes per second of all \
                 connections together.",
                self.speed,
            ),
            (
                "The same: CPU seconds of the server for a GiB, user and system.",
                self.cpu,
            ),
            (
                "The same: the most memory, the proportional set size of all its processes.",
                self.memory,
            ),
        ];
        let titled = sections.map(|(title, rows)| Section {
            title: title.to_owned(),
            rows,
        });
        titled.into()
    }
}

fn name(artifacts: &[Artifact], connections: usize) -> String {
    let size = artifacts.first().map_or(0, |artifact| artifact.bytes / MIB);
    let plural = if connections == 1 { "" } else { "s" };
    format!("{size} MiB, {connections} connection{plural}")
}
