//! Which repositories of CodeArtifact are served, and how.

pub(super) mod rules;
mod variables;

use std::fmt;
use std::time::Duration;

use url::Url;

/// One repository, under the name that it is served by: `/codeartifact/<alias>/<format>/…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeArtifactUpstream {
    /// Lower-case letters, digits, `-` and `_`.
    pub alias: String,
    /// `domain`: `[a-z][a-z0-9-]{0,48}[a-z0-9]`.
    pub domain: String,
    /// `domain_owner`: twelve digits, leading zeros included.
    pub domain_owner: String,
    /// `region`.
    pub region: String,
    /// `repository`: `[A-Za-z0-9][A-Za-z0-9._-]{1,99}`.
    pub repository: String,
    /// `formats`: those that are served.
    pub formats: Vec<Format>,
    /// `publish`: whether clients may publish through the proxy.
    pub publish: bool,
    /// `public_fallback`: off where it is missing.
    pub public_fallback: Option<PublicFallback>,
    /// `token_duration`: zero (the token ends with the role's session) or 15 minutes to 12 hours.
    pub token_duration: Duration,
}

/// Of the repositories of one configuration file: each has tokens and endpoints that are kept.
pub(super) const MOST_UPSTREAMS: usize = 100;
/// `token_duration` unless it is said: the longest there is, twelve hours.
pub(super) const DEFAULT_TOKEN_DURATION: Duration = Duration::from_hours(12);

impl CodeArtifactUpstream {
    /// Whether both names stand for one repository.
    pub(super) fn is_twin_of(&self, other: &Self) -> bool {
        let place = |upstream: &Self| {
            let Self {
                domain,
                domain_owner,
                region,
                repository,
                ..
            } = upstream.clone();
            (domain, domain_owner, region, repository)
        };
        place(self) == place(other)
    }

    /// Whether both say the same, whatever they are called.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        let here = Self {
            alias: other.alias.clone(),
            ..self.clone()
        };
        here == *other
    }
}

#[cfg(test)]
impl CodeArtifactUpstream {
    /// `main`, with all formats, for twelve hours.
    pub(crate) fn example() -> Self {
        Self {
            alias: "main".to_owned(),
            domain: "acme".to_owned(),
            domain_owner: "012345678901".to_owned(),
            region: "eu-central-1".to_owned(),
            repository: "all".to_owned(),
            formats: Format::ALL.to_vec(),
            publish: false,
            public_fallback: None,
            token_duration: Duration::from_hours(12),
        }
    }
}

/// The kinds of packages that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// Python's.
    Pypi,
    /// JavaScript's.
    Npm,
    /// Java's.
    Maven,
}

/// Which names may be looked for in a public index, after CodeArtifact has said that it has none. Python only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicFallback {
    /// `index_url`: of the simple API, ending in `/`; https, or plain http on loopback.
    pub index_url: Url,
    /// `file_hosts`: where its files may come from, beside the index's own host; with a port, from that alone.
    pub file_hosts: Vec<String>,
    /// `names`: the only ones, normalised (PEP 503).
    pub names: Vec<String>,
    /// `private_prefixes`: what begins like this never leaves, though it stands in `names`; normalised.
    pub private_prefixes: Vec<String>,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pypi, Self::Npm, Self::Maven];

    /// As in URLs, of CodeArtifact's and our own.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pypi => "pypi",
            Self::Npm => "npm",
            Self::Maven => "maven",
        }
    }

    /// The other way round.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
