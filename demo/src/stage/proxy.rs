//! The proxy as a child process.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::Error;
use crate::program::Program;

/// A debug build on a busy machine takes a second or two.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// How often the log is looked at until the proxy listens.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Lines of the log that are worth showing after an end that nobody expected.
const LAST_LINES: usize = 8;

/// A running proxy; killed when dropped, which its cache does not mind.
#[derive(Debug)]
pub(crate) struct Proxy {
    child: Child,
    address: SocketAddr,
    program: Program,
    log: PathBuf,
}

impl Proxy {
    /// Starts it and waits until it listens.
    pub(crate) async fn start(program: Program, log: PathBuf) -> Result<Self, Error> {
        let file = File::create(&log).map_err(Error::at(&log))?;
        let mut command = program.server()?;
        command
            .stdout(file.try_clone().map_err(Error::at(&log))?)
            .stderr(file);
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut proxy = Self {
            child: command.spawn()?,
            address: nowhere,
            program,
            log,
        };
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            if let Some(address) = listening(&read(&proxy.log)) {
                proxy.address = address;
                return Ok(proxy);
            }
            proxy.still_runs()?;
            if Instant::now() > deadline {
                return Err(proxy.error("does not begin to listen"));
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// The file that it logs to.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// An error if it has ended.
    pub(crate) fn still_runs(&mut self) -> Result<(), Error> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.error(&format!("ended ({status})"))),
        }
    }

    /// Runs another command of the program beside it, in the same environment, to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<Output, Error> {
        let mut command = self.program.command(arguments)?;
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(tokio::process::Command::from(command)
            .kill_on_drop(true)
            .output()
            .await?)
    }

    fn error(&self, what: &str) -> Error {
        let log = read(&self.log);
        let lines: Vec<_> = log.lines().collect();
        Error::Proxy {
            what: what.to_owned(),
            log: lines[lines.len().saturating_sub(LAST_LINES)..].join("\n"),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Already ended, or ended now.
        let _outcome = self.child.kill();
        let _outcome = self.child.wait();
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

fn read(path: &Path) -> String {
    // A log that cannot be read says nothing.
    std::fs::read(path).map_or_else(
        |_| String::new(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    )
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
