//! Watches the token files, and publishes every change that was made in place once more by rename: the
//! AWS CLI writes in place, and a container may not see that before it restarts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sso_session::token::{Change, Republished, Sight, TokenFile};
use tracing::{info, warn};

/// More sessions than anybody has.
const MOST_FILES: usize = 32;

/// What was seen of each file.
#[derive(Debug, Default)]
pub(crate) struct TokenWatch {
    files: BTreeMap<PathBuf, Watched>,
}

#[derive(Debug)]
struct Watched {
    file: TokenFile,
    sight: Option<Sight>,
    /// A failure is logged once.
    has_failed: bool,
}

impl TokenWatch {
    /// Watches a file from now on. What is there already is published, as it may have come while nobody
    /// watched.
    pub(crate) fn watch(&mut self, file: &TokenFile) {
        if self.files.contains_key(file.path()) || self.files.len() >= MOST_FILES {
            return;
        }
        let mut watched = Watched {
            file: file.clone(),
            sight: None,
            has_failed: false,
        };
        watched.publish();
        self.files.insert(file.path().to_owned(), watched);
    }

    /// Looks at all files, and publishes those that were changed in place; whether one was, as a login by
    /// hand does it. Blocks on the disk.
    pub(crate) fn look(&mut self) -> bool {
        let mut is_changed = false;
        for watched in self.files.values_mut() {
            is_changed |= watched.look();
        }
        is_changed
    }
}

impl Watched {
    fn look(&mut self) -> bool {
        let now = match self.file.sight() {
            Ok(now) => now,
            Err(error) => {
                self.complain(&error);
                return false;
            }
        };
        let change = match (&self.sight, &now) {
            (_, None) => None,
            (None, Some(_)) => Some(Change::InPlace),
            (Some(before), Some(now)) => now.change_since(before),
        };
        match change {
            Some(Change::InPlace) => self.publish(),
            Some(Change::Renamed) | None => {
                self.sight = now;
                false
            }
        }
    }

    fn publish(&mut self) -> bool {
        match self.file.republish() {
            Ok(Republished::Done(sight)) => {
                info!(path = %self.file.path().display(), "a token is published by rename");
                self.sight = Some(sight);
                self.has_failed = false;
                true
            }
            // A writer is at work, or nothing is there: the next look sees it.
            Ok(
                Republished::NotAToken | Republished::ChangedMeanwhile | Republished::NothingThere,
            ) => false,
            Err(error) => {
                self.complain(&error);
                false
            }
        }
    }

    fn complain(&mut self, error: &sso_session::disk::DiskError) {
        if !std::mem::replace(&mut self.has_failed, true) {
            warn!(%error, "a token cannot be published: containers may not see it");
        }
    }
}
