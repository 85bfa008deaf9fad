//! What is known to have changed since it was cached.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::SystemTime;

use quick_cache::sync::Cache;

use crate::config::Format;
use crate::credentials::now;

/// Pages that were asked for again on their own.
const MOST_PAGES: usize = 10_000;

/// Since when copies are old.
pub(super) struct Changes {
    /// By `<name>/<format>`: somebody has published there.
    repositories: RwLock<HashMap<String, SystemTime>>,
    /// By key: a file was asked for that the page does not list.
    pages: Cache<String, SystemTime>,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            repositories: RwLock::default(),
            pages: Cache::new(MOST_PAGES),
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

#[cfg(test)]
mod tests {
    use super::*;

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
