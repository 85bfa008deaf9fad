//! `bazel-proxy healthcheck`: asks a running proxy for `/healthz`.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(3);

pub(super) fn run(vars: &impl Fn(&str) -> Option<String>) -> ExitCode {
    let config = match super::config_without_bucket(vars) {
        Ok(config) => config,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::from(super::EXIT_USAGE);
        }
    };
    let address = super::own_address(&config);
    match ask(address) {
        Ok(true) => {
            println!("healthy: http://{address}/healthz");
            ExitCode::SUCCESS
        }
        Ok(false) => {
            eprintln!("unhealthy: http://{address}/healthz does not answer 200");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("unhealthy: no proxy answers on {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ask(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    Ok(start.ends_with(b" 200"))
}
