//! All that CodeArtifact knows.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::maven::Artifacts;
use super::npm::Packument;
use super::options::Options;
use super::place::{Domain, Format, Place};
use super::pypi::Project;
use super::tokens::Tokens;

/// Whether packages of a name may come from somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restriction {
    /// They may.
    Allow,
    /// They may not.
    Block,
}

impl Restriction {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Block => "BLOCK",
        }
    }
}

/// A package's origin controls.
/// <https://docs.aws.amazon.com/codeartifact/latest/ug/package-origin-controls.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whether versions may be published.
    pub publish: Restriction,
    /// Whether versions may come from upstream repositories and external connections.
    pub upstream: Restriction,
}

impl Default for Origin {
    /// What a package gets that was published first, in the documentation's table.
    fn default() -> Self {
        Self {
            publish: Restriction::Allow,
            upstream: Restriction::Block,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) domains: HashSet<Domain>,
    pub(super) repositories: HashMap<Place, Packages>,
    pub(super) tokens: Tokens,
    pub(super) options: Options,
}

/// What is in one repository.
#[derive(Debug, Default)]
pub(super) struct Packages {
    /// By normalised name.
    pub(super) pypi: BTreeMap<String, Project>,
    /// By name, with its scope.
    pub(super) npm: BTreeMap<String, Packument>,
    pub(super) maven: Artifacts,
    pub(super) origins: HashMap<(Format, String), Origin>,
}

impl Packages {
    /// A package's origin controls; `None` if there is no such package. Maven's are named `group:artifact`.
    pub(super) fn origin(&self, format: Format, name: &str) -> Option<Origin> {
        let set = self.origins.get(&(format, name.to_owned())).copied();
        let exists = match format {
            Format::Pypi => self.pypi.contains_key(name),
            Format::Npm => self.npm.contains_key(name),
            Format::Maven => self.maven.has_package(name),
        };
        set.or_else(|| exists.then(Origin::default))
    }

    /// Whether versions of a package may be published.
    pub(super) fn takes(&self, format: Format, name: &str) -> bool {
        self.origin(format, name)
            .is_none_or(|origin| origin.publish == Restriction::Allow)
    }
}
