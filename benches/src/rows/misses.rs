//! Cold misses, one at a time, against going straight to the origin.

use std::net::SocketAddr;
use std::time::Duration;

use super::sides::{Sides, creating_a_file, jar, median, origin_path};
use crate::failure::Failure;
use crate::http::Connection;
use crate::load::as_f64;
use crate::origin::Content;
use crate::report::{Better, Goal, Row, Section};
use crate::servers::Server as _;
use crate::settings::Settings;

/// What S3 gives one connection.
const LIMITED_BYTES_PER_SECOND: u64 = 80_000_000;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// An origin, and a body that it has.
#[derive(Clone, Copy, Debug)]
struct Case {
    latency_ms: u64,
    limited: bool,
    body_bytes: usize,
    /// Fresh keys a round: the median of few short ones would be noise.
    each_round: usize,
}

impl Case {
    const fn of(latency_ms: u64, body_bytes: usize, each_round: usize) -> Self {
        Self {
            latency_ms,
            limited: false,
            body_bytes,
            each_round,
        }
    }

    const fn limited(body_bytes: usize, each_round: usize) -> Self {
        Self {
            latency_ms: 0,
            limited: true,
            body_bytes,
            each_round,
        }
    }

    /// Whether its speed says more than the time to its first byte does.
    fn has_speed(self) -> bool {
        self.body_bytes >= MIB
    }

    /// Whether it takes so much CPU that the kernel's ticks of 10 ms can tell how much.
    fn has_cpu_time(self) -> bool {
        self.latency_ms == 0 && !self.limited && self.body_bytes >= 16 * MIB
    }

    /// Whether several connections to the origin would bring it earlier than one. What one brings within 0.2 s
    /// is left to it.
    fn is_worth_ranges(self) -> bool {
        self.limited && self.body_bytes > 16 * MIB
    }

    fn name(self) -> String {
        let size = match self.body_bytes / MIB {
            0 => format!("{} KiB", self.body_bytes / KIB),
            mebibytes => format!("{mebibytes} MiB"),
        };
        if self.limited {
            format!("miss {size}, origin 80 MB/s")
        } else {
            format!("miss {size}, origin {} ms", self.latency_ms)
        }
    }
}

const ALL: [Case; 13] = [
    Case::of(0, 16 * KIB, 60),
    Case::of(0, MIB, 30),
    Case::of(0, 16 * MIB, 5),
    Case::of(5, 16 * KIB, 30),
    Case::of(5, MIB, 15),
    Case::of(5, 16 * MIB, 4),
    Case::of(50, 16 * KIB, 8),
    Case::of(50, MIB, 6),
    Case::of(50, 16 * MIB, 3),
    Case::limited(16 * KIB, 20),
    Case::limited(MIB, 10),
    Case::limited(16 * MIB, 2),
    Case::limited(256 * MIB, 1),
];
const QUICK: [Case; 4] = [
    Case::of(0, 16 * KIB, 60),
    Case::of(0, 16 * MIB, 5),
    Case::of(5, MIB, 15),
    Case::limited(16 * MIB, 2),
];

/// Measures all cases.
pub(crate) fn measure(settings: &Settings) -> Result<Vec<Section>, Failure> {
    let mut rows = Vec::new();
    for case in settings.cases(&ALL, &QUICK) {
        // Each with empty caches, so that no more lies on the disk than one case takes.
        let sides = Sides::start(settings)?;
        rows.extend(compare(&sides, case, settings.rounds)?);
    }
    Ok(vec![Section {
        title: format!(
            "Cold misses of fresh keys, one at a time on a kept connection, against the same GET straight from the \
             origin. First byte: of the body. Creating a file here takes {:.3} ms.",
            creating_a_file()?.as_secs_f64() * 1e3
        ),
        rows,
    }])
}

const PROXY: &str = "proxy";

/// A kept connection to somebody, who has the keys at paths of his own.
struct Way {
    name: &'static str,
    /// Its place among the ways when a round is over.
    turn: usize,
    connection: Connection,
    path: fn(&str) -> String,
    case: String,
    next: usize,
    first_bytes: Vec<Duration>,
    totals: Vec<Duration>,
}

impl Way {
    fn new(
        turn: usize,
        name: &'static str,
        case: Case,
        address: SocketAddr,
        path: fn(&str) -> String,
    ) -> Result<Self, Failure> {
        let kind = if case.limited { "limited" } else { "free" };
        Ok(Self {
            name,
            turn,
            connection: Connection::open(address)?,
            path,
            case: format!("{name}-{kind}-{}-{}", case.latency_ms, case.body_bytes),
            next: 0,
            first_bytes: Vec::new(),
            totals: Vec::new(),
        })
    }

