//! What can go wrong with the demo itself. That a claim does not hold is no error: the report has it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use sso_session::disk::DiskError;
use thiserror::Error;

/// Why the demo, or a step of it, cannot go on.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// The system refused something.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A file of the scratch folder.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// A jar could not be written.
    #[error("a jar cannot be made: {0}")]
    Jar(#[from] zip::result::ZipError),
    /// The simulated AWS.
    #[error("the simulated AWS: {0}")]
    Aws(#[from] simulated_aws::Error),
    /// There was no answer to a request.
    #[error("{path} was not answered: {reason}")]
    NoAnswer {
        /// What was asked for.
        path: String,
        /// What happened instead.
        reason: String,
    },
    /// The body of an answer broke off.
    #[error("the answer to {path} broke off: {reason}")]
    BrokenOff {
        /// What was asked for.
        path: String,
        /// How.
        reason: String,
    },
    /// The answer took too long.
    #[error("{path} took longer than {} s", patience.as_secs())]
    TooSlow {
        /// What was asked for.
        path: String,
        /// How long was waited.
        patience: Duration,
    },
    /// A page that a login opened cannot be visited.
    #[error("the login opened {0}, which is no page of the simulated AWS")]
    Page(String),
    /// A file that programs share.
    #[error("{0}")]
    Shared(#[from] DiskError),
    /// A program ended by itself, or did not begin to work.
    #[error("{name} {what}. The end of its log:\n{log}")]
    Program {
        /// Which.
        name: &'static str,
        /// What it did.
        what: String,
        /// Its last lines.
        log: String,
    },
}

impl Error {
    /// For `map_err` on file operations.
    pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
