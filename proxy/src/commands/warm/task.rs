//! One key to have.

use crate::artifact::{ArtifactKey, Coordinates};

/// A key, and what is known about it.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) key: ArtifactKey,
    /// Digests in lower-case hex, one of which it has to have; empty where none is known.
    pub(super) sha256: Vec<String>,
    /// Nobody has named it: that it is missing is no failure.
    pub(super) is_guess: bool,
    /// A build tool asks for the `.sha1` beside it, too.
    pub(super) has_sha1_file: bool,
    /// What it says is looked at.
    pub(super) is_pom: bool,
    /// The artifacts that this is the pom of.
    pub(super) modules: Vec<Coordinates>,
}

impl Task {
    pub(super) fn file(key: ArtifactKey) -> Self {
        Self {
            key,
            sha256: Vec::new(),
            is_guess: false,
            has_sha1_file: false,
            is_pom: false,
            modules: Vec::new(),
        }
    }

    pub(super) fn guess(key: ArtifactKey) -> Self {
        Self {
            is_guess: true,
            ..Self::file(key)
        }
    }

    pub(super) fn pom(key: ArtifactKey, has_sha1_file: bool) -> Self {
        Self {
            is_pom: true,
            has_sha1_file,
            ..Self::file(key)
        }
    }

    /// Takes what another list says about the same key.
    pub(super) fn merge(&mut self, other: Self) {
        self.is_guess &= other.is_guess;
        self.has_sha1_file |= other.has_sha1_file;
        self.is_pom |= other.is_pom;
        for module in other.modules {
            if !self.modules.contains(&module) {
                self.modules.push(module);
            }
        }
        if self.sha256.is_empty() {
            self.sha256 = other.sha256;
        }
    }
}
