//! What people are told of a repository: the status page, readiness and metrics read it.

use std::time::SystemTime;

use super::Upstream;
use crate::config::Format;
use crate::error::Error;

/// One repository and its token.
#[derive(Clone, Debug)]
pub struct UpstreamReport {
    /// `/codeartifact/<alias>/…`.
    pub alias: String,
    /// `<domain>-<owner>.<region>/<repository>`.
    pub name: String,
    /// Those that are served.
    pub formats: Vec<Format>,
    /// Whether clients may publish.
    pub publish: bool,
    /// Whether some names may be looked for in a public index.
    pub has_public_fallback: bool,
    /// Its token, which it may share with other repositories of its domain.
    pub token: TokenReport,
    /// How many tokens have been had, the first included.
    pub renewals: u64,
    /// Why it may not be read, where it was refused when it was asked last.
    pub refusal: Option<Error>,
}

/// How a token stands; nothing of its content.
#[derive(Clone, Debug)]
pub enum TokenReport {
    /// Nobody has needed one yet.
    NoneYet,
    /// There is one.
    Good {
        /// When it ends.
        until: SystemTime,
        /// What keeps it from being renewed.
        trouble: Option<Error>,
    },
    /// There is none, for this reason.
    Missing(Error),
}

impl UpstreamReport {
    pub(super) fn new(
        upstream: &Upstream,
        (token, renewals): (TokenReport, u64),
        refusal: Option<Error>,
    ) -> Self {
        let config = &upstream.config;
        Self {
            alias: config.alias.clone(),
            name: upstream.name().to_owned(),
            formats: config.formats.clone(),
            publish: config.publish,
            has_public_fallback: config.public_fallback.is_some(),
            token,
            renewals,
            refusal,
        }
    }
}
