//! Why a request cannot be answered with an object. One enum; `server::status` maps it to HTTP.

use std::sync::Arc;

use thiserror::Error;

/// Why an object cannot be had now. Variants say what can be done about it.
#[derive(Clone, Debug, Error)]
pub enum Error {
    /// The origin says that there is no such object.
    #[error("there is no such artifact")]
    NotFound,
    /// The origin denies what may not exist either: it would tell who may list the bucket.
    #[error(
        "there is no such artifact in the bucket, or it is denied (without s3:ListBucket, S3 does \
         not tell which)"
    )]
    MissingOrDenied,
    /// The origin's own word on this key, with good credentials.
    #[error("S3 denies access: {0}")]
    Denied(String),
    /// The credentials have ended; only a person can help.
    #[error("{0}")]
    LoginRequired(Arc<Trouble>),
    /// Configuration, or somebody with more rights, has to change.
    #[error("{0}")]
    Misconfigured(Arc<Trouble>),
    /// This machine's clock is wrong, and correcting for it did not help.
    #[error("{0}")]
    ClockSkew(Arc<Trouble>),
    /// Passing trouble: network, throttling, S3's own errors.
    #[error("{0}")]
    Unavailable(Arc<Trouble>),
    /// CodeArtifact's own word on this request, which has nothing to do with our credentials: passed on.
    #[error("CodeArtifact answers {status}: {message}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// Its text, shortened; no secrets.
        message: String,
    },
    /// More requests than the service takes, though they were made again after a while: passed on with its advice.
    #[error("CodeArtifact takes no more requests at the moment")]
    Throttled {
        /// When it may be asked again, in seconds.
        retry_after: Option<u64>,
    },
    /// The object changed at the origin while it was being read.
    #[error("the object changed at the origin while it was being downloaded")]
    Changed,
    /// The bytes received are not those promised.
    #[error("the download is not what was promised: {0}")]
    Corrupt(String),
    /// The cache failed under a download that was already being answered.
    #[error("the cache failed while answering: {0}")]
    Cache(String),
}

/// What is wrong, and what a person can do: the text of a 503, a log line, `check` and `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}. {cure}")]
pub struct Trouble {
    /// What happened; no secrets; no full stop at its end.
    pub reason: String,
    /// What to do or to run; a full sentence.
    pub cure: String,
    /// The command that the cure names, to be copied.
    pub command: Option<String>,
}

impl Trouble {
    /// Both texts.
    pub fn new(reason: impl Into<String>, cure: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            reason: reason.into(),
            cure: cure.into(),
            command: None,
        })
    }

    /// With a cure that names a command, made of it by `cure`.
    pub fn with_command(
        reason: impl Into<String>,
        command: impl Into<String>,
        cure: impl FnOnce(&str) -> String,
    ) -> Arc<Self> {
        let command = command.into();
        Arc::new(Self {
            reason: reason.into(),
            cure: cure(&command),
            command: Some(command),
        })
    }
}

impl Error {
    /// Passing trouble, that is tried again by whoever asked.
    #[must_use]
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable(Trouble::new(
            reason,
            "This is passing trouble: try again, and see the proxy's log if it stays.",
        ))
    }

    /// A service does not believe this machine's clock.
    #[must_use]
    pub fn clock_refused(service: &str, failure: &impl std::fmt::Display) -> Self {
        Self::ClockSkew(Trouble::new(
            format!("{service} refuses this machine's clock ({failure})"),
            "Set the clock; a container has the clock of its virtual machine, which a restart of Docker sets right.",
        ))
    }

    /// Whether a stale copy may be served instead.
    #[must_use]
    pub fn leaves_stale_copy_usable(&self) -> bool {
        match self {
            // Gone for good is as good as not there.
            Self::NotFound | Self::Rejected { status: 410, .. } => false,
            Self::Rejected { .. }
            | Self::MissingOrDenied
            | Self::Denied(_)
            | Self::LoginRequired(_)
            | Self::Misconfigured(_)
            | Self::ClockSkew(_)
            | Self::Unavailable(_)
            | Self::Throttled { .. }
            | Self::Changed
            | Self::Corrupt(_)
            | Self::Cache(_) => true,
        }
    }
}
