//! How the data plane behaves, where the real one is known to differ or not known at all.

use std::collections::HashSet;
use std::time::Duration;

use crate::Action;

/// Where the links of a project's page lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// Relative to the page.
    #[default]
    Relative,
    /// To the data endpoint, with scheme and host.
    Absolute,
}

/// What a page has, or is without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Feature {
    /// npm's `dist.integrity`.
    Integrity,
    /// PEP 658.
    Metadata,
    Etag,
    LastModified,
    ContentLength,
}

#[derive(Clone, Debug)]
pub(super) struct Options {
    /// The status for a token that is missing, unknown or at its end.
    pub(super) refusal: u16,
    pub(super) links: Links,
    /// What pages are without.
    without: HashSet<Feature>,
    pub(super) presigned_life: Duration,
    /// Taken away from everyone.
    pub(super) denied: HashSet<Action>,
}

impl Options {
    pub(super) fn has(&self, feature: Feature) -> bool {
        !self.without.contains(&feature)
    }

    pub(super) fn set(&mut self, feature: Feature, has_it: bool) {
        if has_it {
            self.without.remove(&feature);
        } else {
            self.without.insert(feature);
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            refusal: 401,
            links: Links::default(),
            without: HashSet::new(),
            presigned_life: Duration::from_hours(1),
            denied: HashSet::new(),
        }
    }
}
