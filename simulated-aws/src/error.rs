//! What can go wrong while starting or feeding the simulated AWS.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A failure of the simulated AWS itself, never one it plays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be bound.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The folder with the buckets cannot be used.
    #[error("cannot use the folder {}", folder.display())]
    Folder {
        /// The folder asked for.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The server was stopped before.
    #[error("the simulated AWS was stopped")]
    Stopped,
}
