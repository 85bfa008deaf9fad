//! One request for each artifact before anything is measured: into the page cache and whatever the server has.

use std::net::SocketAddr;
use std::thread;

use crate::failure::Failure;
use crate::http::Connection;
use crate::servers::Server;
use crate::store::Artifact;

const CONNECTIONS: usize = 4;

/// Asks for all of `artifacts`; fails where the length is wrong, or the proxy had to ask somebody.
pub(crate) fn warm(server: &dyn Server, artifacts: &[Artifact]) -> Result<(), Failure> {
    let (address, name) = (server.address(), server.name());
    let share = artifacts.len().div_ceil(CONNECTIONS).max(1);
    thread::scope(|scope| {
        let clients: Vec<_> = artifacts
            .chunks(share)
            .map(|share| scope.spawn(move || ask(address, name, share)))
            .collect();
        clients.into_iter().try_for_each(|client| {
            client
                .join()
                .map_err(|_| Failure::new("a client panicked"))?
        })
    })
}

fn ask(address: SocketAddr, name: &str, artifacts: &[Artifact]) -> Result<(), Failure> {
    let mut connection = Connection::open(address)?;
    for Artifact { key, bytes } in artifacts {
        let answer = connection.get(&format!("/{key}"))?;
        let status = answer.cache_status.as_deref();
        if answer.body_bytes != *bytes || status.is_some_and(|status| !is_hit(status)) {
            return Err(Failure::new(format!(
                "{name} gave {} bytes of {key} as {}: {bytes} from its cache were expected",
                answer.body_bytes,
                status.unwrap_or("a file"),
            )));
        }
    }
    Ok(())
}

/// Whether `Cache-Status` says that nobody had to be asked.
pub(crate) fn is_hit(cache_status: &str) -> bool {
    cache_status.split(';').any(|part| part.trim() == "hit")
}
