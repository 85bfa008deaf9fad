//! Large bodies, one behind the other on each connection.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::as_f64;
use crate::failure::Failure;
use crate::http::Connection;
use crate::store::Artifact;

/// What came of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bulk {
    /// Bytes of all bodies.
    pub(crate) bytes: u64,
    /// Of all connections together.
    pub(crate) bytes_per_second: f64,
}

/// Asks for `artifacts` in turn over so many connections, until `duration` is over; what has begun then is
/// read to its end, and counts with the time that it took.
pub(crate) fn bulk(
    address: SocketAddr,
    artifacts: &[Artifact],
    connections: usize,
    duration: Duration,
) -> Result<Bulk, Failure> {
    let begun = Instant::now();
    let bytes = thread::scope(|scope| {
        let clients: Vec<_> = (0..connections)
            .map(|first| scope.spawn(move || client(address, artifacts, first, begun + duration)))
            .collect();
        let bytes = clients.into_iter().map(|client| {
            client
                .join()
                .map_err(|_| Failure::new("a client panicked"))?
        });
        bytes.sum::<Result<u64, Failure>>()
    })?;
    Ok(Bulk {
        bytes,
        bytes_per_second: as_f64(bytes) / begun.elapsed().as_secs_f64(),
    })
}

fn client(
    address: SocketAddr,
    artifacts: &[Artifact],
    first: usize,
    deadline: Instant,
) -> Result<u64, Failure> {
    let mut connection = Connection::open(address)?;
    let mut bytes = 0;
    for artifact in artifacts.iter().cycle().skip(first % artifacts.len()) {
        if Instant::now() > deadline {
            break;
        }
        bytes += connection.get(&format!("/{}", artifact.key))?.body_bytes;
    }
    Ok(bytes)
}
