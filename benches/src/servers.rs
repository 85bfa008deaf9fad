//! The servers under measurement, each a child process in a folder of its own, on a free port of loopback.

mod group;
mod nginx;
mod process;
mod proxy;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

pub(crate) use nginx::{Nginx, OpenFiles};
pub(crate) use process::Process;
pub(crate) use proxy::{Proxy, ProxyBuilder};

use crate::failure::{Failure, While as _};

/// What is compared: something that listens and whose cost can be read.
pub(crate) trait Server {
    /// As the table calls it.
    fn name(&self) -> &'static str;
    /// Where it listens.
    fn address(&self) -> SocketAddr;
    /// Its processes.
    fn process(&self) -> &Process;
}

/// A port of loopback that was free a moment ago.
///
/// nginx cannot say which port the system gave it. Somebody else may take the port in between; then the
/// server does not come up, which ends the run with its words.
fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).when(|| "a free port".to_owned())?;
    Ok(listener.local_addr()?.port())
}
