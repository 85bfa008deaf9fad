//! Memory: the proportional set size of all processes of a server, in MB.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, While as _};
use crate::load::{as_f64, bulk, closed_loop, warm};
use crate::origin::Origin;
use crate::report::{Better, Goal, Row, Section};
use crate::servers::{Nginx, OpenFiles, Proxy, ProxyBuilder, Server};
use crate::settings::Settings;
use crate::store::Store;

const KIB: u64 = 1024;
const MIB: u64 = 1 << 20;
/// Requests that wait for a login.
const PARKED: usize = 1_000;
/// How long a server is left alone before it counts as being at rest.
const SETTLE: Duration = Duration::from_secs(1);

pub(crate) fn measure(settings: &Settings) -> Result<Vec<Section>, Failure> {
    let origin = Origin::start()?;
    let mut rows = vec![at_rest(settings, &origin)?, with_a_crowd(settings)?];
    rows.extend(under_load(settings, &origin)?);
    rows.push(with_parked_requests(settings, &origin)?);
    Ok(vec![Section {
        title: "Memory, as the proportional set size of all processes of a server: what nginx's processes share \
                counts once."
            .to_owned(),
        rows,
    }])
}

/// Memory varies little, and a round takes long.
fn rounds(settings: &Settings) -> usize {
    settings.rounds.min(if settings.quick { 1 } else { 3 })
}

fn row(name: &str, most_megabytes: Option<f64>) -> Row {
    let row = Row::new(name, "MB", Better::Lower);
    match most_megabytes {
        Some(most) => row.goal(Goal::AtMost(most)),
        None => row,
    }
}

fn megabytes(server: &dyn Server) -> Result<f64, Failure> {
    Ok(as_f64(server.process().group().memory_bytes()?) / 1e6)
}

fn at_rest(settings: &Settings, origin: &Origin) -> Result<Row, Failure> {
    let mut row = row("at rest, nothing cached", Some(32.0));
    let store = Store::new(origin.address())?;
    for _ in 0..rounds(settings) {
        let proxy = ProxyBuilder::new(&settings.proxy, origin.address()).start()?;
        let nginx = Nginx::serving(&store.files(), OpenFiles::EachTime)?;
        thread::sleep(SETTLE);
        row.round(megabytes(&proxy)?, megabytes(&nginx)?);
    }
    Ok(row)
}

/// What is known of each entry is in memory when the cache has been counted.
fn with_a_crowd(settings: &Settings) -> Result<Row, Failure> {
    let crowd = settings.crowd()?;
    let entries = crowd.artifacts.len();
    let mut row = row(&format!("at rest, {entries} entries cached"), Some(32.0));
    let proxy = crowd.proxy(&settings.proxy).start()?;
    let nginx = Nginx::serving(&crowd.store.files(), OpenFiles::EachTime)?;
    proxy.until_logged("the cache is counted")?;
    thread::sleep(SETTLE);
    row.round(megabytes(&proxy)?, megabytes(&nginx)?);
    Ok(row)
}

fn under_load(settings: &Settings, origin: &Origin) -> Result<Vec<Row>, Failure> {
    let mut small = row("64 connections, hits of 64 KiB, 2,000 keys", None);
    let mut large = row("16 connections, hits of 16 MiB", None);
    let mut afterwards = row("at rest behind that", None);
    let mut store = Store::new(origin.address())?;
    let many = store.add("many", 2_000, 64 * KIB)?;
    let few = store.add("few", 8, 16 * MIB)?;
    for _ in 0..rounds(settings) {
        let proxy = ProxyBuilder::new(&settings.proxy, origin.address());
        let proxy = proxy.cache(&store.cache()).start()?;
        let nginx = Nginx::serving(&store.files(), OpenFiles::EachTime)?;
        let measure = |server: &dyn Server| -> Result<[f64; 3], Failure> {
            warm(server, &many)?;
            warm(server, &few)?;
            let group = server.process().group();
            let peak = group.watch_memory();
            closed_loop(server.address(), &many, 64, settings.measure_for)?;
            let small = as_f64(peak.bytes()?) / 1e6;
            let peak = group.watch_memory();
            bulk(server.address(), &few, 16, settings.measure_for)?;
            let large = as_f64(peak.bytes()?) / 1e6;
            thread::sleep(SETTLE);
            Ok([small, large, megabytes(server)?])
        };
        let own = measure(&proxy)?;
        let other = measure(&nginx)?;
        small.round(own[0], other[0]);
        large.round(own[1], other[1]);
        afterwards.round(own[2], other[2]);
    }
    Ok(vec![small, large, afterwards])
}

fn with_parked_requests(settings: &Settings, origin: &Origin) -> Result<Row, Failure> {
    let mut row = row("1,000 requests that wait for a login", Some(64.0));
    for _ in 0..rounds(settings) {
        let proxy = ProxyBuilder::new(&settings.proxy, origin.address());
        let proxy = proxy.signed_out().start()?;
        until(&proxy, "\"login-required\"")?;
        let parked = (0..PARKED).map(|number| park(&proxy, number));
        let _parked = parked.collect::<Result<Vec<_>, Failure>>()?;
        until(&proxy, &format!("\"waiting\":{PARKED}"))?;
        thread::sleep(SETTLE);
        row.alone(megabytes(&proxy)?);
    }
    Ok(row)
}

/// A miss of a client that is held for as long as a login may take.
fn park(proxy: &Proxy, number: usize) -> Result<TcpStream, Failure> {
    let address = proxy.address();
    let mut stream = TcpStream::connect(address).when(|| format!("parked request {number}"))?;
    let request = format!(
        "GET /org/parked/{number}.jar HTTP/1.1\r\nHost: {address}\r\n\
         User-Agent: Apache-Maven/3.9.9 (Java 21)\r\n\r\n"
    );
    stream
        .write_all(request.as_bytes())
        .when(|| format!("parked request {number}"))?;
    Ok(stream)
}

/// Waits until `/readyz` says `word`.
fn until(proxy: &Proxy, word: &str) -> Result<(), Failure> {
    const PATIENCE: Duration = Duration::from_secs(20);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let said = readiness(proxy)?;
        if said.contains(word) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Failure::new(format!(
                "/readyz does not come to {word}: {said}"
            )));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// What `/readyz` says, which is a 503 where a login is needed.
fn readiness(proxy: &Proxy) -> Result<String, Failure> {
    let address = proxy.address();
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let asked = TcpStream::connect(address).and_then(|mut stream| {
        stream.write_all(request.as_bytes())?;
        let mut said = String::new();
        stream.read_to_string(&mut said)?;
        Ok(said)
    });
    asked.when(|| "asking /readyz".to_owned())
}
