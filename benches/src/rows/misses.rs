//! Cold misses, one at a time, against going straight to the origin.

use std::net::SocketAddr;
use std::time::Duration;

use super::sides::{Sides, jar, origin_path};
use crate::failure::Failure;
use crate::http::{Answered, Connection};
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

    /// Whether several connections to the origin would bring it earlier than one.
    fn is_worth_ranges(self) -> bool {
        self.limited && self.body_bytes >= 16 * MIB
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
    let sides = Sides::start(settings)?;
    let mut rows = Vec::new();
    for case in settings.cases(&ALL, &QUICK) {
        rows.extend(compare(&sides, case, settings.rounds)?);
    }
    Ok(vec![Section {
        title: "Cold misses of fresh keys, one at a time on a kept connection, against the same GET straight from \
                the origin. First byte: of the body."
            .to_owned(),
        rows,
    }])
}

/// A kept connection to somebody, who has the keys at paths of his own.
struct Way {
    connection: Connection,
    path: fn(&str) -> String,
    next: usize,
    case: String,
}

impl Way {
    fn new(
        name: &str,
        case: Case,
        address: SocketAddr,
        path: fn(&str) -> String,
    ) -> Result<Self, Failure> {
        let kind = if case.limited { "limited" } else { "free" };
        Ok(Self {
            connection: Connection::open(address)?,
            path,
            next: 0,
            case: format!("{name}-{kind}-{}-{}", case.latency_ms, case.body_bytes),
        })
    }

    /// Asks for a key that nobody has asked for before.
    fn miss(&mut self, sides: &Sides, content: &Content) -> Result<(Answered, String), Failure> {
        let key = jar(&self.case, self.next);
        self.next += 1;
        sides.origin.put(&*key, content);
        let answered = self.connection.get(&(self.path)(&key))?;
        Ok((answered, key))
    }
}

fn compare(sides: &Sides, case: Case, rounds: usize) -> Result<Vec<Row>, Failure> {
    let name = case.name();
    let first_byte = |subject| {
        let row = Row::new(format!("{name}: first byte"), "ms", Better::Lower);
        row.about(subject, "direct")
    };
    let speed = |subject| {
        let row = Row::new(format!("{name}: speed"), "MB/s", Better::Higher);
        row.about(subject, "direct")
    };
    let fast_enough = if case.is_worth_ranges() { 1.0 } else { 0.97 };
    let mut rows = [
        first_byte("proxy").goal(Goal::DifferenceAtMost(2.0)),
        first_byte("nginx"),
        speed("proxy").goal(Goal::RatioAtLeast(fast_enough)),
        speed("nginx"),
    ];
    sides
        .origin
        .set_latency(Duration::from_millis(case.latency_ms));
    sides
        .origin
        .set_rate(case.limited.then_some(LIMITED_BYTES_PER_SECOND));
    let content = Content::random(case.body_bytes, 1);
    let served: fn(&str) -> String = |key| format!("/{key}");
    let mut direct = Way::new("direct", case, sides.origin.address(), origin_path)?;
    let mut proxy = Way::new("proxy", case, sides.proxy.address(), served)?;
    let mut nginx = Way::new("nginx", case, sides.nginx.address(), served)?;
    // The first of each opens the connections behind it, which a build has open.
    let small = Content::random(KIB, 2);
    for way in [&mut direct, &mut proxy, &mut nginx] {
        way.miss(sides, &small)?;
    }
    for number in 0..rounds * case.each_round {
        // Who comes first changes, as what one leaves behind is the next one's burden.
        let mut answers = [const { None }; 3];
        for turn in 0..answers.len() {
            let who = (number + turn) % answers.len();
            let way = [&mut direct, &mut proxy, &mut nginx];
            let way = way.into_iter().nth(who);
            let way = way.ok_or_else(|| Failure::new("three ways, and no more"))?;
            let (answered, key) = way.miss(sides, &content)?;
            answers[who] = Some(answered);
            if who == 1 {
                sides.settle(&key)?;
            }
        }
        let [Some(direct), Some(proxy), Some(nginx)] = answers else {
            return Err(Failure::new("each of the three ways has its turn"));
        };
        let milliseconds = |answered: &Answered| answered.first_byte.as_secs_f64() * 1e3;
        let megabytes = |answered: &Answered| answered.bytes_per_second() / 1e6;
        rows[0].round(milliseconds(&proxy), milliseconds(&direct));
        rows[1].round(milliseconds(&nginx), milliseconds(&direct));
        rows[2].round(megabytes(&proxy), megabytes(&direct));
        rows[3].round(megabytes(&nginx), megabytes(&direct));
    }
    Ok(rows.into())
}
