//! The proxy as a child process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Output;

use super::process::Process;
use crate::error::Error;
use crate::program::Program;

/// A running proxy; told to end when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    process: Process,
    address: SocketAddr,
}

impl Proxy {
    /// Starts it and waits until it listens.
    pub(super) async fn start(program: Program, log: PathBuf) -> Result<Self, Error> {
        let mut process = Process::start(program, &["serve"], &log.clone(), log)?;
        let sign = |process: &Process| listening(&process.log());
        let address = process.until(sign, "listen").await?;
        Ok(Self { process, address })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// The file that it logs to.
    pub(crate) fn log(&self) -> &Path {
        self.process.log_file()
    }

    /// An error if it has ended.
    pub(crate) fn still_runs(&mut self) -> Result<(), Error> {
        self.process.still_runs()
    }

    /// Runs another command of the program beside it, in the same environment, to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<Output, Error> {
        self.process.run(arguments).await
    }
}

/// The IPv4 address in the line that says `serving … on http://127.0.0.1:1234/`.
fn listening(log: &str) -> Option<SocketAddr> {
    let urls = log
        .lines()
        .filter_map(|line| line.split_once(" on http://"));
    let mut addresses = urls.filter_map(|(_, address)| {
        let end = address.find('/')?;
        address[..end].parse().ok()
    });
    addresses.find(SocketAddr::is_ipv4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_log() {
        let log = "INFO serving http://127.0.0.1:1/b/ on http://[::1]:4711/\n\
                   INFO serving http://127.0.0.1:1/b/ on http://127.0.0.1:4712/\n";
        assert_eq!(listening(log), "127.0.0.1:4712".parse().ok());
        assert_eq!(listening("INFO serving s3://b on http://127."), None);
    }
}
