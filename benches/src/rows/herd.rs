//! A hundred clients that want the same object at the same moment, and nobody has it.

use std::io;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use super::sides::{Sides, jar};
use crate::failure::Failure;
use crate::http::Connection;
use crate::load::as_f64;
use crate::origin::{Asked, Content};
use crate::report::{Better, Goal, Row, Section};
use crate::servers::Server as _;
use crate::settings::Settings;

const CLIENTS: usize = 100;
const MIB: usize = 1024 * 1024;
/// What S3 takes to answer: long enough for all clients to have asked.
const LATENCY: Duration = Duration::from_millis(5);
/// A client writes a request and reads an answer.
const STACK_BYTES: usize = 128 * 1024;

/// What is wanted, and how fast a connection of the origin is.
#[derive(Clone, Copy, Debug)]
struct Case {
    name: &'static str,
    body_bytes: usize,
    bytes_per_second: Option<u64>,
}

const SMALL: Case = Case {
    name: "herd 1 MiB",
    body_bytes: MIB,
    bytes_per_second: None,
};
const LARGE: Case = Case {
    name: "herd 64 MiB",
    body_bytes: 64 * MIB,
    bytes_per_second: None,
};
const LIMITED: Case = Case {
    name: "herd 64 MiB, origin 80 MB/s",
    body_bytes: 64 * MIB,
    bytes_per_second: Some(80_000_000),
};

/// Measures all cases.
pub(crate) fn measure(settings: &Settings) -> Result<Vec<Section>, Failure> {
    let sides = Sides::start(settings)?;
    sides.origin.set_latency(LATENCY);
    let mut rows = Vec::new();
    for case in settings.cases(&[SMALL, LARGE, LIMITED], &[SMALL]) {
        rows.extend(compare(&sides, case, settings.rounds)?);
    }
    Ok(vec![Section {
        title: format!(
            "{CLIENTS} clients ask for the same fresh key at once; the origin answers after 5 ms. nginx with \
             proxy_cache_lock."
        ),
        rows,
    }])
}

fn compare(sides: &Sides, case: Case, rounds: usize) -> Result<Vec<Row>, Failure> {
    let name = case.name;
    let mut rows = [
        Row::new(format!("{name}: slowest client"), "ms", Better::Lower)
            .goal(Goal::RatioAtMost(1.0)),
        Row::new(format!("{name}: GETs of all of it"), "GETs", Better::Lower)
            .goal(Goal::AtMost(1.0)),
        Row::new(format!("{name}: GETs of ranges"), "GETs", Better::Lower),
        Row::new(format!("{name}: in two ranges"), "bytes", Better::Lower).goal(Goal::AtMost(0.0)),
        // What is on its way of a whole body that ranges take over from is written twice.
        Row::new(
            format!("{name}: written by the origin"),
            "times",
            Better::Lower,
        )
        .goal(Goal::AtMost(1.05)),
    ];
    sides.origin.set_rate(case.bytes_per_second);
    let content = Content::random(case.body_bytes, 3);
    let slug = format!("{}-{}", case.body_bytes, case.bytes_per_second.unwrap_or(0));
    let (proxy, nginx) = (sides.proxy.address(), sides.nginx.address());
    for round in 0..rounds {
        let turn = |who: &str, address: SocketAddr| -> Result<Herd, Failure> {
            let key = jar(&format!("herd-{who}-{slug}"), round);
            sides.origin.put(&*key, &content);
            let slowest = slowest(address, &format!("/{key}"), case.body_bytes)?;
            if who == "proxy" {
                sides.settle(&key)?;
            }
            let asked = sides.origin.asked(&key)?;
            Ok(Herd { slowest, asked })
        };
        let (proxy, nginx) = if round % 2 == 0 {
            let proxy = turn("proxy", proxy)?;
            (proxy, turn("nginx", nginx)?)
        } else {
            let nginx = turn("nginx", nginx)?;
            (turn("proxy", proxy)?, nginx)
        };
        let size = case.body_bytes;
        let values = proxy.values(size).into_iter().zip(nginx.values(size));
        for (row, (proxy, nginx)) in rows.iter_mut().zip(values) {
            // nginx asks for no ranges, and nothing can be said by 0.
            if nginx > 0.0 {
                row.round(proxy, nginx);
            } else {
                row.alone(proxy);
            }
        }
    }
    Ok(rows.into())
}

/// What came of one herd.
struct Herd {
    slowest: Duration,
    asked: Vec<Asked>,
}

impl Herd {
    /// In the order of the rows.
    fn values(&self, body_bytes: usize) -> [f64; 5] {
        let ranges = self.asked.iter().filter(|one| one.range.is_some()).count();
        let written = self.asked.iter().map(|one| one.written).sum();
        [
            self.slowest.as_secs_f64() * 1e3,
            as_f64((self.asked.len() - ranges) as u64),
            as_f64(ranges as u64),
            as_f64(in_two_ranges(&self.asked)),
            as_f64(written) / as_f64(body_bytes as u64),
        ]
    }
}

/// How many bytes were asked for by more than one range.
fn in_two_ranges(asked: &[Asked]) -> u64 {
    let mut ranges: Vec<_> = asked.iter().filter_map(|one| one.range).collect();
    ranges.sort_unstable();
    let (mut end, mut twice) = (0, 0);
    for (first, last) in ranges {
        twice += (last + 1).min(end).saturating_sub(first);
        end = end.max(last + 1);
    }
    twice
}

/// How long the last of all clients to have the object waited for it.
fn slowest(address: SocketAddr, path: &str, body_bytes: usize) -> Result<Duration, Failure> {
    let connections: io::Result<Vec<_>> = (0..CLIENTS).map(|_| Connection::open(address)).collect();
    let start = Barrier::new(CLIENTS);
    let client = |mut connection: Connection| -> io::Result<Duration> {
        start.wait();
        let answered = connection.get(path)?;
        if answered.body_bytes != body_bytes as u64 {
            let wrong = format!("{path} has {} bytes", answered.body_bytes);
            return Err(io::Error::other(wrong));
        }
        Ok(answered.total)
    };
    let client = &client;
    let totals: io::Result<Vec<Duration>> = thread::scope(|scope| {
        let mut clients = Vec::new();
        for connection in connections? {
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            clients.push(thread.spawn_scoped(scope, move || client(connection))?);
        }
        let joined = clients.into_iter().map(|client| {
            let total = client.join();
            total.map_err(|_| io::Error::other("a client panicked"))?
        });
        joined.collect()
    });
    Ok(totals?.into_iter().max().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: Option<(u64, u64)>) -> Asked {
        Asked {
            range,
            start: range.map_or(0, |(first, _)| first),
            written: 0,
        }
    }

    #[test]
    fn bytes_of_two_ranges_are_found() {
        let twice = |ranges: &[(u64, u64)]| {
            let asked: Vec<_> = ranges.iter().map(|range| asked(Some(*range))).collect();
            in_two_ranges(&asked)
        };
        assert_eq!(twice(&[(10, 19), (0, 9), (20, 29)]), 0);
        assert_eq!(twice(&[(0, 9), (5, 14)]), 5);
        assert_eq!(twice(&[(0, 9), (0, 9), (2, 3)]), 12);
        assert_eq!(in_two_ranges(&[asked(None), asked(Some((0, 9)))]), 0);
    }
}