    /// Asks for a key that nobody has asked for before, and returns it.
    fn miss(&mut self, sides: &Sides, content: &Content) -> Result<String, Failure> {
        let key = jar(&self.case, self.next);
        self.next += 1;
        sides.origin.put(&*key, content);
        let answered = self.connection.get(&(self.path)(&key))?;
        if answered.body_bytes != content.bytes().len() as u64 {
            let wrong = format!(
                "{} gives {} bytes for {key}",
                self.name, answered.body_bytes
            );
            return Err(Failure::new(wrong));
        }
        self.first_bytes.push(answered.first_byte);
        self.totals.push(answered.total);
        Ok(key)
    }

    /// Of all misses since the last call.
    fn medians(&mut self) -> Medians {
        let first_bytes = std::mem::take(&mut self.first_bytes);
        let totals = std::mem::take(&mut self.totals);
        Medians {
            first_byte: median(first_bytes),
            total: median(totals),
        }
    }
}

fn compare(sides: &Sides, case: Case, rounds: usize) -> Result<Vec<Row>, Failure> {
    sides
        .origin
        .set_latency(Duration::from_millis(case.latency_ms));
    sides
        .origin
        .set_rate(case.limited.then_some(LIMITED_BYTES_PER_SECOND));
    let content = Content::random(case.body_bytes, 1);
    let served: fn(&str) -> String = |key| format!("/{key}");
    let (proxy, nginx) = (sides.proxy.address(), sides.nginx.address());
    let mut ways = [
        Way::new(0, "direct", case, sides.origin.address(), origin_path)?,
        Way::new(1, PROXY, case, proxy, served)?,
        Way::new(2, "nginx", case, nginx, served)?,
    ];
    // The first of each opens the connections behind it, which a build has open.
    let small = Content::random(KIB, 2);
    for way in &mut ways {
        way.miss(sides, &small)?;
        way.medians();
    }
    let mut rows = Rows::new(case);
    for _ in 0..rounds {
        let before = cpu_times(sides)?;
        for _ in 0..case.each_round {
            // Who comes first changes, as what one leaves behind is the next one's burden.
            ways.rotate_left(1);
            for way in &mut ways {
                let key = way.miss(sides, &content)?;
                if way.name == PROXY {
                    sides.settle(&key)?;
                }
            }
        }
        let after = cpu_times(sides)?;
        let cpu = [0, 1].map(|one| after[one].saturating_sub(before[one]));
        ways.sort_by_key(|way| way.turn);
        let medians = ways.each_mut().map(Way::medians);
        rows.round(&medians, cpu);
    }
    Ok(rows.of_case())
}

/// The CPU time of proxy and nginx so far.
fn cpu_times(sides: &Sides) -> Result<[Duration; 2], Failure> {
    Ok([
        sides.proxy.process().group().cpu_time()?,
        sides.nginx.process().group().cpu_time()?,
    ])
}

/// What a round's misses took: the median of each.
#[derive(Clone, Copy, Debug)]
struct Medians {
    first_byte: Duration,
    total: Duration,
}

/// All that can be said of a case.
struct Rows {
    case: Case,
    first_byte: [Row; 2],
    speed: [Row; 2],
    cpu: Row,
}

impl Rows {
    fn new(case: Case) -> Self {
        let name = case.name();
        let row = |what, unit, better| Row::new(format!("{name}: {what}"), unit, better);
        let first_byte = || row("first byte", "ms", Better::Lower);
        let speed = || row("speed", "MB/s", Better::Higher);
        let fast_enough = if case.is_worth_ranges() { 1.0 } else { 0.97 };
        Self {
            case,
            first_byte: [
                first_byte()
                    .about(PROXY, "direct")
                    .goal(Goal::DifferenceAtMost(2.0)),
                first_byte().about("nginx", "direct"),
            ],
            speed: [
                speed()
                    .about(PROXY, "direct")
                    .goal(Goal::RatioAtLeast(fast_enough)),
                speed().about("nginx", "direct"),
            ],
            cpu: row("CPU", "s/GiB", Better::Lower),
        }
    }

    /// Of direct, proxy and nginx in this order, and the CPU time of the latter two.
    fn round(&mut self, medians: &[Medians; 3], cpu: [Duration; 2]) {
        let [direct, caches @ ..] = medians;
        let milliseconds = |one: &Medians| one.first_byte.as_secs_f64() * 1e3;
        let body = as_f64(self.case.body_bytes as u64);
        let megabytes = |one: &Medians| body / 1e6 / one.total.as_secs_f64();
        for (row, cache) in self.first_byte.iter_mut().zip(caches) {
            row.round(milliseconds(cache), milliseconds(direct));
        }
        for (row, cache) in self.speed.iter_mut().zip(caches) {
            row.round(megabytes(cache), megabytes(direct));
        }
        let gibibytes = body * as_f64(self.case.each_round as u64) / f64::from(1 << 30);
        let [proxy, nginx] = cpu.map(|time| time.as_secs_f64() / gibibytes);
        self.cpu.round(proxy, nginx);
    }

    fn of_case(self) -> Vec<Row> {
        let mut rows = Vec::from(self.first_byte);
        if self.case.has_speed() {
            rows.extend(self.speed);
        }
        if self.case.has_cpu_time() {
            rows.push(self.cpu);
        }
        rows
    }
}
