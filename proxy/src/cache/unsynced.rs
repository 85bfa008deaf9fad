//! Folders with new names in them that may not be on the disk yet.
//!
//! What a name leads to is on the disk before it has the name. The name itself is made safe a moment
//! later, together with others: one sync of a folder serves all that was renamed into it, where one for
//! each object costs a resolve of many small files half of its time.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tracing::warn;

/// So long names are collected. A machine that loses its power within that time may have lost names,
/// which are then misses.
const COLLECTED_FOR: Duration = Duration::from_millis(500);

/// Never more than there are folders of objects, and the one above them.
#[derive(Default)]
pub(super) struct Unsynced {
    folders: Mutex<BTreeSet<PathBuf>>,
    first: Notify,
}

impl Unsynced {
    /// Notes that a name was put into a folder.
    pub(super) fn note(&self, folder: &Path) {
        let mut folders = self.folders();
        if !folders.contains(folder) {
            folders.insert(folder.to_owned());
            drop(folders);
            self.first.notify_one();
        }
    }

    /// Ends when there is something to sync, and others have had time to join it.
    pub(super) async fn collected(&self) {
        while self.folders().is_empty() {
            self.first.notified().await;
        }
        tokio::time::sleep(COLLECTED_FOR).await;
    }

    /// Syncs what was noted so far. Blocks on the disk.
    pub(super) fn sync(&self) {
        let folders = std::mem::take(&mut *self.folders());
        for folder in folders {
            match File::open(&folder).and_then(|file| file.sync_all()) {
                Ok(()) => {}
                // Somebody has emptied the cache: nothing is left to be kept.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    warn!(path = %folder.display(), %error, "a folder of the cache cannot be synced");
                }
            }
        }
    }

    fn folders(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn folders_are_synced_once_for_all_that_came_meanwhile() {
        let scratch = tempfile::tempdir().expect("a folder");
        let unsynced = Unsynced::default();
        assert!(
            tokio::time::timeout(Duration::from_mins(1), unsynced.collected())
                .await
                .is_err(),
            "there is nothing to sync"
        );
        unsynced.note(scratch.path());
        unsynced.note(&scratch.path().join("gone"));
        unsynced.note(scratch.path());
        unsynced.collected().await;
        assert_eq!(unsynced.folders().len(), 2);
        unsynced.sync();
        assert!(unsynced.folders().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_noted_is_not_forgotten_by_whoever_stops_waiting() {
        let unsynced = Unsynced::default();
        unsynced.note(Path::new("folder"));
        let hurried = tokio::time::timeout(Duration::from_millis(1), unsynced.collected());
        assert!(hurried.await.is_err());
        unsynced.collected().await;
        assert_eq!(unsynced.folders().len(), 1);
    }
}
