//! What is known to have changed since it was cached.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use quick_cache::sync::Cache;

use crate::artifact::ArtifactKey;
use crate::config::Format;
use crate::credentials::now;
use crate::remote::Witness;

/// Pages that were asked for again on their own.
const MOST_PAGES: usize = 10_000;

/// Since when copies are old.
pub(super) struct Changes {
    /// By `<name>/<format>`: somebody has published there.
    repositories: RwLock<HashMap<String, SystemTime>>,
    /// By key: a file was asked for that the page does not list.
    pages: Cache<String, SystemTime>,
    /// By key: when the question was sent whose answer is the copy. It may have been stored much later.
    asked: Cache<String, SystemTime>,
    /// By key: files whose bytes were not what was promised.
    doubted: Cache<String, ()>,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            repositories: RwLock::default(),
            pages: Cache::new(MOST_PAGES),
            asked: Cache::new(MOST_PAGES),
            doubted: Cache::new(MOST_PAGES),
        }
    }
}

impl Changes {
    /// All pages of a repository's format are old.
    pub(super) fn note_published(&self, name: &str, format: Format) {
        let mut repositories = self
            .repositories
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        repositories.insert(format!("{name}/{format}"), now());
    }

    /// One page is.
    pub(super) fn note_page(&self, key: &str) {
        self.pages.insert(key.to_owned(), now());
    }

    /// A copy is, or will be, the answer to a question of this time.
    pub(super) fn note_asked(&self, key: &str, at: SystemTime) {
        self.asked.insert(key.to_owned(), at);
    }

    /// A file was not what was promised: one of both is wrong.
    pub(super) fn doubt(&self, key: &str) {
        self.doubted.insert(key.to_owned(), ());
    }

    /// Whether a file's promise has to be asked anew: once after each doubt.
    pub(super) fn take_doubt(&self, key: &str) -> bool {
        self.doubted.remove(key).is_some()
    }

    /// Whether a copy that was stored or confirmed then is older than what is known to have changed.
    pub(super) fn is_old(&self, key: &str, validated_at: SystemTime) -> bool {
        let Some(changed) = self.of(key) else {
            return false;
        };
        let asked = self.asked.get(key).unwrap_or(validated_at);
        validated_at.min(asked) <= changed
    }

    /// Since when a key's copy is old. Every hit of a page asks, so nothing is allocated.
    pub(super) fn of(&self, key: &str) -> Option<SystemTime> {
        // `<place>/<repository>/<format>/…`
        let end = key.match_indices('/').nth(2)?.0;
        let repositories = self
            .repositories
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let published = repositories.get(key.get(..end)?).copied();
        published.max(self.pages.get(key))
    }
}

/// Doubts a file, and what is promised of it, if its bytes turn out to be others.
#[derive(Clone)]
pub(in crate::codeartifact) struct Doubt {
    changes: Arc<Changes>,
    key: ArtifactKey,
}

impl Doubt {
    pub(super) fn of(changes: &Arc<Changes>, key: ArtifactKey) -> Self {
        Self {
            changes: Arc::clone(changes),
            key,
        }
    }
}

impl Witness for Doubt {
    fn blame(&self, _why: &str) {
        self.changes.doubt(self.key.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_before_a_publication_is_old_though_stored_after_it() {
        let changes = Changes::default();
        let key = "acme-1.eu/all/pypi/simple/a/@accept=";
        let before = now();
        assert!(!changes.is_old(key, before));
        changes.note_asked(key, before);
        changes.note_published("acme-1.eu/all", Format::Pypi);
        let after = now() + std::time::Duration::from_secs(1);
        assert!(changes.is_old(key, after));
        changes.note_asked(key, after);
        assert!(!changes.is_old(key, after));
        assert!(changes.is_old(key, before));
    }

    #[test]
    fn a_doubt_is_taken_once() {
        let changes = Changes::default();
        assert!(!changes.take_doubt("a"));
        changes.doubt("a");
        assert!(changes.take_doubt("a") && !changes.take_doubt("a"));
    }

    #[test]
    fn what_is_published_makes_pages_of_its_own_kind_old() {
        let changes = Changes::default();
        changes.note_published("acme-1.eu/all", Format::Pypi);
        assert!(changes.of("acme-1.eu/all/pypi/simple/a/@accept=").is_some());
        assert!(changes.of("acme-1.eu/all/npm/a/@accept=").is_none());
        assert!(
            changes
                .of("acme-1.eu/all2/pypi/simple/a/@accept=")
                .is_none()
        );
        assert!(changes.of("nonsense").is_none());
        let (page, other) = (
            "acme-1.eu/all/npm/a/@accept=",
            "acme-1.eu/all/npm/b/@accept=",
        );
        changes.note_page(page);
        assert!(changes.of(page).is_some() && changes.of(other).is_none());
    }
}
