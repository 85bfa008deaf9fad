//! Where a package is: a domain of an account in a region, a repository of it, a format.

use std::fmt;

/// A package format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// Python's.
    Pypi,
    /// JavaScript's.
    Npm,
    /// Java's.
    Maven,
}

impl Format {
    /// As it stands in URLs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pypi => "pypi",
            Self::Npm => "npm",
            Self::Maven => "maven",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        let all = [Self::Pypi, Self::Npm, Self::Maven];
        all.into_iter().find(|format| format.name() == name)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A domain. Its tokens are good in all its repositories, and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Domain {
    pub(super) name: String,
    /// The account, with its leading zeros.
    pub(super) owner: String,
    pub(super) region: String,
}

impl Domain {
    pub(super) fn new(name: &str, owner: &str, region: &str) -> Self {
        Self {
            name: name.to_owned(),
            owner: owner.to_owned(),
            region: region.to_owned(),
        }
    }

    /// As it stands in paths.
    pub(super) fn label(&self) -> String {
        format!("{}-{}.{}", self.name, self.owner, self.region)
    }

    pub(super) fn of_label(label: &str) -> Option<Self> {
        let (place, region) = label.split_once('.')?;
        let (name, owner) = place.rsplit_once('-')?;
        Some(Self::new(name, owner, region))
    }

    /// Of the name that the real data endpoint has:
    /// `{domain}-{owner}.d.codeartifact.{region}.amazonaws.com`.
    pub(super) fn of_host(host: &str) -> Option<Self> {
        let host = host.split(':').next()?;
        let (place, rest) = host.split_once(".d.codeartifact.")?;
        let region = rest.strip_suffix(".amazonaws.com")?;
        Self::of_label(&format!("{place}.{region}"))
    }
}

/// A repository of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) domain: Domain,
    pub(super) repository: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_read_back_from_its_label_and_its_host() {
        let domain = Domain::new("my-team", "012345678901", "eu-west-1");
        assert_eq!(Domain::of_label(&domain.label()), Some(domain.clone()));
        let host = "my-team-012345678901.d.codeartifact.eu-west-1.amazonaws.com:443";
        assert_eq!(Domain::of_host(host), Some(domain));
        assert_eq!(Domain::of_host("127.0.0.1:80"), None);
    }
}
